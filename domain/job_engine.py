"""The chunk engine: plan, claim, work, finish, undo.

What must never happen: a row written twice, a row lost, a job that nobody finishes, a worker that writes after it
has been given up for dead or after the job was canceled. Four things keep it so, whatever is killed when:

- A chunk's rows and the mark "done" commit in one transaction, so a chunk is done wholly or not at all.
- The *fence*: that transaction holds the chunk's row and has checked that it still carries the attempt number of
  the claim. Who was paused and overtaken finds another number and writes nothing.
- The *barrier*: it also holds the job's row FOR SHARE. Ending a job takes that row for itself, so it waits for
  chunks at work, and none begins after it.
- Every open chunk can be claimed again: its owner either holds the row lock, or is gone.

A claim is a short transaction of its own, so that others see it; it proves nothing and may be lost. The steps of a
job are chunks like any others (one plan, many work, one finish; when it ends otherwise: undo, undone), and a step
is claimed only when the steps before it have no chunk open; work may have phases that wait for each other the same
way. So planning and finishing are retried, fenced and rescued by the same few statements.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from structlog.contextvars import bound_contextvars

from domain.database import is_infrastructure, json_param, transaction
from domain.errors import Refusal
from domain.job_claims import BACKOFF_SECONDS, GRACE_SECONDS, Claim, claim, claim_next, fenced, release
from domain.job_endings import (
    begin_ending,
    close,
    failure_of,
    has_failed_chunk,
    mark_undone,
    problem_of,
    settle_cancels,
    turn_round,
)
from domain.job_steps import KINDS, Chunk, Kind, Step
from domain.jobs import FINAL, Job, State, open_job

log = structlog.get_logger()

# A chunk that failed this often by its own fault is poison: it fails, the rest is done. Undoing is never given up:
# what it would leave behind is worse than waiting for whoever mends its fault (decision 20).
MAX_FAILURES = 5


def work_one(
    sessions: sessionmaker[Session], *, grace: float = GRACE_SECONDS, backoff: float = BACKOFF_SECONDS
) -> bool:
    """Claim one chunk and do it; tell whether there was one."""
    settle_cancels(sessions)
    with transaction(sessions) as session:
        claimed = claim(session, grace=grace, backoff=backoff)
    if claimed is None:
        return False
    perform(sessions, claimed)
    return True


def do_if_small(session: Session, job: Job) -> bool:
    """Do a job that was just made within the transaction of whoever asks for it, if it is small; tell whether it ended.

    The same steps as a worker's, in the same order, but nobody else sees them before the commit. If one of them
    refuses or fails, all of it is taken back and the job is left to the workers, who say why.
    """
    session.flush()
    if job.state != State.QUEUED or not KINDS[job.kind].is_small(session, job) or _has_to_wait(session, job):
        return False
    savepoint = session.begin_nested()
    try:
        while (claimed := claim_next(session, job)) is not None:
            _perform(session, claimed)
        session.flush()
    except (Refusal, DBAPIError) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise  # nothing is left to go back to; whoever asked is told to come again
        savepoint.rollback()
        session.refresh(job)
        log.info("small_job_left_to_workers", job=str(job.id), error=str(error))
        return False
    savepoint.commit()
    return job.state in FINAL


def _has_to_wait(session: Session, job: Job) -> bool:
    """Tell whether a job with the same serial key is before this one."""
    if job.serial_key is None:
        return False
    first = open_job(session, job.serial_key)
    return first is not None and first.id != job.id


# A statement of a chunk is planned for its values, however often the same one came before: it has far more to do than
# its plan costs, and what is good for a filter that finds ten contacts is not for one that finds a million.
PLAN_FOR_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")


def perform(sessions: sessionmaker[Session], claimed: Claim) -> None:
    """Do a claimed chunk in one transaction; record a failure in another if it goes wrong.

    Faults of the surroundings (a lost connection, a deadlock, a full disk) are no failures of the chunk: it is put
    back, or, where that is impossible, stays claimed; either way it is claimed again after a pause.
    """
    with bound_contextvars(job=str(claimed.job_id), chunk=claimed.no, request_id=claimed.request_id):
        _perform_apart(sessions, claimed)


def _perform_apart(sessions: sessionmaker[Session], claimed: Claim) -> None:
    begun = monotonic()
    try:
        with transaction(sessions, isolation=KINDS[claimed.kind].isolation) as session:
            session.execute(PLAN_FOR_VALUES)
            is_done = _perform(session, claimed)
        if is_done:
            log.info(
                "chunk_done",
                job=str(claimed.job_id),
                chunk=claimed.no,
                kind=claimed.kind,
                step=claimed.step.name.lower(),
                attempt=claimed.attempt,
                milliseconds=round((monotonic() - begun) * 1000, 1),
            )
    except Refusal as refusal:
        with transaction(sessions) as session:
            _refuse(session, claimed, refusal)
    except Exception as error:
        if is_infrastructure(error):
            log.warning("chunk_interrupted", job=str(claimed.job_id), chunk=claimed.no, error=str(error))
            with transaction(sessions) as session:
                release(session, claimed)
            return
        log.exception("chunk_failed", job=str(claimed.job_id), chunk=claimed.no)
        with transaction(sessions) as session:
            _record_failure(session, claimed, error)


def _perform(session: Session, claimed: Claim) -> bool:
    """Barrier, fence, work, mark; tell whether the chunk is done."""
    job = session.get(Job, claimed.job_id, with_for_update={"read": claimed.step in (Step.WORK, Step.UNDO)})
    if job is None or job.state in FINAL:
        return False
    if (job.ending is not None) != (claimed.step >= Step.UNDO):
        return False
    chunk = fenced(session, claimed)
    if chunk is None:
        return False
    kind = KINDS[job.kind]
    outcome: Mapping[str, Any] | None = None
    match claimed.step:
        case Step.PLAN:
            _plan(session, job, kind)
        case Step.WORK:
            outcome = kind.work(session, job, chunk)
        case Step.FINISH:
            if has_failed_chunk(session, job.id):
                turn_round(session, job, ending=State.FAILED, problem=failure_of(session, job.id))
                return False
            job.result = dict(kind.finish(session, job))
            close(session, job, State.SUCCEEDED)
        case Step.UNDO:
            kind.undo(session, job, chunk)
            mark_undone(session, chunk, job.id)
        case Step.UNDONE:
            kind.undone(session, job)
            job.problem = _explained(session, job, kind) or job.problem
            assert job.ending is not None
            close(session, job, State(job.ending))
    session.execute(
        text(
            "UPDATE job_chunk SET state = 'done', finished_at = clock_timestamp(), error = NULL, outcome = :outcome "
            "WHERE job_id = :job_id AND no = :no"
        ).bindparams(json_param("outcome", dict(outcome) if outcome else None)),
        {"job_id": claimed.job_id, "no": claimed.no},
    )
    return True


def _explained(session: Session, job: Job, kind: Kind) -> dict[str, Any]:
    """Ask the kind why its job ended; without an answer the job ends all the same."""
    try:
        with session.begin_nested():
            return dict(kind.explain(session, job) or {})
    except Exception as error:
        if is_infrastructure(error):
            raise
        log.exception("explaining_failed", job=str(job.id))
        return {}


def _plan(session: Session, job: Job, kind: Kind) -> None:
    _insert_chunks(session, job.id, list(kind.plan(session, job)))
    job.total = session.execute(
        text(
            "INSERT INTO job_chunk (job_id, no, step) "
            "SELECT :job_id, max(no) + 1, 2 FROM job_chunk WHERE job_id = :job_id "
            "RETURNING (SELECT coalesce(sum(size), 0) FROM job_chunk WHERE job_id = :job_id AND step = 1)"
        ),
        {"job_id": job.id},
    ).scalar_one()


def _insert_chunks(session: Session, job_id: uuid.UUID, chunks: list[Chunk]) -> None:
    if chunks:
        session.execute(
            text(
                "INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size, phase) "
                "VALUES (:job_id, :no, 1, :range_from, :range_to, :size, :phase)"
            ),
            [
                {
                    "job_id": job_id,
                    "no": no,
                    "range_from": chunk.range_from,
                    "range_to": chunk.range_to,
                    "size": chunk.size,
                    "phase": chunk.phase,
                }
                for no, chunk in enumerate(chunks, start=1)
            ],
        )


def _refuse(session: Session, claimed: Claim, refusal: Refusal) -> None:
    if begin_ending(session, claimed.job_id, ending=State.REFUSED, problem=problem_of(refusal)):
        log.info("job_refused", job=str(claimed.job_id), code=refusal.code)


def _record_failure(session: Session, claimed: Claim, error: Exception) -> None:
    """Count a failure of the chunk's own; after the last one the chunk is poison, unless it undoes."""
    failed = session.execute(
        text("""
            UPDATE job_chunk SET
                failures = failures + 1, error = :error, claimed_at = clock_timestamp(),
                state = CASE WHEN failures + 1 >= :most AND step < 3 THEN 'failed' ELSE 'pending' END
            WHERE job_id = :job_id AND no = :no AND state = 'running' AND attempt = :attempt
            RETURNING state = 'failed'
        """),
        {
            "job_id": claimed.job_id,
            "no": claimed.no,
            "attempt": claimed.attempt,
            "error": str(getattr(error, "orig", error)).strip()[:2000],
            "most": MAX_FAILURES,
        },
    ).scalar()
    if failed and claimed.step is not Step.WORK:
        problem = failure_of(session, claimed.job_id)
        begin_ending(session, claimed.job_id, ending=State.FAILED, problem=problem)
