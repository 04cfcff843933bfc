"""Events in any order give the same end state (D6)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case

DOCUMENTS, PRINTS = 2_000, 5
AT_ONCE = 1_000
FIRST = dt.datetime(2026, 3, 10, 6, tzinfo=dt.UTC)
ENTRIES = """
    SELECT substr(document_no, 3) AS no, date, time_of_day, times_printed, description
    FROM interaction WHERE document_no LIKE :prefix ORDER BY 1, 2, 3
"""


@pytest.mark.case(22, "events shuffled, 10,000")
def test_ten_thousand_events_in_another_order(company: Company, feeder: Feeder, case: Case) -> None:
    """Prints of 2,000 documents: those in order through one door, the same ones in any order through all of them."""
    hours = [[case.rng.randint(0, 60 * 60) for _ in range(PRINTS)] for _ in range(DOCUMENTS)]

    def prints(prefix: str) -> list[dict[str, Any]]:
        minutes = [(minute, no) for no, each in enumerate(hours) for minute in sorted(set(each))]
        return [
            event
            for minute, no in sorted(minutes)
            for event in feeder.make(
                1,
                document_no=f"{prefix}-{no}",
                time=(FIRST + dt.timedelta(minutes=minute)).isoformat(),
                description=f"print at {minute}",
            )
        ]

    ordered, shuffled = prints("A"), prints("B")
    case.rng.shuffle(shuffled)
    for start in range(0, len(ordered), AT_ONCE):
        feeder.post(ordered[start : start + AT_ONCE])
    feeder.wait_until_recorded()
    case.inject(f"{len(shuffled)} events in any order")
    for start in range(0, len(shuffled), AT_ONCE):
        feeder.doors[case.rng.choice(sorted(feeder.doors))](shuffled[start : start + AT_ONCE])
    feeder.wait_until_recorded()
    case.recovered("all are recorded", within=60)

    expected = company.stack.rows(ENTRIES, prefix="A-%")
    assert DOCUMENTS < len(expected) < len(ordered), "some prints must be reprints, and some not"
    assert company.stack.rows(ENTRIES, prefix="B-%") == expected
