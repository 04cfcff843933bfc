"""Jobs: long operations, asked for in one transaction and done in chunks by whoever claims them (DESIGN 5).

States of a job::

    queued ──> running ──> succeeded
      │           ├──────> refused      the plan or a chunk said no; what was done is undone
      │           ├──────> failed       a chunk kept failing; what was done is undone where the kind can
      └───────────┴─> canceling ─> canceled

This module is the record of jobs; `domain.job_engine` does them, `domain.job_endings` ends them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import BigInteger, ForeignKey, Identity, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import hints, logs, records
from domain.actors import Actor
from domain.database import Base, json_param
from domain.errors import NotFound

log = structlog.get_logger()


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  # nothing of it has been claimed yet
    RUNNING = "running"  # chunks are open
    CANCELING = "canceling"  # asked to stop; what was done is being undone
    SUCCEEDED = "succeeded"  # final: all done
    REFUSED = "refused"  # final: a rule said no, nothing of it stayed
    FAILED = "failed"  # final: a chunk kept failing; `problem` says which error
    CANCELED = "canceled"  # final: somebody stopped it


FINAL = frozenset({State.SUCCEEDED, State.REFUSED, State.FAILED, State.CANCELED})


class Job(Base):
    """One long operation."""

    __tablename__ = "job"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued")
    ending: Mapped[str | None]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    stored_working: Mapped[dict[str, Any]] = mapped_column("working", JSONB)
    serial_key: Mapped[str | None]
    created_by: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    @property
    def working(self) -> dict[str, Any]:
        """What its plan froze; only the kind that wrote it reads it. The id of the request stands beside it."""
        return {name: value for name, value in self.stored_working.items() if name != logs.REQUEST_ID}

    @working.setter
    def working(self, values: Mapping[str, Any]) -> None:
        asked = self.stored_working.get(logs.REQUEST_ID)
        self.stored_working = {**values, **({logs.REQUEST_ID: asked} if asked else {})}


def create(
    session: Session,
    *,
    kind: str,
    parameters: Mapping[str, Any],
    actor: Actor,
    serial_key: str | None = None,
    working: Mapping[str, Any] | None = None,
) -> Job:
    """Write down a job and its first chunk, the plan; a hint follows the commit.

    Parameters
    ----------
    kind
        Name of a kind known to `domain.job_kinds`.
    parameters
        What was asked for, shown to people.
    serial_key
        Jobs with the same key are done one after another, in the order they were asked for (S10).
    working
        What the kind needs to know besides; not shown. The id of the request is kept with it, for the logs of
        whoever does the job.
    """
    working = {**(working or {}), **({logs.REQUEST_ID: asked} if (asked := logs.request_id()) else {})}
    job_id = session.execute(
        text(
            "INSERT INTO job (kind, parameters, working, serial_key, created_by) "
            "VALUES (:kind, :parameters, :working, :serial_key, :created_by) RETURNING id"
        ).bindparams(json_param("parameters", dict(parameters)), json_param("working", working)),
        {"kind": kind, "serial_key": serial_key, "created_by": actor.id},
    ).scalar_one()
    session.execute(
        text("INSERT INTO job_chunk (job_id, no, step) VALUES (:job_id, 0, 0)"), {"job_id": job_id}
    )
    hints.want(session)
    log.info("job_asked_for", job=str(job_id), kind=kind)
    return session.get_one(Job, job_id)


def get(session: Session, key: uuid.UUID | str) -> Job:
    """Return the job with this id.

    Raises
    ------
    NotFound
        If there is none, or `key` is no UUID.
    """
    try:
        job = session.get(Job, key if isinstance(key, uuid.UUID) else uuid.UUID(key))
    except ValueError:
        job = None
    if job is None:
        raise NotFound("job", key)
    return job


def page(
    session: Session,
    *,
    filters: Mapping[str, Sequence[str]],
    after: str | None = None,
    limit: int = 50,
    newest_first: bool = True,
) -> list[Job]:
    """Return a page of jobs; filters `kind` and `state`, `after` the id of the last one seen."""
    query = select(Job)
    for name in ("kind", "state"):
        if filters.get(name):
            query = query.where(getattr(Job, name).in_(filters[name]))
    if filters.get("state") and not FINAL & set(filters["state"]):
        query = query.where(Job.finished_at.is_(None))  # the condition of job_open_idx
    start = None if after is None else get(session, after).position
    ordered = records.in_order(query, Job.position, after=start, limit=limit, newest_first=newest_first)
    return list(session.scalars(ordered))


def of_ids(session: Session, ids: Iterable[str]) -> list[Job]:
    """Return the jobs with these ids; what is no id of a job is left out."""
    wanted = []
    for id in ids:
        with suppress(ValueError):
            wanted.append(uuid.UUID(id))
    return (
        list(session.scalars(select(Job).where(Job.id.in_(wanted)).order_by(Job.position))) if wanted else []
    )


def open_jobs(session: Session, *, limit: int = 50) -> list[Job]:
    """Return the jobs that have not ended, the newest first. Index: job_open_idx."""
    return list(
        session.scalars(
            select(Job).where(Job.finished_at.is_(None)).order_by(Job.position.desc()).limit(limit)
        )
    )


def failed_lately(session: Session, *, days: int, limit: int = 50) -> list[Job]:
    """Return the jobs that failed in the last so many days, the newest first. Index: job_finished_at_idx."""
    since = func.now() - func.make_interval(0, 0, 0, days)
    return list(
        session.scalars(
            select(Job)
            .where(Job.finished_at > since, Job.state == State.FAILED)
            .order_by(Job.finished_at.desc())
            .limit(limit)
        )
    )


def open_job(session: Session, serial_key: str) -> Job | None:
    """Return the first unfinished job with this serial key, or None."""
    return session.scalars(
        select(Job)
        .where(Job.serial_key == serial_key, Job.finished_at.is_(None))
        .order_by(Job.position)
        .limit(1)
    ).first()


PROGRESS = text("""
    SELECT j.id, a.name AS created_by, coalesce(c.done, 0) AS done,
           EXISTS (SELECT FROM job_cancel k WHERE k.job_id = j.id) AS cancel_requested,
           extract(epoch FROM coalesce(j.finished_at, clock_timestamp()) - j.started_at) AS seconds
    FROM job j
    JOIN actor a ON a.id = j.created_by
    LEFT JOIN LATERAL (
        SELECT sum(size) AS done FROM job_chunk c WHERE c.job_id = j.id AND c.step = 1 AND c.state = 'done'
    ) c ON true
    WHERE j.id = ANY(:ids)
""")


def describe(session: Session, jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Describe jobs as the API names things. Progress is counted from what is committed (L8).

    `progress` is 0 to 1, `rate_per_second` rows per second since the start, or None before it.
    """
    jobs = list(jobs)
    rows = {row.id: row for row in session.execute(PROGRESS, {"ids": [job.id for job in jobs]})}
    return [_description(job, rows[job.id]) for job in jobs]


def _description(job: Job, row: Any) -> dict[str, Any]:
    done = int(row.done)
    state = State(job.state)
    if row.cancel_requested and state not in FINAL:
        state = State.CANCELING
    return {
        "id": str(job.id),
        "kind": job.kind,
        "state": state.value,
        "total": job.total,
        "done": done,
        "progress": 1.0 if state is State.SUCCEEDED else min(done / job.total, 1.0) if job.total else 0.0,
        "rate_per_second": round(done / float(row.seconds), 1) if row.seconds else None,
        "created_by": row.created_by,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "parameters": job.parameters,
        "result": job.result,
        "problem": job.problem,
    }
