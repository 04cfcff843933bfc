"""Who may what: every route of the API against every role, with no gap (U1)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from flask import Flask

from domain.actors import Role
from tests.web.conftest import ROLES, Client

OPEN = {
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/docs"),
    ("GET", "/api/v1/static/<path:filename>"),
    ("GET", "/api/v1/swagger/<path:filename>"),
}
ANYBODY = ["GET /me", "GET /document-events/schema"]
VIEWERS = """
GET /contacts
GET /contacts/<no>
GET /contacts/<no>/interactions
GET /salespeople
GET /salespeople/<code>
GET /campaigns
GET /campaigns/<no>
GET /campaigns/<no>/entries
GET /campaign-entries/<int:entry_no>
GET /interaction-groups
GET /interaction-groups/<code>
GET /interaction-templates
GET /interaction-templates/<code>
GET /template-setup
GET /setup
GET /number-series
GET /number-series/<code>
GET /segments
GET /segments/<no>
GET /segments/<no>/actions
GET /segments/<no>/check
GET /segments/<no>/why
GET /segments/<no>/lines
GET /segments/<no>/lines/<int:line_no>
GET /saved-criteria
GET /saved-criteria/<code>
GET /logged-segments
GET /logged-segments/<int:no>
GET /logged-segments/<int:no>/skipped
GET /interactions
GET /interactions/<int:entry_no>
GET /interactions.csv
GET /interactions/<int:entry_no>/comments
GET /contacts/<no>/postponed-interactions
GET /postponed-interactions
GET /postponed-interactions/<int:entry_no>
GET /jobs
GET /jobs/<uuid:id>
GET /jobs/<uuid:id>/events
GET /purges
GET /purges/<int:id>
GET /purge-schedules
GET /purge-schedules/<name>
""".splitlines()
READERS_AND_SERVICES = """
GET /document-events
POST /document-events/missing
""".splitlines()
SENDERS = ["POST /document-events"]
SALESPEOPLE = """
POST /interactions
PATCH /interactions/<int:entry_no>
POST /interactions/<int:entry_no>/comments
PATCH /postponed-interactions/<int:entry_no>
DELETE /postponed-interactions/<int:entry_no>
POST /postponed-interactions/<int:entry_no>/finish
POST /interactions/<int:entry_no>/cancel
POST /interactions/<int:entry_no>/restore
POST /interactions/cancel
POST /interactions/restore
POST /interactions/evaluate
POST /jobs/<uuid:id>/cancel
""".splitlines()
MARKETING = """
POST /contacts
POST /contacts/import
PATCH /contacts/<no>
DELETE /contacts/<no>
POST /campaigns
PATCH /campaigns/<no>
DELETE /campaigns/<no>
POST /segments
PATCH /segments/<no>
DELETE /segments/<no>
POST /segments/<no>/actions
POST /segments/<no>/actions/count
POST /segments/<no>/actions/undo
POST /segments/<no>/save-criteria
POST /segments/<no>/copy
POST /segments/<no>/lines/change
POST /segments/<no>/lines/remove
POST /segments/<no>/apply-criteria
POST /segments/<no>/reuse
POST /segments/<no>/fill-mailing-group
DELETE /saved-criteria/<code>
POST /segments/<no>/log
POST /segments/<no>/lines
PATCH /segments/<no>/lines/<int:line_no>
DELETE /segments/<no>/lines/<int:line_no>
POST /logged-segments/<int:no>/follow-up
POST /logged-segments/<int:no>/cancel
POST /logged-segments/<int:no>/restore
POST /logged-segments/delete-canceled
POST /campaign-entries/<int:entry_no>/cancel
POST /campaign-entries/<int:entry_no>/restore
POST /logged-segments/<int:no>/skipped/segment
""".splitlines()
ADMINS = """
POST /contacts/<no>/erase
GET /contacts/<no>/personal-data
POST /salespeople
PATCH /salespeople/<code>
DELETE /salespeople/<code>
POST /interaction-groups
PATCH /interaction-groups/<code>
DELETE /interaction-groups/<code>
POST /interaction-templates
PATCH /interaction-templates/<code>
DELETE /interaction-templates/<code>
PUT /template-setup
PATCH /template-setup
PATCH /setup
POST /number-series
PATCH /number-series/<code>
GET /users
POST /users
GET /users/<name>
PATCH /users/<name>
GET /tokens
POST /tokens
GET /tokens/<int:id>
DELETE /tokens/<int:id>
GET /audit
POST /document-events/replay
POST /purges
POST /purge-schedules
PATCH /purge-schedules/<name>
DELETE /purge-schedules/<name>
POST /purge-schedules/<name>/run
""".splitlines()

SETS: list[tuple[list[str], set[Role]]] = [
    (ANYBODY, set(ROLES)),
    (VIEWERS, {Role.VIEWER, Role.SALESPERSON, Role.MARKETING, Role.ADMIN}),
    (READERS_AND_SERVICES, set(ROLES)),
    (SENDERS, {Role.SERVICE, Role.ADMIN}),
    (SALESPEOPLE, {Role.SALESPERSON, Role.MARKETING, Role.ADMIN}),
    (MARKETING, {Role.MARKETING, Role.ADMIN}),
    (ADMINS, {Role.ADMIN}),
]
TABLE = {tuple(line.split(" ")): allowed for lines, allowed in SETS for line in lines if line}


def test_the_table_has_every_route_and_no_other(app: Flask) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert routes - OPEN == {(method, "/api/v1" + path) for method, path in TABLE}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_the_table_says(role: Role, client_of: Callable[[Role | None], Client]) -> None:
    client = client_of(role)
    for (method, path), allowed in TABLE.items():
        answer = client(method, address(path), headers={"Accept": "*/*"})
        if role in allowed:
            assert answer.status_code not in (401, 403), (method, path)
        else:
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), (method, path)


@pytest.mark.parametrize("token", [None, "nonsense", "", "ilg_" + "x" * 43])
def test_nobody_gets_in_without_a_valid_token(app: Flask, token: str | None) -> None:
    client = Client(app.test_client(), token)
    for method, path in TABLE:
        answer = client(method, address(path), headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in"), (method, path)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer a b", "bearer", "Token x"])
def test_another_scheme_is_no_token(app: Flask, header: str) -> None:
    assert app.test_client().get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def address(path: str) -> str:
    """Fill a route with keys that nothing has."""
    for name, value in {
        "<int:": "999999999",
        "<uuid:": str(uuid.UUID(int=1)),
        "<": "NOBODY",
    }.items():
        while name in path:
            begin = path.index(name)
            path = path[:begin] + value + path[path.index(">", begin) + 1 :]
    return path
