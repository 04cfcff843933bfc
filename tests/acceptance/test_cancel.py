"""A job that has ended cannot be canceled; what becomes of one in full run, tests/faults shows (L8)."""

from __future__ import annotations

from ops.faults.company import Company


def test_a_finished_job_cannot_be_canceled(company: Company) -> None:
    """API: job_finished"""
    no = company.segment(lines=100)
    job_id = company.log(no)
    company.finished(job_id)
    answer = company.client.post(f"/jobs/{job_id}/cancel")
    assert (answer.status, answer.json["code"]) == (409, "job_finished")
    company.assert_logged_exactly_once(job_id, 100)
