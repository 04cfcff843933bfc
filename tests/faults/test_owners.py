"""A pool process that owns a chunk is paused and goes on when it has been given up for dead (RELIABILITY 2)."""

from __future__ import annotations

import signal

import pytest
from sqlalchemy import text

from ops.faults import strikes
from ops.faults.company import LINES, Company
from ops.faults.report import Case
from ops.faults.stack import wait_for
from tests.faults.backends import waiting_process
from tests.faults.chunks import at_work, done_at

# How the statement begins with which a process takes the job of the chunk that it has claimed.
WANTS_JOB = "SELECT job."


@pytest.mark.case(10, "owner paused between claim and work, continued later")
def test_an_owner_that_was_overtaken_is_fenced(company: Company, case: Case) -> None:
    """Its chunk is somebody else's by the time it goes on, so it writes nothing."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES))
    stack.wait_until_writing()

    def fenced() -> int:
        """Count the times that a process found its chunk taken: at the fence, or by what its snapshot could not see."""
        return sum(stack.has_logged("worker", event) for event in ("chunk_overtaken", "chunk_interrupted"))

    fenced_before = fenced()
    with stack.engine().begin() as rival:
        # Whoever has claimed a chunk wants the job next, and only then the chunk.
        rival.execute(text("SELECT FROM job WHERE id = :id FOR UPDATE"), {"id": job_id})
        owner = wait_for(lambda: waiting_process(stack, WANTS_JOB), "a process between claim and work")
        stack.kill(owner, number=signal.SIGSTOP)
        before = at_work(company, job_id)
    case.inject("SIGSTOP of a process that has just claimed a chunk")

    def claimed_again() -> tuple[int, int] | None:
        """Return number and attempt of a chunk that somebody else has taken up, and may have done already."""
        now = at_work(company, job_id) | done_at(company, job_id)
        return next((one for one in now.items() if one[1] > before.get(one[0], 1)), None)

    try:
        no, attempt = case.recovers(claimed_again, "its chunk is claimed again", within=10)
        case.inject("SIGCONT while another process does the chunk")
    finally:
        stack.kill(owner, number=signal.SIGCONT)
    case.recovers(lambda: fenced() > fenced_before, "it found itself overtaken", within=5)
    company.assert_logged_exactly_once(job_id)
    assert done_at(company, job_id)[no] == attempt


@pytest.mark.case(11, "owner paused inside the work beyond the idle timeout")
def test_an_owner_is_paused_inside_the_work(company: Company, case: Case) -> None:
    """Its session is ended by the server, another process does its chunk."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES))
    stack.wait_until_writing()
    owner = case.rng.choice(stack.members("worker"))
    case.inject("SIGSTOP of a process that writes entries")
    with strikes.paused(owner):
        job = company.ended(job_id)
        case.recovered("the job has ended without it", within=20)
    case.inject("SIGCONT")
    assert job["state"] == "succeeded", job
    company.assert_logged_exactly_once(job_id)
    assert company.retries(job_id) > 0, "the fault struck nothing"
    case.recovers(lambda: owner in stack.members("worker"), "the process is at work again", within=5)
