"""Logged segments: what a segment became, who logged it, what it holds (L5)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors
from domain.database import Base
from domain.errors import NotFound

THING = "logged_segment"


class LoggedSegment(Base):
    """One logged segment. The counts say how it was logged and never change."""

    __tablename__ = "logged_segment"

    no: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    segment_id: Mapped[int]
    segment_no: Mapped[str]
    description: Mapped[str]
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
    purged_count: Mapped[int] = mapped_column(server_default="0")


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
    """Read a page by number; filters `segment_no`, `canceled` (`true`, `false`)."""
    order = LoggedSegment.no.desc() if newest_first else LoggedSegment.no
    query = select(LoggedSegment).where(LoggedSegment.deleted_at.is_(None)).order_by(order).limit(limit)
    if after is not None:
        last = int(after)
        query = query.where(LoggedSegment.no < last if newest_first else LoggedSegment.no > last)
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
    return list(session.scalars(query))


# Index: interaction_canceled_idx holds canceled entries only, so a segment without any costs one look.
CANCELED = text("""
    SELECT s.no, c.canceled
    FROM logged_segment s
    CROSS JOIN LATERAL (
        SELECT count(*) AS canceled FROM interaction i
        WHERE i.canceled_at IS NOT NULL AND i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no
    ) c
    WHERE s.no = ANY(:nos)
""")


def describe(session: Session, logged_segments: Iterable[LoggedSegment]) -> list[dict[str, Any]]:
    """Give logged segments their API shape."""
    logged_segments = list(logged_segments)
    canceled = {
        row.no: row.canceled
        for row in session.execute(CANCELED, {"nos": [logged.no for logged in logged_segments]})
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
            "active_interactions_count": 0
            if logged.canceled_at
            else logged.interactions_count - logged.purged_count - canceled[logged.no],
            "job_id": str(logged.job_id),
        }
        for logged in logged_segments
    ]


def skipped(
    session: Session, logged: LoggedSegment, *, after: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Read a page of the lines that were not logged, each with its reasons (L3)."""
    rows = session.execute(
        text("""
            SELECT k.line_no, c.no AS contact_no, c.name AS contact_name, k.problems
            FROM logged_segment_skip k LEFT JOIN contact c ON c.id = k.contact_id
            WHERE k.logged_segment_no = :no AND k.line_no > :after
            ORDER BY k.line_no LIMIT :limit
        """),
        {"no": logged.no, "after": after or 0, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]
