"""The home page of a service that holds nothing yet: the first steps, each done from there."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from domain import users
from domain.actors import Role, system
from tests.web.pages.conftest import PASSWORD, Browser


@pytest.fixture
def admin(app: Flask, sessions: Any) -> Browser:
    with sessions() as session, session.begin():
        if not users.page(session, filters={}):
            for role in (Role.ADMIN, Role.VIEWER):
                users.create_user(
                    session,
                    values={"name": role.value, "role": role.value, "password": PASSWORD},
                    actor=system(session),
                )
    return signed_in(app, Role.ADMIN)


def signed_in(app: Flask, role: Role) -> Browser:
    browser = Browser(app.test_client())
    browser.open("/sign-in")
    browser.send(name=role.value, password=PASSWORD)
    return browser


def next_step(browser: Browser) -> str:
    page = browser.open("/")
    return page.one("ol", class_="steps").one("a", class_="btn-primary").attributes["href"]


def test_each_step_leads_to_the_next(admin: Browser, app: Flask) -> None:
    assert not signed_in(app, Role.VIEWER).open("/").one("ol", class_="steps").all("a", class_="btn-primary")
    assert next_step(admin) == "/interaction-groups/new"
    admin.open("/interaction-groups/new")
    admin.fill(code="LETTERS")
    assert next_step(admin) == "/interaction-templates/new"
    admin.open("/interaction-templates/new")
    admin.fill(code="LETTER", group_code="LETTERS")
    assert next_step(admin) == "/salespeople/new"
    admin.open("/salespeople/new")
    admin.fill(code="AH")
    assert next_step(admin) == "/contacts/new"
    admin.open("/contacts/new")
    admin.fill(type="company", name="Cronus")
    assert next_step(admin) == "/segments/new"
    assert admin.page.one("ol", class_="steps").text.count("done") == 4
