"""What people type is shown as text and asked for as a value: never markup, never SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain.actors import Role
from tests.web.conftest import Client
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.test_every_page import PAGES

# Texts that are codes of something, keys of addresses, or judged where they are read: what they may be, the domain
# and the API's models say.
CODES = re.compile(
    r"(^|_)(no|code|key|kind|state|type|role|hash|cron|timezone|door|outcome|ending|status|work|format|source|id)$"
)
# Whatever it stands in, text, attribute or template, it must come out as it is.
MARKUP = "\"'><xss-{0} onclick=alert(1)>{{{{7*7}}}}</xss-{0}>"
# Columns that are shown on some page; a new one is added when it is shown.
SHOWN = {
    "contact-name",
    "contact-address",
    "contact-city",
    "salesperson-name",
    "campaign-description",
    "interaction_group-description",
    "interaction_template-description",
    "segment-description",
    "logged_segment-description",
    "interaction_comment-comment",
    "saved_criteria-description",
    "app_user-display_name",
    "api_token-name",
}
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


@pytest.fixture(scope="module")
def marked(demo: Demo, sessions: Callable[[], Session]) -> set[str]:
    """Puts markup into every column of text that takes it; gives their names."""
    taken = set()
    with sessions() as session:
        columns = session.execute(
            text("""
                SELECT table_name, column_name FROM information_schema.columns
                JOIN information_schema.tables USING (table_schema, table_name)
                WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = 'text'
                  AND is_generated = 'NEVER' AND table_name <> 'alembic_version'
                ORDER BY 1, 2
            """)
        ).all()
        for table, column in columns:
            if CODES.search(column):
                continue
            try:
                with session.begin_nested():
                    session.execute(
                        text(
                            f'UPDATE "{table}" SET "{column}" = :markup WHERE "{column}" IS NOT NULL OR true'
                        ),
                        {"markup": MARKUP.format(f"{table}-{column}")},
                    )
            except DBAPIError:  # a choice, or unique
                try:
                    with session.begin_nested():
                        session.execute(
                            text(
                                f'UPDATE "{table}" SET "{column}" = :markup '
                                f'WHERE ctid = (SELECT max(ctid) FROM "{table}")'
                            ),
                            {"markup": MARKUP.format(f"{table}-{column}")},
                        )
                except DBAPIError:
                    continue
            taken.add(f"{table}-{column}")
        session.commit()
    return taken


def test_markup_in_every_text_is_shown_as_text_on_every_page(
    marked: set[str], app: Flask, sessions: Any, demo: Demo, tokens: dict[Role, str]
) -> None:
    from domain import users
    from web import identity

    client = app.test_client()
    with sessions() as session, app.test_request_context("/"):
        admin = session.scalars(
            text("SELECT id FROM app_user WHERE role = 'admin' ORDER BY id LIMIT 1")
        ).one()
        identity.sign_in(session.get(users.AppUser, admin))
        from flask import session as cookie

        kept = dict(cookie)
    with client.session_transaction() as cookie:
        cookie.update(kept)
    shown: set[str] = set()
    for language in ("en", "ru"):
        for pattern, _ in PAGES.values():
            address = pattern.format(**vars(demo))
            answer = client.get(address, headers={"Accept-Language": language})
            assert answer.status_code in (200, 404), (address, answer.status_code)
            _assert_harmless(address, answer.text)
            shown |= set(re.findall(r"&lt;xss-([\w-]+) onclick", answer.text))
    assert shown >= SHOWN & marked, sorted(SHOWN - shown)
    assert marked >= SHOWN, sorted(SHOWN - marked)


def test_what_is_typed_comes_back_as_text_where_it_is_refused(admin_browser: Browser, demo: Demo) -> None:
    """Forms show what was typed again, lists the filters."""
    markup = MARKUP.format("typed")
    for address, _ in PAGES.values():
        page = admin_browser.open(address.format(**vars(demo)))
        for form in page.one("main").all("form"):
            names = {
                control.attributes["name"]
                for tag in ("input", "textarea")
                for control in form.all(tag)
                if "name" in control.attributes
                and control.attributes.get("type") not in ("checkbox", "radio", "file")
            } - {"csrf_token", "confirmed"}
            target = form.attributes.get("action") or address.format(**vars(demo))
            values = dict.fromkeys(names, markup)
            if form.attributes.get("method", "get") == "get":
                answer = admin_browser.flask.get(target.partition("?")[0], query_string=values)
            else:
                token = page.all("input", name="csrf_token")[0].attributes["value"]
                answer = admin_browser.flask.post(target, data={**values, "csrf_token": token})
            assert answer.status_code < 500, (target, answer.status_code)
            if answer.mimetype == "text/html":
                _assert_harmless(target, answer.text)


def _assert_harmless(address: str, page: str) -> None:
    assert "<xss-" not in page, address
    assert "49</xss" not in page, address
    for target in re.findall(r'(?:href|src|action)="([^"]*)"', page):
        assert re.match(r"(/(?!/)|#|\?|mailto:|tel:|data:image/|$)", target), (address, target)


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
        for attack in SQL:
            begun = monotonic()
            answer = admin.get(address, query_string={name: attack}, headers={"Accept": "*/*"})
            assert monotonic() - begun < 5, (path, name, attack)
            assert answer.status_code in (200, 404, 422), (path, name, attack, answer.status_code)
            if answer.status_code == 200 and answer.is_json and "items" in answer.json and name != "after":
                assert answer.json["items"] == [], (path, name, attack)
            tried += 1
    assert tried > 500
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
        for attack in SQL[:3] if filters else ():
            for name in (*filters, "after", "sort"):
                begun = monotonic()
                answer = admin_browser.flask.get(where, query_string={name: attack})
                assert answer.status_code < 500, (address, name, attack)
                assert monotonic() - begun < 5, (address, name, attack)
                tried += 1
    assert tried > 50
