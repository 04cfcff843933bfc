"""A pool process that owns a chunk is paused and goes on when it has been given up for dead (RELIABILITY 2)."""

from __future__ import annotations

import signal

import pytest

from ops.faults import strikes
from ops.faults.company import LINES, Company
from ops.faults.report import Case
from ops.faults.stack import wait_for
from tests.faults import commits
from tests.faults.backends import process_at
from tests.faults.chunks import at_work, done_at


@pytest.mark.case(10, "owner paused between claim and work, continued later")
def test_an_owner_that_was_overtaken_is_fenced(company: Company, case: Case) -> None:
    """Its chunk is somebody else's by the time it goes on, so it writes nothing."""
    stack, job_id = company.stack, company.log(company.segment(lines=LINES))
    stack.wait_until_writing()
    fenced = stack.has_logged("worker", "chunk_overtaken")
    with commits.held(stack):
        port = wait_for(
            lambda: commits.waiting(stack, "interaction"), "a chunk is committed and not answered"
        )[0]
        commits.answer(stack, port)
        wait_for(
            lambda: (
                port not in commits.waiting(stack, "interaction")
                and port in commits.waiting(stack, "job_chunk")
            ),
            "a claim is committed and not answered",
        )
        owner = process_at(port)
        stack.kill(owner, number=signal.SIGSTOP)
        before = at_work(company, job_id) | done_at(company, job_id)
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
    case.recovers(
        lambda: stack.has_logged("worker", "chunk_overtaken") > fenced, "it found itself overtaken", within=5
    )
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
