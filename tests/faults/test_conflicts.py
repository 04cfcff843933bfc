"""Transactions that PostgreSQL ends because of others: done again, and not counted as failures of the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import FragileStack, wait_for
from tests.faults.backends import waiting_process
from tests.faults.test_purges import CANCELED, DELETION, HOLD_ONE, entries_of, logged
from tests.faults.triggers import trigger

LINES = 40_000
TIMES = 6


@contextmanager
def injected(stack: FragileStack, state: str) -> Iterator[None]:
    """Have the first statements that write entries end with an error, each in another transaction: a sequence goes on
    whatever is rolled back."""
    stack.rows("CREATE SEQUENCE injected")
    body = f"""
        IF nextval('injected') <= {TIMES} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{state}'; END IF;
        RETURN NULL;
    """
    when = "TRIGGER inject AFTER INSERT ON interaction FOR EACH STATEMENT"
    with trigger(stack, "inject", body=body, when=when):
        yield
    stack.rows("DROP SEQUENCE injected")


@pytest.mark.case(34, "deadlock / serialization failure injected: job, events")
@pytest.mark.parametrize("state", ["deadlock_detected", "serialization_failure"])
def test_statements_that_write_entries_are_ended(
    company: Company, feeder: Feeder, case: Case, state: str
) -> None:
    """The chunks, and the recorder's batch, are done again."""
    stack = company.stack
    with injected(stack, state):
        case.inject(f"{state}, {TIMES} times, in a job")
        job_id = company.log(company.segment(lines=LINES))
        company.finished(job_id)
        case.recovered("the job is done", within=20)
        assert stack.value("SELECT last_value FROM injected") > TIMES, "the fault struck too seldom"
        case.inject(f"{state}, twice, in the recorder")
        stack.value("SELECT setval('injected', :from)", **{"from": TIMES - 2})
        feeder.post(feeder.make(50))
        feeder.wait_until_recorded()
        case.recovered("the events are recorded", within=10)
        assert stack.value("SELECT last_value FROM injected") > TIMES, "the fault struck too seldom"
    company.assert_logged_exactly_once(job_id, LINES)
    assert company.retries(job_id) > 0
    assert stack.value("SELECT sum(failures) FROM job_chunk") == 0


@pytest.mark.case(34, "deadlock: purge")
def test_a_purge_loses_a_deadlock(company: Company, case: Case) -> None:
    """The test holds an entry that the purge wants, and wants the logged segment that the purge holds."""
    stack = company.stack
    canceled = logged(company, CANCELED, canceled=True)
    with stack.engine().begin() as rival:
        # It is the purge that looks for a deadlock first, and so the one to be ended.
        rival.execute(text("SET LOCAL deadlock_timeout = '1min'"))
        rival.execute(text(HOLD_ONE), {"no": canceled, "nth": case.rng.randrange(CANCELED)})
        job = company.client.post("/purges", {"filters": {}, "confirm": True}).json
        wait_for(lambda: waiting_process(stack, DELETION), "the purge waits for the entry")
        case.inject("a deadlock")
        rival.execute(text("SELECT FROM logged_segment WHERE no = :no FOR UPDATE"), {"no": canceled})
    result = company.finished(job["id"])["result"]
    case.recovered("the purge is done", within=10)
    assert company.retries(job["id"]) > 0, "the purge was not the one that was ended"
    assert stack.value("SELECT sum(failures) FROM job_chunk") == 0
    assert (result["deleted"], entries_of(company, canceled)) == (CANCELED, 0)
