"""Workers are restarted one after another, as for a new version, while work is under way."""

from __future__ import annotations

import signal

import pytest

from ops.faults.company import LINES, Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import lives, wait_for

# Stopping takes no longer (RELIABILITY 3, case 32).
GONE_SECONDS = 12
ROLES = ("worker", "documents", "consumer")


@pytest.mark.case(32, "SIGTERM rolling restart of all workers")
def test_all_workers_are_restarted_one_after_another(company: Company, feeder: Feeder, case: Case) -> None:
    """Each is out within 12 s with all that it started, and nothing is lost."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES), follow_up=True)
    feeder.start()
    stack.wait_until_writing()
    for role in ROLES:
        leader, pool = stack.leader(role), stack.members(role)
        case.inject(f"SIGTERM to {role}")
        stack.kill(leader, number=signal.SIGTERM)
        case.recovers(
            lambda leader=leader, pool=pool: not any(map(lives, (leader, *pool))),
            f"{role} is out",
            within=GONE_SECONDS,
        )
        wait_for(stack.is_whole, "another one is there")
    feeder.stop()
    company.assert_logged_exactly_once(job_id)
    feeder.wait_until_recorded()
    wait_for(feeder.is_read, "the stream is read")
