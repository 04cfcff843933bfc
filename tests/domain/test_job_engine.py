"""The chunk engine (DESIGN 5, RELIABILITY 2): what is killed, overtaken, poisoned or canceled, and what is left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, job_claims, job_endings, job_engine, jobs
from domain.database import is_infrastructure, transaction
from domain.errors import Fault, Invalid
from domain.job_steps import KINDS, Chunk, Kind
from domain.jobs import Job, State

from .engine_helpers import drain, sessions_on, state_of, work

Sessions = sessionmaker[Session]


class Writer(Kind):
    """Writes the numbers of its range into a table that minds doubles; can be told to go wrong."""

    name = "writer"
    undoes = True
    wrong: ClassVar[dict[str, Any]] = {}

    def plan(self, session: Session, job: Job) -> list[Chunk]:
        self.go_wrong(session, "plan")
        return [Chunk(first, first + 1, 2) for first in range(1, job.parameters["rows"], 2)]

    def work(self, session: Session, job: Job, chunk: Chunk) -> dict[str, int]:
        session.execute(
            text("INSERT INTO written SELECT g FROM generate_series(CAST(:first AS bigint), :last) g"),
            {"first": chunk.range_from, "last": chunk.range_to},
        )
        self.go_wrong(session, f"work {chunk.no}")
        return {"written": chunk.size}

    def finish(self, session: Session, job: Job) -> dict[str, int]:
        self.go_wrong(session, "finish")
        return {"rows": session.execute(text("SELECT count(*) FROM written")).scalar_one()}

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        session.execute(
            text("DELETE FROM written WHERE n BETWEEN :first AND :last"),
            {"first": chunk.range_from, "last": chunk.range_to},
        )
        self.go_wrong(session, "undo")

    def explain(self, session: Session, job: Job) -> dict[str, str] | None:
        self.go_wrong(session, "explain")
        return None

    def go_wrong(self, session: Session, where: str) -> None:
        fault = self.wrong.get(where)
        if callable(fault):
            fault(session)
        elif fault is not None:
            raise fault


class Keeper(Writer):
    """The same, but what is done stays done."""

    name = "keeper"
    undoes = False


@pytest.fixture
def sessions(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    monkeypatch.setitem(KINDS, "writer", Writer())
    monkeypatch.setitem(KINDS, "keeper", Keeper())
    monkeypatch.setattr(Writer, "wrong", {})
    with sessions_on(fresh_db) as made:
        with transaction(made) as session:
            session.execute(text("CREATE TABLE written (n bigint PRIMARY KEY)"))
        yield made


def ask(sessions: Sessions, *, rows: int = 10, kind: str = "writer", serial_key: str | None = None) -> Job:
    with transaction(sessions) as session:
        return jobs.create(
            session, kind=kind, parameters={"rows": rows}, actor=actors.system(session), serial_key=serial_key
        )


def cancel(sessions: Sessions, job: Job) -> None:
    with transaction(sessions) as session:
        job_endings.request_cancel(session, jobs.get(session, job.id), actor=actors.system(session))


def written(sessions: Sessions) -> list[int]:
    with sessions() as session:
        return list(session.scalars(text("SELECT n FROM written ORDER BY n")))


def claim(sessions: Sessions) -> job_claims.Claim:
    with transaction(sessions) as session:
        claimed = job_claims.claim(session, grace=0, backoff=0)
    assert claimed is not None
    return claimed


def open_chunks(sessions: Sessions) -> int:
    with sessions() as session:
        return int(
            session.scalar(text("SELECT count(*) FROM job_chunk WHERE state IN ('pending', 'running')")) or 0
        )


def test_a_job_is_planned_worked_and_finished(sessions: Sessions) -> None:
    job = ask(sessions)
    assert state_of(sessions, job)["state"] == "queued"

    drain(sessions)

    assert written(sessions) == list(range(1, 11))
    described = state_of(sessions, job)
    assert (described["state"], described["total"], described["done"]) == ("succeeded", 10, 10)
    assert described["result"] == {"rows": 10}


def test_progress_counts_what_is_committed(sessions: Sessions) -> None:
    job = ask(sessions)
    work(sessions)
    work(sessions)
    work(sessions)

    described = state_of(sessions, job)

    assert (described["state"], described["done"], described["progress"]) == ("running", 4, 0.4)


def test_two_workers_write_every_row_once(sessions: Sessions) -> None:
    job = ask(sessions, rows=200)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: drain(sessions), range(4)))
    drain(sessions)

    assert written(sessions) == list(range(1, 201))
    assert state_of(sessions, job)["state"] == "succeeded"


def test_who_was_overtaken_writes_nothing(sessions: Sessions) -> None:
    """The fence (RELIABILITY 2): a paused owner wakes up after its chunk was given to another."""
    ask(sessions)
    work(sessions)
    paused = claim(sessions)
    overtaking = claim(sessions)
    assert (overtaking.no, overtaking.attempt) == (paused.no, paused.attempt + 1)

    job_engine.perform(sessions, paused)
    assert written(sessions) == []
    job_engine.perform(sessions, overtaking)
    job_engine.perform(sessions, paused)

    assert written(sessions) == [1, 2]


def test_a_chunk_at_work_is_not_taken_from_its_owner(sessions: Sessions) -> None:
    ask(sessions, rows=2)
    work(sessions)
    owner = claim(sessions)
    with sessions() as held:
        held.execute(
            text("SELECT 1 FROM job_chunk WHERE job_id = :job_id AND no = :no FOR UPDATE"),
            {"job_id": owner.job_id, "no": owner.no},
        )
        with transaction(sessions) as session:
            assert job_claims.claim(session, grace=0, backoff=0) is None


def test_a_chunk_is_not_reclaimed_within_the_grace(sessions: Sessions) -> None:
    ask(sessions, rows=2)
    work(sessions)
    claim(sessions)

    with transaction(sessions) as session:
        assert job_claims.claim(session, grace=60, backoff=0) is None


def test_a_lost_connection_is_no_failure_of_the_chunk(sessions: Sessions) -> None:
    """The owner dies after writing its rows and before the commit."""
    job = ask(sessions)
    work(sessions)
    Writer.wrong = {
        "work 1": lambda session: session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    }

    for _ in range(job_engine.MAX_FAILURES + 1):
        work(sessions)
    assert 1 not in written(sessions)
    Writer.wrong = {}
    drain(sessions)

    assert written(sessions) == list(range(1, 11))
    assert state_of(sessions, job)["state"] == "succeeded"


def test_a_chunk_that_its_surroundings_put_back_waits_and_lets_other_jobs_go_first(
    sessions: Sessions,
) -> None:
    """RELIABILITY 3, case 27: a full disk is not asked again and again at once."""
    job = ask(sessions, rows=2)
    work(sessions)
    full = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
    Writer.wrong = {"work 1": lambda session: session.execute(text(full))}
    work(sessions)
    other = ask(sessions, rows=2, kind="keeper")
    Writer.wrong = {}

    while job_engine.work_one(sessions, grace=0, backoff=60):
        pass
    assert state_of(sessions, other)["state"] == "succeeded"
    assert state_of(sessions, job)["state"] == "running"
    with sessions() as session:
        query = text("SELECT state, attempt, failures FROM job_chunk WHERE job_id = :id AND no = 1")
        assert tuple(session.execute(query, {"id": job.id}).one()) == ("pending", 1, 0)

    with transaction(sessions) as session:
        session.execute(text("DELETE FROM written"))
    drain(sessions)
    assert state_of(sessions, job)["state"] == "succeeded"


def test_poison_fails_with_its_error_and_what_was_done_is_undone(sessions: Sessions) -> None:
    job = ask(sessions)
    Writer.wrong = {"work 3": ValueError("the chunk is bad")}

    drain(sessions)

    described = state_of(sessions, job)
    assert described["state"] == "failed"
    assert described["problem"]["params"] == {"chunk": 3, "error": "the chunk is bad"}
    assert written(sessions) == []
    assert open_chunks(sessions) == 0


def test_where_nothing_is_undone_poison_leaves_the_rest_done(sessions: Sessions) -> None:
    job = ask(sessions, kind="keeper")
    Writer.wrong = {"work 3": ValueError("the chunk is bad")}

    drain(sessions)

    assert state_of(sessions, job)["state"] == "failed"
    assert written(sessions) == [1, 2, 3, 4, 7, 8, 9, 10]


@pytest.mark.parametrize("where", ["plan", "finish"])
def test_poison_in_plan_or_finish_fails_the_job(sessions: Sessions, where: str) -> None:
    job = ask(sessions)
    Writer.wrong = {where: ValueError("no way")}

    drain(sessions)

    assert (state_of(sessions, job)["state"], written(sessions), open_chunks(sessions)) == ("failed", [], 0)


@pytest.mark.parametrize("where", ["plan", "work 4", "finish"])
def test_a_refusal_anywhere_leaves_nothing_behind(sessions: Sessions, where: str) -> None:
    job = ask(sessions)
    Writer.wrong = {where: Invalid([Fault("rows", "too_large", 10)])}

    drain(sessions)

    described = state_of(sessions, job)
    assert (described["state"], written(sessions)) == ("refused", [])
    assert described["problem"]["errors"] == [
        {"field": "rows", "code": "too_large", "value": 10, "params": {}}
    ]


@pytest.mark.parametrize("done", range(8))
def test_a_canceled_job_is_undone_wherever_it_stands(sessions: Sessions, done: int) -> None:
    job = ask(sessions)
    for _ in range(done):
        work(sessions)

    if done == 7:
        with pytest.raises(job_endings.JobFinished):
            cancel(sessions, job)
        return
    cancel(sessions, job)
    assert state_of(sessions, job)["state"] == "canceling"
    drain(sessions)

    assert (state_of(sessions, job)["state"], written(sessions)) == ("canceled", [])
    assert open_chunks(sessions) == 0


def test_a_claim_from_before_the_cancel_writes_nothing(sessions: Sessions) -> None:
    """The barrier (RELIABILITY 2)."""
    job = ask(sessions)
    work(sessions)
    late = claim(sessions)
    cancel(sessions, job)

    job_engine.perform(sessions, late)

    assert written(sessions) == []


def test_an_undo_that_dies_is_done_again(sessions: Sessions) -> None:
    job = ask(sessions)
    for _ in range(4):
        work(sessions)
    cancel(sessions, job)
    Writer.wrong = {
        "undo": lambda session: session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    }
    work(sessions)
    Writer.wrong = {}
    drain(sessions)

    assert (state_of(sessions, job)["state"], written(sessions)) == ("canceled", [])


@pytest.mark.parametrize("ending", ["canceled", "failed"])
def test_undoing_is_not_given_up(sessions: Sessions, ending: str) -> None:
    """A fault of the undoing itself leaves the job open until it is mended, and never rows of an ended job."""
    job = ask(sessions)
    Writer.wrong = {"undo": ValueError("the undoing is bad")}
    if ending == "canceled":
        for _ in range(4):
            work(sessions)
        cancel(sessions, job)
    else:
        Writer.wrong["work 3"] = ValueError("the chunk is bad")

    for _ in range(4 * job_engine.MAX_FAILURES):
        work(sessions)
    assert state_of(sessions, job)["finished_at"] is None
    assert open_chunks(sessions) > 0

    Writer.wrong = {}
    drain(sessions)
    assert (state_of(sessions, job)["state"], written(sessions)) == (ending, [])


@pytest.mark.parametrize("fault", ["SELECT 1 / 0", "SELECT pg_sleep(5)"])
def test_a_job_ends_though_it_cannot_say_why(sessions: Sessions, fault: str) -> None:
    """What only words the reason may fail, or take too long, and all is put back."""

    def explain(session: Session) -> None:
        session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        session.execute(text(fault))

    job = ask(sessions)
    Writer.wrong = {"work 4": Invalid([Fault("rows", "too_large", 10)]), "explain": explain}

    drain(sessions)

    described = state_of(sessions, job)
    assert (described["state"], written(sessions)) == ("refused", [])
    assert [error["code"] for error in described["problem"]["errors"]] == ["too_large"]


def test_a_wish_to_cancel_outlives_its_asker(sessions: Sessions) -> None:
    """The asker dies between writing the wish and turning the job round."""
    job = ask(sessions)
    work(sessions)
    with transaction(sessions) as session:
        session.execute(
            text("INSERT INTO job_cancel SELECT id, created_by, now() - interval '2 seconds' FROM job")
        )
    assert state_of(sessions, job)["state"] == "canceling"

    drain(sessions)

    assert state_of(sessions, job)["state"] == "canceled"


def test_jobs_with_one_serial_key_are_done_one_after_another(sessions: Sessions) -> None:
    """S10; the second one writes the same rows, so it would fail if the first were not done with."""
    first = ask(sessions, serial_key="segment:1")
    second = ask(sessions, rows=2, serial_key="segment:1")
    other = ask(sessions, rows=2, serial_key="segment:2", kind="keeper")
    work(sessions)
    with sessions() as session:
        waiting = session.scalar(
            text("SELECT state FROM job_chunk WHERE job_id = :id AND no = 0"), {"id": second.id}
        )
    assert waiting == "pending"
    cancel(sessions, first)
    drain(sessions)

    states = [state_of(sessions, job)["state"] for job in (first, second)]
    assert states == ["canceled", "succeeded"]
    assert state_of(sessions, other)["state"] == "failed"


def test_a_clock_set_back_or_forth_does_not_strand_a_chunk(sessions: Sessions) -> None:
    job = ask(sessions)
    work(sessions)
    claim(sessions)
    with transaction(sessions) as session:
        session.execute(
            text("UPDATE job_chunk SET claimed_at = now() + interval '2 hours' WHERE state = 'running'")
        )

    while job_engine.work_one(sessions):
        pass

    assert state_of(sessions, job)["state"] == "succeeded"


def test_final_states_stay(sessions: Sessions) -> None:
    job = ask(sessions)
    drain(sessions)
    with transaction(sessions) as session:
        assert not job_endings.begin_ending(session, job.id, ending=State.CANCELED)
    assert state_of(sessions, job)["state"] == "succeeded"


def test_a_kind_that_a_worker_does_not_know_is_left_to_newer_ones(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(sessions)
    monkeypatch.delitem(KINDS, "writer")

    assert not work(sessions)
    assert state_of(sessions, job)["state"] == "queued"


def test_a_wish_to_cancel_a_job_of_a_kind_that_is_not_known_is_left_to_newer_ones(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RELIABILITY 3, beside the matrix: otherwise it stopped the older workers, and the older site could not ask."""
    newer, other = ask(sessions), ask(sessions, kind="keeper")
    with monkeypatch.context() as older:
        older.delitem(KINDS, "writer")
        cancel(sessions, newer)
        with transaction(sessions) as session:
            session.execute(text("UPDATE job_cancel SET requested_at = requested_at - interval '2 seconds'"))
        drain(sessions)
        assert state_of(sessions, other)["state"] == "succeeded"
        assert state_of(sessions, newer)["state"] == "canceling"

    drain(sessions)

    assert state_of(sessions, newer)["state"] == "canceled"


def test_a_small_job_whose_connection_is_lost_is_an_outage_for_whoever_asked(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RELIABILITY 3, case 5: there is no savepoint to go back to, and the request can be sent again."""
    monkeypatch.setattr(Writer, "is_small", lambda *_: True)
    monkeypatch.setitem(
        Writer.wrong,
        "work 1",
        lambda session: session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")),
    )
    parameters = {"rows": 4}
    with sessions() as session:
        job = jobs.create(session, kind="writer", parameters=parameters, actor=actors.system(session))
        with pytest.raises(DBAPIError) as lost:
            job_engine.do_if_small(session, job)
        session.rollback()
    assert is_infrastructure(lost.value)
    assert written(sessions) == []
