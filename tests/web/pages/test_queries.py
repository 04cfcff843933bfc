"""No page asks the database once per row, and none is slow, with what the company has and with ten times that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from domain import (
    campaigns,
    canceling,
    comments,
    contacts,
    interaction_creation,
    interaction_groups,
    number_series,
    postponed,
    purge_schedules,
    purging,
    salespeople,
    saved_criteria,
    segment_lines,
    segment_logging,
    segments,
    templates,
    users,
)
from domain.actors import Actor, Role, system
from tests.domain.events import make_event, receive, record
from tests.web.pages.conftest import PASSWORD, Browser, Demo
from tests.web.pages.test_every_page import PAGES

MOST_QUERIES = 30
# Each thing is there once, then ten times as often.
ONCE, TIMES = range(1), range(1, 11)
# Milliseconds that a page may take, where a page that shows almost nothing takes USUAL or less; on a slower machine, or
# one with more to do, both grow. `interlog bench-pages` says what they are on the demo's company. They are opened in
# turns, and the best round of each counts, which is what it takes itself: other tests run beside this one.
MOST, USUAL = 80, 15
TRIVIAL = "/my-settings"
ROUNDS = 5


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements of a block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def queries_of(browser: Browser, path: str) -> int:
    with counted() as statements:
        browser.open(path)
    return len(statements)


def signed_in(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    browser.open("/sign-in")
    browser.send(name=Role.ADMIN.value, password=PASSWORD)
    return browser


def milliseconds_of(browser: Browser, path: str) -> float:
    started = time.perf_counter()
    browser.flask.get(path)
    return (time.perf_counter() - started) * 1000


def milliseconds_beyond(browser: Browser, path: str) -> float:
    """Tell by how much a page takes longer than it may, beside one that shows almost nothing."""
    trivial, page = [], []
    for _ in range(ROUNDS):
        trivial.append(milliseconds_of(browser, TRIVIAL))
        page.append(milliseconds_of(browser, path))
        if page[-1] <= MOST:  # within the bound, however fast the other is
            break
    return min(page) - MOST * max(1, min(trivial) / USUAL)


def queries(app: Flask, demo: Demo) -> dict[str, int]:
    """Queries of each page, by its endpoint."""
    browser = signed_in(app)
    return {
        endpoint: queries_of(browser, address.format(**vars(demo)))
        for endpoint, (address, _) in PAGES.items()
    }


@pytest.fixture(scope="module")
def few(app: Flask, sessions: Any, demo: Demo, do_jobs: Callable[[], None]) -> dict[str, int]:
    """Queries of each page when there is one of everything."""
    make(ONCE, sessions, demo, do_jobs)
    return queries(app, demo)


@pytest.fixture(scope="module")
def ten_times(few: dict[str, int], sessions: Any, demo: Demo, do_jobs: Callable[[], None]) -> None:
    """Ten times that."""
    make(TIMES, sessions, demo, do_jobs)


def test_every_page_takes_as_many_queries_for_ten_times_the_rows(
    few: dict[str, int], ten_times: None, app: Flask, demo: Demo
) -> None:
    many = queries(app, demo)
    assert {endpoint: count for endpoint, count in many.items() if count >= MOST_QUERIES} == {}
    # One more is how a list finds out that it has a next page.
    assert {
        endpoint: (few[endpoint], count) for endpoint, count in many.items() if count > few[endpoint] + 1
    } == {}


def test_no_page_is_slow(ten_times: None, app: Flask, demo: Demo) -> None:
    browser = signed_in(app)
    beyond = {
        endpoint: round(milliseconds_beyond(browser, address.format(**vars(demo))))
        for endpoint, (address, _) in PAGES.items()
    }
    assert {endpoint: time for endpoint, time in beyond.items() if time > 0} == {}


def make(numbers: range, sessions: Any, demo: Demo, do_jobs: Callable[[], None]) -> None:
    """Make something of everything for each number, and on the things whose cards are shown."""
    with sessions() as session, session.begin():
        actor = system(session)
        for number in numbers:
            _master_data(session, f"M{number:02}", actor)
            _on_the_cards(session, demo, number, actor)
            receive(session, *(make_event(document_no=f"M{number}-{copy}") for copy in range(6)))
            purging.request(session, values={}, actor=actor)
        record(session)
    do_jobs()


def _master_data(session: Session, code: str, actor: Actor) -> None:
    """One more of everything, and a segment of it that is being logged."""
    salespeople.create(session, values={"code": code, "name": "Many"}, actor=actor)
    interaction_groups.create(session, values={"code": code}, actor=actor)
    campaigns.create(session, values={"no": code, "salesperson_code": code}, actor=actor)
    templates.create(session, values={"code": code, "group_code": code, "campaign_no": code}, actor=actor)
    number_series.create(session, values={"code": code, "starting_no": f"{code}-001"}, actor=actor)
    values = {"no": code, "type": "person", "name": "Many", "salesperson_code": code}
    contacts.create(session, values=values, actor=actor)
    purge_schedules.create(session, values={"name": code, "cron": "0 2 * * *"}, actor=actor)
    users.create_user(session, values={"name": code, "role": "viewer", "salesperson_code": code}, actor=actor)
    users.create_token(session, values={"name": f"token-{code}", "role": "viewer"}, actor=actor)
    for is_logged in (False, True):
        values = {
            "description": code,
            "template_code": code,
            "campaign_no": "CP0001",
            "salesperson_code": code,
        }
        segment = segments.create(session, values=values, actor=actor)
        segment_lines.add_many(session, segment, contact_nos=[code], allow_existing=False, actor=actor)
        if is_logged:
            segment_logging.request(session, segment, values={"follow_up": True}, actor=actor)
        else:
            saved_criteria.save(session, segment, values={"code": code}, actor=actor)


def _on_the_cards(session: Session, demo: Demo, number: int, actor: Actor) -> None:
    """One more of what the cards list: people, entries, comments, actions, lines, changes."""
    company = contacts.get(session, demo.company, lock=True)
    contacts.change(session, company, values={"city": f"City {number}"}, actor=actor)
    values = {
        "type": "person",
        "name": f"More {number}",
        "company_no": demo.company,
        "salesperson_code": "AH",
    }
    no = contacts.create(session, values=values, actor=actor).no
    segment = segments.get(session, demo.segment)
    segment_lines.add_many(session, segment, contact_nos=[no], allow_existing=False, actor=actor)
    values = {"contact_no": demo.company, "template_code": "LETTER", "comments": ["One", "Two"]}
    entry_no = interaction_creation.create(session, values=values, actor=actor)
    if number % 2:
        canceling.cancel(session, entry_no, actor=actor)
    comments.add(session, demo.entry_no, values={"comment": f"Comment {number}"}, actor=actor)
    postponed.create(session, values=values, actor=actor)
    postponed.create(session, values={**values, "source_entry_no": demo.entry_no}, actor=actor)
    template = templates.get(session, "LETTER", lock=True)
    templates.change(session, template, values={"description": f"Letter {number}"}, actor=actor)
