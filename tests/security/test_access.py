"""Every route of the service, pages and API, as nobody and as each role (U1), and every form without its token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from domain.actors import Role
from tests.security import access
from tests.security.access import READERS, Route
from tests.web.pages.conftest import PASSWORD, Browser, Demo


def posts(app: Flask) -> Iterator[Route]:
    """Everything that a form of a page can be sent to."""
    return (route for route in access.routes(app) if route.is_page and route.method == "POST")


def csrf_of(browser: Browser) -> str:
    return browser.page.all("input", name="csrf_token")[0].attributes["value"]


def send(browser: Browser, route: Route, **data: str) -> TestResponse:
    return browser.flask.post(route.address(), data=data)


def ask(browser: Browser, route: Route, token: str) -> TestResponse:
    """Open a page, or send its form with the token that it has."""
    if route.method == "POST":
        return send(browser, route, csrf_token=token)
    return browser.flask.get(route.address())


@pytest.fixture
def sign_in(browser_of: Callable[..., Browser]) -> Callable[[Role], tuple[Browser, str]]:
    """Signs a user of a role in, services too, and gives the CSRF token of the session."""

    def signed_in(role: Role) -> tuple[Browser, str]:
        browser = browser_of(None)
        browser.open("/sign-in")
        data = {"csrf_token": csrf_of(browser), "name": role.value, "password": PASSWORD}
        assert browser.flask.post("/sign-in", data=data).status_code == 303
        browser.open("/sign-in" if role is Role.SERVICE else "/", status=303 if role is Role.SERVICE else 200)
        if role is not Role.SERVICE:
            return browser, csrf_of(browser)
        page = browser.open("/", status=403)
        return browser, page.all("input", name="csrf_token")[0].attributes["value"]

    return signed_in


def test_the_table_names_every_route_and_no_other(app: Flask) -> None:
    """A new route cannot be forgotten."""
    assert set(access.table(app)) == {(route.method, route.rule) for route in access.routes(app)}


def test_the_report_has_a_line_for_every_route(app: Flask) -> None:
    lines = access.report(app).splitlines()
    assert len(lines) == 2 + len(access.routes(app))
    assert {line.count("|") for line in lines} == {len(Role) + 3}


def test_nobody_reaches_a_page_without_signing_in(
    app: Flask, browser_of: Callable[..., Browser], demo: Demo
) -> None:
    rights = access.table(app)
    browser = browser_of(None)
    browser.open("/sign-in")
    token = csrf_of(browser)
    for route in access.routes(app):
        if (
            not route.is_page or route.endpoint == "pages.sign_in.sign_out"
        ):  # it ends the session of the token
            continue
        answer = ask(browser, route, token)
        if rights[route.method, route.rule] is None:
            assert answer.status_code in (200, 303, 422), route
        else:
            assert answer.status_code == 303, route
            assert answer.headers["Location"].startswith("/sign-in"), route


@pytest.mark.parametrize("role", Role)
def test_a_role_can_do_on_pages_what_the_table_says(
    role: Role, app: Flask, sign_in: Callable[[Role], tuple[Browser, str]]
) -> None:
    """Asked before anything is looked up, so that nothing is learned of what there is."""
    rights = access.table(app)
    browser, token = sign_in(role)
    for route in access.routes(app):
        allowed = rights[route.method, route.rule]
        if not route.is_page or allowed is None:
            continue
        answer = ask(browser, route, token)
        if role in allowed:
            assert answer.status_code in (200, 303, 404, 422), (route, answer.status_code)
            assert not answer.headers.get("Location", "").startswith("/sign-in"), route
        else:
            assert answer.status_code == 403, (route, answer.status_code)


def test_a_form_without_its_token_or_with_another_ones_changes_nothing(
    app: Flask, sign_in: Callable[[Role], tuple[Browser, str]]
) -> None:
    browser, _ = sign_in(Role.ADMIN)
    _, of_another = sign_in(Role.ADMIN)
    for route in posts(app):
        for data in ({}, {"csrf_token": of_another}):
            answer = send(browser, route, **data)
            assert answer.status_code == 403, (route, data)
            assert "CSRF" in answer.text, route


def test_a_request_from_another_site_is_refused_by_its_referrer_behind_tls(
    app: Flask, sign_in: Callable[[Role], tuple[Browser, str]]
) -> None:
    """Beside the token: the cookie does not travel (SameSite), and the referrer is looked at."""
    browser, token = sign_in(Role.MARKETING)
    answer = browser.flask.post(
        "/language",
        data={"csrf_token": token, "language": "ru"},
        base_url="https://localhost",
        headers={"Referer": "https://elsewhere.example/"},
    )
    assert answer.status_code == 403


def test_pages_take_no_token_of_the_api_from_anywhere_but_the_header(
    app: Flask, tokens: dict[Role, str], demo: Demo
) -> None:
    """An address is kept in histories and logs, so a token in it is never taken."""
    token = tokens[Role.ADMIN]
    client = app.test_client()
    names = ("token", "access_token", "api_key", "apikey", "key", "authorization", "Authorization", "bearer")
    for name in names:
        assert client.get(f"/api/v1/me?{name}={token}").status_code == 401, name
        assert client.post("/api/v1/contacts", data={name: token}).status_code == 401, name
        assert client.get(f"/contacts/?{name}={token}").status_code == 303, name
        client.set_cookie(name, token)
    assert client.get("/api/v1/me").status_code == 401
    assert client.get("/api/v1/me", headers={"X-API-Key": token}).status_code == 401
    assert client.get(f"/api/v1/{token}/me").status_code in (401, 404)


@pytest.mark.parametrize("role", READERS)
def test_a_role_cannot_give_itself_another(
    role: Role, app: Flask, sign_in: Callable[[Role], tuple[Browser, str]], sessions: Any
) -> None:
    if role is Role.ADMIN:
        pytest.skip("an administrator gives roles")
    browser, token = sign_in(role)
    data = {"csrf_token": token, "role": "admin", "active": "y", "etag": "x"}
    for path in (f"/users/{role.value}", "/my-settings", "/language", "/appearance"):
        browser.flask.post(path, data=data)
    from domain import users

    with sessions() as session:
        assert users.get(session, role.value).role == role.value
