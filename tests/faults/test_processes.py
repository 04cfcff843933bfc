"""Processes are killed while a large segment is being logged: every line is logged exactly once all the same (L8).

A fault strikes while pool processes are in the middle of writing entries.
"""

from __future__ import annotations

import pytest

from ops import commands
from ops.faults import strikes
from ops.faults.company import LINES, Company
from ops.faults.report import Case
from ops.faults.stack import lives, wait_for
from tests.faults.backends import LOGGING, working_processes
from tests.faults.chunks import at_work, were_claimed_again

BEATS_SINCE = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'interlog-beat' AND state_change > CAST(:moment AS timestamptz)
"""
RUNS = "SELECT count(*) FROM purge_record"
MAKE_DUE = "UPDATE purge_schedule SET next_run_at = clock_timestamp() RETURNING 1"


@pytest.mark.case(1, "kill -9 of a worker's parent, mid chunk, x3")
def test_the_workers_parent_is_killed(company: Company, case: Case) -> None:
    """Its chunks are claimed again within 5 s."""
    stack = company.stack
    for _ in range(3):
        job_id = company.log(company.segment(lines=LINES), follow_up=True)
        stack.wait_until_writing()
        chunks = at_work(company, job_id)
        case.inject("kill -9 of the parent")
        strikes.kill_the_parent_of_the_pool(stack)
        case.recovers(
            lambda job_id=job_id, chunks=chunks: were_claimed_again(company, job_id, chunks),
            "its chunks are claimed again",
            within=5,
        )
        company.assert_logged_exactly_once(job_id)
        assert company.retries(job_id) > 0, "the fault struck nothing"
        follow_up = company.job(job_id)["result"]["follow_up_segment_no"]
        assert company.client.get(f"/segments/{follow_up}").json["lines_count"] == LINES


@pytest.mark.case(2, "kill -9 of a pool child, mid chunk, x5")
def test_a_pool_process_is_killed(company: Company, case: Case) -> None:
    """The others go on."""
    stack, job_ids = company.stack, [company.log(company.segment(lines=LINES), follow_up=True)]
    leader = stack.leader("worker")

    def somebody_writes() -> list[int]:
        """Find who is at work; when everything is logged before the last blow, there is more to be logged."""
        if stack.value("SELECT finished_at IS NOT NULL FROM job WHERE id = :id", id=job_ids[-1]):
            job_ids.append(company.log(company.segment(lines=LINES), follow_up=True))
        return working_processes(stack, LOGGING)

    for _ in range(5):
        pool = stack.members("worker")
        victim = case.rng.choice(wait_for(somebody_writes, "somebody writes"))
        case.inject("kill -9 of a pool process")
        stack.kill(victim)
        wait_for(lambda victim=victim: not lives(victim), "it is gone")
        assert all(lives(other) for other in pool if other != victim)
        case.recovers(
            lambda: len(stack.members("worker")) == stack.options.workers, "the pool is whole", within=10
        )
    for job_id in job_ids:
        company.assert_logged_exactly_once(job_id)
    assert sum(map(company.retries, job_ids)) > 0, "the fault struck nothing"
    assert stack.leader("worker") == leader


@pytest.mark.case(13, "kill -9 of beat, one of two, then both: mid job, schedule due")
def test_beats_are_killed(company: Company, case: Case) -> None:
    """The job goes on; a schedule that is due runs once, within 5 s."""
    stack = company.stack
    answer = company.client.post("/purge-schedules", {"name": "Yearly", "cron": "0 0 1 1 *"})
    assert answer.status == 201, answer.text
    with stack.beside(commands.beat()) as second:
        wait_for(lambda: looking_since(company) == 2, "both beats look")
        job_id = company.log(company.segment(lines=LINES))
        stack.wait_until_writing()

        case.inject("kill -9 of one of two beats, a schedule is due")
        first = stack.leader("beat")
        stack.kill(first)
        stack.value(MAKE_DUE)
        case.recovers(lambda: stack.value(RUNS) == 1, "the schedule has run", within=5)
        strikes.wait_for_another(stack, "beat", first)

        case.inject("kill -9 of both, a schedule is due, work is open")
        stack.kill(stack.leader("beat"), second)
        stack.value(MAKE_DUE)
        case.recovers(lambda: stack.value(RUNS) == 2, "the schedule has run", within=5)
    company.assert_logged_exactly_once(job_id)
    with stack.beside(commands.beat()):
        for _ in range(2):
            moment = stack.value("SELECT CAST(clock_timestamp() AS text)")
            wait_for(lambda moment=moment: looking_since(company, moment) == 2, "both beats look again")
        assert stack.value(RUNS) == 2


def looking_since(company: Company, moment: str = "-infinity") -> int:
    """Count the beats that have asked PostgreSQL for work since a moment."""
    return int(company.stack.value(BEATS_SINCE, moment=moment))
