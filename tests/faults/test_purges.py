"""A purge is killed in the middle of a transaction; two run at once: the right rows go, once (E7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from ops.faults.company import Company
from ops.faults.report import Case
from ops.faults.stack import lives, wait_for
from tests.faults.backends import waiting_process

# Enough for two chains of chunks, of which one takes several transactions.
CANCELED, KEPT = 120_000, 1_000
OTHER_CHAIN_IS_DONE = (
    "SELECT count(*) = 1 FROM job_chunk WHERE job_id = :job AND step = 1 AND state <> 'done'"
)
# Of one segment, or counted by segment.
DELETION = "%DELETE FROM interaction"
# Not with FOR UPDATE beside OFFSET, which locks what is left out as well.
HOLD_ONE = """
    SELECT FROM interaction WHERE entry_no = (
        SELECT entry_no FROM interaction WHERE logged_segment_no = :no ORDER BY entry_no OFFSET :nth LIMIT 1)
    FOR UPDATE
"""


def logged(company: Company, lines: int, *, canceled: bool) -> int:
    """Log a segment; cancel it if asked; return the number of the logged segment."""
    no: int = company.finished(company.log(company.segment(lines=lines)))["result"]["logged_segment_no"]
    if canceled:
        assert company.client.post(f"/logged-segments/{no}/cancel").status == 200
    return no


def entries_of(company: Company, no: int) -> int:
    query = "SELECT count(*) FROM interaction WHERE logged_segment_no = :no"
    return int(company.stack.value(query, no=no))


@pytest.mark.case(33, "purge killed mid batch")
def test_a_purge_is_killed_in_the_middle(company: Company, case: Case) -> None:
    """Its transaction is caught between two rows and its process killed; what was canceled goes, the rest stays."""
    stack = company.stack
    kept = logged(company, KEPT, canceled=False)
    canceled = logged(company, CANCELED, canceled=True)
    with stack.engine().begin() as holder:
        holder.execute(text(HOLD_ONE), {"no": canceled, "nth": case.rng.randrange(30_000, CANCELED)})
        job = company.client.post("/purges", {"filters": {}, "confirm": True}).json
        wait_for(
            lambda: stack.value(OTHER_CHAIN_IS_DONE, job=job["id"]), "the other chain has come to its end"
        )
        pid = wait_for(lambda: waiting_process(stack, DELETION), "a batch is caught in its middle")
        before = company.written()
        case.inject("kill -9 of the process that purges")
        stack.kill(pid)
        wait_for(lambda: not lives(pid), "it is gone")
        assert company.written() == before, "half a batch is gone"
    result = company.finished(job["id"])["result"]
    case.recovered("the purge is done", within=10)
    assert company.retries(job["id"]) > 0, "the fault struck nothing"
    assert result["deleted"] == CANCELED
    assert (entries_of(company, canceled), entries_of(company, kept)) == (0, KEPT)
    (record,) = company.all_of("/purges")
    assert (record["deleted"], record["job_id"]) == (CANCELED, job["id"])


@pytest.mark.case(33, "two purges at once")
def test_two_purges_at_once(company: Company, case: Case) -> None:
    """Every row goes once and is counted once, whichever of the two takes it."""
    client = company.client
    kept = logged(company, KEPT, canceled=False)
    canceled = logged(company, CANCELED, canceled=True)
    case.inject("two purges of the same entries")
    with ThreadPoolExecutor(2) as pool:
        asked = list(pool.map(lambda _: client.post("/purges", {"filters": {}, "confirm": True}), range(2)))
    deleted = [company.finished(answer)["result"]["deleted"] for answer in asked]
    case.recovered("both are done", within=15)
    assert sum(deleted) == CANCELED, deleted
    assert (entries_of(company, canceled), entries_of(company, kept)) == (0, KEPT)
    assert sum(record["deleted"] for record in company.all_of("/purges")) == CANCELED
