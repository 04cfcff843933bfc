"""The ledger of document events on pages: reasons in words, the way to mend them, Replay (D7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain import contacts, template_setup, templates
from domain.actors import Role, system
from domain.document_events import Door
from tests.domain.events import make_event, receive, record
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import Element


@pytest.fixture(scope="module")
def events(sessions: Any, demo: Demo) -> dict[str, dict[str, Any]]:
    """One event of each outcome, by its name; invoices are recorded."""
    with sessions() as session, session.begin():
        actor = system(session)
        templates.create(session, values={"code": "DOC", "group_code": "LETTERS"}, actor=actor)
        template_setup.change(session, values={"sales_invoice": "DOC"}, actor=actor)
        blocked = contacts.create(
            session, values={"type": "person", "name": "Blocked", "privacy_blocked": True}, actor=actor
        )
        contact = {"account_no": ..., "contact_no": demo.contacts[3]}
        made = {
            "recorded": make_event(document_no="INV-R", **contact),
            "reprint": make_event(document_no="INV-R", time="2026-03-10T13:00:00Z", **contact),
            "ignored": make_event(document_no="CM-1", document_type="sales_credit_memo", **contact),
            "unresolved": make_event(document_no="INV-U", account_no="14911", extra="kept"),
            "unknown": make_event(document_no="INV-X", account_no=..., contact_no="NOWHERE"),
            "suppressed": make_event(document_no="INV-S", account_no=..., contact_no=blocked.no),
        }
        receive(session, *made.values())
        conflict = {**made["recorded"], "data": {**made["recorded"]["data"], "document_no": "INV-OTHER"}}
        receive(session, conflict)
        receive(session, '{"id": "broken', door=Door.STREAM)
        record(session)
    return made


def rows_of(page: Element) -> dict[str, Element]:
    """The rows of the ledger by document number."""
    rows = page.one("table", class_="grid").one("tbody").all("tr")
    return {row.all("td", class_="code")[0].text: row for row in rows}


def opened(browser: Browser, document_no: str) -> Element:
    """Open the card of the latest event of a document."""
    row = rows_of(browser.open(f"/document-events/?document_no={document_no}"))[document_no]
    return browser.open(row.one("td", class_="when").one("a").attributes["href"])


def test_the_ledger_gives_reasons_in_words_with_the_way_to_mend_them(
    admin_browser: Browser, events: Any, demo: Demo
) -> None:
    rows = rows_of(admin_browser.open("/document-events/"))

    def told(document_no: str) -> tuple[str, list[str]]:
        row = rows[document_no]
        reason = row.all("td", class_="text")[-1]
        return reason.text, [link.attributes["href"] for link in reason.all("a")]

    assert told("CM-1") == (
        "The template setup has no template for the document type “Sales Credit Memo”. Set up a template",
        ["/template-setup/#sales_credit_memo"],
    )
    assert told("INV-U") == (
        "No contact is linked to customer 14911. Create the contact",
        ["/contacts/new?account_type=customer&account_no=14911"],
    )
    assert told("INV-X")[1] == ["/contacts/new?no=NOWHERE"]
    assert told("INV-S")[0].endswith("is blocked for privacy. Show the contact")
    assert admin_browser.open(told("INV-S")[1][0]).one("h1").text == "Blocked"
    links = [link.attributes["href"] for link in rows["INV-R"].all("a")]
    assert f"/contacts/{demo.contacts[3]}" in links
    entry = next(link for link in links if link.startswith("/interactions/"))
    assert "Times Printed 2" in admin_browser.open(entry).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=ignored", {"CM-1", "INV-1"}),
        ("document_type=sales_credit_memo", {"CM-1"}),
        ("outcome=suppressed&contact_no=&from=2026-03-10&to=2026-03-10", {"INV-S"}),
        ("document_no=INV-R&conflicts=true", {"INV-R"}),
        ("outcome=rejected", {""}),
        ("door=stream", {""}),
    ],
)
def test_the_ledger_is_filtered(viewer: Browser, events: Any, query: str, found: set[str]) -> None:
    assert set(rows_of(viewer.open(f"/document-events/?{query}"))) == found


@pytest.fixture
def viewer(browser_of: Callable[..., Browser]) -> Browser:
    return browser_of(Role.VIEWER)


def test_days_are_those_of_the_setups_time_zone(viewer: Browser, events: Any) -> None:
    assert "Nothing found" in viewer.open("/document-events/?from=2026-03-11&document_no=INV-U").text
    assert "Nothing found" in viewer.open("/document-events/?to=2026-03-09&document_no=INV-U").text
    assert "cannot be read" in viewer.open("/document-events/?to=yesterday").text


def test_a_card_shows_everything_that_came(viewer: Browser, events: Any) -> None:
    page = opened(viewer, "INV-U")
    for shown in ("14911", "kept", events["unresolved"]["id"], "billing", "system", "HTTP"):
        assert shown in page.text, shown
    assert not page.all("form", action="/document-events/replay")
    page = opened(viewer, "INV-R")
    viewer.open(f"/document-events/?id={events['recorded']['id']}")
    link = viewer.page.one("td", class_="when").one("a").attributes["href"]
    conflict = viewer.open(link).one("section", aria_labelledby="v-conflicts")
    assert "Document No.: INV-OTHER" in conflict.text
    raw = viewer.open("/document-events/?outcome=rejected").one("td", class_="when").one("a")
    page = viewer.open(raw.attributes["href"])
    assert page.one("section", aria_labelledby="v-raw").one("code").text == '{"id": "broken'
    assert "cannot be read as an event" in page.text


def test_home_says_that_events_need_attention(viewer: Browser, events: Any) -> None:
    note = viewer.open("/").one(class_="is-warn")
    assert [link.attributes["href"] for link in note.all("a")] == [
        f"/document-events/?outcome={outcome}" for outcome in ("unresolved", "ignored", "rejected")
    ]
    assert set(rows_of(viewer.open(note.all("a")[0].attributes["href"]))) == {"INV-U", "INV-X"}


def test_a_missing_contact_is_made_with_the_account_filled_in(
    marketing_browser: Browser, events: Any
) -> None:
    page = marketing_browser.open("/contacts/new?account_type=customer&account_no=777")
    assert page.one("input", name="accounts-0-no").attributes["value"] == "777"
    marketing_browser.fill(name="Seven")
    page = marketing_browser.page
    assert page.one("input", name="accounts-0-no").attributes["value"] == "777"


def test_an_account_is_linked_to_a_contact_and_the_event_replayed(
    admin_browser: Browser, events: Any, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """D7"""
    browser = admin_browser
    opened(browser, "INV-U")
    card = browser.here
    page = browser.open(f"{card}/link?contact_no={demo.contacts[5]}", status=303)
    assert browser.last is not None
    page = browser.open(browser.last.headers["Location"])
    assert page.one("input", name="accounts-0-no").attributes["value"] == "14911"
    browser.fill(f"/contacts/{demo.contacts[5]}")
    page = browser.open(card)
    form = page.one("form", action="/document-events/replay")
    position = form.one("input", name="position").attributes["value"]
    assert "Try 1 event again?" in browser.send("/document-events/replay", position=position, status=200).text
    browser.send("/document-events/replay", position=position, confirmed="yes")
    job = browser.here
    do_jobs()
    result = browser.open(job).one("section", aria_labelledby="result-title")
    assert "Recorded 1" in result.text
    assert result.one("a", class_="btn-primary").attributes["href"] == "/document-events/"
    assert "Recorded" in browser.open(card).one(class_="title-line").text


def test_all_that_match_are_replayed_after_a_question(
    admin_browser: Browser, events: Any, do_jobs: Callable[[], None]
) -> None:
    """D7"""
    page = admin_browser.open("/document-events/?outcome=suppressed")
    form = page.one("form", action="/document-events/replay")
    values = {control.attributes["name"]: control.attributes["value"] for control in form.all("input")}
    assert values == {"csrf_token": values["csrf_token"], "scope": "matching", "outcome": "suppressed"}
    assert "Try 1 event again?" in admin_browser.send("/document-events/replay", status=200, **values).text
    admin_browser.send("/document-events/replay", **values, confirmed="yes")
    do_jobs()
    assert "Suppressed 1" in admin_browser.open(admin_browser.here).text


def test_a_replay_of_nothing_says_so(admin_browser: Browser, events: Any) -> None:
    admin_browser.open("/document-events/")
    assert "No event is selected." in admin_browser.send("/document-events/replay", position="x").text


def test_only_administrators_replay(marketing_browser: Browser, events: Any) -> None:
    """U1"""
    page = marketing_browser.open("/document-events/")
    assert not page.all("input", name="position")
    marketing_browser.send("/document-events/replay", position="1", status=403)


def test_an_empty_ledger_says_how_to_send_the_first_event(admin_browser: Browser, sessions: Any) -> None:
    from sqlalchemy import text

    with sessions() as session, session.begin():
        session.execute(text("TRUNCATE document_event CASCADE"))
    page = admin_browser.open("/document-events/")
    assert "curl http://localhost/api/v1/document-events" in page.one("pre").text
    assert page.one("a", href="/tokens/new")
