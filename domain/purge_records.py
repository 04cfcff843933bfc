"""Records of purges: who or which schedule, filters, how many, how long, which archive; kept for ever (E7, E8)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, records
from domain.actors import Actor
from domain.database import Base
from domain.errors import NotFound
from domain.jobs import State
from domain.purge_archives import Archive
from domain.values import is_text

THING = "purge"


class PurgeRecord(Base):
    """One purge. It carries the name of its schedule, which may be gone by now, and outlives its job."""

    __tablename__ = "purge_record"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[uuid.UUID]
    schedule: Mapped[str | None]
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    archive: Mapped[bool]
    state: Mapped[str] = mapped_column(server_default="queued")
    deleted: Mapped[int] = mapped_column(BigInteger, server_default="0")
    started_at: Mapped[dt.datetime] = mapped_column(server_default=text("clock_timestamp()"))
    finished_at: Mapped[dt.datetime | None]
    archive_file: Mapped[str | None]
    archive_sha256: Mapped[str | None]
    archive_rows: Mapped[int | None] = mapped_column(BigInteger)


def create(
    session: Session,
    *,
    job_id: uuid.UUID,
    schedule: str | None,
    actor: Actor,
    filters: Mapping[str, Any],
    archive: bool,
) -> PurgeRecord:
    """Make the record of a purge that was asked for."""
    record = PurgeRecord(
        job_id=job_id, schedule=schedule, actor_id=actor.id, filters=dict(filters), archive=archive
    )
    session.add(record)
    session.flush()
    return record


def start(session: Session, job_id: uuid.UUID) -> None:
    """Note that the purge begins now."""
    session.execute(
        text(
            "UPDATE purge_record SET state = 'running', started_at = clock_timestamp() WHERE job_id = :job_id"
        ),
        {"job_id": job_id},
    )


def finish(session: Session, job_id: uuid.UUID, *, state: State, archive: Archive | None) -> PurgeRecord:
    """Note how a purge ended and what went, as its chunks say."""
    record = session.scalars(select(PurgeRecord).where(PurgeRecord.job_id == job_id).with_for_update()).one()
    deleted = _deleted(session, [job_id]).get(job_id, 0)
    now = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    record.state, record.deleted, record.finished_at = state.value, deleted, now
    if archive is not None:
        record.archive_file, record.archive_sha256, record.archive_rows = archive
    session.flush()
    return record


def get(session: Session, key: int) -> PurgeRecord:
    """Find a record by its number; raise `NotFound` if there is none."""
    record = session.get(PurgeRecord, key)
    if record is None:
        raise NotFound(THING, key)
    return record


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: int | str | None = None, limit: int = 50,
    newest_first: bool = True,
) -> list[PurgeRecord]:  # fmt: skip
    """Read a page in the order of the runs; filters `schedule` and `state`."""
    query = select(PurgeRecord)
    if filters.get("schedule"):
        names = [func.lower(name) for name in filters["schedule"] if is_text(name)]
        query = query.where(func.lower(PurgeRecord.schedule).in_(names))
    if filters.get("state"):
        query = query.where(PurgeRecord.state.in_(filters["state"]))
    start = None if after is None else int(after)
    ordered = records.in_order(query, PurgeRecord.id, after=start, limit=limit, newest_first=newest_first)
    return list(session.scalars(ordered))


def describe(session: Session, things: Iterable[PurgeRecord]) -> list[dict[str, Any]]:
    """Give records their API shape; what goes on is counted from what is committed (L8)."""
    records = list(things)
    users = actors.names(session, {record.actor_id for record in records})
    under_way = _deleted(session, [record.job_id for record in records if record.finished_at is None])
    return [
        {
            "id": record.id,
            "job_id": str(record.job_id),
            "schedule": record.schedule,
            "user": users[record.actor_id],
            "filters": record.filters,
            "archive": record.archive,
            "state": record.state,
            "deleted": under_way.get(record.job_id, record.deleted),
            "started_at": record.started_at,
            "finished_at": record.finished_at,
            "duration_seconds": record.finished_at
            and round((record.finished_at - record.started_at).total_seconds(), 3),
            "archive_file": record.archive_file,
            "archive_sha256": record.archive_sha256,
            "archive_rows": record.archive_rows,
        }
        for record in records
    ]


def _deleted(session: Session, job_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = session.execute(
        text("""
            SELECT job_id, sum((outcome->>'deleted')::bigint)::bigint FROM job_chunk
            WHERE job_id = ANY(:job_ids) AND step = 1 AND state = 'done' GROUP BY job_id
        """),
        {"job_ids": list(job_ids)},
    )
    return dict(rows.all())
