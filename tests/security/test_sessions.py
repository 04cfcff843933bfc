"""Signing in: no session fixed beforehand, no guessing, no cookie that says more than who it is."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain import users
from domain.actors import Role
from domain.settings import Settings
from tests.web.pages.conftest import PASSWORD, Browser, Demo
from web import create_app

LIMIT = 5


def link_for(sessions: Any, name: str) -> str:
    with sessions() as session, session.begin():
        return f"/sign-in/link/{users.create_sign_in_link(session, users.get(session, name))}"


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("session")
    assert cookie is not None
    return str(cookie.value)


def content(cookie: str) -> str:
    """Return what a session cookie says: it is signed, not secret."""
    packed, _, rest = cookie.lstrip(".").partition(".")
    assert rest
    data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    return (zlib.decompress(data) if cookie.startswith(".") else data).decode()


@pytest.fixture
def guarded(settings: Settings, demo: Demo) -> Iterator[Flask]:
    """An application that allows few attempts, and counts by itself."""
    app = create_app(settings.model_copy(update={"sign_ins_per_minute": LIMIT}))
    app.extensions["rate_limiter"].reset()
    yield app
    app.extensions["rate_limiter"].reset()
    app.extensions["database"].close()


def test_a_session_that_somebody_prepared_gains_nothing(
    app: Flask, browser_of: Callable[..., Browser], sessions: Any
) -> None:
    """Fixation: the cookie before the sign-in is another one than after it, and stays a stranger's."""
    for link in (False, True):
        browser = browser_of(None)
        browser.open("/sign-in")
        before = cookie_of(browser.flask)
        token = browser.page.all("input", name="csrf_token")[0].attributes["value"]
        if link:
            browser.send(link_for(sessions, "viewer"))
        else:
            browser.send(name="viewer", password=PASSWORD)
        assert cookie_of(browser.flask) != before
        assert "csrf" in content(before)
        assert content(before) not in content(cookie_of(browser.flask))
        # the token of the form before is none any more
        answer = browser.flask.post("/language", data={"csrf_token": token, "language": "en"})
        assert answer.status_code == 403
        stranger = app.test_client()
        stranger.set_cookie("session", before)
        assert stranger.get("/").status_code == 303


def test_signing_in_over_another_user_leaves_nothing_of_the_one_before(
    browser_of: Callable[..., Browser],
) -> None:
    browser = browser_of(Role.ADMIN)
    browser.open("/")
    token = browser.page.all("input", name="csrf_token")[0].attributes["value"]
    data = {"csrf_token": token, "name": "viewer", "password": PASSWORD}
    assert browser.flask.post("/sign-in", data=data).status_code == 303
    browser.open("/users/", status=403)


def test_the_cookie_is_for_this_site_and_no_script(app: Flask, settings: Settings, demo: Demo) -> None:
    plain = app.test_client().get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    behind_tls = create_app(settings.model_copy(update={"secure_cookies": True}))
    answer = behind_tls.test_client().get("/sign-in", base_url="https://localhost")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    behind_tls.extensions["database"].close()


def test_the_cookie_holds_no_secret(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.VIEWER)
    said = content(cookie_of(browser.flask))
    for secret in (PASSWORD, "password", "argon2", "token_hash", "viewer"):
        assert secret not in said


@pytest.mark.parametrize("change", ["payload", "signature", "other key"])
def test_a_forged_cookie_is_a_stranger_s(
    change: str, app: Flask, browser_of: Callable[..., Browser], settings: Settings
) -> None:
    good = cookie_of(browser_of(Role.ADMIN).flask)
    forged = {
        "payload": good[:5] + ("A" if good[5] != "A" else "B") + good[6:],
        "signature": good[:-3] + ("AAA" if not good.endswith("AAA") else "BBB"),
        "other key": "",
    }[change]
    if change == "other key":
        from pydantic import SecretStr

        other = create_app(settings.model_copy(update={"secret_key": SecretStr("another key")}))
        with other.test_request_context():
            serializer = other.session_interface.get_signing_serializer(other)  # type: ignore[attr-defined]
            forged = serializer.dumps({"_user_id": "1.0", "_fresh": True})
    client = app.test_client()
    client.set_cookie("session", forged)
    assert client.get("/users/").status_code == 303
    assert client.get("/api/v1/users").status_code == 401


def test_guessing_is_slowed_by_address_and_by_name(guarded: Flask) -> None:
    """From many addresses at one name, and from one address at many names."""

    def attempt(name: str, address: str) -> int:
        browser = guarded.test_client()
        page = browser.get("/sign-in").text
        token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        return browser.post(
            "/sign-in",
            data={"csrf_token": token, "name": name, "password": "wrong"},
            environ_overrides={"REMOTE_ADDR": address},
        ).status_code

    at_one_name = [attempt(" Admin ", f"192.0.2.{number}") for number in range(LIMIT + 2)]
    assert at_one_name == [422] * LIMIT + [429] * 2
    from_one_address = [attempt(f"name{number}", "198.51.100.1") for number in range(LIMIT + 2)]
    assert from_one_address == [422] * LIMIT + [429] * 2
    # others are not held up by it
    assert attempt("somebody", "203.0.113.1") == 422


def test_links_are_not_guessed(guarded: Flask) -> None:
    browser = guarded.test_client()
    page = browser.get("/sign-in").text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    statuses = [
        browser.post(f"/sign-in/link/guess-{number}", data={"csrf_token": token}).status_code
        for number in range(LIMIT + 1)
    ]
    assert statuses == [422] * LIMIT + [429]


def test_a_new_password_is_not_set_by_guessing_the_old_one(guarded: Flask) -> None:
    """Whoever sits at a browser that is signed in does not get to keep it."""
    browser = Browser(guarded.test_client())
    browser.open("/sign-in")
    browser.send(name="viewer", password=PASSWORD)
    browser.open("/my-settings")
    values = {"password": "another long password", "repeated": "another long password"}
    for _ in range(LIMIT):
        browser.send(current="wrong guess", status=422, **values)
    browser.send(current=PASSWORD, status=429, **values)


@pytest.mark.parametrize(("proxies", "expected"), [(0, 429), (1, 422), (2, 422)])
def test_callers_are_told_apart_by_what_a_proxy_says_only_if_there_is_one(
    proxies: int, expected: int, settings: Settings, demo: Demo
) -> None:
    """Without a proxy, whoever guesses could call themselves whatever they like."""
    changes = {"sign_ins_per_minute": LIMIT, "proxies": proxies}
    app = create_app(settings.model_copy(update=changes))
    app.extensions["rate_limiter"].reset()
    browser = app.test_client()
    page = browser.get("/sign-in").text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    statuses = [
        browser.post(
            "/sign-in",
            data={"csrf_token": token, "name": f"name{number}", "password": "wrong"},
            # what the caller claims, then what each proxy adds
            headers={
                "X-Forwarded-For": ", ".join(["6.6.6.6", f"192.0.2.{number}", "10.0.0.1"][: proxies + 1])
            },
        ).status_code
        for number in range(LIMIT + 1)
    ]
    app.extensions["rate_limiter"].reset()
    app.extensions["database"].close()
    assert statuses[-1] == expected
