"""A company with something on every page, and browsers of users of every role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from domain import (
    campaigns,
    contacts,
    follow_ups,
    interaction_groups,
    logged_segments,
    postponed,
    purge_schedules,
    salespeople,
    saved_criteria,
    segment_lines,
    segment_logging,
    segments,
    templates,
    users,
)
from domain.actors import Role, system
from tests.domain.events import make_event, receive, record
from tests.web.pages.html import Element, read
from web import i18n

PASSWORD = "a good long password"
LANGUAGES = ("en", "ru")


@pytest.fixture(scope="session", autouse=True)
def _catalogues() -> None:
    i18n.compile_catalogues()


@dataclass
class Browser:
    """A browser that keeps its cookies and sends the forms it is shown."""

    flask: FlaskClient
    language: str = "en"
    last: TestResponse | None = None
    here: str = "/"
    page: Element = field(default_factory=lambda: Element("root", {}))

    def open(self, path: str, *, status: int = 200) -> Element:
        """Open a page; it must answer with `status`."""
        self._keep(path, self.flask.get(path, headers={"Accept-Language": self.language}))
        assert self.last is not None
        assert self.last.status_code == status, f"{path}: {self.last.status_code}"
        return self.page

    def send(self, path: str | None = None, *, status: int = 303, **values: Any) -> Element:
        """Send a form of the page shown, to `path` (default: this page), and follow where it leads."""
        token = self.page.all("input", name="csrf_token")[0].attributes["value"]
        target = path or self.here
        answer = self.flask.post(
            target, data={"csrf_token": token, **values}, headers={"Accept-Language": self.language}
        )
        assert answer.status_code == status, f"{target}: {answer.status_code} {answer.text[:600]}"
        if status == 303:
            return self.open(answer.headers["Location"])
        self._keep(target, answer)
        return self.page

    def fill(self, path: str | None = None, *, status: int = 303, **values: Any) -> Element:
        """Send the main form of the page shown as it stands, but for `values`."""
        return self.send(path, status=status, **{**self.typed(), **values})

    def typed(self) -> dict[str, str]:
        """What the controls of the main form hold."""
        form = self.page.one("main").all("form", class_="panel")[0]
        held = {}
        for control in form.all("input"):
            attributes = control.attributes
            if attributes.get("type") in ("checkbox", "radio") and "checked" not in attributes:
                continue
            held[attributes["name"]] = attributes.get("value", "")
        for control in form.all("select"):
            chosen = [option for option in control.all("option") if "selected" in option.attributes]
            held[control.attributes["name"]] = chosen[0].attributes["value"] if chosen else ""
        return held

    def _keep(self, path: str, answer: TestResponse) -> None:
        self.last, self.here = answer, path
        is_page = answer.mimetype == "text/html" and answer.status_code not in (302, 303)
        self.page = read(answer.text) if is_page else Element("root", {})


@dataclass
class Demo:
    """Keys of what the company has."""

    contacts: list[str]
    company: str
    segment: str
    overridden_line: int
    logged_segment: int
    entry_no: int
    job: str
    postponed: int
    event: int
    token: int = 1
    schedule: str = "Nightly"


@pytest.fixture(scope="module")
def demo(app: Flask, sessions: Any, do_jobs: Callable[[], None]) -> Demo:
    """A salesperson, templates, a campaign, 60 contacts, a segment, and another one that has been logged."""
    with sessions() as session, session.begin():
        actor = system(session)
        purge_schedules.create(
            session, values={"name": "Nightly", "cron": "0 2 * * *", "timezone": "Europe/Berlin"}, actor=actor
        )
        for role in Role:
            users.create_user(
                session,
                values={"name": role.value, "role": role.value, "password": PASSWORD},
                actor=actor,
            )
        nos = _master_data(session, actor)
        segment = segments.create(
            session,
            values={"description": "Spring letter", "template_code": "LETTER", "campaign_no": "CP0001"},
            actor=actor,
        )
        segment_lines.add_many(session, segment, contact_nos=nos[:55], allow_existing=False, actor=actor)
        saved_criteria.save(session, segment, values={"code": "UK", "description": "Ours"}, actor=actor)
        line = segment_lines.get(session, segment, 2)
        segment_lines.change(
            session, segment, line, values={"cost": Decimal("3.00"), "campaign_no": ""}, actor=actor
        )
        done = segments.create(
            session, values={"description": "Winter letter", "template_code": "LETTER"}, actor=actor
        )
        segment_lines.add_many(session, done, contact_nos=nos, allow_existing=False, actor=actor)
        job = segment_logging.request(session, done, values={"on_invalid": "skip"}, actor=actor)
        segment_no, job_id = segment.no, str(job.id)
        users.create_token(session, values={"name": "billing", "role": "service"}, actor=actor)
    do_jobs()
    with sessions() as session, session.begin():
        logged = logged_segments.page(session, filters={})[0]
        assert (logged.interactions_count, logged.skipped_count) == (59, 1)
        follow_ups.request(session, logged, values={}, actor=system(session))
        later = postponed.create(
            session, values={"contact_no": nos[0], "comments": ["Call back"]}, actor=system(session)
        )
        receive(session, make_event(account_no="14911"))
        record(session)
        event = session.execute(text("SELECT min(position) FROM document_event")).scalar_one()
        return Demo(
            nos, nos[0], segment_no, 2, logged.no, logged.last_entry_no, job_id, later.entry_no, event
        )


def _master_data(session: Session, actor: Any) -> list[str]:
    salespeople.create(session, values={"code": "AH", "name": "Annette Hill"}, actor=actor)
    interaction_groups.create(session, values={"code": "LETTERS", "description": "Letters"}, actor=actor)
    campaigns.create(session, values={"description": "Spring", "salesperson_code": "AH"}, actor=actor)
    templates.create(
        session,
        values={
            "code": "LETTER",
            "description": "A letter",
            "group_code": "LETTERS",
            "unit_cost": Decimal("8.00"),
            "unit_duration_min": 10,
            "information_flow": "outbound",
            "initiated_by": "us",
            "language_code": "en",
            "languages": [{"language_code": "en", "subject": "Good news"}],
        },
        actor=actor,
    )
    company = contacts.create(
        session, values={"type": "company", "name": "Cronus", "salesperson_code": "AH"}, actor=actor
    )
    people = [
        contacts.create(
            session,
            values={
                "type": "person",
                "name": f"Person {number}",
                "company_no": company.no,
                "salesperson_code": "AH" if number else None,
                "email": f"p{number}@example.com",
                "city": "Берлин",
            },
            actor=actor,
        )
        for number in range(59)
    ]
    return [company.no, *(person.no for person in people)]


@pytest.fixture
def browser_of(app: Flask, demo: Demo) -> Callable[..., Browser]:
    """Opens a browser in which a user of a role has signed in (None: nobody)."""

    def sign_in(role: Role | None, *, language: str = "en") -> Browser:
        browser = Browser(app.test_client(), language)
        if role is not None:
            browser.open("/sign-in")
            browser.send(name=role.value, password=PASSWORD, status=303)
        return browser

    return sign_in


@pytest.fixture
def admin_browser(browser_of: Callable[..., Browser]) -> Browser:
    return browser_of(Role.ADMIN)


@pytest.fixture
def marketing_browser(browser_of: Callable[..., Browser]) -> Browser:
    return browser_of(Role.MARKETING)
