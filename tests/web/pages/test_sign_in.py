"""Signing in and out (U1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from domain import users
from domain.actors import Role, system
from domain.settings import Settings
from tests.web.pages.conftest import PASSWORD, Browser, Demo
from web import create_app


@pytest.fixture
def stranger(browser_of: Callable[..., Browser]) -> Browser:
    return browser_of(None)


def link_for(sessions: Any, name: str) -> str:
    with sessions() as session, session.begin():
        return f"/sign-in/link/{users.create_sign_in_link(session, users.get(session, name))}"


def test_after_signing_in_the_page_wanted_is_shown(stranger: Browser) -> None:
    stranger.open("/contacts/?q=cronus", status=303)
    assert stranger.last is not None
    stranger.open(stranger.last.headers["Location"])
    stranger.send(name="viewer", password=PASSWORD)
    assert stranger.here == "/contacts/?q=cronus"


@pytest.mark.parametrize("name", ["viewer", "nobody", "", "\x00"])
def test_a_wrong_name_or_password_is_refused_without_saying_which(name: str, stranger: Browser) -> None:
    stranger.open("/sign-in")
    page = stranger.send(name=name, password="wrong", status=422)
    assert page.one(class_="is-bad").text == "The user name or the password is wrong."
    assert "wrong" not in str(page.one("input", name="password").attributes)
    stranger.open("/", status=303)


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:x"]
)
def test_signing_in_never_leads_to_another_site(target: str, stranger: Browser) -> None:
    stranger.open("/sign-in")
    stranger.open("/sign-in?next=" + target)
    stranger.send(name="viewer", password=PASSWORD)
    assert stranger.here == "/"


def test_looking_at_a_one_time_link_does_not_use_it_up(stranger: Browser, sessions: Any, demo: Demo) -> None:
    link = link_for(sessions, "viewer")
    for _ in range(3):
        stranger.open(link)
    stranger.send(link)
    assert stranger.here == "/"


def test_a_one_time_link_works_once(browser_of: Callable[..., Browser], sessions: Any, demo: Demo) -> None:
    link = link_for(sessions, "viewer")
    first, second = browser_of(None), browser_of(None)
    first.open(link)
    first.send(link)
    second.open(link)
    page = second.send(link, status=422)
    assert "used or is too old" in page.one(class_="is-bad").text
    second.open("/", status=303)


def test_signing_out_ends_the_session(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.VIEWER)
    browser.open("/")
    browser.send("/sign-out")
    browser.open("/", status=303)


def test_a_new_password_ends_the_other_sessions_but_not_this_one(
    browser_of: Callable[..., Browser], sessions: Any
) -> None:
    here, elsewhere = browser_of(Role.SALESPERSON), browser_of(Role.SALESPERSON)
    here.open("/my-settings")
    here.send(current=PASSWORD, password="another long password", repeated="another long password")
    assert "The password has been changed." in here.page.text
    elsewhere.open("/", status=303)
    with sessions() as session, session.begin():
        users.change_user(
            session,
            users.get(session, "salesperson"),
            values={"password": PASSWORD},
            actor=system(session),
        )


def test_a_new_password_needs_the_old_one_and_no_typing_mistake(
    browser_of: Callable[..., Browser],
) -> None:
    browser = browser_of(Role.VIEWER)
    browser.open("/my-settings")
    page = browser.send(current="wrong", password="short", repeated="other", status=422)
    assert "not your current password" in page.one(id="current-fault").text
    assert "differ" in page.one(id="repeated-fault").text


def test_only_so_many_attempts_a_minute(settings: Settings, demo: Demo) -> None:
    app = create_app(settings.model_copy(update={"sign_ins_per_minute": 3}))
    browser = Browser(app.test_client())
    for _ in range(3):
        browser.open("/sign-in")
        browser.send(name="guessed", password="wrong", status=422)
    browser.open("/sign-in")
    browser.send(name="guessed", password="wrong", status=429)
    app.extensions["database"].close()


def test_forms_without_their_token_are_refused(app: Flask, marketing_browser: Browser) -> None:
    """Every change carries the CSRF token."""
    for path in ("/contacts/new", "/segments/SM00001", "/segments/SM00001/log", "/language", "/sign-out"):
        answer = marketing_browser.flask.post(path, data={"name": "x"})
        assert answer.status_code == 403, path
        assert "CSRF" in answer.text
