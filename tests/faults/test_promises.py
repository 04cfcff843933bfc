"""Moments that no other fault hits: before a hint, before a group of consumers is there, between a key and its work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from http.client import HTTPException

import pytest
from sqlalchemy import text

from ops.faults import strikes
from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import FragileStack, lives, wait_for
from tests.faults.chunks import has_started
from tests.faults.triggers import trigger

ASKED = "SELECT count(*) FROM job WHERE kind = 'log_segment'"
HELD_UP = """
    SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interlog-web' AND wait_event_type = 'Lock'
"""


def slow_commits(stack: FragileStack) -> AbstractContextManager[None]:
    """Have commits that ask for a job take longer than a hint, for the length of a block."""
    return trigger(
        stack,
        "slow",
        body="PERFORM pg_sleep(0.5); RETURN NULL;",
        when="CONSTRAINT TRIGGER slow AFTER INSERT ON job DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
    )


@pytest.mark.case(16, "slow commits, and no beat to send hints again")
def test_a_hint_comes_after_the_commit(company: Company, case: Case) -> None:
    """DESIGN 1.4: who takes a hint finds the work."""
    stack = company.stack
    with strikes.paused(stack.leader("beat")), slow_commits(stack):
        for _ in range(3):
            case.inject("a commit that takes half a second")
            job_id = company.log(company.segment(lines=10))
            case.recovers(
                lambda job_id=job_id: company.job(job_id)["finished_at"], "the job is done", within=8
            )


@pytest.mark.case(3, "FLUSHALL while no worker is there")
def test_a_hint_is_lost_before_anybody_looks(company: Company, case: Case) -> None:
    """Nobody has the only hint of a job, so nothing but beat's look into PostgreSQL can find it."""
    stack = company.stack
    worker = stack.leader("worker")
    no = company.segment(lines=100)
    stack.kill(worker, *stack.members("worker"))
    wait_for(lambda: not lives(worker), "the worker is gone")
    job_id = company.log(no)
    case.inject("FLUSHALL")
    strikes.flush_redis(stack)
    case.recovers(lambda: has_started(company, job_id), "the job is taken up by another worker", within=10)


@pytest.mark.case(8, "events sent to an empty Redis before the consumer looks")
def test_what_comes_before_the_group_is_read(company: Company, feeder: Feeder, case: Case) -> None:
    """The group of consumers begins with the first entry there is, so nothing has to be sent again."""
    stack = company.stack
    with strikes.paused(stack.leader("consumer")):
        case.inject("kill -9 of Redis, which starts empty, while the consumer does not look")
        strikes.kill_redis(stack)
        feeder.add(feeder.make(20))
    feeder.wait_until_recorded(seconds=10)
    case.recovered("all are recorded", within=15)


@pytest.mark.case(7, "kill -9 of web, inside the work of a request; the client retries its key")
def test_a_key_without_its_work_is_no_key(company: Company, case: Case) -> None:
    """J2: killed before the commit, nothing has happened, and the key is as good as new."""
    stack, no = company.stack, company.segment(lines=100)

    def ask() -> str:
        answer = company.client.post(f"/segments/{no}/log", headers={"Idempotency-Key": "inside"})
        assert answer.status == 202, answer.text
        job_id: str = answer.json["id"]
        return job_id

    web = stack.leader("web")
    with ThreadPoolExecutor(1) as pool, stack.engine().begin() as holding:
        holding.execute(text("SELECT FROM segment WHERE no = :no FOR UPDATE"), {"no": no})
        sent = pool.submit(ask)
        wait_for(lambda: stack.value(HELD_UP), "the request is held up in its work")
        case.inject("kill -9 of web")
        stack.kill(*stack.members("web"), web)
        assert isinstance(sent.exception(), OSError | HTTPException)
    case.recovers(lambda: stack.leader("web") != web and stack.is_ready(), "web is back", within=10)
    company.assert_logged_exactly_once(ask(), 100)
    assert stack.value(ASKED) == 1
