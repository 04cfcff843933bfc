"""Interactions with one contact through the API (API.md, Interactions; I1 to I9, P1 to P4)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from domain.actors import Role
from tests.web.conftest import Client, Company, faults_of

Unique = Callable[[str], str]


@pytest.fixture
def seller(client_of: Callable[[Role | None], Client]) -> Client:
    return client_of(Role.SALESPERSON)


@pytest.fixture
def postponed(seller: Client, company: Company) -> dict[str, Any]:
    """A postponed interaction of which only the contact is known."""
    made = seller.post("/interactions", {"contact_no": company.contacts[0], "postponed": True})
    assert made.status_code == 201, made.text
    return {**made.json, "url": f"/postponed-interactions/{made.json['entry_no']}"}


def test_an_interaction_is_recorded_with_what_follows_from_its_template(
    seller: Client, company: Company
) -> None:
    """I1, I2, I4, I7"""
    made = seller.post(
        "/interactions",
        {
            "contact_no": company.contacts[0],
            "template_code": company.template,
            "description": "A walk round the works",
            "date": "2026-03-10",
            "time": "14:23",
            "duration_min": 45,
            "evaluation": "positive",
            "successful": False,
            "campaign_no": company.campaign,
            "comments": ["Liked the blue one", "Wants a quote"],
        },
    )
    assert made.status_code == 201, made.text
    entry = made.json
    assert made.headers["Location"] == f"/api/v1/interactions/{entry['entry_no']}"
    assert seller.get(f"/interactions/{entry['entry_no']}").json == entry
    assert (entry["cost"], entry["duration_min"], entry["time"]) == ("8.00", 45, "14:23:00")
    assert (entry["attempt_failed"], entry["evaluation"], entry["user"]) == (
        True,
        "positive",
        "salesperson-client",
    )
    assert (entry["salesperson_code"], entry["origin"]) == (company.salesperson, "manual")
    written = seller.get(f"/interactions/{entry['entry_no']}/comments").json["items"]
    assert [(each["comment"], each["user"]) for each in written] == [
        ("Liked the blue one", "salesperson-client"),
        ("Wants a quote", "salesperson-client"),
    ]
    linked = seller.get(f"/campaign-entries/{entry['campaign_entry_no']}").json
    assert (linked["campaign_no"], linked["interactions_count"]) == (company.campaign, 1)


def test_everything_missing_is_reported_at_once(seller: Client) -> None:
    """I1"""
    refused = seller.post("/interactions", {"phone_call": False, "cost": "1.001", "colour": "red"})
    assert refused.status_code == 422
    assert faults_of(refused) == [
        ("colour", "unknown_field"),
        ("contact_no", "required"),
        ("cost", "invalid"),
        ("description", "required"),
        ("salesperson_code", "required"),
        ("template_code", "required"),
    ]


def test_a_phone_call_takes_its_template_from_the_setup(
    seller: Client, admin: Client, company: Company
) -> None:
    """I8"""
    call = {"contact_no": company.contacts[0], "phone_call": True, "description": "Rang her up"}
    refused = seller.post("/interactions", {**call, "contact_via": "+49 30 1234"})
    assert (refused.status_code, refused.json["code"]) == (409, "outgoing_call_template_missing")
    typed = seller.post(
        "/interactions", {**call, "contact_via": "+49 30 1234", "template_code": company.template}
    )
    assert typed.status_code == 201
    admin.patch("/template-setup", {"outgoing_call": company.template})
    try:
        assert faults_of(seller.post("/interactions", call)) == [("contact_via", "required")]
        made = seller.post("/interactions", {**call, "contact_via": "+49 30 1234"})
        assert made.status_code == 201, made.text
        assert (made.json["template_code"], made.json["contact_via"]) == (company.template, "+49 30 1234")
    finally:
        admin.patch("/template-setup", {"outgoing_call": None})


def test_it_is_left_for_later_and_finished_under_its_number(
    seller: Client, marketing: Client, company: Company, postponed: dict[str, Any]
) -> None:
    """P1 to P4"""
    no, url = postponed["entry_no"], postponed["url"]
    assert seller.get(f"/interactions/{no}").status_code == 404
    assert [each["entry_no"] for each in seller.get("/postponed-interactions").json["items"]] == [no]
    of_contact = seller.get(f"/contacts/{company.contacts[0]}/postponed-interactions").json["items"]
    assert [each["entry_no"] for each in of_contact] == [no]
    changed = seller.patch(
        url, {"template_code": company.template, "date": "2026-01-02", "comments": ["One", "Two"]}
    )
    assert (changed.status_code, changed.json["comments"]) == (200, ["One", "Two"])
    refused = seller.post(f"{url}/finish", {})
    assert faults_of(refused) == [("description", "required")]
    done = marketing.post(f"{url}/finish", {"description": "Visit"})
    assert done.status_code == 200, done.text
    assert (done.json["entry_no"], done.json["user"], done.json["date"]) == (
        no,
        "marketing-client",
        "2026-01-02",
    )
    assert [each["user"] for each in seller.get(f"/interactions/{no}/comments").json["items"]] == [
        "salesperson-client"
    ] * 2
    assert seller.post(f"{url}/finish", {}).status_code == 404
    assert seller.get(url).status_code == 404


def test_of_two_who_finish_at_once_one_succeeds(
    seller: Client, marketing: Client, company: Company, postponed: dict[str, Any]
) -> None:
    """P3"""
    values = {"template_code": company.template, "description": "Visit"}
    start = threading.Barrier(2)
    answers: list[tuple[int, str | None]] = []

    def finish(client: Client) -> None:
        start.wait()
        answer = client.post(f"{postponed['url']}/finish", values)
        answers.append((answer.status_code, answer.json.get("code")))

    threads = [threading.Thread(target=finish, args=(client,)) for client in (seller, marketing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(200, None), (404, "not_found")]
    found = seller.get(f"/interactions?contact_no={company.contacts[0]}").json["items"]
    assert [entry["entry_no"] for entry in found] == [postponed["entry_no"]]


def test_stale_edits_are_refused(seller: Client, company: Company, postponed: dict[str, Any]) -> None:
    """API.md: ETag and If-Match, on postponed interactions and on entries."""
    url = postponed["url"]
    tag = seller.get(url).headers["ETag"]
    assert seller.patch(url, {"description": "x"}, headers={"If-Match": tag}).status_code == 200
    stale = {"headers": {"If-Match": tag}}
    for answer in (
        seller.patch(url, {"description": "y"}, **stale),
        seller.delete(url, **stale),
        seller.post(f"{url}/finish", {"template_code": company.template}, **stale),
    ):
        assert (answer.status_code, answer.json["code"]) == (412, "stale")
    done = seller.post(f"{url}/finish", {"template_code": company.template})
    entry, tag = f"/interactions/{postponed['entry_no']}", done.headers["ETag"]
    changed = seller.patch(entry, {"evaluation": "neutral"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json["evaluation"]) == (200, "neutral")
    assert seller.patch(entry, {"evaluation": None}, headers={"If-Match": tag}).status_code == 412
    assert faults_of(seller.patch(entry, {"cost": "1", "colour": 1, "attempt_failed": 1})) == [
        ("attempt_failed", "invalid"),
        ("colour", "unknown_field"),
        ("cost", "read_only"),
    ]


def test_salespeople_change_and_delete_what_is_theirs(
    client_of: Callable[[Role | None], Client], marketing: Client, company: Company
) -> None:
    """U1"""
    seller = client_of(Role.SALESPERSON)
    values = {"contact_no": company.contacts[0], "template_code": company.template, "description": "x"}
    entry = marketing.post("/interactions", values).json
    later = marketing.post("/interactions", {**values, "postponed": True}).json
    url = f"/interactions/{entry['entry_no']}"
    assert seller.patch(url, {"attempt_failed": True}).status_code == 403
    assert marketing.patch(url, {"attempt_failed": True}).json["attempt_failed"] is True
    comment = seller.post(f"{url}/comments", {"comment": "Seen"})
    assert (comment.status_code, comment.headers["Location"]) == (201, f"/api/v1{url}/comments")
    assert faults_of(seller.post(f"{url}/comments", {"comment": ""})) == [("comment", "required")]
    assert seller.delete(f"/postponed-interactions/{later['entry_no']}").status_code == 403
    assert marketing.delete(f"/postponed-interactions/{later['entry_no']}").status_code == 204


def test_the_same_request_sent_twice_makes_one(seller: Client, company: Company) -> None:
    """J2"""
    values = {"contact_no": company.contacts[0], "template_code": company.template, "description": "x"}
    answers = [seller.post("/interactions", values, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(seller.get(f"/interactions?contact_no={company.contacts[0]}").json["items"]) == 1


def test_a_person_is_erased_and_had_all_that_was_kept(
    seller: Client, admin: Client, company: Company, do_jobs: Callable[[], None]
) -> None:
    """C4, U2"""
    no = company.contacts[0]
    values = {
        "contact_no": no,
        "template_code": company.template,
        "description": "Visit",
        "comments": ["Ill"],
    }
    entry = seller.post("/interactions", values).json
    kept = admin.get(f"/contacts/{no}/personal-data")
    assert "attachment" in kept.headers["Content-Disposition"]
    assert set(kept.json) == {
        "contact", "interactions", "postponed_interactions", "comments", "segment_lines", "skipped_lines",
        "document_events", "changes",
    }  # fmt: skip
    assert [each["comment"] for each in kept.json["comments"]] == ["Ill"]
    before = seller.get(f"/interaction-templates/{company.template}").json
    asked = admin.post(f"/contacts/{no}/erase")
    assert asked.status_code == 202
    do_jobs()
    job = admin.get(asked.headers["Location"].removeprefix("/api/v1")).json
    assert (job["kind"], job["result"]["archives"], job["result"]["comments"]) == ("erase", "not_touched", 1)
    assert seller.get(f"/contacts/{no}").json["erased"] is True
    blank = seller.get(f"/interactions/{entry['entry_no']}").json
    assert (blank["description"], blank["cost"], blank["contact_name"]) == ("", "8.00", "")
    assert seller.get(f"/interaction-templates/{company.template}").json == before
    done = admin.get(f"/audit?object_type=contact&object_key={no}&action=erase&action=export").json["items"]
    assert [(each["action"], each["user"]) for each in done] == [
        ("erase", "admin-client"),
        ("export", "admin-client"),
    ]
    assert faults_of(seller.post("/interactions", values)) == [("contact_no", "contact_erased")]


def test_the_audit_is_read_by_day(admin: Client) -> None:
    assert admin.get("/audit?date_from=2099-01-01").json["items"] == []
    assert admin.get("/audit?date_to=2099-01-01&limit=1").json["items"]
    assert faults_of(admin.get("/audit?date_to=tomorrow")) == [("query.date_to", "invalid")]
