"""The shapes and limits of values that all nouns share (API.md, Conventions).

A check takes what was given and returns what is kept, or raises `Bad` with the code of the fault.
`take` runs the checks of a noun over all given fields and collects every fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.errors import Faults

Check = Callable[[object], Any]

NAME_LIMIT = 100
SUBJECT_LIMIT = 250
COMMENT_LIMIT = 2_000
EMAIL_LIMIT = 254
CODE_LIMIT = 20
FOREIGN_NO_LIMIT = 60
LARGEST_AMOUNT = Decimal("9999999999.99")
MOST_MINUTES = 1_000_000
LARGEST_INTEGER = 2_147_483_647

CORRESPONDENCE_TYPES = ("hard_copy", "email", "fax")
INFORMATION_FLOWS = ("outbound", "inbound")
INITIATORS = ("us", "them")

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_CODE = re.compile(r"[\w.\-]+")
_EMAIL = re.compile(r"[^@\s,;:<>()\"\[\]\\]+@[^@\s,;:<>()\"\[\]\\]+")
_SECRET_FIELDS = frozenset({"password"})
_SHOWN_LENGTH = 100


class Bad(Exception):
    """A value that cannot be taken, with the code of its fault."""

    def __init__(self, code: str, **params: object) -> None:
        self.code, self.params = code, params
        super().__init__(code)


def take(
    values: Mapping[str, Any],
    checks: Mapping[str, Check],
    faults: Faults,
    *,
    read_only: Collection[str] = (),
    prefix: str = "",
) -> dict[str, Any]:
    """Check every given value; return the good ones and note a fault for each other.

    Parameters
    ----------
    values
        Given fields only.
    checks
        The fields that may be given, each with its check.
    read_only
        Fields that are shown and cannot be given.
    prefix
        Put before the names of fields in faults, such as `languages.0.`.
    """
    taken: dict[str, Any] = {}
    for field, value in values.items():
        if field in read_only:
            faults.add(prefix + field, "read_only", shown(value))
        elif field not in checks:
            faults.add(prefix + field, "unknown_field")
        else:
            try:
                taken[field] = checks[field](value)
            except Bad as bad:
                given = None if field in _SECRET_FIELDS else shown(value)
                faults.add(prefix + field, bad.code, given, **bad.params)
    return taken


def shown(value: object) -> object:
    """Shorten a text so that a fault can show it."""
    if isinstance(value, str) and len(value) > _SHOWN_LENGTH:
        return value[:_SHOWN_LENGTH] + "…"
    return value


def is_text(value: object) -> bool:
    """Tell whether `value` is a string that the database can keep: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_code(value: object) -> bool:
    """Tell whether `value` has the shape of a code: 1 to 20 letters, digits, `. _ -`."""
    return isinstance(value, str) and len(value) <= CODE_LIMIT and _CODE.fullmatch(value) is not None


def text(limit: int = NAME_LIMIT, *, required: bool = False) -> Check:
    """Make the check of a text of at most `limit` characters; blank is kept as an empty string."""

    def check(value: object) -> str:
        if value is None:
            value = ""
        if not isinstance(value, str) or not is_text(value):
            raise Bad("invalid")
        if required and not value.strip():
            raise Bad("required")
        if len(value) > limit:
            raise Bad("too_long", limit=limit)
        return value

    return check


def code(*, required: bool = False) -> Check:
    """Make the check of a code or number of ours; blank is `None`."""

    def check(value: object) -> str | None:
        if value is None:
            if required:
                raise Bad("required")
            return None
        if isinstance(value, str) and len(value) > CODE_LIMIT:
            raise Bad("too_long", limit=CODE_LIMIT)
        if not isinstance(value, str) or not is_code(value):
            raise Bad("required" if value == "" and required else "invalid")
        return value

    return check


def codes() -> Check:
    """Make the check of a list of free codes; the same code twice, ignoring case, is kept once."""
    one = code(required=True)

    def check(value: object) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise Bad("invalid")
        kept: dict[str, str] = {}
        for item in value:
            kept.setdefault(str(item).lower(), one(item))
        return list(kept.values())

    return check


def rows() -> Check:
    """Make the check of a list of objects, whose fields are checked by themselves."""

    def check(value: object) -> list[Mapping[str, Any]]:
        if value is None:
            return []
        if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
            raise Bad("invalid")
        return list(value)

    return check


def foreign_no(value: object) -> str:
    """Check a number of another system: 1 to 60 printable characters."""
    if not isinstance(value, str) or not value.strip():
        raise Bad("required" if value in (None, "") else "invalid")
    if len(value) > FOREIGN_NO_LIMIT:
        raise Bad("too_long", limit=FOREIGN_NO_LIMIT)
    if not value.isprintable():
        raise Bad("invalid")
    return value


def email(value: object) -> str:
    """Check an e-mail address for plausibility; blank is an empty string."""
    address: str = text(EMAIL_LIMIT)(value)
    if address:
        domain = address.rpartition("@")[2]
        if not _EMAIL.fullmatch(address) or domain.startswith(".") or domain.endswith(".") or ".." in domain:
            raise Bad("invalid")
    return address


def choice(*choices: str, required: bool = False) -> Check:
    """Make the check of a choice; blank is `None`, and refused if `required`."""

    def check(value: object) -> str | None:
        if value is None:
            if required:
                raise Bad("required", choices=choices)
            return None
        if not isinstance(value, str) or value not in choices:
            raise Bad("not_a_choice", choices=choices)
        return str(value)

    return check


def flag(*, required: bool = False) -> Check:
    """Make the check of a yes or no; `None` clears to no, or is refused if `required`."""

    def check(value: object) -> bool:
        if value is None:
            if required:
                raise Bad("required")
            return False
        if not isinstance(value, bool):
            raise Bad("invalid")
        return value

    return check


def whole(most: int = LARGEST_INTEGER, *, least: int = 0, blank: int | None = 0) -> Check:
    """Make the check of a whole number from `least` to `most`; `None` clears to `blank`."""

    def check(value: object) -> int:
        if value is None and blank is not None:
            return blank
        if not isinstance(value, int) or isinstance(value, bool):
            raise Bad("required" if value is None else "invalid")
        if value < 0:
            raise Bad("negative")
        if value < least:
            raise Bad("invalid", least=least)
        if value > most:
            raise Bad("too_large", limit=most)
        return value

    return check


def amount(value: object) -> Decimal:
    """Check an amount of money: 0 to 9,999,999,999.99, two decimals at most; `None` clears to zero."""
    if value is None:
        return Decimal("0.00")
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Bad("invalid")
    if value < 0:
        raise Bad("negative")
    if value > LARGEST_AMOUNT:
        raise Bad("too_large", limit=LARGEST_AMOUNT)
    rounded = value.quantize(Decimal("0.01"))
    if rounded != value:
        raise Bad("invalid", decimals=2)
    return abs(rounded)


def day(value: object) -> date | None:
    """Check a date; blank is `None`."""
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise Bad("invalid")
    return value


def instant(value: object) -> datetime | None:
    """Check an instant, which must carry its offset from UTC; blank is `None`."""
    if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
        raise Bad("invalid")
    return value


def parse_instant(value: object) -> datetime:
    """Read an instant written as RFC 3339 has it, with its offset from UTC; return it in UTC.

    Raises
    ------
    Bad
        If it is none.
    """
    try:
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Bad("invalid")
