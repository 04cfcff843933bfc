"""No page asks the database once per row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from domain import campaigns, contacts, interaction_groups, salespeople, segment_lines, segments, templates
from domain.actors import system
from tests.domain.events import make_event, receive, record
from tests.web.pages.conftest import Browser, Demo

MOST_QUERIES = 30


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
    browser.open(path)
    with counted() as statements:
        browser.open(path)
    return len(statements)


@pytest.mark.parametrize(
    ("path", "few"),
    [
        ("/contacts/", "q=Person 1"),
        ("/interactions/", "contact_no=CT000003"),
        ("/segments/", "q=Spring"),
        ("/segments/{segment}", "q=CT000003"),
        ("/salespeople/", "q=AH"),
        ("/campaigns/", "q=CP0001"),
        ("/interaction-groups/", "q=LETTERS"),
        ("/interaction-templates/", "q=LETTER"),
        ("/users/", "q=viewer"),
        ("/document-events/", "document_no=INV-1"),
    ],
)
def test_a_list_takes_as_many_queries_for_fifty_rows_as_for_one(
    path: str, few: str, admin_browser: Browser, demo: Demo, many: None
) -> None:
    path = path.format(**vars(demo))
    few_rows = queries_of(admin_browser, f"{path}?{few}")
    rows = len(admin_browser.page.all("table", class_="grid")[0].all("tr")) - 1
    many_rows = queries_of(admin_browser, path)
    assert len(admin_browser.page.all("table", class_="grid")[0].all("tr")) - 1 > rows
    assert many_rows <= few_rows + 1
    assert many_rows < MOST_QUERIES


def test_no_page_takes_many_queries(admin_browser: Browser, demo: Demo, many: None) -> None:
    for path in ("/", f"/contacts/{demo.company}", f"/logged-segments/{demo.logged_segment}", "/jobs/"):
        assert queries_of(admin_browser, path) < MOST_QUERIES, path


@pytest.fixture(scope="module")
def many(sessions: Any, demo: Demo) -> None:
    """Fifty more of everything."""
    with sessions() as session, session.begin():
        actor = system(session)
        receive(session, *(make_event(document_no=f"M{number}") for number in range(50)))
        record(session)
        for number in range(50):
            code = f"M{number:02}"
            salespeople.create(session, values={"code": code, "name": "Many"}, actor=actor)
            interaction_groups.create(session, values={"code": code}, actor=actor)
            campaigns.create(session, values={"no": code, "salesperson_code": code}, actor=actor)
            templates.create(
                session, values={"code": code, "group_code": code, "campaign_no": code}, actor=actor
            )
            contacts.create(
                session,
                values={"no": code, "type": "person", "name": "Many", "salesperson_code": code},
                actor=actor,
            )
            segment = segments.create(
                session,
                values={
                    "description": code,
                    "template_code": code,
                    "campaign_no": code,
                    "salesperson_code": code,
                },
                actor=actor,
            )
            segment_lines.add_many(session, segment, contact_nos=[code], allow_existing=False, actor=actor)
