"""Canceling a logging that is in full run (L8; RELIABILITY 3, cases 14 and 15)."""

from __future__ import annotations

from ops.faults.company import FINAL, LINES, Company
from ops.faults.oracle import Oracle
from ops.faults.stack import wait_for


def test_canceling_opens_the_segment_as_it_was(company: Company) -> None:
    """L8: no row is written after the answer, and the segment can be logged like any other."""
    client, no = company.client, company.segment(lines=LINES)
    assert client.patch(f"/segments/{no}/lines/7", {"subject": "Personal"}).status == 200
    before = client.get(f"/segments/{no}").json, client.get(f"/segments/{no}/lines?limit=20").json
    job_id = company.log(no, follow_up=True)
    company.midway(job_id)
    assert client.patch(f"/segments/{no}", {"subject": "x"}).json["code"] == "logging_in_progress"

    answer = client.post(f"/jobs/{job_id}/cancel")
    written = [company.written()]

    assert (answer.status, answer.json["state"]) == (202, "canceling")
    assert answer.headers["location"] == f"/api/v1/jobs/{job_id}"

    def is_final() -> bool:
        written.append(company.written())
        return company.job(job_id)["state"] in FINAL

    wait_for(is_final, "the job is canceled", seconds=10)
    written.append(company.written())
    assert written[0] > 0
    assert written == sorted(written, reverse=True)
    assert written[-1] == 0
    assert company.job(job_id)["state"] == "canceled"
    assert (client.get(f"/segments/{no}").json, client.get(f"/segments/{no}/lines?limit=20").json) == before
    assert client.get("/logged-segments").json["items"] == []
    assert [segment["no"] for segment in client.get("/segments").json["items"]] == [no]
    company.assert_logged_exactly_once(company.log(no))
    Oracle(company).check()


def test_a_cancel_outlives_the_death_of_all_workers(company: Company) -> None:
    """L8 (case 15, with kill -9)"""
    no = company.segment(lines=LINES)
    job_id = company.log(no)
    company.stack.wait_until_writing()
    answer = company.client.post(f"/jobs/{job_id}/cancel")
    assert answer.status == 202, answer.text
    company.stack.kill(company.stack.leader("worker"), *company.stack.members("worker"))
    assert company.ended(job_id)["state"] == "canceled"
    assert company.written() == 0
    assert company.client.get(f"/segments/{no}").json["status"] == "open"
    Oracle(company).check()


def test_a_finished_job_cannot_be_canceled(company: Company) -> None:
    """API: job_finished"""
    no = company.segment(lines=100)
    job_id = company.log(no)
    company.finished(job_id)
    answer = company.client.post(f"/jobs/{job_id}/cancel")
    assert (answer.status, answer.json["code"]) == (409, "job_finished")
    company.assert_logged_exactly_once(job_id, 100)


def test_canceling_at_any_moment_has_one_legal_end(company: Company) -> None:
    """L8 (case 15): all of it or nothing, whether the cancel came first, last, or twice."""
    ends = []
    for turn in range(12):
        no = company.segment(lines=5_000)
        job_id = company.log(no)
        wait_for(lambda turn=turn, job_id=job_id: _far_enough(company, job_id, turn), "the moment to cancel")
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


def _far_enough(company: Company, job_id: str, turn: int) -> bool:
    """Tell whether a job has come to the step at which this turn cancels: asked, planned, written, over."""
    steps = company.stack.value(
        "SELECT count(*) FROM job_chunk WHERE job_id = :id AND state = 'done'", id=job_id
    )
    return bool(steps >= turn % 4)
