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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from time import monotonic
from typing import Any, ClassVar

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from structlog.contextvars import bound_contextvars

from domain import sql
from domain.database import is_infrastructure, json_param, transaction
from domain.errors import Refusal
from domain.jobs import FINAL, Job, State, open_job

log = structlog.get_logger()

# A live owner holds its row lock from the claim on, but for the moment between two transactions.
GRACE_SECONDS = 2.0
# What a chunk waits before the next attempt, doubled each time: 5 s at most when it failed or was put back, so that it
# goes on soon after a full disk has room again; 30 s when it lost its owner, which it may have killed itself.
BACKOFF_SECONDS = 0.25
# A chunk that failed this often by its own fault is poison: it fails, the rest is done. Undoing is never given up:
# what it would leave behind is worse than waiting for whoever mends its fault (decision 20).
MAX_FAILURES = 5


class Step(IntEnum):
    """What a chunk is for; a step begins when the ones before it have nothing open."""

    PLAN = 0  # check and cut
    WORK = 1  # the rows, a range at a time
    FINISH = 2  # make it count, all at once
    UNDO = 3  # take the rows of one work chunk away again
    UNDONE = 4  # put back how it was


@dataclass(frozen=True)
class Chunk:
    """One piece of a job.

    Parameters
    ----------
    range_from, range_to
        First and last of whatever the kind counts (line numbers, row numbers).
    size
        Rows in it, for the progress.
    phase
        Chunks of a later phase wait until those of the earlier ones are done.
    no
        Number of the chunk in its job; set by the engine.
    """

    range_from: int = 0
    range_to: int = 0
    size: int = 0
    phase: int = 0
    no: int = -1


class Kind:
    """What a kind of job does at each step. Every method runs in one transaction and may be run again."""

    name: ClassVar[str]
    undoes: ClassVar[bool] = (
        False  # whether chunks that are done must be taken back when the job ends otherwise
    )
    # REPEATABLE READ: all statements of a chunk see one state of the master data. READ COMMITTED suits a kind
    # whose chunks lock before they look, and take turns at a row such as a number series.
    isolation: ClassVar[str] = "REPEATABLE READ"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Check, freeze what must stay as it is, and cut the work. A `Refusal` ends the job as refused.

        Chunks are returned, or written to `job_chunk` by a statement of the kind's own, numbered from 1.
        """
        raise NotImplementedError

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any] | None:
        """Do one chunk; what is returned is kept with it. A `Refusal` ends the job as refused."""
        raise NotImplementedError

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Make the work count and return the job's result."""
        raise NotImplementedError

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether the whole job is done in a moment, so that whoever asks for it may wait for it."""
        return False

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take back what `work` did for this chunk."""

    def undone(self, session: Session, job: Job) -> None:
        """Put back how it was before the job."""

    def explain(self, session: Session, job: Job) -> Mapping[str, Any] | None:
        """Say more about why the job ended than what it ended with; asked when all is put back, and may fail."""
        return None


KINDS: dict[str, Kind] = {}


def register(kind: type[Kind]) -> type[Kind]:
    """Class decorator: make a kind known to the engine."""
    KINDS[kind.name] = kind()
    return kind


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
        while (claimed := _claim_next(session, job)) is not None:
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


def _claim_next(session: Session, job: Job) -> Claim | None:
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
                _release(session, claimed)
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
    chunk = _fenced(session, claimed)
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
            if _failed_chunks(session, job.id):
                _end(session, job, State.FAILED, _failure_problem(session, job.id))
                return False
            job.result = dict(kind.finish(session, job))
            _close(session, job, State.SUCCEEDED)
        case Step.UNDO:
            kind.undo(session, job, chunk)
            _mark_undone(session, chunk, job.id)
        case Step.UNDONE:
            kind.undone(session, job)
            job.problem = _explained(session, job, kind) or job.problem
            assert job.ending is not None
            _close(session, job, State(job.ending))
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


def _fenced(session: Session, claimed: Claim) -> Chunk | None:
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


def cut(first: int, last: int, *, most: int, least: int = 5_000, share: int = 8) -> list[Chunk]:
    """Cut a range into chunks of about one `share`th of it, but `least` to `most` long, so that all workers help."""
    size = min(most, max(least, -(-(last - first + 1) // share)))
    return [
        Chunk(start, min(start + size - 1, last), min(size, last - start + 1))
        for start in range(first, last + 1, size)
    ]


def leave_rest(session: Session, job: Job, chunk: Chunk, *, range_from: int, size: int) -> None:
    """Have a chunk at work end early: what is left of its range becomes a chunk of its own.

    Parameters
    ----------
    range_from
        First of what is left.
    size
        Rows of what is left.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:job_id, 0))"), {"job_id": str(job.id)}
    )
    parameters = {"job_id": job.id, "no": chunk.no, "range_from": range_from, "size": size}
    session.execute(
        text("""
            INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size, phase)
            SELECT job_id, (SELECT max(no) + 1 FROM job_chunk WHERE job_id = :job_id),
                   step, :range_from, range_to, :size, phase
            FROM job_chunk WHERE job_id = :job_id AND no = :no
        """),
        parameters,
    )
    session.execute(
        text(
            "UPDATE job_chunk SET range_to = :range_from - 1, size = size - :size "
            "WHERE job_id = :job_id AND no = :no"
        ),
        parameters,
    )


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
        _end(session, job, ending, problem)
    return True


def _end(session: Session, job: Job, ending: State, problem: Mapping[str, Any] | None) -> None:
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


def _mark_undone(session: Session, chunk: Chunk, job_id: uuid.UUID) -> None:
    session.execute(
        text(
            "UPDATE job_chunk SET state = 'undone' WHERE job_id = :job_id AND step = 1 AND state = 'done' "
            "AND range_from = :range_from AND range_to = :range_to"
        ),
        {"job_id": job_id, "range_from": chunk.range_from, "range_to": chunk.range_to},
    )


def _close(session: Session, job: Job, state: State) -> None:
    job.finished_at, job.state = session.execute(text("SELECT clock_timestamp()")).scalar_one(), state
    session.flush()
    log.info("job_ended", job=str(job.id), kind=job.kind, state=state.value)


def _failed_chunks(session: Session, job_id: uuid.UUID) -> bool:
    return bool(
        session.execute(
            text("SELECT EXISTS (SELECT FROM job_chunk WHERE job_id = :job_id AND state = 'failed')"),
            {"job_id": job_id},
        ).scalar_one()
    )


def _failure_problem(session: Session, job_id: uuid.UUID) -> dict[str, Any]:
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


def _refuse(session: Session, claimed: Claim, refusal: Refusal) -> None:
    if begin_ending(session, claimed.job_id, ending=State.REFUSED, problem=problem_of(refusal)):
        log.info("job_refused", job=str(claimed.job_id), code=refusal.code)


def _release(session: Session, claimed: Claim) -> None:
    session.execute(
        text(
            "UPDATE job_chunk SET state = 'pending', claimed_at = clock_timestamp() "
            "WHERE job_id = :job_id AND no = :no AND state = 'running' AND attempt = :attempt"
        ),
        {"job_id": claimed.job_id, "no": claimed.no, "attempt": claimed.attempt},
    )


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
        problem = _failure_problem(session, claimed.job_id)
        begin_ending(session, claimed.job_id, ending=State.FAILED, problem=problem)


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
