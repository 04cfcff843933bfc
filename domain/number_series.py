"""Number series: who gives segments, contacts and campaigns their numbers (N1 to N3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

from sqlalchemy import ARRAY, ForeignKey, Identity, Text, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, records
from domain import values as v
from domain.actors import Actor
from domain.database import Base, constraints_as_faults
from domain.errors import Conflict, Fault, Faults, Invalid

SetupField = Literal["segment_nos", "contact_nos", "campaign_nos"]
Taken = Callable[[Session, Sequence[str]], set[str]]

THING = "number_series"
_ATTEMPTS = 10
STORED: tuple[str, ...] = (
    "code",
    "description",
    "starting_no",
    "last_no_used",
    "increment",
    "allow_manual",
)
LARGEST_INCREMENT = 10_000
CHECKS: dict[str, v.Check] = {
    "code": v.code(required=True),
    "description": v.text(),
    "starting_no": v.code(required=True),
    "last_no_used": v.code(),
    "increment": v.whole(LARGEST_INCREMENT, least=1, blank=1),
    "allow_manual": v.flag(),
}

# What holds numbers of a setup field; a hidden segment holds none, a canceled logged segment still does (L2).
_HOLDERS: dict[SetupField, str] = {
    "segment_nos": """
        EXISTS (SELECT FROM segment s WHERE lower(s.no) = lower(n) AND s.status <> 'hidden')
        OR EXISTS (
            SELECT FROM logged_segment l WHERE lower(l.segment_no) = lower(n) AND l.deleted_at IS NULL)""",
    "contact_nos": "EXISTS (SELECT FROM contact c WHERE lower(c.no) = lower(n))",
    "campaign_nos": "EXISTS (SELECT FROM campaign c WHERE lower(c.no) = lower(n))",
}


class Numbered(Protocol):
    """A row that has a number of a series."""

    no: str


class NumberSeriesMissing(Conflict):
    """The setup names no number series for this kind of thing (N1)."""

    code: ClassVar[str] = "number_series_missing"


class NumberSeriesExhausted(Conflict):
    """The digits of the number series are used up (N3)."""

    code: ClassVar[str] = "number_series_exhausted"


class NumberSeries(Base):
    """Prefix, digits, increment and the last number given out."""

    __tablename__ = "number_series"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    starting_no: Mapped[str]
    last_no_used: Mapped[str | None]
    increment: Mapped[int] = mapped_column(default=1, server_default="1")
    allow_manual: Mapped[bool] = mapped_column(default=True, server_default="true")


class Setup(Base):
    """The one row of the marketing setup; `domain.setup` reads and changes it."""

    __tablename__ = "setup"

    id: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default="true")
    segment_nos_id: Mapped[int | None] = mapped_column(ForeignKey("number_series.id"))
    contact_nos_id: Mapped[int | None] = mapped_column(ForeignKey("number_series.id"))
    campaign_nos_id: Mapped[int | None] = mapped_column(ForeignKey("number_series.id"))
    timezone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    reprint_window_hours: Mapped[int] = mapped_column(default=24, server_default="24")
    contact_pressure_days: Mapped[int] = mapped_column(default=0, server_default="0")
    company_name: Mapped[str] = mapped_column(default="", server_default="")


def get(session: Session, key: str, *, lock: bool = False) -> NumberSeries:
    """Find a number series by code, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, NumberSeries, NumberSeries.code, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[NumberSeries]:  # fmt: skip
    """Read a page by code, or as `sort` says; filter `q` (code, description)."""
    conditions = []
    if "q" in filters:
        conditions.append(records.contains([NumberSeries.code, NumberSeries.description], filters["q"]))
    return records.page(
        session, NumberSeries, NumberSeries.code, conditions=conditions, after=after, limit=limit, sort=sort
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> NumberSeries:
    """Make a number series; raise `Invalid` naming every fault."""
    faults = Faults()
    taken = v.take({"code": None, "starting_no": None, **values}, CHECKS, faults)
    if "code" in taken and records.exists_key(session, NumberSeries.code, taken["code"]):
        faults.add("code", "already_exists", taken["code"])
    if "starting_no" in taken:
        _check_numbers(taken["starting_no"], taken.get("last_no_used"), faults)
    faults.raise_if_any()
    series = NumberSeries(**taken)
    with constraints_as_faults(session, dict(values)):
        session.add(series)
    _record(session, series, actor=actor, action="create", before={})
    return series


def change(
    session: Session, series: NumberSeries, *, values: Mapping[str, Any], actor: Actor
) -> NumberSeries:
    """Change the given fields; raise `Invalid` naming every fault.

    The code stays. Once a number was given out, the starting number stays and the last number used can only
    go up, so that no number is given out twice (N3).
    """
    records.lock(session, series, thing=THING, key=series.code)
    faults = Faults()
    rest = records.key_stays(values, "code", series.code, faults)
    taken = v.take(rest, CHECKS, faults)
    starting_no = taken.get("starting_no", series.starting_no)
    last_no_used = taken.get("last_no_used", series.last_no_used)
    if series.last_no_used is not None:
        if starting_no != series.starting_no:
            faults.add("starting_no", "read_only", starting_no)
        elif last_no_used is None:
            faults.add("last_no_used", "required")
        elif _split(last_no_used) is not None and _number(last_no_used) < _number(series.last_no_used):
            faults.add("last_no_used", "invalid", last_no_used, least=series.last_no_used)
    if not faults and {"starting_no", "last_no_used"} & taken.keys():
        _check_numbers(starting_no, last_no_used, faults)
    faults.raise_if_any()
    before = _stored(session, series)
    records.assign(series, taken)
    session.flush()
    _record(session, series, actor=actor, action="change", before=before)
    return series


def describe(session: Session, things: Sequence[NumberSeries]) -> list[dict[str, Any]]:
    """Give number series their API shape."""
    return [{field: getattr(thing, field) for field in STORED} for thing in things]


def next_no(session: Session, *, field: SetupField, taken: Taken | None = None) -> str:
    """Give out the next number of the series that the setup names in `field`; see `next_nos`."""
    return next_nos(session, field=field, count=1, taken=taken)[0]


def next_nos(session: Session, *, field: SetupField, count: int, taken: Taken | None = None) -> list[str]:
    """Give out the next `count` numbers, ascending (N1, N3).

    The row of the series stays locked until the transaction ends, so no two get the same number. Numbers
    that something holds already are skipped.

    Parameters
    ----------
    taken
        Says which of the numbers shown to it are held; by default asks the tables that hold numbers of this
        kind.

    Raises
    ------
    NumberSeriesMissing
        If the setup names no series; the fault's field is the setup field.
    NumberSeriesExhausted
        If the digits do not suffice; nothing is given out then.
    """
    series = _required(session, field, lock=True)
    holds = taken or (lambda session, nos: _held(session, field, nos))
    prefix, digits = _parts(series.starting_no)
    largest = 10**digits - 1
    number = _following(series)
    given: list[str] = []
    while len(given) < count:
        wanted = count - len(given)
        beyond = number + wanted * series.increment
        candidates = [
            f"{prefix}{candidate:0{digits}}"
            for candidate in range(number, min(beyond, largest + 1), series.increment)
        ]
        if len(candidates) < wanted:
            raise _exhausted(series, field)
        number = beyond
        held = holds(session, candidates)
        given += [candidate for candidate in candidates if candidate not in held]
    if given:
        series.last_no_used = given[-1]
        session.flush()
    return given


def check_available(session: Session, *, field: SetupField) -> None:
    """See to it that there is a next number, without giving it out (L2, L7).

    Raises
    ------
    NumberSeriesMissing, NumberSeriesExhausted
        As `next_nos`.
    """
    series = _required(session, field, lock=False)
    if _following(series) > 10 ** _parts(series.starting_no)[1] - 1:
        raise _exhausted(series, field)


def check_manual(session: Session, *, field: SetupField, no: str, faults: Faults) -> None:
    """Note fault `manual_number_not_allowed` if the series of `field` allows no numbers by hand (N2).

    Where the setup names no series there is nothing to forbid it.
    """
    series = _of_setup(session, field, lock=False)
    if series is not None and not series.allow_manual:
        faults.add("no", "manual_number_not_allowed", no, series=series.code)


def add_numbered(session: Session, row: Numbered, *, field: SetupField, values: Mapping[str, Any]) -> None:
    """Insert a row under its number, or under the next of the series if it has none yet (N1).

    A number typed by hand in another transaction, not yet committed, is not seen as held; should it be the
    very one, the next is tried.

    Raises
    ------
    Invalid
        `already_exists` if the given number is held.
    NumberSeriesMissing, NumberSeriesExhausted
        As `next_nos`.
    """
    given = row.no is not None
    for attempt in range(1, _ATTEMPTS + 1):
        if not given:
            row.no = next_no(session, field=field)
        try:
            with constraints_as_faults(session, dict(values)):
                session.add(row)
            return
        except Invalid as refusal:
            if given or attempt == _ATTEMPTS or refusal.faults[0].field != "no":
                raise


def _required(session: Session, field: SetupField, *, lock: bool) -> NumberSeries:
    series = _of_setup(session, field, lock=lock)
    if series is None:
        raise NumberSeriesMissing([Fault(field, "number_series_missing")], setup_field=field)
    return series


def _exhausted(series: NumberSeries, field: SetupField) -> NumberSeriesExhausted:
    fault = Fault(field, "number_series_exhausted", series.code, {"series": series.code})
    return NumberSeriesExhausted([fault], setup_field=field, series=series.code)


def _following(series: NumberSeries) -> int:
    """The number after the last one used; the starting number comes first."""
    if series.last_no_used is None:
        return _number(series.starting_no)
    return _number(series.last_no_used) + series.increment


def _of_setup(session: Session, field: SetupField, *, lock: bool) -> NumberSeries | None:
    query = select(NumberSeries).join(Setup, NumberSeries.id == getattr(Setup, f"{field}_id"))
    if lock:
        query = query.with_for_update(of=NumberSeries).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def _held(session: Session, field: SetupField, nos: Sequence[str]) -> set[str]:
    statement = text(f"SELECT n FROM unnest(:nos) n WHERE {_HOLDERS[field]}").bindparams(
        bindparam("nos", list(nos), ARRAY(Text))
    )
    return set(session.scalars(statement))


def _split(no: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"(.*?)([0-9]+)", no)
    return (match[1], match[2]) if match else None


def _parts(no: str) -> tuple[str, int]:
    prefix, digits = _split(no) or (no, "")
    return prefix, len(digits)


def _number(no: str) -> int:
    split = _split(no)
    return int(split[1]) if split else -1


def _check_numbers(starting_no: str, last_no_used: str | None, faults: Faults) -> None:
    if _split(starting_no) is None:
        faults.add("starting_no", "invalid", starting_no)
    elif last_no_used is not None and (
        _parts(last_no_used) != _parts(starting_no) or _number(last_no_used) < _number(starting_no)
    ):
        faults.add("last_no_used", "invalid", last_no_used, starting_no=starting_no)


def _stored(session: Session, series: NumberSeries) -> dict[str, Any]:
    return describe(session, [series])[0]


def _record(
    session: Session, series: NumberSeries, *, actor: Actor, action: str, before: Mapping[str, Any]
) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=series.code,
        before=before,
        after=_stored(session, series),
    )
