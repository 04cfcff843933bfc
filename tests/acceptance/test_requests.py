"""What one client sends: twice, at once with somebody else, again after no answer, and then watches (L1, J1, J2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ops.faults.client import Answer
from ops.faults.company import LINES, Company
from ops.faults.strikes import paused


def at_once(count: int, call: Callable[[], Answer]) -> list[Answer]:
    """Send a request from several threads that begin together; return the answers."""
    barrier = threading.Barrier(count)

    def send() -> Answer:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(count) as pool:
        return [sent.result() for sent in [pool.submit(send) for _ in range(count)]]


def test_two_presses_log_one_segment(company: Company) -> None:
    """L1 (issue 2, must show): of two people who press Log at once one is told that the other was first."""
    for _ in range(5):
        no = company.segment(lines=100)
        # The worker waits, so that the segment is still there for the second.
        with paused(company.stack.leader("worker"), *company.stack.members("worker")):
            answers = at_once(2, lambda no=no: company.client.post(f"/segments/{no}/log"))
        assert sorted(answer.status for answer in answers) == [202, 409]
        (refused,) = [answer for answer in answers if answer.status == 409]
        (job,) = [answer.json for answer in answers if answer.status == 202]
        assert refused.json["code"] in ("logging_in_progress", "already_logged")
        company.assert_logged_exactly_once(job["id"], 100)
        assert len(company.client.get(f"/logged-segments?segment_no={no}").json["items"]) == 1


def test_one_key_makes_one_job(company: Company) -> None:
    """J2: the same request with the same key, one after the other and eight at once."""
    for turn in range(3):
        no = company.segment(lines=100)
        headers = {"Idempotency-Key": f"press-{turn}"}
        answers = at_once(
            8, lambda no=no, key=headers: company.client.post(f"/segments/{no}/log", headers=key)
        )
        answers.append(company.client.post(f"/segments/{no}/log", headers=headers))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.text for answer in answers}) == 1
        replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
        assert sorted(filter(None, replayed)) == ["true"] * 8
        company.assert_logged_exactly_once(answers[0].json["id"], 100)
    other = company.client.post(f"/segments/{company.segment(lines=1)}/log", headers=headers)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert company.stack.value("SELECT count(*) FROM job WHERE kind = 'log_segment'") == 3


def test_a_job_can_be_watched_live(company: Company) -> None:
    """J1: events `progress` while it runs, one `end`, the job with each."""
    job_id = company.log(company.segment(lines=LINES))
    events = list(company.client.events(f"/jobs/{job_id}/events"))
    *progress, (last, job) = events
    assert [name for name, _ in progress] == ["progress"] * len(progress)
    assert (last, job["state"], job["done"]) == ("end", "succeeded", LINES)
    seen = [job["done"] for _, job in progress]
    assert seen == sorted(seen)
    assert any(0 < done < LINES for done in seen), seen
    assert {job["id"] for _, job in events} == {job_id}
    again = list(company.client.events(f"/jobs/{job_id}/events"))
    assert [(name, job["state"]) for name, job in again] == [("end", "succeeded")]


def test_a_client_may_prefer_to_wait(company: Company) -> None:
    """API, Prefer: 200 with the ended job, or 202 with the unfinished one after the time."""
    answer = company.client.post(f"/segments/{company.segment(lines=100)}/log", headers={"Prefer": "wait=30"})
    assert (answer.status, answer.json["state"]) == (200, "succeeded")
    assert answer.headers["preference-applied"] == "wait=30"

    workers = [company.stack.leader("worker"), *company.stack.members("worker")]
    with paused(*workers):
        no = company.segment(lines=100)
        answer = company.client.post(f"/segments/{no}/log", headers={"Prefer": "wait=1"})
    assert (answer.status, answer.json["state"], 1 <= answer.seconds < 5) == (202, "queued", True)
    company.finished(answer)
