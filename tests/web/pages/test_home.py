"""The home page: what waits for the user, what is under way, what was done and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import contacts, postponed, segments, users
from domain.actors import Role, system
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import Element
from tests.web.pages.test_queries import counted


def panel(page: Element, name: str) -> Element:
    return page.one("section", aria_labelledby=f"{name}-title")


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.VIEWER, set()),
        (Role.SALESPERSON, {"/interactions/new/?back=/"}),
        (Role.MARKETING, {"/interactions/new/?back=/", "/segments/new", "/contacts/new"}),
    ],
)
def test_nobody_is_offered_what_they_may_not_do(
    role: Role, offered: set[str], browser_of: Callable[..., Browser]
) -> None:
    """U1."""
    main = browser_of(role).open("/").one("main")
    actions = {link.attributes["href"] for link in main.all("a", class_="btn")}
    assert {each for each in actions if "new" in each} == offered


def test_a_page_sees_one_moment(
    browser_of: Callable[..., Browser], sessions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is logged, or deleted, between two queries of a page is there for both of them."""
    with sessions() as session, session.begin():
        actor = system(session)
        no = segments.create(session, values={"description": "Soon gone"}, actor=actor).no
    page = segments.page

    def page_then_delete(session: Session, **how: Any) -> list[segments.Segment]:
        found = page(session, **how)
        with sessions() as other, other.begin():
            segments.delete(other, segments.get(other, no), actor=system(other))
        return found

    browser = browser_of(Role.MARKETING)
    monkeypatch.setattr(segments, "page", page_then_delete)
    assert "Soon gone" in browser.open("/").text
    monkeypatch.undo()
    assert "Soon gone" not in browser.open("/").text


def test_ones_own_postponed_interactions_wait_there(
    browser_of: Callable[..., Browser], sessions: Any, demo: Demo
) -> None:
    """P2."""
    with sessions() as session, session.begin():
        actor = users.actor_of(session, users.get(session, "salesperson"))
        own = postponed.create(session, values={"contact_no": demo.company}, actor=actor)
    shown = panel(browser_of(Role.SALESPERSON).open("/"), "postponed")
    assert [link.text for link in shown.all("td")[0].all("a")] == [str(own.entry_no)]
    assert str(demo.postponed) not in shown.text


def test_segments_and_logged_segments_lead_to_their_cards(
    browser_of: Callable[..., Browser], demo: Demo
) -> None:
    page = browser_of(Role.VIEWER).open("/")
    assert panel(page, "active").all("a", href=f"/segments/{demo.segment}")
    assert panel(page, "logged").all("a", href=f"/logged-segments/{demo.logged_segment}")


def test_charts_say_in_words_and_tables_what_they_show(
    browser_of: Callable[..., Browser], demo: Demo
) -> None:
    """T5: 59 entries were logged."""
    browser = browser_of(Role.VIEWER)
    page = browser.open("/")
    days, groups = panel(page, "days"), panel(page, "groups")
    assert [row.all("td")[1].text for row in days.all("tbody")[0].all("tr")] == ["59"]
    assert [[cell.text for cell in row.all("td")] for row in groups.all("tbody")[0].all("tr")] == [
        ["Letters", "59"]
    ]
    pictures = [image.attributes for image in (*days.all("img"), *groups.all("img"))]
    assert len(pictures) == 4
    assert all("59" in picture["alt"] for picture in pictures)
    for picture in pictures:
        with counted() as statements:
            answer = browser.flask.get(picture["src"])
        assert answer.mimetype == "image/svg+xml"
        assert "<script" not in answer.text
        assert not [each for each in statements if "interaction" in each]
    values = parse_qs(urlsplit(pictures[0]["src"]).query)["value"]
    assert sum(map(int, values)) == 59
    assert len(values) == 30


@pytest.mark.parametrize(
    "query", ["", "value=x", "value=-1&label=a", "value=9&label=%3Cscript%3E", "value=" + "9" * 40, "label=a"]
)
def test_a_picture_of_whatever_its_address_says_does_no_harm(
    query: str, browser_of: Callable[..., Browser]
) -> None:
    for shape in ("columns", "rows"):
        answer = browser_of(Role.VIEWER).flask.get(f"/charts/{shape}-dark.svg?{query}")
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_failed_jobs_are_shown_with_what_to_do(
    browser_of: Callable[..., Browser], sessions: Any, demo: Demo
) -> None:
    """J1."""
    with sessions() as session, session.begin():
        id = session.execute(
            text("""
                INSERT INTO job (kind, state, parameters, created_by, finished_at, problem)
                VALUES ('import_contacts', 'failed', '{}', 1, now(), '{"code": "chunk_failed", "params": {}}')
                RETURNING id
            """)
        ).scalar_one()
    browser = browser_of(Role.VIEWER)
    row = next(
        row for row in panel(browser.open("/"), "running").all("tr") if row.all("a", href=f"/jobs/{id}")
    )
    assert "Failed" in row.text
    assert "show an administrator" in row.text
    with sessions() as session, session.begin():
        session.execute(
            text("UPDATE job SET finished_at = now() - interval '8 days' WHERE id = :id"), {"id": id}
        )
    assert not browser.open("/").all("a", href=f"/jobs/{id}")


def test_it_takes_as_many_queries_for_much_as_for_little(
    browser_of: Callable[..., Browser], sessions: Any, demo: Demo
) -> None:
    browser = browser_of(Role.ADMIN)
    browser.open("/")
    with counted() as few:
        browser.open("/")
    with sessions() as session, session.begin():
        actor = users.actor_of(session, users.get(session, "admin"))
        for number in range(10):
            segments.create(session, values={"description": f"More {number}"}, actor=actor)
            contact = contacts.create(session, values={"type": "person", "name": "More"}, actor=actor)
            postponed.create(session, values={"contact_no": contact.no}, actor=actor)
    with counted() as many:
        browser.open("/")
    assert len(many) <= len(few) + 3
