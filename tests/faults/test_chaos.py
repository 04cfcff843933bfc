"""Everything is used while everything is killed, paused, flushed and restarted."""

from __future__ import annotations

import pytest

from ops.faults.chaos import FEWEST_BLOWS, Chaos
from ops.faults.company import Company
from ops.faults.report import Case

SECONDS = 40


@pytest.mark.case(12, "all at random, 40 s")
def test_the_system_outlives_a_random_run(company: Company, case: Case) -> None:
    record = Chaos(company, seed=case.seed, tell=case.inject).run(SECONDS)
    assert not record.problems, "\n".join(record.problems)
    assert len(record.blows) >= FEWEST_BLOWS
