"""How jobs end: well, or refused, failed or canceled, with what was done taken back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import hints
from domain.actors import Actor
from domain.database import transaction
from domain.errors import Conflict, Refusal
from domain.job_steps import KINDS, Chunk
from domain.jobs import FINAL, Job, State

log = structlog.get_logger()


class JobFinished(Conflict):
    """A finished job cannot be canceled."""

    code = "job_finished"


def request_cancel(session: Session, job: Job, *, actor: Actor) -> None:
    """Stop a job: claims stop at once, chunks at work are waited for, then what was done is undone.

    The wish is committed by itself before the job's row is touched: workers hold that row in turns, and a bare
    update would starve behind them (RELIABILITY 2). Should this process die in between, the wish stands and
    whoever works next carries it out. So it does for a kind that only a newer version knows.

    Raises
    ------
    JobFinished
        If the job is in a final state.
    """
    if job.state in FINAL:
        raise JobFinished()
    with Session(session.get_bind()) as separate, separate.begin():
        separate.execute(
            text(
                "INSERT INTO job_cancel (job_id, actor_id) VALUES (:job_id, :actor_id) ON CONFLICT DO NOTHING"
            ),
            {"job_id": job.id, "actor_id": actor.id},
        )
    if job.kind in KINDS and not begin_ending(session, job.id, ending=State.CANCELED):
        raise JobFinished()
    hints.want(session)
    session.refresh(job)


def begin_ending(
    session: Session, job_id: uuid.UUID, *, ending: State, problem: Mapping[str, Any] | None = None
) -> bool:
    """Turn an open job towards another end than success; tell whether it was still open.

    Waits for chunks at work (they hold the job FOR SHARE). Open chunks are dropped, done ones get an undo chunk
    if the kind undoes.
    """
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.state in FINAL:
        return False
    if job.ending is None:
        turn_round(session, job, ending=ending, problem=problem)
    return True


def turn_round(session: Session, job: Job, *, ending: State, problem: Mapping[str, Any] | None) -> None:
    """Turn a job that is locked and open towards another end than success."""
    job.ending = ending.value
    job.problem = dict(problem) if problem else None
    if ending is State.CANCELED:
        job.state = State.CANCELING
    elif job.state == State.QUEUED:
        job.state = State.RUNNING
    session.flush()
    session.execute(
        text(
            "UPDATE job_chunk SET state = 'dropped' WHERE job_id = :job_id AND state IN ('pending', 'running')"
        ),
        {"job_id": job.id},
    )
    session.execute(
        text("""
            INSERT INTO job_chunk (job_id, no, step, range_from, range_to)
            SELECT job_id, top + row_number() OVER (ORDER BY no), 3, range_from, range_to
            FROM job_chunk, (SELECT max(no) AS top FROM job_chunk WHERE job_id = :job_id) t
            WHERE job_id = :job_id AND step = 1 AND state = 'done' AND :undoes
        """),
        {"job_id": job.id, "undoes": KINDS[job.kind].undoes},
    )
    session.execute(
        text(
            "INSERT INTO job_chunk (job_id, no, step) "
            "SELECT :job_id, max(no) + 1, 4 FROM job_chunk WHERE job_id = :job_id"
        ),
        {"job_id": job.id},
    )
    session.execute(text("DELETE FROM job_cancel WHERE job_id = :job_id"), {"job_id": job.id})


def mark_undone(session: Session, chunk: Chunk, job_id: uuid.UUID) -> None:
    """Note of the chunk of work which an undo chunk has taken back that it is."""
    session.execute(
        text(
            "UPDATE job_chunk SET state = 'undone' WHERE job_id = :job_id AND step = 1 AND state = 'done' "
            "AND range_from = :range_from AND range_to = :range_to"
        ),
        {"job_id": job_id, "range_from": chunk.range_from, "range_to": chunk.range_to},
    )


def close(session: Session, job: Job, state: State) -> None:
    """Put a job into its final state."""
    job.finished_at, job.state = session.execute(text("SELECT clock_timestamp()")).scalar_one(), state
    session.flush()
    log.info("job_ended", job=str(job.id), kind=job.kind, state=state.value)


def has_failed_chunk(session: Session, job_id: uuid.UUID) -> bool:
    """Tell whether a chunk of a job was given up."""
    return bool(
        session.execute(
            text("SELECT EXISTS (SELECT FROM job_chunk WHERE job_id = :job_id AND state = 'failed')"),
            {"job_id": job_id},
        ).scalar_one()
    )


def failure_of(session: Session, job_id: uuid.UUID) -> dict[str, Any]:
    """Describe the first chunk that was given up as the problem of its job."""
    row = session.execute(
        text(
            "SELECT no, error FROM job_chunk WHERE job_id = :job_id AND state = 'failed' ORDER BY no LIMIT 1"
        ),
        {"job_id": job_id},
    ).one()
    return {"code": "chunk_failed", "params": {"chunk": row.no, "error": row.error}, "errors": []}


def problem_of(refusal: Refusal) -> dict[str, Any]:
    """Describe a refusal as it is kept with a job; the interface adds status and words."""
    return {
        "code": refusal.code,
        "params": {name: str(value) for name, value in refusal.params.items() if name != "errors"},
        "errors": refusal.params.get("errors")
        or [
            {"field": f.field, "code": f.code, "value": f.value, "params": dict(f.params)}
            for f in refusal.faults
        ],
    }


def settle_cancels(sessions: sessionmaker[Session]) -> None:
    """Carry out wishes to cancel whose asker died before doing it, or did not know the kind of the job."""
    with transaction(sessions) as session:
        wishes = session.scalars(
            text(
                "SELECT job_id FROM job_cancel k JOIN job j ON j.id = k.job_id "
                "WHERE j.finished_at IS NULL AND j.ending IS NULL AND j.kind = ANY(CAST(:kinds AS text[])) "
                "AND abs(extract(epoch FROM clock_timestamp() - k.requested_at)) > 1"
            ),
            {"kinds": list(KINDS)},
        ).all()
    for job_id in wishes:
        with transaction(sessions) as session:
            begin_ending(session, job_id, ending=State.CANCELED)
