"""Claims of chunks: who may do which, for how long, and the fence that proves it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import sql
from domain.job_steps import KINDS, Chunk, Step
from domain.jobs import Job, State

log = structlog.get_logger()

# A live owner holds its row lock from the claim on, but for the moment between two transactions.
GRACE_SECONDS = 2.0
# What a chunk waits before the next attempt, doubled each time: 5 s at most when it failed or was put back, so that it
# goes on soon after a full disk has room again; 30 s when it lost its owner, which it may have killed itself.
BACKOFF_SECONDS = 0.25


@dataclass(frozen=True)
class Claim:
    """A chunk taken to be worked on, valid as long as the chunk carries this attempt number."""

    job_id: uuid.UUID
    kind: str
    no: int
    step: Step
    attempt: int
    request_id: str | None = None


def claim(
    session: Session, *, grace: float = GRACE_SECONDS, backoff: float = BACKOFF_SECONDS
) -> Claim | None:
    """Claim one chunk of the oldest job that has one to give, or return None.

    Parameters
    ----------
    grace
        Seconds after which a claimed chunk without an owner is given to somebody else.
    backoff
        Seconds of the first pause after a failure.
    """
    row = session.execute(
        sql.load("claim_chunk"), {"kinds": list(KINDS), "grace": grace, "backoff": backoff}
    ).first()
    if row is None:
        return None
    session.execute(
        text(
            "UPDATE job SET state = 'running', started_at = clock_timestamp() WHERE id = :id AND state = 'queued'"
        ),
        {"id": row.job_id},
    )
    return Claim(row.job_id, row.kind, row.no, Step(row.step), row.attempt, row.request_id)


def claim_next(session: Session, job: Job) -> Claim | None:
    """Claim the next chunk of a job that nobody else can see."""
    row = session.execute(
        text("""
            UPDATE job_chunk SET state = 'running', attempt = attempt + 1, claimed_at = clock_timestamp()
            WHERE job_id = :job_id AND no = (
                SELECT no FROM job_chunk WHERE job_id = :job_id AND state = 'pending'
                ORDER BY step, phase, no LIMIT 1)
            RETURNING no, step, attempt
        """),
        {"job_id": job.id},
    ).first()
    if row is None:
        return None
    if job.state == State.QUEUED:
        job.state = State.RUNNING
        job.started_at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        session.flush()
    return Claim(job.id, job.kind, row.no, Step(row.step), row.attempt)


def fenced(session: Session, claimed: Claim) -> Chunk | None:
    """Take the chunk of a claim for the rest of the transaction; None if somebody else has claimed it since."""
    row = session.execute(
        text(
            "SELECT no, range_from, range_to, size, phase FROM job_chunk "
            "WHERE job_id = :job_id AND no = :no AND state = 'running' AND attempt = :attempt FOR UPDATE"
        ),
        {"job_id": claimed.job_id, "no": claimed.no, "attempt": claimed.attempt},
    ).first()
    if row is None:
        log.info("chunk_overtaken", job=str(claimed.job_id), chunk=claimed.no, attempt=claimed.attempt)
        return None
    return Chunk(row.range_from, row.range_to, row.size, row.phase, row.no)


def release(session: Session, claimed: Claim) -> None:
    """Put the chunk of a claim back, to be claimed again after a pause."""
    session.execute(
        text(
            "UPDATE job_chunk SET state = 'pending', claimed_at = clock_timestamp() "
            "WHERE job_id = :job_id AND no = :no AND state = 'running' AND attempt = :attempt"
        ),
        {"job_id": claimed.job_id, "no": claimed.no, "attempt": claimed.attempt},
    )


def open_work(session: Session) -> int:
    """Count the chunks that somebody could claim now or soon, for beat's sweep."""
    return int(
        session.execute(
            text("""
                SELECT count(*) FROM job j JOIN job_chunk c ON c.job_id = j.id
                WHERE j.finished_at IS NULL AND c.state IN ('pending', 'running')
            """)
        ).scalar_one()
    )
