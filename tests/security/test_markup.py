"""What people type is shown as text, never as markup (XSS): on every page, in both languages, and back in forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.test_every_page import PAGES

# Texts that are codes of something, keys of addresses, or judged where they are read: what they may be, the domain
# and the API's models say.
CODES = re.compile(
    r"(^|_)(no|code|key|kind|state|type|role|hash|cron|timezone|door|outcome|ending|status|work|format|source|id)$"
)
# Whatever it stands in, text, attribute or template, it must come out as it is.
MARKUP = "\"'><xss-{0} onclick=alert(1)>{{{{7*7}}}}</xss-{0}>"
ONE_ROW = 'WHERE ctid = (SELECT max(ctid) FROM "{}")'
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
            markup = MARKUP.format(f"{table}-{column}")
            # all rows; where that is refused, as it must be unique, one
            if any(_filled(session, table, column, markup, which) for which in ("", ONE_ROW)):
                taken.add(f"{table}-{column}")
        session.commit()
    return taken


def _filled(session: Session, table: str, column: str, markup: str, which: str) -> bool:
    """Write markup into a column; tell whether the table took it."""
    try:
        with session.begin_nested():
            session.execute(
                text(f'UPDATE "{table}" SET "{column}" = :markup {which.format(table)}'), {"markup": markup}
            )
    except DBAPIError:
        return False
    return True


def test_markup_in_every_text_is_shown_as_text_on_every_page(
    marked: set[str], app: Flask, sessions: Any, demo: Demo
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


def _assert_harmless(address: str, page: str) -> None:
    assert "<xss-" not in page, address
    assert "49</xss" not in page, address
    for target in re.findall(r'(?:href|src|action)="([^"]*)"', page):
        assert re.match(r"(/(?!/)|#|\?|mailto:|tel:|data:image/|$)", target), (address, target)
