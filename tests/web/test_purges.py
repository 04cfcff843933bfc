"""Purges and their schedules through the API (API.md, Purges, jobs; E5, E7, E8)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.web.conftest import Client, Company, faults_of, transaction

Unique = Callable[[str], str]
DoJobs = Callable[[], None]


@pytest.fixture
def canceled(marketing: Client, company: Company, unique: Unique, do_jobs: DoJobs, sessions: Any) -> int:
    """Three entries, the logged segment of which is canceled; the number of the first."""
    no = unique("SEG")
    marketing.post("/segments", {"no": no, "description": "Spring", "template_code": company.template})
    marketing.post(f"/segments/{no}/lines", {"contact_nos": company.contacts})
    marketing.post(f"/segments/{no}/log")
    do_jobs()
    with transaction(sessions) as session:
        first: int = session.execute(
            text(
                "UPDATE logged_segment SET canceled_at = now(), canceled_by = actor_id "
                "WHERE segment_no = :no RETURNING first_entry_no"
            ),
            {"no": no},
        ).scalar_one()
    return first


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of archives."""
    monkeypatch.setenv("INTERLOG_ARCHIVE_FOLDER", str(tmp_path))
    return tmp_path


def entries_of(client: Client, company: Company) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/interactions?template_code={company.template}").json["items"]
    return items


def test_a_preview_counts_and_a_purge_deletes(
    admin: Client, company: Company, canceled: int, do_jobs: DoJobs
) -> None:
    """E5."""
    filters = {"template_code": company.template, "contact_no": company.contacts[0]}
    counted = admin.post("/purges", {"filters": filters, "preview": True})
    assert (counted.status_code, counted.json) == (200, {"matching": 1})

    asked = admin.post("/purges", {"filters": filters})
    assert (asked.status_code, asked.json["kind"], asked.json["state"]) == (202, "purge", "queued")
    do_jobs()

    job = admin.get(f"/jobs/{asked.json['id']}").json
    record = admin.get(f"/purges/{job['result']['purge_id']}").json
    assert (job["state"], job["result"]["deleted"], record["deleted"]) == ("succeeded", 1, 1)
    assert (record["filters"], record["job_id"], record["user"]) == (filters, job["id"], "admin-client")
    assert record["duration_seconds"] >= 0
    assert (record["schedule"], record["archive_file"]) == (None, None)
    assert admin.get("/purges?limit=1").json["items"] == [record]
    assert {entry["contact_no"] for entry in entries_of(admin, company)} == set(company.contacts[1:])


def test_what_cannot_be_taken_is_named(admin: Client) -> None:
    answer = admin.post(
        "/purges", {"filters": {"contact_no": "nobody", "date_from": "x", "n": 1}, "archive": "yes", "x": 1}
    )
    assert answer.status_code == 422
    assert {("filters.date_from", "invalid"), ("filters.n", "unknown_field"), ("x", "unknown_field")} <= set(
        faults_of(answer)
    )
    answer = admin.post("/purges", {"filters": {"contact_no": "nobody"}, "preview": True})
    assert faults_of(answer) == [("filters.contact_no", "unknown")]


def test_too_many_are_refused_by_number_until_they_are_confirmed(
    admin: Client, company: Company, canceled: int, do_jobs: DoJobs, sessions: Any
) -> None:
    """Issue 5."""
    with transaction(sessions) as session:
        session.execute(text("UPDATE purge_setup SET purge_rows_limit = 2"))
    body = {"filters": {"template_code": company.template}}
    refused = admin.post("/purges", body)
    assert (refused.status_code, refused.json["code"]) == (409, "purge_too_large")
    assert "3 entries" in refused.json["detail"]

    asked = admin.post("/purges", {**body, "confirm": True})
    do_jobs()
    with transaction(sessions) as session:
        session.execute(text("UPDATE purge_setup SET purge_rows_limit = 5000000"))
    assert admin.get(f"/jobs/{asked.json['id']}").json["result"]["deleted"] == 3


def test_nothing_is_purged_by_a_clock_that_is_ahead(admin: Client, sessions: Any) -> None:
    """E7, case 25."""
    with transaction(sessions) as session:
        session.execute(text("UPDATE clock_mark SET at = at - interval '10 years'"))
    answer = admin.post("/purges")
    with transaction(sessions) as session:
        session.execute(text("UPDATE clock_mark SET at = at + interval '10 years'"))
    assert (answer.status_code, answer.json["code"]) == (409, "clock_suspect")


def test_a_schedule_is_made_changed_run_and_deleted(
    admin: Client, unique: Unique, company: Company, canceled: int, do_jobs: DoJobs
) -> None:
    name = unique("Nightly ")
    made = admin.post(
        "/purge-schedules",
        {"name": name, "cron": "0  2 * * *", "timezone": "Europe/Berlin",
         "filters": {"template_code": company.template.lower(), "canceled_for_days": 0}},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    schedule = made.json
    assert schedule["cron"] == "0 2 * * *"
    assert schedule["filters"] == {"template_code": company.template, "canceled_for_days": 0}
    assert (schedule["enabled"], schedule["archive"], schedule["last_run"]) == (True, False, None)
    assert schedule["next_run_at"] is not None
    path = made.headers["Location"].removeprefix("/api/v1")
    assert admin.get(path).json == schedule

    changed = admin.patch(path, {"enabled": False}, headers={"If-Match": made.headers["ETag"]})
    assert (changed.json["enabled"], changed.json["next_run_at"]) == (False, None)
    assert (
        admin.patch(path, {"cron": "* * * * *"}, headers={"If-Match": made.headers["ETag"]}).status_code
        == 412
    )

    assert admin.patch(path, {"enabled": True, "cron": "5 2 * * *"}).json["next_run_at"] is not None

    run = admin.post(f"{path}/run")
    do_jobs()
    assert (run.status_code, run.json["parameters"]["schedule"]) == (202, name)
    last = admin.get(path).json["last_run"]
    assert (last["state"], last["deleted"], last["job_id"]) == ("succeeded", 3, run.json["id"])
    (record,) = admin.get("/purges", query_string={"schedule": name}).json["items"]
    assert record["deleted"] == 3

    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404
    assert admin.get("/purges", query_string={"schedule": name}).json["items"] == [record]


def test_all_faults_of_a_schedule_are_told_at_once(admin: Client) -> None:
    answer = admin.post(
        "/purge-schedules",
        {"name": "a/b", "cron": "every day", "timezone": "Nowhere", "filters": {"salesperson_code": "nobody"},
         "next_run_at": None},
    )  # fmt: skip
    assert answer.status_code == 422
    assert faults_of(answer) == [
        ("cron", "invalid"),
        ("filters.salesperson_code", "unknown"),
        ("name", "invalid"),
        ("next_run_at", "read_only"),
        ("timezone", "unknown"),
    ]
    assert faults_of(admin.post("/purge-schedules")) == [("cron", "required"), ("name", "required")]


def test_a_name_is_there_once(admin: Client, unique: Unique) -> None:
    name = unique("Twice")
    assert admin.post("/purge-schedules", {"name": name, "cron": "0 2 * * *"}).status_code == 201
    again = admin.post("/purge-schedules", {"name": name.upper(), "cron": "0 2 * * *"})
    assert (again.status_code, faults_of(again)) == (409, [("name", "already_exists")])


def test_an_archive_is_named_in_the_record(
    admin: Client, company: Company, canceled: int, do_jobs: DoJobs, folder: Path
) -> None:
    """E8."""
    job = admin.post("/purges", {"filters": {"template_code": company.template}, "archive": True}).json
    do_jobs()
    result = admin.get(f"/jobs/{job['id']}").json["result"]
    record = admin.get(f"/purges/{result['purge_id']}").json
    content = (folder / record["archive_file"]).read_bytes()
    assert (record["archive_rows"], record["archive_sha256"]) == (3, hashlib.sha256(content).hexdigest())
