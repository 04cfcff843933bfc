"""Types of single values as JSON and queries carry them, each with its limits in the published schema.

They are strict: `false` is no number, `"5"` no whole number, `1` no yes. A validator that refuses raises an error
whose type is the code of the fault (API.md, Conventions). What a value must be besides, the domain knows.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.values import (
    CODE_LIMIT,
    COMMENT_LIMIT,
    EMAIL_LIMIT,
    FOREIGN_NO_LIMIT,
    LARGEST_AMOUNT,
    LARGEST_INTEGER,
    MOST_MINUTES,
    NAME_LIMIT,
    SUBJECT_LIMIT,
    Bad,
    is_text,
    parse_instant,
)

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
# The format "time" of JSON Schema wants an offset.
TIME_SHOWN = r"^\d{2}:\d{2}(:\d{2})?$"
AMOUNT = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
LARGEST_BIGINT = 2**63 - 1


def refused(code: str, **params: object) -> PydanticCustomError:
    """Make the error that becomes the fault `code`."""
    return PydanticCustomError(code, "{code}", {"code": code, **params})


def text(value: object) -> object:
    """Take what the database can keep as a text; the type is checked besides."""
    if not is_text(value):
        raise refused("invalid")
    return value


def _not_blank(value: object) -> object:
    if value == "":
        raise refused("invalid")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise refused("invalid")
    return value


def _amount(value: object) -> Decimal:
    if isinstance(value, str) and AMOUNT.fullmatch(value):
        value = Decimal(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        value = Decimal(str(value))
    if not isinstance(value, Decimal) or not value.is_finite():
        raise refused("invalid")
    if value < 0:
        raise refused("negative")
    if value > LARGEST_AMOUNT:
        raise refused("too_large", limit=str(LARGEST_AMOUNT))
    try:
        rounded = value.quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise refused("invalid", decimals=2) from error
    if rounded != value:
        raise refused("invalid", decimals=2)
    return abs(rounded)


def _whole(value: object) -> object:
    if isinstance(value, Decimal) and abs(value) <= LARGEST_BIGINT and value == value.to_integral_value():
        return int(value)
    if isinstance(value, Decimal) and abs(value) > LARGEST_BIGINT:
        raise refused("negative" if value < 0 else "too_large")
    return value


def _whole_of_text(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"-?\d{1,20}", value, re.ASCII):
            raise refused("invalid")
        return int(value)
    return value


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise refused("invalid")


def _time_of_day(value: object) -> time:
    try:
        if isinstance(value, str) and TIME.fullmatch(value):
            return time.fromisoformat(value)
    except ValueError:
        pass
    raise refused("invalid")


def _instant(value: object) -> datetime:
    try:
        return parse_instant(value)
    except Bad as bad:
        raise refused(bad.code) from bad


def _flag_of_text(value: object) -> object:
    if value in ("true", "false"):
        return value == "true"
    raise refused("not_a_choice", choices=["true", "false"])


# Texts, which may be empty.
Name = Annotated[str, Strict(), BeforeValidator(text), Field(max_length=NAME_LIMIT)]
Subject = Annotated[str, Strict(), BeforeValidator(text), Field(max_length=SUBJECT_LIMIT)]
CommentText = Annotated[str, Strict(), BeforeValidator(text), Field(max_length=COMMENT_LIMIT)]
Email = Annotated[str, Strict(), BeforeValidator(text), Field(max_length=EMAIL_LIMIT)]
Secret = Annotated[str, Strict(), BeforeValidator(text), Field(max_length=1000)]

# A code or number that Interlog gives or keeps; which characters it may have, the domain says.
Code = Annotated[
    str,
    Strict(),
    BeforeValidator(text),
    BeforeValidator(_not_blank),
    Field(min_length=1, max_length=CODE_LIMIT),
]
# The same where "" means blank on purpose.
CodeOrBlank = Annotated[str, Strict(), BeforeValidator(text), Field(max_length=CODE_LIMIT)]
# A number of another system.
ForeignNo = Annotated[
    str,
    Strict(),
    BeforeValidator(text),
    BeforeValidator(_not_blank),
    BeforeValidator(_printable),
    Field(min_length=1, max_length=FOREIGN_NO_LIMIT),
]

Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict(), BeforeValidator(_whole), Field(ge=0, le=LARGEST_INTEGER)]
Minutes = Annotated[int, Strict(), BeforeValidator(_whole), Field(ge=0, le=MOST_MINUTES)]
Number = Annotated[int, Strict(), BeforeValidator(_whole), Field(ge=0, le=LARGEST_BIGINT)]

Amount = Annotated[
    Decimal,
    PlainValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d{1,10}(\.\d{1,2})?$"},
                {"type": "number", "minimum": 0, "maximum": float(LARGEST_AMOUNT), "multipleOf": 0.01},
            ],
            "examples": ["8.00"],
        },
        mode="validation",
    ),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+\.\d{2}$", "examples": ["8.00"]}, mode="serialization"
    ),
]
# A sum of amounts, which may be larger than one.
Total = Annotated[
    Decimal, WithJsonSchema({"type": "string", "pattern": r"^\d+\.\d{2}$", "examples": ["1200.50"]})
]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
TimeOfDay = Annotated[
    time, PlainValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": TIME_SHOWN})
]
Instant = Annotated[
    datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]

# Values of queries, which are all text.
QueryText = Annotated[str, BeforeValidator(text)]
QueryFlag = Annotated[bool, BeforeValidator(_flag_of_text), WithJsonSchema({"type": "boolean"})]
QueryDay = Day
QueryWhole = Annotated[int, BeforeValidator(_whole_of_text), Field(ge=0, le=LARGEST_BIGINT)]
