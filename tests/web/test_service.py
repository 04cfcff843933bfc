"""Health, metrics, documentation, sign-in by cookie, limits: what surrounds the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask_wtf.csrf import generate_csrf

from domain import users
from domain.actors import system
from domain.settings import Settings
from ops.embedded import EmbeddedRedis
from tests.web.conftest import Client, faults_of
from web import create_app, identity

Unique = Callable[[str], str]


def test_the_process_says_that_it_lives_and_is_ready(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (200, {"database": True, "broker": True})


def test_metrics_count_requests_by_route_and_jobs_by_state(app: Flask, viewer: Client) -> None:
    viewer.get("/salespeople/NOBODY")
    metrics = app.test_client().get("/metrics").text
    counted = (
        r'interlog_http_requests_total\{method="GET",route="/api/v1/salespeople/<code>",status="404"\} [1-9]'
    )
    assert re.search(counted, metrics)
    assert 'interlog_jobs{state="queued"} 0.0' in metrics
    assert "interlog_open_chunks 0.0" in metrics
    assert "interlog_database_up 1.0" in metrics


def test_the_description_is_openapi_and_names_every_route(app: Flask) -> None:
    description = app.test_client().get("/api/v1/openapi.json").json
    assert description["openapi"].startswith("3.1")
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        and ".documentation." not in rule.endpoint
        and ".swagger." not in rule.endpoint
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(method, path) for path, operations in description["paths"].items() for method in operations}
    assert described == routes
    contact = description["components"]["schemas"]["NewContact"]
    assert contact["required"] == ["type", "name"]
    assert "required" not in description["components"]["schemas"]["ContactChange"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["security"], (method, path)


def test_every_reference_of_the_description_leads_somewhere(app: Flask) -> None:
    description = app.test_client().get("/api/v1/openapi.json").json
    schemas = description["components"]["schemas"]

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "$ref":
                    yield item
                else:
                    yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in references(description):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def test_the_browsable_documentation_has_no_inline_script(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    for script in re.findall(r"<script[^>]*>", page.text):
        source = re.search(r'src="([^"]+)"', script)
        assert source, script
        with client.get(source[1]) as file:
            assert file.status_code == 200
    assert not re.search(r"<script[^>]*>[^<]", page.text)


@pytest.fixture
def signed_in(app: Flask, sessions: Any, unique: Unique) -> Client:
    """A browser of an administrator who has signed in."""
    name = unique("anna")
    with sessions() as session, session.begin():
        users.create_user(session, values={"name": name, "role": "admin"}, actor=system(session))
    browser = app.test_client()
    with app.test_request_context("/"):
        with sessions() as session:
            identity.sign_in(users.get(session, name))
        from flask import session as cookie

        kept = dict(cookie)
    with browser.session_transaction() as cookie:
        cookie.update(kept)
    client = Client(browser, None)
    client.name = name  # type: ignore[attr-defined]
    return client


def csrf(app: Flask, client: Client) -> str:
    """Make the CSRF token of a browser's session."""
    with client.flask.session_transaction() as cookie:
        kept = dict(cookie)
    with app.test_request_context("/"):
        from flask import session as current

        current.update(kept)
        token = generate_csrf()
        kept = dict(current)
    with client.flask.session_transaction() as cookie:
        cookie.update(kept)
    return token


def test_a_signed_in_page_reads_with_its_cookie(signed_in: Client) -> None:
    me = signed_in.get("/me")
    assert me.status_code == 200
    assert me.json["name"] == signed_in.name  # type: ignore[attr-defined]


def test_a_change_by_cookie_needs_the_csrf_token(app: Flask, signed_in: Client, unique: Unique) -> None:
    body = {"code": unique("SP")}
    refused = signed_in.post("/salespeople", body)
    assert (refused.status_code, refused.json["code"]) == (403, "csrf")
    wrong = signed_in.post("/salespeople", body, headers={"X-CSRFToken": "x"})
    assert (wrong.status_code, wrong.json["code"]) == (403, "csrf")
    made = signed_in.post("/salespeople", body, headers={"X-CSRFToken": csrf(app, signed_in)})
    assert made.status_code == 201


def test_a_bad_token_is_not_made_good_by_a_cookie(signed_in: Client) -> None:
    assert signed_in.get("/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401


@pytest.mark.parametrize("change", [{"active": False}, {"password": "another long password"}])
def test_deactivation_and_a_new_password_end_all_sessions(
    admin: Client, signed_in: Client, change: dict[str, Any], unique: Unique
) -> None:
    admin.post("/users", {"name": unique("other-admin"), "role": "admin"})
    assert signed_in.get("/me").status_code == 200
    name = signed_in.name  # type: ignore[attr-defined]
    assert admin.patch(f"/users/{name}", change).status_code == 200
    assert signed_in.get("/me").status_code == 401


def test_too_many_requests_are_told_when_to_come_again(
    settings: Settings, tokens: Any, redis_server: EmbeddedRedis
) -> None:
    limited = create_app(settings.model_copy(update={"requests_per_minute": 2}))
    client = Client(limited.test_client(), "some-token-of-its-own")
    statuses = [client.get("/me").status_code for _ in range(2)]
    assert statuses == [401, 401]
    refused = client.get("/me")
    assert (refused.status_code, refused.json["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert limited.test_client().get("/healthz").status_code == 200
    limited.extensions["database"].close()


def test_an_error_of_ours_is_a_problem_without_details(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from domain import salespeople

    monkeypatch.setattr(salespeople, "page", lambda *_, **__: 1 / 0)
    failed = admin.get("/salespeople")
    assert (failed.status_code, failed.json["code"]) == (500, "internal")
    assert "division" not in failed.text
    assert faults_of(failed) == []
