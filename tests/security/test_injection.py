"""What people type is asked for as a value, never as SQL: in every parameter of the API and every filter of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic

from flask import Flask

from tests.web.conftest import Client
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.test_every_page import PAGES

SQL = (
    "' OR '1'='1",
    "'; SELECT pg_sleep(20); --",
    '") OR 1=1 --',
    "1) UNION SELECT name FROM app_user --",
    "%' OR true OR name LIKE '%",
    "\\'; DROP TABLE contact; --",
    "$$; SELECT pg_sleep(20) $$",
    ":limit :no {0} %(no)s %s",
)


def query_parameters(app: Flask) -> Iterator[tuple[str, str]]:
    """Every query parameter of every path of the API, from its description."""
    description = app.test_client().get("/api/v1/openapi.json").json
    for path, operations in description["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                yield path.removeprefix("/api/v1"), parameter["name"]


def test_sql_in_a_query_parameter_is_a_value_like_another(app: Flask, admin: Client, demo: Demo) -> None:
    """Nothing matches it, nothing waits, nothing is gone."""
    keys = {
        "no": demo.company,
        "entry_no": str(demo.entry_no),
        "line_no": str(demo.overridden_line),
        "id": demo.job,
        "code": "LETTER",
        "name": "Nightly",
    }
    before = admin.get("/contacts?limit=1000").json
    tried = 0
    for path, name in query_parameters(app):
        if path.endswith("/events") and path.startswith("/jobs"):
            continue
        address = re.sub(r"{(\w+)}", lambda found: keys[found[1]], path)
        for attack in SQL[:: 1 if name == "q" else 2]:
            begun = monotonic()
            answer = admin.get(address, query_string={name: attack}, headers={"Accept": "*/*"})
            answer.get_data()
            assert monotonic() - begun < 5, (path, name, attack)
            assert answer.status_code in (200, 404, 422), (path, name, attack, answer.status_code)
            if answer.status_code == 200 and answer.is_json and "items" in answer.json and name != "after":
                assert answer.json["items"] == [], (path, name, attack)
            tried += 1
    assert tried > 300
    assert admin.get("/contacts?limit=1000").json == before


def test_sql_in_an_address_is_a_key_that_nothing_has(app: Flask, admin: Client) -> None:
    for path in (
        "/contacts/{}",
        "/segments/{}",
        "/segments/{}/lines",
        "/users/{}",
        "/purge-schedules/{}",
        "/jobs/{}",
    ):
        for attack in SQL:
            assert admin.get(path.format(attack)).status_code == 404, (path, attack)


def test_sql_in_a_filter_of_a_body_is_a_value_like_another(admin: Client, demo: Demo) -> None:
    contact_fields = (
        "no",
        "type",
        "name",
        "salesperson_code",
        "country_code",
        "city",
        "post_code",
        "language_code",
    )
    groups = ("mailing_groups", "industry_groups", "business_relations", "job_responsibilities")
    of_entries = (
        "template_code",
        "group_code",
        "segment_no",
        "campaign_no",
        "salesperson_code",
        "evaluation",
    )
    for attack in SQL:
        for filters in [
            *({"contact": {name: [attack]}} for name in contact_fields),
            *({name: [attack]} for name in groups),
            *({"interactions": {name: attack}} for name in of_entries),
        ]:
            body = {"action": "add", "filters": filters}
            answer = admin.post(f"/segments/{demo.segment}/actions/count", body)
            assert answer.status_code in (200, 422), (filters, answer.text)
            assert answer.status_code == 422 or answer.json["added"] == 0, filters
        for path in ("/interactions/cancel", "/purges"):
            body = (
                {"filter": {"q": attack}}
                if path.endswith("cancel")
                else {"filters": {"group_code": attack}, "preview": True}
            )
            assert admin.post(path, body).status_code in (200, 202, 422)


def test_sql_in_a_filter_of_a_page_is_a_value_like_another(admin_browser: Browser, demo: Demo) -> None:
    tried = 0
    for address, _ in PAGES.values():
        page = admin_browser.open(address.format(**vars(demo)))
        filters = {
            control.attributes["name"]
            for form in page.one("main").all("form")
            if form.attributes.get("method") == "get"
            for tag in ("input", "select")
            for control in form.all(tag)
            if "name" in control.attributes
        }
        where = address.format(**vars(demo)).partition("?")[0]
        for attack in SQL[:2] if filters else ():
            for name in (*filters, "after", "sort"):
                begun = monotonic()
                answer = admin_browser.flask.get(where, query_string={name: attack})
                answer.get_data()
                assert answer.status_code < 500, (address, name, attack)
                assert monotonic() - begun < 5, (address, name, attack)
                tried += 1
    assert tried > 40
