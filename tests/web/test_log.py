"""The log over HTTP: cancel, restore, bulk changes, follow-up by outcome, deletion, export (E1-E6, L7, T5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from domain.actors import Role, system
from domain.contacts import Contact
from domain.templates import InteractionTemplate
from tests.domain.makers import make_entry
from tests.web.conftest import Client, Company, faults_of

Unique = Callable[[str], str]


@pytest.fixture
def logged(
    marketing: Client, company: Company, unique: Unique, do_jobs: Callable[[], None]
) -> dict[str, Any]:
    """A logged segment of three entries with a campaign."""
    no = unique("SEG")
    marketing.post(
        "/segments",
        {"no": no, "description": no, "template_code": company.template, "campaign_no": company.campaign},
    )
    marketing.post(f"/segments/{no}/lines", {"contact_nos": company.contacts})
    job = marketing.post(f"/segments/{no}/log").json["id"]
    do_jobs()
    segment_no = marketing.get(f"/jobs/{job}").json["result"]["logged_segment_no"]
    return dict(marketing.get(f"/logged-segments/{segment_no}").json)


def entries_of(client: Client, logged: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    path = f"/interactions?sort=entry_no&logged_segment_no={logged['no']}&{query}"
    return list(client.get(path).json["items"])


def test_an_entry_is_canceled_and_restored(marketing: Client, logged: dict[str, Any]) -> None:  # E2
    entry_no = entries_of(marketing, logged)[0]["entry_no"]
    canceled = marketing.post(f"/interactions/{entry_no}/cancel")
    assert (canceled.status_code, canceled.json["canceled"]) == (200, True)
    assert canceled.json["canceled_by"] == "marketing-client"
    assert marketing.get(f"/logged-segments/{logged['no']}").json["active_interactions_count"] == 2
    restored = marketing.post(f"/interactions/{entry_no}/restore").json
    assert (restored["canceled"], restored["canceled_at"], restored["canceled_by"]) == (False, None, None)
    assert marketing.post("/interactions/999999999/cancel").status_code == 404
    assert marketing.post(f"/interactions/{entry_no}/cancel", {"why": 1}).status_code == 422


def test_below_something_canceled_nothing_is_restored(
    marketing: Client, logged: dict[str, Any], company: Company
) -> None:  # E4
    entry_no = entries_of(marketing, logged)[0]["entry_no"]
    campaign_entry = marketing.get(f"/campaigns/{company.campaign}/entries").json["items"][0]["entry_no"]
    answer = marketing.post(f"/logged-segments/{logged['no']}/cancel")
    assert (answer.status_code, answer.json["canceled"], answer.json["active_interactions_count"]) == (
        200,
        True,
        0,
    )
    for path in (f"/interactions/{entry_no}/restore", f"/campaign-entries/{campaign_entry}/restore"):
        refused = marketing.post(path)
        assert (refused.status_code, refused.json["code"]) == (409, "above_canceled")
    assert marketing.get(f"/campaigns/{company.campaign}").json["interactions_count"] == 0
    restored = marketing.post(f"/logged-segments/{logged['no']}/restore").json
    assert (restored["canceled"], restored["active_interactions_count"]) == (False, 3)
    assert marketing.get(f"/campaigns/{company.campaign}").json["interactions_count"] == 3

    canceled = marketing.post(f"/campaign-entries/{campaign_entry}/cancel").json
    assert (canceled["canceled"], canceled["interactions_count"]) == (True, 3)
    assert marketing.get(f"/logged-segments/{logged['no']}").json["active_interactions_count"] == 0
    assert marketing.post(f"/interactions/{entry_no}/restore").json["code"] == "above_canceled"
    assert marketing.post(f"/campaign-entries/{campaign_entry}/restore").json["canceled"] is False


def test_many_are_changed_by_a_job(
    marketing: Client, logged: dict[str, Any], do_jobs: Callable[[], None]
) -> None:
    nos = [entry["entry_no"] for entry in entries_of(marketing, logged)]
    for path, body, changed, unchanged in (
        ("cancel", {"entry_nos": nos[:2]}, 2, 0),
        ("cancel", {"filter": {"logged_segment_no": logged["no"]}}, 1, 2),
        ("restore", {"filter": {"segment_no": [logged["segment_no"]], "canceled": True}}, 3, 0),
        ("evaluate", {"entry_nos": nos, "evaluation": "positive"}, 3, 0),
    ):
        answer = marketing.post(f"/interactions/{path}", body)
        assert (answer.status_code, answer.json["kind"]) == (202, f"{path}_interactions")
        do_jobs()
        job = marketing.get(answer.headers["Location"].removeprefix("/api/v1")).json
        assert job["result"] == {
            "changed": changed, "unchanged": unchanged, "refused": 0, "refused_entries": [],
        }, path  # fmt: skip
        assert job["done"] == job["total"] == changed + unchanged
    assert {entry["evaluation"] for entry in entries_of(marketing, logged)} == {"positive"}


def test_a_selection_must_say_something(marketing: Client) -> None:
    assert faults_of(marketing.post("/interactions/cancel", {})) == [("filter", "filter_missing")]
    assert marketing.post("/interactions/cancel", {"filter": {}}).json["code"] == "filter_missing"
    assert faults_of(marketing.post("/interactions/evaluate", {"all": True})) == [("evaluation", "required")]
    assert faults_of(marketing.post("/interactions/cancel", {"entry_nos": ["x", 10**9]})) == [
        ("entry_nos.0", "invalid"),
    ]
    assert faults_of(marketing.post("/interactions/restore", {"filter": {"color": 1, "date_to": "x"}})) == [
        ("filter.color", "unknown_field"),
        ("filter.date_to", "invalid"),
    ]


def test_a_salesperson_touches_only_their_own(
    client_of: Callable[[Role], Client], logged: dict[str, Any], do_jobs: Callable[[], None]
) -> None:  # U1
    salesperson = client_of(Role.SALESPERSON)
    nos = [entry["entry_no"] for entry in entries_of(salesperson, logged)]
    assert salesperson.post(f"/interactions/{nos[0]}/cancel").status_code == 403
    job = salesperson.post("/interactions/cancel", {"entry_nos": nos}).json["id"]
    do_jobs()
    result = salesperson.get(f"/jobs/{job}").json["result"]
    assert (result["changed"], result["refused"]) == (0, 3)
    assert result["refused_entries"][0] == {"entry_no": nos[0], "code": "forbidden"}


def test_a_follow_up_by_outcome(
    marketing: Client, logged: dict[str, Any], do_jobs: Callable[[], None]
) -> None:  # L7
    first = entries_of(marketing, logged)[0]
    path = f"/logged-segments/{logged['no']}/follow-up"
    for body, contacts in (
        ({"canceled": True}, 1),
        ({"attempt_failed": False, "no_inbound_since": "2026-01-01"}, 2),
    ):
        marketing.post(f"/interactions/{first['entry_no']}/cancel")
        job = marketing.post(path, body).json["id"]
        do_jobs()
        assert marketing.get(f"/jobs/{job}").json["result"]["contacts"] == contacts
    assert faults_of(marketing.post(path, {"evaluations": ["fine"]})) == [("evaluations.0", "not_a_choice")]


def test_a_canceled_logged_segment_is_deleted(
    marketing: Client, logged: dict[str, Any], do_jobs: Callable[[], None]
) -> None:  # E6
    path = "/logged-segments/delete-canceled"
    assert marketing.post(path, {}).json["code"] == "filter_missing"
    assert faults_of(marketing.post(path, {"nos": [999999]})) == [("nos.0", "unknown")]
    marketing.post(f"/logged-segments/{logged['no']}/cancel")
    entries = [entry["entry_no"] for entry in entries_of(marketing, logged)]
    job = marketing.post(path, {"nos": [logged["no"]]}).json["id"]
    do_jobs()
    assert marketing.get(f"/jobs/{job}").json["result"] == {"deleted": 1, "refused": 0}
    assert marketing.get(f"/logged-segments/{logged['no']}").status_code == 404
    left = marketing.get(f"/interactions/{entries[0]}").json
    assert (left["canceled"], left["logged_segment_no"], left["segment_no"]) == (True, None, None)


def test_statistics_are_over_a_period(
    marketing: Client, logged: dict[str, Any], company: Company
) -> None:  # T5
    day = entries_of(marketing, logged)[0]["date"]
    group = marketing.get(f"/interaction-templates/{company.template}").json["group_code"]
    for path, count in (
        (f"/interaction-templates/{company.template}", 3),
        (f"/interaction-groups/{group}", 3),
        (f"/salespeople/{company.salesperson}", 3),
        (f"/campaigns/{company.campaign}", 3),
        (f"/contacts/{company.contacts[0]}", 1),
    ):
        inside = marketing.get(f"{path}?date_from={day}&date_to={day}").json
        assert (inside["interactions_count"], inside["cost_total"]) == (count, f"{8 * count}.00"), path
        outside = marketing.get(f"{path}?date_to=2020-01-01").json
        assert (outside["interactions_count"], outside["duration_total_min"]) == (0, 0), path


def test_a_document_is_found_by_its_number_as_it_is(
    sessions: Any, marketing: Client, company: Company
) -> None:
    with sessions() as session, session.begin():
        contact = session.query(Contact).filter_by(no=company.contacts[0]).one()
        template = session.query(InteractionTemplate).filter_by(code=company.template).one()
        entry_no = make_entry(session, contact, template, document_type="sales_invoice", document_no="Inv/1")
        assert system(session)
    for given, found in (("Inv/1", [entry_no]), ("inv/1", []), ("INV/1", [])):
        items = marketing.get(f"/interactions?document_no={given}").json["items"]
        assert [item["entry_no"] for item in items] == found


def test_the_export_has_what_matches_and_no_formula(
    sessions: Any, viewer: Client, logged: dict[str, Any], company: Company
) -> None:  # E1
    with sessions() as session, session.begin():
        contact = session.query(Contact).filter_by(no=company.contacts[0]).one()
        template = session.query(InteractionTemplate).filter_by(code=company.template).one()
        for description in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", 'Привет; "you"\nthere'):
            make_entry(session, contact, template, description=description)

    answer = viewer.get(f"/interactions.csv?contact_no={company.contacts[0]}", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert [row["description"] for row in rows] == [
        "Привет; \"you\"\nthere", "'\rx", "'\tx", "'@SUM(A1)", "'-1", "'+1", "'=1+1", logged["description"],
    ]  # fmt: skip
    assert (rows[-1]["cost"], rows[-1]["canceled"], rows[-1]["document_no"]) == ("8.00", "false", "")
    assert rows[-1]["segment_no"] == logged["segment_no"]

    assert faults_of(viewer.get("/interactions.csv?limit=5", headers={"Accept": "*/*"})) == [
        ("query.limit", "unknown_field")
    ]
    assert viewer.get("/interactions.csv?date_from=x", headers={"Accept": "*/*"}).status_code == 422
    none = viewer.get("/interactions.csv?contact_no=NOBODY", headers={"Accept": "*/*"})
    assert len(none.data.splitlines()) == 1
