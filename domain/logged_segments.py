"""Logged segments: what a segment became, who logged it, what it holds (L5)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Identity, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, records
from domain.database import Base
from domain.errors import Conflict, NotFound

THING = "logged_segment"


class LoggedSegment(Base):
    """One logged segment. The counts say how it was logged and never change."""

    __tablename__ = "logged_segment"

    no: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    segment_id: Mapped[int]
    segment_no: Mapped[str]
    description: Mapped[str]
    subject: Mapped[str | None]
    date: Mapped[dt.date | None]
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    status: Mapped[str] = mapped_column(server_default="logging")
    first_entry_no: Mapped[int] = mapped_column(BigInteger)
    last_entry_no: Mapped[int] = mapped_column(BigInteger)
    interactions_count: Mapped[int] = mapped_column(server_default="0")
    skipped_count: Mapped[int] = mapped_column(server_default="0")
    campaign_entries_count: Mapped[int] = mapped_column(server_default="0")
    job_id: Mapped[uuid.UUID]
    logged_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    canceled_by: Mapped[int | None]
    deleted_at: Mapped[datetime | None]
    summed_up_at: Mapped[datetime | None]
    deleting_job_id: Mapped[uuid.UUID | None]
    purged_count: Mapped[int] = mapped_column(server_default="0")


class LoggedSegmentIncomplete(Conflict):
    """The logged segment is still being written, so it has no entries yet (L8)."""

    code: ClassVar[str] = "logging_in_progress"


class LoggedSegmentBusy(Conflict):
    """A job is deleting the logged segment (E6)."""

    code: ClassVar[str] = "segment_busy"


def get(session: Session, key: int | str, *, lock: bool = False) -> LoggedSegment:
    """Find a logged segment by its number; raise `NotFound` if there is none."""
    no = int(key) if str(key).isascii() and str(key).isdigit() and len(str(key)) < 10 else 0
    found = session.get(LoggedSegment, no, with_for_update=lock or None, populate_existing=lock)
    if found is None or found.deleted_at is not None:
        raise NotFound(THING, key)
    return found


def of_job(session: Session, job_id: uuid.UUID) -> LoggedSegment | None:
    """Find what a logging job has made so far, or None."""
    return session.scalars(
        select(LoggedSegment).where(LoggedSegment.job_id == job_id).with_for_update()
    ).one_or_none()


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    newest_first: bool = False,
) -> list[LoggedSegment]:  # fmt: skip
    """Read a page by number; filters `q` (segment number, description), `segment_no`, `canceled` (`true`, `false`)."""
    query = select(LoggedSegment).where(LoggedSegment.deleted_at.is_(None))
    if filters.get("q"):
        query = query.where(
            records.contains([LoggedSegment.segment_no, LoggedSegment.description], filters["q"])
        )
    if filters.get("segment_no"):
        query = query.where(
            func.lower(LoggedSegment.segment_no).in_([no.lower() for no in filters["segment_no"]])
        )
    if filters.get("canceled"):
        query = query.where(
            or_(
                *(
                    LoggedSegment.canceled_at.is_not(None)
                    if given == "true"
                    else LoggedSegment.canceled_at.is_(None)
                    for given in filters["canceled"]
                )
            )
        )
    start = None if after is None else int(after)
    ordered = records.in_order(query, LoggedSegment.no, after=start, limit=limit, newest_first=newest_first)
    return list(session.scalars(ordered))


# Active ones if the segment itself is not canceled. Indexes: interaction_total_logged_segment_no_idx; before the
# segment is summed up interaction_canceled_idx, which holds canceled entries only.
ACTIVE = text("""
    SELECT s.no, CASE
        WHEN s.summed_up_at IS NOT NULL THEN (
            SELECT coalesce(sum(t.interactions), 0) FROM interaction_total t
            LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
            WHERE t.logged_segment_no = s.no AND c.canceled_at IS NULL)
        WHEN EXISTS (SELECT FROM campaign_entry c WHERE c.logged_segment_no = s.no AND c.canceled_at IS NOT NULL) THEN (
            SELECT count(*) FROM interaction_visible i
            WHERE i.logged_segment_no = s.no AND i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no
              AND NOT i.canceled)
        ELSE s.interactions_count - s.purged_count - (
            SELECT count(*) FROM interaction i
            WHERE i.canceled_at IS NOT NULL AND i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no)
        END::bigint AS active
    FROM logged_segment s
    WHERE s.no = ANY(:nos) AND s.canceled_at IS NULL
""")


def describe(session: Session, logged_segments: Iterable[LoggedSegment]) -> list[dict[str, Any]]:
    """Give logged segments their API shape."""
    logged_segments = list(logged_segments)
    active = {
        row.no: row.active
        for row in session.execute(ACTIVE, {"nos": [logged.no for logged in logged_segments]})
    }
    users = actors.names(
        session,
        {logged.actor_id for logged in logged_segments}
        | {logged.canceled_by for logged in logged_segments if logged.canceled_by is not None},
    )
    return [
        {
            "no": logged.no,
            "segment_no": logged.segment_no,
            "description": logged.description,
            "date": logged.date,
            "user": users[logged.actor_id],
            "status": logged.status,
            "canceled": logged.canceled_at is not None,
            "canceled_at": logged.canceled_at,
            "canceled_by": users.get(logged.canceled_by) if logged.canceled_by else None,
            "interactions_count": logged.interactions_count,
            "campaign_entries_count": logged.campaign_entries_count,
            "skipped_count": logged.skipped_count,
            "active_interactions_count": active.get(logged.no, 0),
            "job_id": str(logged.job_id),
        }
        for logged in logged_segments
    ]


def skipped(
    session: Session, logged: LoggedSegment, *, after: int | None = None, limit: int = 50,
    newest_first: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Read a page of the lines that were not logged, by number, each with its reasons (L3)."""
    comparison, direction, start = ("<", "DESC", records.LAST) if newest_first else (">", "ASC", 0)
    rows = session.execute(
        text(f"""
            SELECT k.line_no, c.no AS contact_no, c.name AS contact_name, k.problems
            FROM logged_segment_skip k LEFT JOIN contact c ON c.id = k.contact_id
            WHERE k.logged_segment_no = :no AND k.line_no {comparison} :after
            ORDER BY k.line_no {direction} LIMIT :limit
        """),
        {"no": logged.no, "after": start if after is None else after, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]
