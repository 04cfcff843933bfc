"""Segments through the API, from the header to the log (API.md, Segments and Interactions; S, L, E1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain import criteria
from tests.web.conftest import Client, Company, faults_of

Unique = Callable[[str], str]


@pytest.fixture
def segment(marketing: Client, company: Company, unique: Unique) -> str:
    """An open segment with the three people on it."""
    no = unique("SEG")
    made = marketing.post(
        "/segments",
        {"no": no, "description": "Spring", "template_code": company.template, "date": "2026-03-10"},
    )
    assert made.status_code == 201, made.text
    added = marketing.post(f"/segments/{no}/lines", {"contact_nos": company.contacts})
    assert added.json == {"added": 3, "existing": 0, "blocked": 0, "warnings": []}
    return no


def test_a_segment_shows_what_was_typed_and_beside_it_what_applies(
    marketing: Client, segment: str, company: Company
) -> None:
    """S2"""
    shown = marketing.get(f"/segments/{segment}").json
    assert (shown["unit_cost"], shown["effective"]["cost"]) == (None, "8.00")
    assert (shown["status"], shown["lines_count"], shown["actions_count"]) == ("open", 3, 1)
    assert (shown["cost_total"], shown["duration_total_min"]) == ("24.00", 15)
    changed = marketing.patch(
        f"/segments/{segment}", {"unit_cost": "2.50", "campaign_no": "", "subject": "Hi"}
    )
    assert changed.status_code == 200, changed.text
    assert (changed.json["unit_cost"], changed.json["campaign_no"]) == ("2.50", "")
    assert changed.json["cost_total"] == "7.50"


def test_all_faults_of_a_header_are_told_at_once(marketing: Client, segment: str) -> None:
    refused = marketing.patch(
        f"/segments/{segment}",
        {
            "template_code": "NOWHERE",
            "unit_cost": "8.001",
            "salesperson_code": "",
            "subject": "",
            "initiated_by": "me",
            "lines_count": 3,
            "colour": "red",
            "no": "OTHER",
        },
    )
    assert refused.status_code == 422
    assert faults_of(refused) == [
        ("colour", "unknown_field"),
        ("initiated_by", "not_a_choice"),
        ("lines_count", "read_only"),
        ("no", "read_only"),
        ("salesperson_code", "invalid"),
        ("subject", "invalid"),
        ("template_code", "unknown"),
        ("unit_cost", "invalid"),
    ]


def test_lines_inherit_and_are_overridden(marketing: Client, segment: str, company: Company) -> None:
    """S2, S3"""
    first = marketing.get(f"/segments/{segment}/lines?limit=1")
    line = first.json["items"][0]
    assert (line["overrides"], line["effective"]["cost"], line["problems"]) == ({}, "8.00", [])
    where = f"/segments/{segment}/lines/{line['line_no']}"
    changed = marketing.patch(where, {"cost": 3, "campaign_no": company.campaign, "correspondence_type": ""})
    assert changed.status_code == 200, changed.text
    assert changed.json["overrides"] == {
        "cost": "3.00",
        "campaign_no": company.campaign,
        "correspondence_type": "",
    }
    assert changed.json["effective"]["correspondence_type"] is None
    assert marketing.patch(where, {"cost": None}).json["effective"]["cost"] == "8.00"
    overridden = marketing.get(f"/segments/{segment}/lines?overridden=true").json["items"]
    assert [item["line_no"] for item in overridden] == [line["line_no"]]
    stale = marketing.patch(where, {"cost": 1}, headers={"If-Match": '"other"'})
    assert stale.status_code == 412
    assert (
        marketing.delete(where, headers={"If-Match": marketing.get(where).headers["ETag"]}).status_code == 204
    )
    assert marketing.get(where).status_code == 404
    assert faults_of(marketing.patch(f"/segments/{segment}/lines/2", {"description": "", "cost": "x"})) == [
        ("cost", "invalid"),
        ("description", "invalid"),
    ]


def test_one_line_is_added_with_overrides(marketing: Client, segment: str, company: Company) -> None:
    """S4"""
    again = marketing.post(f"/segments/{segment}/lines", {"contact_no": company.contacts[0]})
    assert (again.status_code, again.json["code"]) == (409, "contact_in_segment")
    added = marketing.post(
        f"/segments/{segment}/lines",
        {"contact_no": company.contacts[0].lower(), "allow_existing": True, "evaluation": "positive"},
    )
    assert added.status_code == 201, added.text
    assert added.json["line_no"] == 4
    assert added.headers["Location"] == f"/api/v1/segments/{segment}/lines/4"
    assert added.json["overrides"] == {"evaluation": "positive"}
    refused = marketing.post(f"/segments/{segment}/lines", {"contact_no": "NOBODY", "cost": -1})
    assert faults_of(refused) == [("contact_no", "unknown"), ("cost", "negative")]
    assert faults_of(marketing.post(f"/segments/{segment}/lines", {})) == [("contact_no", "required")]


def test_unknown_contacts_are_named_by_place_and_nothing_is_added(
    marketing: Client, segment: str, company: Company
) -> None:
    refused = marketing.post(
        f"/segments/{segment}/lines",
        {"contact_nos": [company.contacts[0], "NOBODY"], "allow_existing": True},
    )
    assert faults_of(refused) == [("contact_nos.1", "unknown")]
    assert marketing.get(f"/segments/{segment}").json["lines_count"] == 3
    many = marketing.post(f"/segments/{segment}/lines", {"contact_nos": ["X"] * 10_001})
    assert faults_of(many) == [("contact_nos", "too_large")]
    mixed = marketing.post(f"/segments/{segment}/lines", {"contact_nos": ["X"], "cost": 1})
    assert faults_of(mixed) == [("cost", "invalid")]


def test_contacts_are_added_by_filter_in_a_job(
    marketing: Client,
    company: Company,
    unique: Unique,
    do_jobs: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S5, J1"""
    monkeypatch.setattr(criteria, "SMALL", -1)
    no = unique("SEG")
    marketing.post("/segments", {"no": no, "description": "x"})
    body = {"action": "add", "filters": {"contact": {"salesperson_code": company.salesperson.lower()}}}
    counted = marketing.post(f"/segments/{no}/actions/count", body)
    assert counted.json == {"added": 3, "removed": 0, "excluded": 0, "existing": 0, "blocked": 0}
    asked = marketing.post(f"/segments/{no}/actions", body)
    assert asked.status_code == 202, asked.text
    assert asked.headers["Location"] == f"/api/v1/jobs/{asked.json['id']}"
    assert (asked.json["kind"], asked.json["state"]) == ("criteria_action", "queued")
    busy = marketing.patch(f"/segments/{no}", {"description": "y"})
    assert (busy.status_code, busy.json["code"]) == (409, "segment_busy")
    do_jobs()
    job = marketing.get(f"/jobs/{asked.json['id']}").json
    assert (job["state"], job["progress"], job["result"]) == ("succeeded", 1.0, counted.json)
    assert [action["added"] for action in marketing.get(f"/segments/{no}/actions").json["items"]] == [3]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"action": "add"}, [("filters", "filter_missing")]),
        ({"action": "add", "filters": {}}, [("filters", "filter_missing")]),
        ({"action": "steal", "filters": {"all": True}}, [("action", "not_a_choice")]),
        (
            {"action": "add", "filters": {"contact": {"no": ["A", "B", 3], "shoe_size": "44"}}, "x": 1},
            [
                ("filters.contact.no.2", "invalid"),
                ("filters.contact.shoe_size", "unknown_field"),
                ("x", "unknown_field"),
            ],
        ),
        ({"action": "add", "filters": []}, [("filters", "invalid")]),
    ],
)
def test_an_action_needs_filters_that_can_be_understood(
    marketing: Client, segment: str, body: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    refused = marketing.post(f"/segments/{segment}/actions", body)
    assert refused.status_code == 422
    assert faults_of(refused) == faults


def test_a_segment_is_logged_and_found_in_the_log(
    marketing: Client, viewer: Client, segment: str, company: Company, do_jobs: Callable[[], None]
) -> None:
    """L1 to L7, E1"""
    marketing.patch(f"/segments/{segment}/lines/2", {"description": "Own words", "cost": "1.25"})
    asked = marketing.post(f"/segments/{segment}/log", {"follow_up": True})
    assert asked.status_code == 202, asked.text
    second = marketing.post(f"/segments/{segment}/log", {})
    assert (second.status_code, second.json["code"]) == (409, "logging_in_progress")
    frozen = marketing.patch(f"/segments/{segment}", {"description": "Late"})
    assert (frozen.status_code, frozen.json["code"]) == (409, "logging_in_progress")
    assert marketing.get(f"/segments/{segment}").json["status"] == "logging"
    do_jobs()
    job = marketing.get(f"/jobs/{asked.json['id']}").json
    assert job["state"] == "succeeded", job
    result = job["result"]
    assert (result["interactions"], result["skipped"]) == (3, 0)
    assert marketing.get(f"/segments/{segment}").status_code == 404
    logged = viewer.get(f"/logged-segments/{result['logged_segment_no']}").json
    assert (logged["segment_no"], logged["status"], logged["interactions_count"]) == (segment, "logged", 3)
    assert logged["user"] == "marketing-client"
    found = viewer.get(f"/logged-segments?segment_no={segment}").json["items"]
    assert [item["no"] for item in found] == [result["logged_segment_no"]]
    entries = viewer.get(f"/interactions?segment_no={segment}&sort=entry_no").json["items"]
    assert [entry["contact_no"] for entry in entries] == company.contacts
    assert [entry["cost"] for entry in entries] == ["8.00", "1.25", "8.00"]
    assert [entry["description"] for entry in entries] == ["Spring", "Own words", "Spring"]
    assert [entry["date"] for entry in entries] == ["2026-03-10"] * 3
    one = viewer.get(f"/interactions/{entries[1]['entry_no']}")
    assert one.json == entries[1]
    assert viewer.get(f"/interactions/{entries[1]['entry_no']}/comments").json == {"items": [], "next": None}
    of_contact = viewer.get(f"/contacts/{company.contacts[1]}/interactions").json["items"]
    assert of_contact == [entries[1]]
    statistics = viewer.get(f"/interaction-templates/{company.template}").json
    assert (statistics["interactions_count"], statistics["cost_total"]) == (3, "17.25")
    follow_up = viewer.get(f"/segments/{result['follow_up_segment_no']}/lines").json["items"]
    assert [line["contact_no"] for line in follow_up] == company.contacts
    again = marketing.post("/segments", {"no": segment, "description": "x"})
    assert (again.status_code, again.json["code"]) == (409, "already_logged")


def test_the_log_is_read_page_by_page_in_every_order(
    viewer: Client, marketing: Client, segment: str, do_jobs: Callable[[], None]
) -> None:
    marketing.patch(f"/segments/{segment}/lines/1", {"date": "2026-05-01"})
    marketing.post(f"/segments/{segment}/log")
    do_jobs()
    for sort, key in (
        ("-entry_no", "entry_no"),
        ("entry_no", "entry_no"),
        ("-date", "date"),
        ("date", "date"),
    ):
        found, where = [], f"/interactions?segment_no={segment}&limit=1&sort={sort}"
        while where:
            page = viewer.get(where).json
            found += [(entry[key], entry["entry_no"]) for entry in page["items"]]
            where = page["next"] and page["next"].removeprefix("/api/v1")
        assert len(found) == 3
        assert found == sorted(found, reverse=sort.startswith("-"))
    assert faults_of(viewer.get("/interactions?sort=colour")) == [("query.sort", "not_a_choice")]
    assert faults_of(viewer.get("/interactions?after=x")) == [("query.after", "invalid")]
    dated = viewer.get(f"/interactions?segment_no={segment}&date_from=2026-04-01&date_to=2026-05-01").json
    assert len(dated["items"]) == 1
    assert viewer.get(f"/interactions?segment_no={segment}&template_code=NOWHERE").json["items"] == []
    assert len(viewer.get(f"/interactions?segment_no={segment}&evaluation=none").json["items"]) == 3


def test_problems_refuse_or_are_skipped(
    marketing: Client, admin: Client, segment: str, company: Company, do_jobs: Callable[[], None]
) -> None:
    """S9, L3"""
    blocked = company.contacts[2]
    admin.patch(f"/contacts/{blocked}", {"privacy_blocked": True})
    checked = marketing.get(f"/segments/{segment}/check").json
    assert (checked["lines"], checked["ready"]) == (3, 2)
    assert checked["problems"] == [
        {"code": "privacy_blocked", "count": 1, "lines": [{"line_no": 3, "contact_no": blocked}]}
    ]
    assert marketing.get(f"/segments/{segment}/check?send=true").json["ready"] == 0
    asked = marketing.post(f"/segments/{segment}/log")
    do_jobs()
    refused = marketing.get(f"/jobs/{asked.json['id']}").json
    assert refused["state"] == "refused"
    assert refused["problem"]["code"] == "segment_has_problems"
    assert refused["problem"]["errors"] == checked["problems"]
    asked = marketing.post(f"/segments/{segment}/log", {"on_invalid": "skip"})
    do_jobs()
    result = marketing.get(f"/jobs/{asked.json['id']}").json["result"]
    assert (result["interactions"], result["skipped"]) == (2, 1)
    skipped = marketing.get(f"/logged-segments/{result['logged_segment_no']}/skipped").json["items"]
    assert [(line["line_no"], line["contact_no"], line["problems"]) for line in skipped] == [
        (3, blocked, ["privacy_blocked"])
    ]
    admin.patch(f"/contacts/{blocked}", {"privacy_blocked": False})
    asked = marketing.post(f"/logged-segments/{result['logged_segment_no']}/skipped/segment")
    do_jobs()
    made = marketing.get(f"/jobs/{asked.json['id']}").json["result"]
    assert (made["contacts"], made["left_out"]) == (1, 0)
    asked = marketing.post(f"/logged-segments/{result['logged_segment_no']}/follow-up", {})
    do_jobs()
    assert marketing.get(f"/jobs/{asked.json['id']}").json["result"]["contacts"] == 2


def test_what_cannot_be_logged_is_refused_at_once(marketing: Client, unique: Unique) -> None:
    """L2"""
    no = unique("SEG")
    marketing.post("/segments", {"no": no})
    refused = marketing.post(f"/segments/{no}/log")
    assert refused.status_code == 422
    assert refused.json["code"] == "description_missing"
    assert faults_of(refused) == [("description", "description_missing"), ("lines", "segment_empty")]
    marketing.patch(f"/segments/{no}", {"description": "x"})
    empty = marketing.post(f"/segments/{no}/log")
    assert (empty.status_code, empty.json["code"]) == (422, "segment_empty")
    assert marketing.post("/segments/NOBODY/log").status_code == 404
    assert faults_of(marketing.post(f"/segments/{no}/log", {"on_invalid": "hope", "send": 1})) == [
        ("lines", "segment_empty"),
        ("on_invalid", "not_a_choice"),
        ("send", "invalid"),
    ]


def test_an_open_segment_is_deleted(marketing: Client, segment: str) -> None:
    """S10"""
    assert marketing.delete(f"/segments/{segment}").status_code == 204
    assert marketing.get(f"/segments/{segment}").status_code == 404


def test_a_segment_is_built_by_criteria_and_undone(
    marketing: Client, viewer: Client, company: Company, unique: Unique
) -> None:
    """S5 to S8: small actions are done when the answer comes."""
    no, code = unique("SEG"), unique("CRIT")
    marketing.post("/segments", {"no": no, "description": "x"})
    assert marketing.post(f"/segments/{no}/actions/undo").json["code"] == "nothing_to_undo"
    assert marketing.post(f"/segments/{no}/save-criteria", {"code": code}).json["code"] == "no_actions"
    mine = {"contact": {"salesperson_code": company.salesperson}}
    added = marketing.post(f"/segments/{no}/actions", {"action": "add", "filters": mine})
    assert (added.status_code, added.json["state"]) == (202, "succeeded")
    one = {"contact": {"no": company.contacts[1]}}
    counted = marketing.post(f"/segments/{no}/actions/count", {"action": "reduce", "filters": one}).json
    assert counted == {"added": 0, "removed": 1, "excluded": 0, "existing": 0, "blocked": 0}
    reduced = marketing.post(
        f"/segments/{no}/actions", {"action": "reduce", "filters": one}, headers={"Prefer": "wait=5"}
    )
    assert (reduced.status_code, reduced.json["result"]) == (200, counted)

    saved = marketing.post(f"/segments/{no}/save-criteria", {"code": code, "description": "Mine"})
    assert (saved.status_code, saved.headers["Location"]) == (201, f"/api/v1/saved-criteria/{code}")
    assert [action["action"] for action in saved.json["actions"]] == ["add", "reduce"]
    again = marketing.post(f"/segments/{no}/save-criteria", {"code": code.lower()})
    assert (again.status_code, faults_of(again)) == (409, [("code", "already_exists")])
    assert viewer.get(f"/saved-criteria?q={code}").json["items"] == [saved.json]

    undone = marketing.post(f"/segments/{no}/actions/undo")
    assert (undone.json["kind"], undone.json["result"]) == ("undo", {"added": 1, "removed": 0})
    assert len(marketing.get(f"/segments/{no}/actions").json["items"]) == 1

    other = unique("SEG")
    marketing.post("/segments", {"no": other, "description": "y"})
    applied = marketing.post(f"/segments/{other}/apply-criteria", {"code": code}).json
    assert (applied["kind"], applied["result"]["added"], applied["result"]["removed"]) == (
        "apply_criteria",
        3,
        1,
    )
    assert marketing.delete(f"/saved-criteria/{code}").status_code == 204
    refused = marketing.post(f"/segments/{other}/apply-criteria", {"code": code})
    assert (refused.status_code, faults_of(refused)) == (422, [("code", "unknown")])
    filled = marketing.post(f"/segments/{other}/fill-mailing-group", {"mailing_group": code})
    assert filled.json["result"] == {"added": 2, "removed": 0}
    assert marketing.get(f"/contacts/{company.contacts[0]}").json["mailing_groups"][0] == code
    assert faults_of(marketing.post(f"/segments/{other}/reuse", {"logged_segment_no": 999_999})) == [
        ("logged_segment_no", "unknown")
    ]
    for path, field in (
        ("reuse", "logged_segment_no"),
        ("fill-mailing-group", "mailing_group"),
        ("apply-criteria", "code"),
    ):
        assert faults_of(marketing.post(f"/segments/{other}/{path}")) == [(field, "required")]


def test_many_lines_are_changed_and_taken_out(marketing: Client, segment: str, company: Company) -> None:
    """S2, S7"""
    changed = marketing.post(
        f"/segments/{segment}/lines/change",
        {"line_nos": [1, 3], "values": {"cost": 7, "date": "2026-05-01", "campaign_no": ""}},
    )
    assert changed.json["result"] == {"changed": 2}, changed.text
    lines = marketing.get(f"/segments/{segment}/lines").json["items"]
    assert [line["overrides"] for line in lines] == [
        {"campaign_no": "", "cost": "7.00", "date": "2026-05-01"},
        {},
        {"campaign_no": "", "cost": "7.00", "date": "2026-05-01"},
    ]
    inherited = marketing.post(
        f"/segments/{segment}/lines/change",
        {
            "filter": {"q": [company.contacts[0]], "overridden": "true"},
            "values": {"cost": None, "date": None},
        },
    )
    assert inherited.json["result"] == {"changed": 1}
    removed = marketing.post(f"/segments/{segment}/lines/remove", {"filter": {"overridden": "true"}})
    assert (removed.json["kind"], removed.json["result"]["removed"]) == ("remove_lines", 2)
    assert marketing.post(f"/segments/{segment}/actions/undo").json["result"] == {"added": 2, "removed": 0}
    lines = marketing.get(f"/segments/{segment}/lines").json["items"]
    assert [line["overrides"].get("cost") for line in lines] == [None, None, "7.00"]


@pytest.mark.parametrize(
    ("path", "body", "faults"),
    [
        ("remove", {}, [("filter", "filter_missing")]),
        ("remove", {"filter": {}}, [("filter", "filter_missing")]),
        ("remove", {"line_nos": [0]}, [("line_nos.0", "invalid")]),
        ("remove", {"filter": {"colour": ["red"]}}, [("filter.colour", "unknown_field")]),
        ("change", {"all": True}, [("values", "required")]),
        (
            "change",
            {"all": True, "values": {"cost": -1, "salesperson_code": "NOBODY", "x": 1}},
            [("values.cost", "negative"), ("values.x", "unknown_field")],
        ),
        (
            "change",
            {"all": True, "values": {"salesperson_code": "NOBODY"}},
            [("values.salesperson_code", "unknown")],
        ),
    ],
)
def test_what_is_wrong_with_a_change_of_many_lines_is_told(
    marketing: Client, segment: str, path: str, body: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    refused = marketing.post(f"/segments/{segment}/lines/{path}", body)
    assert refused.status_code == 422
    assert faults_of(refused) == faults
