"""Redis and PostgreSQL are emptied, killed and restarted under work (DESIGN 1.3, 1.4)."""

from __future__ import annotations

import signal
import threading

import pytest

from domain import hints
from ops.faults import strikes
from ops.faults.company import LINES, Company
from ops.faults.report import Case
from ops.faults.stack import FragileStack, wait_for
from tests.faults import commits
from tests.faults.backends import process_at
from tests.faults.chunks import at_work, done_at, has_started

ROLES = ("web", "worker", "documents", "consumer", "beat")


@pytest.mark.case(3, "FLUSHALL mid job")
def test_redis_is_emptied_mid_job(company: Company, case: Case) -> None:
    """And every hint of the next two seconds is lost as well; hints are back within 2 s after that."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES))
    stack.wait_until_writing()
    case.inject("FLUSHALL for two seconds")
    strikes.keep_redis_empty(stack)
    later = company.log(company.segment(lines=100))
    case.recovers(lambda: has_started(company, later), "a job asked for now is taken up", within=4)
    company.assert_logged_exactly_once(job_id)
    company.assert_logged_exactly_once(later, 100)


@pytest.mark.case(3, "FLUSHALL idle, and while publishing")
def test_redis_is_emptied_while_hints_are_published(company: Company, case: Case) -> None:
    """All jobs are taken up within 2 s."""
    stack = company.stack
    strikes.flush_redis(stack)
    stop = threading.Event()

    def flush() -> None:
        with stack.broker() as broker:
            while not stop.is_set():
                broker.flushall()

    flushing = threading.Thread(target=flush)
    flushing.start()
    try:
        job_ids = [company.log(company.segment(lines=100)) for _ in range(10)]
    finally:
        stop.set()
        flushing.join()
    case.inject("FLUSHALL without a pause while ten jobs were asked for")
    case.recovers(lambda: has_started(company, *job_ids), "all ten are taken up", within=2)
    for job_id in job_ids:
        company.assert_logged_exactly_once(job_id, 100)


@pytest.mark.case(4, "kill -9 of Redis, empty restart, mid job")
def test_redis_is_killed_and_starts_empty(company: Company, case: Case) -> None:
    """Workers stay up, and hints reach them again within 10 s."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES))
    leaders, failed = {role: stack.leader(role) for role in ROLES}, stack.failed_sweeps()
    stack.wait_until_writing()
    case.inject("kill -9 of Redis")
    stack.redis.kill()
    wait_for(lambda: stack.failed_sweeps() > failed, "beat has noticed")
    case.inject("Redis starts, empty")
    stack.redis.start()
    later = company.log(company.segment(lines=100))
    case.recovers(lambda: has_started(company, later), "a job asked for now is taken up", within=10)
    company.assert_logged_exactly_once(job_id)
    company.assert_logged_exactly_once(later, 100)
    assert {role: stack.leader(role) for role in ROLES} == leaders


@pytest.mark.case(5, "PostgreSQL immediate restart, mid chunk")
def test_postgresql_is_restarted_mid_chunk(company: Company, case: Case) -> None:
    stack, job_id = company.stack, company.log(company.segment(lines=LINES), follow_up=True)
    for _ in range(2):
        stack.wait_until_writing()
        case.inject("immediate restart")
        strikes.restart_postgres(stack)
        case.recovers(stack.is_ready, "the site is ready", within=15)
    company.assert_logged_exactly_once(job_id)
    assert company.retries(job_id) > 0, "the fault struck nothing"
    assert company.stack.value("SELECT count(*) FROM job_chunk WHERE failures > 0") == 0


@pytest.mark.case(5, "PostgreSQL immediate restart, at commit")
def test_postgresql_is_restarted_at_commit(company: Company, case: Case) -> None:
    """A chunk whose commit is on disk and was never answered is not done again."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES), follow_up=True)
    stack.wait_until_writing()
    commits.hold(stack)
    wait_for(lambda: commits.waiting(stack, "interaction"), "a chunk is committed and not answered")
    commits.release_at_restart(stack)
    before = at_work(company, job_id)
    case.inject("immediate restart between a commit and its answer")
    strikes.restart_postgres(stack)
    unanswered = [no for no, attempt in done_at(company, job_id).items() if before.get(no) == attempt]
    assert unanswered, f"no commit was ambiguous: {before}"
    case.recovers(stack.is_ready, "the site is ready", within=15)
    company.assert_logged_exactly_once(job_id)
    done = done_at(company, job_id)
    assert [done[no] for no in unanswered] == [before[no] for no in unanswered], "it was done again"


@pytest.mark.case(16, "hint lost in the BRPOP gap")
def test_a_hint_is_lost_with_the_worker_that_popped_it(company: Company, case: Case) -> None:
    """Redis has given the hint away, nobody has it: the next sweep replaces it."""
    stack = company.stack
    worker, beat = stack.leader("worker"), stack.leader("beat")
    with strikes.paused(beat):

        def popped_by_nobody() -> str | None:
            """Have the worker stopped while it waits for a message, and see whether the hint has left the queue."""
            wait_for(lambda: is_blocked(stack, worker), "the worker waits for a message")
            stack.kill(worker, number=signal.SIGSTOP)
            job_id = company.log(company.segment(lines=100))
            with stack.broker() as broker:
                gone = broker.llen(hints.JOBS_QUEUE) == 0 and not broker.exists("unacked")
            if gone:
                return job_id
            stack.kill(worker, number=signal.SIGCONT)  # it was between two waits
            company.assert_logged_exactly_once(job_id, 100)
            return None

        job_id = wait_for(popped_by_nobody, "a hint that was popped")
        case.inject("kill -9 of a worker that has popped a hint")
        stack.kill(worker, *stack.members("worker"))
        strikes.wait_for_another(stack, "worker", worker)
        assert not has_started(company, job_id)
    case.recovers(lambda: has_started(company, job_id), "another hint is there", within=8)
    company.assert_logged_exactly_once(job_id, 100)


def is_blocked(stack: FragileStack, worker: int | None) -> bool:
    """Tell whether a worker waits for the next message of its queue."""
    with stack.broker() as broker:
        clients = broker.client_list()
    ports = [
        int(one["addr"].rpartition(":")[2])
        for one in clients
        if one["cmd"] == "brpop" and "b" in one["flags"]
    ]
    return worker in map(process_at, ports)
