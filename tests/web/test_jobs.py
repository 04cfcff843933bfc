"""Jobs: waited for, watched, canceled, asked for once (API.md, Conventions and Purges, jobs; J)."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from domain.actors import Role
from tests.web.conftest import Client, Company, faults_of

Unique = Callable[[str], str]


@pytest.fixture
def segment(marketing: Client, company: Company, unique: Unique) -> str:
    no = unique("SEG")
    marketing.post("/segments", {"no": no, "description": "Spring", "template_code": company.template})
    marketing.post(f"/segments/{no}/lines", {"contact_nos": company.contacts})
    return no


@pytest.fixture
def workers(do_jobs: Callable[[], None]) -> Iterator[None]:
    """Somebody who does jobs as they come."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            do_jobs()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.mark.usefixtures("workers")
def test_whoever_prefers_to_wait_gets_the_finished_job(marketing: Client, segment: str) -> None:
    answer = marketing.post(f"/segments/{segment}/log", headers={"Prefer": "respond-async, wait=20"})
    assert answer.status_code == 200, answer.text
    assert answer.json["state"] == "succeeded"
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}"


@pytest.mark.usefixtures("workers")
def test_a_refused_job_ends_the_wait_too(
    marketing: Client, admin: Client, segment: str, company: Company
) -> None:
    admin.patch(f"/contacts/{company.contacts[0]}", {"privacy_blocked": True})
    answer = marketing.post(f"/segments/{segment}/log", headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json["state"]) == (200, "refused")


def test_when_the_time_is_up_the_unfinished_job_is_the_answer(marketing: Client, segment: str) -> None:
    begun = time.monotonic()
    answer = marketing.post(f"/segments/{segment}/log", headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json["state"]) == (202, "queued")
    assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.usefixtures("workers")
def test_a_key_gives_the_same_job_and_the_answer_after_the_wait(
    marketing: Client, segment: str, unique: Unique
) -> None:
    """J2"""
    headers = {"Idempotency-Key": unique("key"), "Prefer": "wait=20"}
    first = marketing.post(f"/segments/{segment}/log", {}, headers=headers)
    second = marketing.post(f"/segments/{segment}/log", {}, headers=headers)
    assert first.status_code == second.status_code == 200
    assert first.data == second.data
    assert second.headers["Idempotency-Replayed"] == "true"


def test_two_presses_at_once_give_one_job_and_one_conflict(
    client_of: Callable[[Role], Client], segment: str, sessions: Any
) -> None:
    """L1"""
    answers: list[Any] = []
    together = threading.Barrier(2)

    def press() -> None:
        client = client_of(Role.MARKETING)
        together.wait()
        answers.append(client.post(f"/segments/{segment}/log"))

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert {answer.json.get("code") for answer in answers} == {None, "logging_in_progress"}
    with sessions() as session:
        jobs = session.execute(
            text("SELECT count(*) FROM job WHERE kind = 'log_segment' AND parameters->>'segment_no' = :no"),
            {"no": segment},
        ).scalar()
    assert jobs == 1


def test_a_job_is_watched_to_its_end(marketing: Client, segment: str, do_jobs: Callable[[], None]) -> None:
    job = marketing.post(f"/segments/{segment}/log").json
    stream = marketing.get(f"/jobs/{job['id']}/events", headers={"Accept": "text/event-stream"})
    assert stream.status_code == 200
    assert stream.content_type == "text/event-stream"
    events = stream.iter_encoded()
    name, data = next(events).decode().strip().split("\n")
    assert name == "event: progress"
    assert json.loads(data.removeprefix("data: "))["state"] == "queued"
    do_jobs()
    *_, last = events
    stream.close()
    name, data = last.decode().strip().split("\n")
    assert name == "event: end"
    ended = json.loads(data.removeprefix("data: "))
    assert ended == marketing.get(f"/jobs/{job['id']}").json
    assert ended["state"] == "succeeded"


def test_live_views_have_so_many_places(marketing: Client, segment: str) -> None:
    job = marketing.post(f"/segments/{segment}/log").json
    where, options = f"/jobs/{job['id']}/events", {"headers": {"Accept": "text/event-stream"}}
    opened = [marketing.get(where, **options) for _ in range(8)]
    assert {stream.status_code for stream in opened} == {200}
    full = marketing.get(where, headers={"Accept": "text/event-stream, application/problem+json"})
    assert (full.status_code, full.json["code"]) == (503, "too_many_streams")
    assert int(full.headers["Retry-After"]) > 0
    opened.pop().close()
    again = marketing.get(where, **options)
    assert again.status_code == 200
    for stream in (*opened, again):
        stream.close()


def test_a_job_is_canceled_once(marketing: Client, segment: str, do_jobs: Callable[[], None]) -> None:
    job = marketing.post(f"/segments/{segment}/log").json
    canceled = marketing.post(f"/jobs/{job['id']}/cancel")
    assert canceled.status_code == 202, canceled.text
    do_jobs()
    assert marketing.get(f"/jobs/{job['id']}").json["state"] == "canceled"
    assert marketing.get(f"/segments/{segment}").json["status"] == "open"
    late = marketing.post(f"/jobs/{job['id']}/cancel")
    assert (late.status_code, late.json["code"]) == (409, "job_finished")


def test_a_salesperson_cancels_only_jobs_of_their_own(
    client_of: Callable[[Role], Client], marketing: Client, segment: str
) -> None:
    job = marketing.post(f"/segments/{segment}/log").json
    assert client_of(Role.SALESPERSON).post(f"/jobs/{job['id']}/cancel").status_code == 403
    assert marketing.post(f"/jobs/{job['id']}/cancel", {"why": "no"}).status_code == 422


def test_jobs_are_listed_newest_first(viewer: Client, marketing: Client, segment: str) -> None:
    job = marketing.post(f"/segments/{segment}/log").json
    page = viewer.get("/jobs?kind=log_segment&kind=import_contacts&limit=1").json
    assert [item["id"] for item in page["items"]] == [job["id"]]
    if page["next"]:
        older = viewer.get(page["next"].removeprefix("/api/v1")).json["items"]
        assert older[0]["created_at"] <= job["created_at"]
    assert viewer.get("/jobs?kind=nonsense").json["items"] == []
    assert faults_of(viewer.get("/jobs?state=nonsense")) == [("query.state", "not_a_choice")]
    assert viewer.get(f"/jobs/{uuid.uuid4()}").status_code == 404
    assert viewer.get("/jobs/nonsense").status_code == 404
