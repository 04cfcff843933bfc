"""JSON that means one thing only: what the API, the stream and the import of events take."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


class NotJson(ValueError):
    """The bytes are no JSON of the kind that means one thing only."""


def loads(data: bytes | str) -> Any:
    """Read JSON: UTF-8, no duplicate keys, no NaN or Infinity; fractions become `Decimal`.

    Raises
    ------
    NotJson
        If the data is anything else.
    """
    try:
        return _DECODER.decode(data.decode("utf-8") if isinstance(data, bytes) else data)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def _refuse_constant(name: str) -> None:
    raise NotJson(f"{name} is no JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("a key occurs twice in one object")
    return found


_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
)
