"""A large segment is being logged when something dies: every line is logged exactly once all the same (L8).

Issue 2, "must show", and the cases of RELIABILITY 3 that each fault names. A fault strikes while both pool processes
are in the middle of writing entries.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from ops.faults.company import LINES, Company
from ops.faults.oracle import Oracle
from ops.faults.stack import FragileStack, lives, wait_for

GONE_SECONDS = 12


def kill_a_pool_process(stack: FragileStack) -> None:
    """Case 2."""
    stack.kill(stack.members("worker")[0])


def kill_the_whole_worker(stack: FragileStack) -> None:
    """Case 1: the parent and, before it can be restarted, its pool processes."""
    leader = stack.leader("worker")
    stack.kill(leader, *stack.members("worker"))
    wait_for(lambda: stack.leader("worker") not in (None, leader), "another worker")


def kill_the_parent_of_the_pool(stack: FragileStack) -> None:
    """Case 1: its pool processes are left without a parent."""
    leader, pool = stack.leader("worker"), stack.members("worker")
    stack.kill(leader)
    wait_for(lambda: stack.leader("worker") not in (None, leader), "another worker")
    assert not any(map(lives, pool)), "pool processes live on without a parent"


def kill_worker_and_beat(stack: FragileStack) -> None:
    """Cases 1 and 13."""
    kill_beat(stack)
    kill_the_whole_worker(stack)


def kill_beat(stack: FragileStack) -> None:
    """Case 13."""
    stack.kill(beat := stack.leader("beat"))
    wait_for(lambda: stack.leader("beat") not in (None, beat), "another beat")


def empty_redis(stack: FragileStack) -> None:
    """Case 3: and every hint of the next two seconds is lost as well."""
    end = time.monotonic() + 2
    with stack.broker() as broker:
        while time.monotonic() < end:
            broker.flushall()


def kill_redis(stack: FragileStack) -> None:
    """Case 4: it starts empty."""
    stack.redis.kill()
    stack.redis.start()


def restart_postgres_at_once(stack: FragileStack) -> None:
    """Case 5."""
    stack.postgres.restart()


def stop_the_worker(stack: FragileStack) -> None:
    """Case 32: it is gone in time, its pool processes as well."""
    leader, pool = stack.leader("worker"), stack.members("worker")
    begun = time.monotonic()
    stack.kill(leader, number=signal.SIGTERM)
    wait_for(lambda: stack.leader("worker") != leader, "the worker is gone", seconds=GONE_SECONDS)
    wait_for(lambda: not any(map(lives, pool)), "its pool is gone", seconds=GONE_SECONDS)
    assert time.monotonic() - begun < GONE_SECONDS


def put_garbage_into_the_queue(stack: FragileStack) -> None:
    """Case 17: bytes, JSON that is no message, and a message without a body; the worker may end, and is back."""
    leader = stack.leader("worker")
    with stack.broker() as broker:
        broker.lpush(
            "jobs", b"\xff\xfe garbage", b'{"task": "jobs.work"}', b'{"body": "bm90aGluZw==", "headers": {}}'
        )
    wait_for(lambda: stack.leader("worker") not in (None, leader), "another worker")


STRIKES_WORK = [
    kill_a_pool_process,
    kill_the_whole_worker,
    kill_the_parent_of_the_pool,
    kill_worker_and_beat,
    restart_postgres_at_once,
]
STRIKES_AROUND_IT = [kill_beat, empty_redis, kill_redis, stop_the_worker, put_garbage_into_the_queue]


@pytest.mark.parametrize("strike", STRIKES_WORK + STRIKES_AROUND_IT, ids=lambda strike: strike.__name__)
def test_the_job_goes_on_by_itself(company: Company, strike: Callable[[FragileStack], None]) -> None:
    """L8: nothing lost, nothing twice, and all is well afterwards."""
    job_id = company.log(company.segment(lines=LINES), follow_up=True)
    company.midway(job_id)
    company.stack.wait_until_writing()

    strike(company.stack)

    company.assert_logged_exactly_once(job_id)
    if strike in STRIKES_WORK:
        assert company.retries(job_id) > 0, "the fault struck nothing"
    follow_up = company.job(job_id)["result"]["follow_up_segment_no"]
    assert company.client.get(f"/segments/{follow_up}").json["lines_count"] == LINES
    assert company.stack.value("SELECT count(*) FROM job_chunk WHERE failures > 0") == 0
    Oracle(company).check()


def test_the_job_outlives_one_fault_after_the_other(company: Company) -> None:
    """L8 (issue 2, must show): a pool process, the whole worker and everything in Redis, in one logging."""
    job_id = company.log(company.segment(lines=LINES), follow_up=True)
    for strike in (kill_a_pool_process, kill_the_whole_worker, empty_redis):
        company.stack.wait_until_writing(1)
        strike(company.stack)
    company.assert_logged_exactly_once(job_id)
    Oracle(company).check()


def test_a_hint_that_was_lost_is_replaced(company: Company) -> None:
    """DESIGN 1.4 (cases 3, 16): the queue is emptied before any worker could look."""
    stack = company.stack
    workers = [stack.leader("worker"), *stack.members("worker")]
    stack.kill(*workers, number=signal.SIGSTOP)
    job_id = company.log(company.segment(lines=100))
    with stack.broker() as broker:
        broker.flushall()
    stack.kill(*workers, number=signal.SIGCONT)
    company.assert_logged_exactly_once(job_id, 100)
    Oracle(company).check()


def test_a_paused_worker_that_was_overtaken_writes_nothing(company: Company) -> None:
    """RELIABILITY 2 (case 11): its session is ended by the server, another process does its chunk."""
    stack = company.stack
    job_id = company.log(company.segment(lines=LINES))
    stack.wait_until_writing()
    paused = stack.members("worker")[0]
    stack.kill(paused, number=signal.SIGSTOP)
    job = company.ended(job_id)
    stack.kill(paused, number=signal.SIGCONT)
    assert job["state"] == "succeeded", job
    company.assert_logged_exactly_once(job_id)
    Oracle(company).check()
