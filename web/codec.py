"""JSON as the API writes it: exact. How it is read is in `domain.strict_json`."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any


def dumps(value: Any, *, sort_keys: bool = False) -> bytes:
    """Write JSON in UTF-8: amounts as strings with two decimals, instants in UTC.

    Parameters
    ----------
    sort_keys
        Write equal values as equal bytes: PostgreSQL keeps the keys of an object in an order of its own.
    """
    text = json.dumps(value, default=plain, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    return text.encode("utf-8", "replace") + b"\n"


def plain(value: object) -> object:
    """Write what JSON has no form for: amounts, instants in UTC, times, dates, ids."""
    if isinstance(value, Decimal):
        return format(value, ".2f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, time):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
