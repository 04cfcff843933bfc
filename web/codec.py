"""JSON as the API reads and writes it: strict on the way in, exact on the way out."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any


class NotJson(ValueError):
    """The bytes are no JSON of the kind that means one thing only."""


def loads(data: bytes) -> Any:
    """Read JSON: UTF-8, no duplicate keys, no NaN or Infinity; fractions become `Decimal`.

    Raises
    ------
    NotJson
        If the data is anything else.
    """
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def dumps(value: Any) -> bytes:
    """Write JSON in UTF-8: amounts as strings with two decimals, instants in UTC."""
    text = json.dumps(value, default=plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def _refuse_constant(name: str) -> None:
    raise NotJson(f"{name} is no JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("a key occurs twice in one object")
    return found


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
