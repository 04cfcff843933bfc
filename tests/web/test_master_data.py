"""Master data through the API: lists, things, ETags, conflicts (API.md, Master data and Users)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.conftest import Client, faults_of

Unique = Callable[[str], str]


@pytest.fixture
def noun(request: pytest.FixtureRequest, admin: Client, unique: Unique) -> tuple[str, str, dict[str, Any]]:
    """A path, the name of its key, and the body of a new thing there."""
    kind = request.param
    if kind == "/interaction-templates":
        group = unique("G")
        assert admin.post("/interaction-groups", {"code": group}).status_code == 201
        return kind, "code", {"code": unique("K"), "group_code": group}
    key = "no" if kind in ("/contacts", "/campaigns") else "code"
    extra = {"/contacts": {"type": "company", "name": "A"}, "/number-series": {"starting_no": "X001"}}
    return kind, key, {key: unique("K"), **extra.get(kind, {})}


NOUNS = [
    "/contacts",
    "/salespeople",
    "/campaigns",
    "/interaction-groups",
    "/interaction-templates",
    "/number-series",
]
every_noun = pytest.mark.parametrize("noun", NOUNS, indirect=True)


@every_noun
def test_a_thing_is_made_shown_changed_and_deleted(
    admin: Client, noun: tuple[str, str, dict[str, Any]]
) -> None:
    path, key, body = noun
    made = admin.post(path, body)
    assert made.status_code == 201, made.text
    assert made.json[key] == body[key]
    where = made.headers["Location"].removeprefix("/api/v1")
    assert where == f"{path}/{body[key]}"
    shown = admin.get(where)
    assert shown.status_code == 200
    assert shown.headers["ETag"] == made.headers["ETag"]
    changed = admin.patch(
        where.lower(), {"name" if path in ("/contacts", "/salespeople") else "description": "Other"}
    )
    assert changed.status_code == 200, changed.text
    assert changed.headers["ETag"] != made.headers["ETag"]
    assert admin.get(where).headers["ETag"] == changed.headers["ETag"]
    if path == "/number-series":
        assert admin.delete(where).status_code == 405
        return
    deleted = admin.delete(where)
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert admin.get(where).status_code == 404
    assert admin.delete(where).status_code == 404


@every_noun
def test_the_same_key_again_is_a_conflict(admin: Client, noun: tuple[str, str, dict[str, Any]]) -> None:
    path, key, body = noun
    assert admin.post(path, body).status_code == 201
    again = admin.post(path, {**body, key: body[key].lower()})
    assert again.status_code == 409
    assert again.json["code"] == "already_exists"
    assert faults_of(again) == [(key, "already_exists")]
    mixed = admin.post(path, {**body, "colour": 1})
    assert mixed.status_code == 422
    assert faults_of(mixed) == sorted([(key, "already_exists"), ("colour", "unknown_field")])


@every_noun
def test_a_change_honours_if_match(admin: Client, noun: tuple[str, str, dict[str, Any]]) -> None:
    path, key, body = noun
    made = admin.post(path, body)
    where, seen = f"{path}/{body[key]}", made.headers["ETag"]
    field = "name" if path in ("/contacts", "/salespeople") else "description"
    assert admin.patch(where, {field: "One"}, headers={"If-Match": seen}).status_code == 200
    stale = admin.patch(where, {field: "Two"}, headers={"If-Match": seen})
    assert stale.status_code == 412
    assert stale.json["code"] == "stale"
    assert admin.get(where).json[field] == "One"
    if path != "/number-series":
        assert admin.delete(where, headers={"If-Match": seen}).status_code == 412
        assert (
            admin.delete(where, headers={"If-Match": f'"x", {admin.get(where).headers["ETag"]}'}).status_code
            == 204
        )
    assert admin.patch(f"{path}/NOBODY", {}, headers={"If-Match": "*"}).status_code == 404


@every_noun
def test_a_list_is_read_page_by_page(
    admin: Client, noun: tuple[str, str, dict[str, Any]], unique: Unique
) -> None:
    path, key, body = noun
    mark = unique("page-")
    field = "name" if path in ("/contacts", "/salespeople") else "description"
    codes = [unique("P") for _ in range(5)]
    for code in codes:
        assert admin.post(path, {**body, key: code, field: mark}).status_code == 201
    found, where = [], f"{path}?q={mark}&limit=2"
    while where:
        page = admin.get(where).json
        assert len(page["items"]) <= 2
        found += [item[key] for item in page["items"]]
        where = page["next"] and page["next"].removeprefix("/api/v1")
    assert found == sorted(codes, key=str.lower)


@every_noun
def test_the_key_cannot_be_changed(admin: Client, noun: tuple[str, str, dict[str, Any]]) -> None:
    path, key, body = noun
    admin.post(path, body)
    where = f"{path}/{body[key]}"
    assert faults_of(admin.patch(where, {key: "OTHER"})) == [(key, "read_only")]
    assert admin.patch(where, {key: body[key].lower()}).json[key] == body[key]


def test_statistics_are_on_one_and_in_lists_on_request(admin: Client, unique: Unique) -> None:
    code = unique("SP")
    admin.post("/salespeople", {"code": code})
    nothing = {"interactions_count": 0, "cost_total": "0.00", "duration_total_min": 0}
    one = admin.get(f"/salespeople/{code}?date_from=2026-01-01&date_to=2026-12-31").json
    assert {name: one[name] for name in nothing} == nothing
    assert "cost_total" not in admin.get(f"/salespeople?q={code}").json["items"][0]
    listed = admin.get(f"/salespeople?q={code}&include=statistics").json["items"][0]
    assert {name: listed[name] for name in nothing} == nothing


def test_a_contact_is_kept_with_everything(admin: Client, unique: Unique) -> None:
    seller, company, person = unique("SP"), unique("C"), unique("C")
    admin.post("/salespeople", {"code": seller})
    admin.post("/contacts", {"no": company, "type": "company", "name": "Cronus"})
    body = {
        "no": person,
        "type": "person",
        "name": "Анна Öberg",
        "company_no": company.lower(),
        "email": "anna@example.com",
        "salesperson_code": seller.lower(),
        "correspondence_type": "fax",
        "privacy_blocked": False,
        "mailing_groups": ["NEWS", "news", "VIP"],
        "accounts": [{"type": "customer", "no": unique("D 10/")}],
    }
    made = admin.post("/contacts", body)
    assert made.status_code == 201, made.text
    assert made.json["name"] == "Анна Öberg"
    assert (made.json["company_no"], made.json["salesperson_code"]) == (company, seller)
    assert made.json["mailing_groups"] == ["NEWS", "VIP"]
    account = made.json["accounts"][0]["no"]
    found = admin.get("/contacts", query_string={"account_type": "customer", "account_no": account}).json
    assert [item["no"] for item in found["items"]] == [person]
    taken = admin.post(
        "/contacts", {"type": "company", "name": "B", "accounts": [{"type": "customer", "no": account}]}
    )
    assert taken.status_code == 409
    assert taken.json["code"] == "account_taken"
    used = admin.delete(f"/contacts/{company}")
    assert (used.status_code, used.json["code"]) == (409, "in_use")


def test_a_number_is_given_out_where_none_is_typed(marketing: Client) -> None:
    first, second = (marketing.post("/campaigns", {"description": "x"}).json["no"] for _ in range(2))
    assert first.startswith("CP")
    assert int(second[2:]) == int(first[2:]) + 1


def test_a_missing_number_series_is_a_conflict_naming_the_setup_field(admin: Client) -> None:
    before = admin.get("/setup").json["campaign_nos"]
    assert admin.patch("/setup", {"campaign_nos": None}).json["campaign_nos"] is None
    refused = admin.post("/campaigns", {"description": "x"})
    admin.patch("/setup", {"campaign_nos": before})
    assert (refused.status_code, refused.json["code"]) == (409, "number_series_missing")
    assert faults_of(refused) == [("campaign_nos", "number_series_missing")]


def test_the_setup_is_changed_as_far_as_given(admin: Client) -> None:
    changed = admin.patch("/setup", {"timezone": "Europe/Copenhagen", "contact_pressure_days": 3})
    assert changed.status_code == 200
    assert (changed.json["timezone"], changed.json["contact_pressure_days"]) == ("Europe/Copenhagen", 3)
    assert changed.headers["ETag"] == admin.get("/setup").headers["ETag"]
    refused = admin.patch(
        "/setup", {"timezone": "Moon/Sea", "segment_nos": "NONE", "reprint_window_hours": -1}
    )
    assert faults_of(refused) == [
        ("reprint_window_hours", "negative"),
        ("segment_nos", "unknown"),
        ("timezone", "unknown"),
    ]


def test_the_template_setup_has_every_document_type(admin: Client, unique: Unique) -> None:
    group, template = unique("G"), unique("T")
    admin.post("/interaction-groups", {"code": group})
    admin.post("/interaction-templates", {"code": template, "group_code": group})
    before = admin.get("/template-setup")
    assert len(before.json) == 30
    changed = admin.patch("/template-setup", {"sales_invoice": template.lower()})
    assert changed.json["sales_invoice"] == template
    stale = admin.put("/template-setup", {"email": template}, headers={"If-Match": before.headers["ETag"]})
    assert stale.status_code == 412
    retired = admin.patch(f"/interaction-templates/{template}", {"retired": True})
    assert (retired.status_code, retired.json["code"]) == (409, "in_template_setup")
    replaced = admin.put("/template-setup", {"email": template})
    assert (replaced.json["sales_invoice"], replaced.json["email"]) == (None, template)
    refused = admin.patch("/template-setup", {"sales_quote": "NOWHERE", "birthday_card": template})
    assert faults_of(refused) == [("birthday_card", "unknown_field"), ("sales_quote", "unknown")]


def test_retired_templates_are_listed_on_request(admin: Client, unique: Unique) -> None:
    group, template = unique("G"), unique("T")
    admin.post("/interaction-groups", {"code": group})
    admin.post("/interaction-templates", {"code": template, "group_code": group, "retired": True})
    assert admin.get(f"/interaction-templates?q={template}").json["items"] == []
    listed = admin.get(f"/interaction-templates?q={template}&retired=true").json["items"]
    assert [item["code"] for item in listed] == [template]


def test_a_filter_may_be_repeated_and_none_means_blank(admin: Client, unique: Unique) -> None:
    mark, sellers = unique("filter-"), [unique("SP"), unique("SP")]
    for seller in sellers:
        admin.post("/salespeople", {"code": seller})
    for seller in (*sellers, None):
        admin.post("/campaigns", {"description": mark, "salesperson_code": seller})

    def count(query: str) -> int:
        return len(admin.get(f"/campaigns?q={mark}&{query}").json["items"])

    assert count(f"salesperson_code={sellers[0]}") == 1
    assert count(f"salesperson_code={sellers[0]}&salesperson_code={sellers[1].lower()}") == 2
    assert count("salesperson_code=none") == 1
    assert count(f"salesperson_code=none&salesperson_code={sellers[1]}") == 2
    assert count("salesperson_code=NOWHERE") == 0


def test_users_are_made_and_changed_and_passwords_never_shown(admin: Client, unique: Unique) -> None:
    name = unique("user")
    made = admin.post(
        "/users", {"name": name, "role": "viewer", "password": "a long enough one", "language_code": "ru"}
    )
    assert made.status_code == 201, made.text
    assert "password" not in made.text
    assert admin.get(f"/users/{name}").json["active"] is True
    changed = admin.patch(f"/users/{name}", {"active": False, "display_name": "Anna"})
    assert (changed.json["active"], changed.json["display_name"]) == (False, "Anna")
    refused = admin.post(
        "/users", {"name": unique("user"), "role": "king", "password": "short", "active": None}
    )
    assert faults_of(refused) == [("active", "required"), ("password", "invalid"), ("role", "not_a_choice")]
    assert "short" not in refused.text


def test_a_token_lets_in_until_it_is_revoked(admin: Client, unique: Unique) -> None:
    name = unique("program")
    made = admin.post("/tokens", {"name": name, "role": "viewer"})
    assert made.status_code == 201
    program = Client(admin.flask, made.json["token"])
    assert program.get("/me").json == {
        "name": name,
        "role": "viewer",
        "salesperson_code": None,
        "language_code": None,
    }
    assert made.json["token"] not in admin.get("/tokens?limit=1000").text
    assert admin.delete(f"/tokens/{made.json['id']}").status_code == 204
    assert program.get("/me").status_code == 401
    assert admin.delete(f"/tokens/{made.json['id']}").status_code == 404


def test_the_audit_says_who_changed_what(admin: Client, unique: Unique) -> None:
    code = unique("SP")
    admin.post("/salespeople", {"code": code, "name": "Old"})
    admin.patch(f"/salespeople/{code}", {"name": "New"})
    newest = admin.get(f"/audit?object_key={code}&limit=1").json
    assert newest["items"][0]["changes"] == {"name": ["Old", "New"]}
    assert newest["items"][0]["user"] == "admin-client"
    older = admin.get(newest["next"].removeprefix("/api/v1")).json
    assert [item["action"] for item in older["items"]] == ["create"]
    assert faults_of(admin.get("/audit?after=x")) == [("query.after", "invalid")]
