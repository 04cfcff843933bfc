"""Segments: a list of contacts with an interaction to be logged. Lines are in `domain.segment_lines`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, ForeignKey, Identity, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, inherited, jobs, line_history, number_series, records, setup, sql
from domain import values as v
from domain.actors import Actor
from domain.campaigns import Campaign
from domain.database import Base
from domain.errors import Conflict, Fault, Faults, NotFound

THING = "segment"
STORED: tuple[str, ...] = ("no", "description", *inherited.HEADER)

# Lines deleted at once with their segment; more are left to a job. 10,000 take about 20 ms.
DISCARD_AT_ONCE = 10_000


class Status(StrEnum):
    """Where a segment stands."""

    OPEN = "open"  # being built
    LOGGING = "logging"  # frozen, a job is logging it (L1)
    HIDDEN = "hidden"  # being made or taken away by a job; exists for nobody


class Segment(Base):
    """The header; NULL in a column of `inherited.HEADER` means "from the template" (S2)."""

    __tablename__ = "segment"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    no: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="open")
    description: Mapped[str] = mapped_column(default="", server_default="")
    date: Mapped[dt.date | None]
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))
    campaign_id: Mapped[int | None]
    template_id: Mapped[int | None] = mapped_column(ForeignKey("interaction_template.id"))
    correspondence_type: Mapped[str | None]
    ignore_contact_correspondence_type: Mapped[bool | None]
    unit_cost: Mapped[Decimal | None]
    unit_duration_min: Mapped[int | None]
    information_flow: Mapped[str | None]
    initiated_by: Mapped[str | None]
    campaign_target: Mapped[bool | None]
    campaign_response: Mapped[bool | None]
    language_code: Mapped[str | None]
    subject: Mapped[str | None]
    lines_count: Mapped[int] = mapped_column(server_default="0")
    last_line_no: Mapped[int] = mapped_column(server_default="0")
    created_by: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoggingInProgress(Conflict):
    """The segment is being logged and therefore frozen (L1)."""

    code: ClassVar[str] = "logging_in_progress"


class SegmentBusy(Conflict):
    """An action on the segment is still under way (S10)."""

    code: ClassVar[str] = "segment_busy"


class AlreadyLogged(Conflict):
    """A logged segment has this number (L2)."""

    code: ClassVar[str] = "already_logged"


def get(session: Session, key: str, *, lock: bool = False) -> Segment:
    """Find an active segment by number, ignoring case.

    Parameters
    ----------
    lock
        Keep others from changing it until the transaction ends.

    Raises
    ------
    NotFound
        If there is none; logged and deleted segments are no longer found (L6).
    """
    if not v.is_text(key):
        raise NotFound(THING, v.shown(key))
    query = select(Segment).where(func.lower(Segment.no) == func.lower(key), Segment.status != Status.HIDDEN)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(THING, key)
    return found


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[Segment]:  # fmt: skip
    """Read a page of active segments by number, or as `sort` says.

    Filters `q` (number, description), `campaign_no`, `status`.
    """
    conditions: list[ColumnElement[bool]] = [Segment.status != Status.HIDDEN]
    if filters.get("q"):
        conditions.append(records.contains([Segment.no, Segment.description], filters["q"]))
    if filters.get("status"):
        conditions.append(Segment.status.in_(filters["status"]))
    if filters.get("campaign_no"):
        conditions.append(
            records.filter_by_code(
                session, Segment.campaign_id, Campaign.id, Campaign.no, filters["campaign_no"]
            )
        )
    return records.page(
        session, Segment, Segment.no, conditions=conditions, after=after, limit=limit, sort=sort
    )


def serial_key(segment: Segment) -> str:
    """Return the key under which jobs on `segment` queue one after another (S10)."""
    return f"segment:{segment.id}"


def editable(session: Session, segment: Segment) -> Segment:
    """Lock a segment for an edit and make sure that it may be edited now.

    Raises
    ------
    LoggingInProgress
        If it is frozen (L1).
    SegmentBusy
        If an action on it is under way (S10).
    """
    locked = get(session, segment.no, lock=True)
    if locked.status == Status.LOGGING:
        raise LoggingInProgress(no=segment.no)
    if jobs.open_job(session, serial_key(segment)) is not None:
        raise SegmentBusy(no=segment.no)
    return locked


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Segment:
    """Make a segment; without a number it takes the next one of the series (N1).

    Date defaults to today in the time zone of the setup, salesperson to the actor's (S1).

    Raises
    ------
    Invalid
        Naming every fault.
    AlreadyLogged
        If a logged segment holds the number (L2).
    NumberSeriesMissing
        If a number is needed and the setup names no series.
    """
    faults = Faults()
    columns = _take(session, values, faults)
    no = _number_by_hand(session, values, faults)
    faults.raise_if_any()
    if no is not None and logged_under(session, no):
        raise AlreadyLogged([Fault("no", "already_logged", no)], no=no)
    columns.setdefault("date", setup.today(session))
    columns.setdefault("salesperson_id", actor.salesperson_id)
    segment = Segment(no=no, created_by=actor.id, **columns)
    number_series.add_numbered(session, segment, field="segment_nos", values={"no": no})
    audit.record_difference(
        session, actor=actor, action="create", object_type=THING, object_key=segment.no, before={},
        after=stored(session, segment),
    )  # fmt: skip
    return segment


def change(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Segment:
    """Change the given fields of the header; lines that do not override them follow at once (S2).

    Raises
    ------
    Invalid
        Naming every fault.
    LoggingInProgress, SegmentBusy
        If it may not be edited now.
    """
    segment = editable(session, segment)
    before = stored(session, segment)
    faults = Faults()
    rest = records.key_stays(values, "no", segment.no, faults)
    columns = _take(session, rest, faults)
    faults.raise_if_any()
    for column, value in columns.items():
        setattr(segment, column, value)
    session.flush()
    audit.record_difference(
        session, actor=actor, action="change", object_type=THING, object_key=segment.no, before=before,
        after=stored(session, segment),
    )  # fmt: skip
    return segment


def delete(session: Session, segment: Segment, *, actor: Actor) -> None:
    """Delete an open segment with everything that belongs to it; no entries arise (S10).

    Raises
    ------
    LoggingInProgress, SegmentBusy
        If it may not be edited now.
    """
    segment = editable(session, segment)
    audit.record_difference(
        session, actor=actor, action="delete", object_type=THING, object_key=segment.no,
        before=stored(session, segment), after={},
    )  # fmt: skip
    discard(session, segment, actor=actor)


def discard(session: Session, segment: Segment, *, actor: Actor) -> None:
    """Take a segment away at once; the lines of a large one are deleted by a job afterwards."""
    removed = session.scalar(
        text("SELECT coalesce(sum(removed), 0) FROM criteria_action WHERE segment_id = :id"),
        {"id": segment.id},
    )
    if segment.lines_count + int(removed or 0) > DISCARD_AT_ONCE:
        segment.status = Status.HIDDEN
        session.flush()
        jobs.create(
            session,
            kind="discard_segment",
            parameters={"segment_no": segment.no},
            working={"segment_id": segment.id},
            actor=actor,
        )
        return
    delete_lines(session, segment.id, first=1, last=segment.last_line_no)
    line_history.discard(session, segment.id, first=1, last=segment.last_line_no)
    session.delete(segment)
    session.flush()


def delete_lines(session: Session, segment_id: int, *, first: int, last: int) -> int:
    """Delete the lines of a segment from number `first` to number `last`; return how many there were.

    Index: segment_line_pkey.
    """
    deleted = session.execute(
        text("DELETE FROM segment_line WHERE segment_id = :segment_id AND line_no BETWEEN :first AND :last"),
        {"segment_id": segment_id, "first": first, "last": last},
    )
    return int(deleted.rowcount)  # type: ignore[attr-defined]


def logged_under(session: Session, no: str) -> bool:
    """Tell whether a logged segment, canceled ones included, holds this number (L2)."""
    return bool(
        session.execute(
            text(
                "SELECT EXISTS (SELECT FROM logged_segment WHERE lower(segment_no) = lower(:no) AND deleted_at IS NULL)"
            ),
            {"no": no},
        ).scalar_one()
    )


def describe(session: Session, segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """Give segments their API shape: what was typed, beside it what applies, and totals of the effective lines."""
    segments = list(segments)
    ids = {"ids": [segment.id for segment in segments]}
    applies = {row.segment_id: row for row in session.execute(sql.load("segment_effective"), ids)}
    totals = {row.segment_id: row for row in session.execute(sql.load("segment_totals"), ids)}
    codes = inherited.codes(session, [*segments, *applies.values()])
    return [
        {
            **_stored(segment, codes),
            "effective": _effective(applies[segment.id], codes),
            "status": segment.status,
            "lines_count": segment.lines_count,
            "actions_count": totals[segment.id].actions,
            **_totals(segment, applies[segment.id], totals[segment.id]),
        }
        for segment in segments
    ]


def stored(session: Session, segment: Segment) -> dict[str, Any]:
    """Return the stored fields of one segment under their API names."""
    return _stored(segment, inherited.codes(session, [segment]))


def _stored(segment: Segment, codes: inherited.Codes) -> dict[str, Any]:
    header = {
        name: codes.of(field.column, getattr(segment, field.column))
        for name, field in inherited.HEADER.items()
    }
    return {"no": segment.no, "description": segment.description, **header}


def _effective(row: Any, codes: inherited.Codes) -> dict[str, Any]:
    return {
        name: codes.of(field.column, getattr(row, field.column)) for name, field in inherited.LINE.items()
    } | {"group_code": row.group_code}


def _totals(segment: Segment, applies: Any, overridden: Any) -> dict[str, Any]:
    plain = segment.lines_count - overridden.lines
    return {
        "cost_total": overridden.cost + plain * (applies.cost or Decimal(0)),
        "duration_total_min": int(overridden.minutes + plain * (applies.duration_min or 0)),
    }


def _take(session: Session, values: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    header = {name: value for name, value in values.items() if name in inherited.HEADER}
    rest = {name: value for name, value in values.items() if name not in header and name != "no"}
    own = v.take(rest, {"description": v.text()}, faults)
    return {**own, **inherited.take(session, header, inherited.HEADER, faults)}


def _number_by_hand(session: Session, values: Mapping[str, Any], faults: Faults) -> str | None:
    taken = v.take({"no": values.get("no")}, {"no": v.code()}, faults)
    no: str | None = taken.get("no")
    if no is None:
        return None
    number_series.check_manual(session, field="segment_nos", no=no, faults=faults)
    held = session.scalars(
        select(Segment.id).where(func.lower(Segment.no) == func.lower(no), Segment.status != Status.HIDDEN)
    ).first()
    if held is not None:
        faults.add("no", "already_exists", no)
    return no
