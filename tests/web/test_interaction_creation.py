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
