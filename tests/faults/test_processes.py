"""Processes are killed while a large segment is being logged: every line is logged exactly once all the same (L8).

A fault strikes while pool processes are in the middle of writing entries.
"""

from __future__ import annotations

import pytest

from ops.faults import strikes
from ops.faults.company import LINES, Company
from ops.faults.report import Case
from ops.faults.stack import lives, wait_for

CLAIMED_AGAIN_SECONDS = 5


def open_chunks(company: Company, job_id: str) -> dict[int, int]:
    """Map each chunk at work to the number of its attempt."""
    rows = company.stack.rows(
        "SELECT no, attempt FROM job_chunk WHERE job_id = :id AND state = 'running'", id=job_id
    )
    return {row.no: row.attempt for row in rows}


def were_claimed_again(company: Company, job_id: str, chunks: dict[int, int]) -> bool:
    """Tell whether chunks have another attempt than the one that was struck, or were done by it after all."""
    rows = company.stack.rows("SELECT no, attempt, state FROM job_chunk WHERE job_id = :id", id=job_id)
    now = {row.no: row for row in rows}
    return all(now[no].attempt > attempt or now[no].state == "done" for no, attempt in chunks.items())


@pytest.mark.case(1, "kill -9 of a worker's parent, mid chunk, x3")
def test_the_workers_parent_is_killed(company: Company, case: Case) -> None:
    """Its chunks are claimed again within 5 s."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES), follow_up=True)
    struck = 0
    for _ in range(3):
        stack.wait_until_writing()
        chunks, pool = open_chunks(company, job_id), stack.members("worker")
        case.inject("kill -9 of the parent")
        strikes.kill_the_parent_of_the_pool(stack)
        case.recovers(
            lambda chunks=chunks: were_claimed_again(company, job_id, chunks),
            "its chunks are claimed again",
            within=CLAIMED_AGAIN_SECONDS,
        )
        assert not any(map(lives, pool))
        struck += len(chunks)
    company.assert_logged_exactly_once(job_id)
    assert struck > 0
    assert company.retries(job_id) > 0, "the fault struck nothing"


@pytest.mark.case(2, "kill -9 of a pool child, mid chunk, x5")
def test_a_pool_process_is_killed(company: Company, case: Case) -> None:
    """The others go on."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES), follow_up=True)
    leader = stack.leader("worker")
    for _ in range(5):
        stack.wait_until_writing(1)
        pool = stack.members("worker")
        victim = case.rng.choice(pool)
        case.inject("kill -9 of a pool process")
        stack.kill(victim)
        wait_for(lambda victim=victim: not lives(victim), "it is gone")
        assert all(lives(other) for other in pool if other != victim)
        case.recovers(
            lambda victim=victim: len(stack.members("worker")) == stack.options.workers,
            "the pool is whole",
            within=10,
        )
    company.assert_logged_exactly_once(job_id)
    assert company.retries(job_id) > 0, "the fault struck nothing"
    assert stack.leader("worker") == leader
