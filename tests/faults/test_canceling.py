"""A logging is canceled in full run (L8): afterwards it never was, or it is whole."""

from __future__ import annotations

import pytest

from ops.faults.company import FINAL, LINES, Company
from ops.faults.report import Case
from ops.faults.stack import wait_for

STEPS_DONE = "SELECT count(*) FROM job_chunk WHERE job_id = :id AND state = 'done'"


@pytest.mark.case(14, "cancel in full run")
def test_canceling_opens_the_segment_as_it_was(company: Company, case: Case) -> None:
    """No row after the answer, final within 2 s, and the segment can be logged like any other."""
    client, no = company.client, company.segment(lines=LINES)
    assert client.patch(f"/segments/{no}/lines/7", {"subject": "Personal"}).status == 200
    before = client.get(f"/segments/{no}").json, client.get(f"/segments/{no}/lines?limit=20").json
    job_id = company.log(no, follow_up=True)
    company.midway(job_id)
    assert client.patch(f"/segments/{no}", {"subject": "x"}).json["code"] == "logging_in_progress"
    company.stack.wait_until_writing(1)
    assert company.written() > 0

    answer = client.post(f"/jobs/{job_id}/cancel")
    case.inject("cancel, answered")
    written = [company.written()]

    assert (answer.status, answer.json["state"]) == (202, "canceling")
    assert answer.headers["location"] == f"/api/v1/jobs/{job_id}"

    def is_final() -> bool:
        written.append(company.written())
        return company.job(job_id)["state"] in FINAL

    case.recovers(is_final, "the job is canceled", within=2)
    written.append(company.written())
    assert written == sorted(written, reverse=True)
    assert written[-1] == 0
    assert company.job(job_id)["state"] == "canceled"
    assert (client.get(f"/segments/{no}").json, client.get(f"/segments/{no}/lines?limit=20").json) == before
    assert client.get("/logged-segments").json["items"] == []
    assert [segment["no"] for segment in client.get("/segments").json["items"]] == [no]
    company.assert_logged_exactly_once(company.log(no))


@pytest.mark.case(15, "cancel racing the last chunk, and twice")
def test_canceling_at_any_moment_has_one_legal_end(company: Company, case: Case) -> None:
    """All of it or nothing, whether the cancel came first, last, or twice."""
    ends = []
    moments = [turn % 4 for turn in range(12)]
    case.rng.shuffle(moments)
    for steps in moments:
        no = company.segment(lines=5_000)
        job_id = company.log(no)
        wait_for(
            lambda job_id=job_id, steps=steps: company.stack.value(STEPS_DONE, id=job_id) >= steps,
            "the moment to cancel",
        )
        case.inject(f"cancel, twice, after {steps} steps")
        answers = [company.client.post(f"/jobs/{job_id}/cancel") for _ in range(2)]
        job = company.ended(job_id)
        assert {answer.status for answer in answers} <= {202, 409}
        ends.append(job["state"])
        if job["state"] == "succeeded":
            assert [answer.json["code"] for answer in answers] == ["job_finished"] * 2
            company.assert_logged_exactly_once(job_id, 5_000)
        else:
            assert job["state"] == "canceled"
            assert answers[0].status == 202, answers[0].text
            assert company.client.get(f"/segments/{no}").json["status"] == "open"
            assert company.client.get(f"/logged-segments?segment_no={no}").json["items"] == []
    assert company.written() == 5_000 * ends.count("succeeded")
    assert "canceled" in ends, ends


@pytest.mark.case(15, "cancel, with kill -9 of all workers")
def test_a_cancel_outlives_the_death_of_all_workers(company: Company, case: Case) -> None:
    stack, no = company.stack, company.segment(lines=LINES)
    job_id = company.log(no)
    stack.wait_until_writing()
    answer = company.client.post(f"/jobs/{job_id}/cancel")
    assert answer.status == 202, answer.text
    case.inject("kill -9 of the worker and its pool, right after the answer")
    stack.kill(stack.leader("worker"), *stack.members("worker"))
    state = case.recovers(
        lambda: (found := company.job(job_id).get("state")) in FINAL and found, "the job has ended", within=15
    )
    assert state == "canceled"
    assert company.written() == 0
    assert company.client.get(f"/segments/{no}").json["status"] == "open"
