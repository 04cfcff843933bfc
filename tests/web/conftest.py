"""An application on a database of its own per module, and clients of every role."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import domain.database
from domain import users
from domain.actors import Role, system
from domain.settings import Settings
from ops.embedded import EmbeddedRedis
from web import create_app

ROLES = tuple(Role)


@dataclass
class Client:
    """A client of the API with a token."""

    flask: FlaskClient
    token: str | None

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if json is not None:
            options["json"] = json
        return self.flask.open("/api/v1" + path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self("POST", path, json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self("PATCH", path, json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self("PUT", path, json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self("DELETE", path, **options)


@pytest.fixture(scope="module")
def settings(database_url: str, redis_server: EmbeddedRedis) -> Settings:
    return Settings(DATABASE_URL=database_url, REDIS_URL=redis_server.url, secret_key="a key for tests")


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.validate_response = True
    yield made
    made.extensions["database"].close()


@pytest.fixture(scope="module")
def sessions(app: Flask) -> Callable[[], Session]:
    """Makes sessions of the application's database."""
    return app.extensions["database"].sessions


@pytest.fixture(scope="module")
def tokens(sessions: Callable[[], Session]) -> dict[Role, str]:
    """A token for every role."""
    with sessions() as session, session.begin():
        actor = system(session)
        return {
            role: users.create_token(
                session, values={"name": f"{role}-client", "role": role.value}, actor=actor
            )[1]
            for role in ROLES
        }


@pytest.fixture
def client_of(app: Flask, tokens: dict[Role, str]) -> Callable[[Role | None], Client]:
    """Makes a client with a role, or with none."""
    return lambda role: Client(app.test_client(), tokens[role] if role else None)


@pytest.fixture
def admin(client_of: Callable[[Role | None], Client]) -> Client:
    return client_of(Role.ADMIN)


@pytest.fixture
def marketing(client_of: Callable[[Role | None], Client]) -> Client:
    return client_of(Role.MARKETING)


@pytest.fixture
def viewer(client_of: Callable[[Role | None], Client]) -> Client:
    return client_of(Role.VIEWER)


COUNTER = itertools.count(1)


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes codes that no other test has."""
    return lambda prefix: f"{prefix}{next(COUNTER)}"


def faults_of(response: TestResponse) -> list[tuple[str, str]]:
    """The faults that a problem names, as (field, code), in order of fields."""
    assert response.content_type == "application/problem+json", response.text
    return sorted((error["field"], error["code"]) for error in response.json["errors"])


def transaction(sessions: Any) -> Any:
    return domain.database.transaction(sessions)


@pytest.fixture(scope="module")
def do_jobs(app: Flask) -> Callable[[], None]:
    """Does all open jobs, as workers would."""

    def work() -> None:
        from domain import job_engine, job_kinds  # noqa: F401

        while job_engine.work_one(app.extensions["database"].sessions):
            pass

    return work


@dataclass
class Company:
    """Master data to log a segment with."""

    salesperson: str
    template: str
    campaign: str
    contacts: list[str]


@pytest.fixture
def company(admin: Client, unique: Callable[[str], str]) -> Company:
    """A salesperson, a template, a campaign and three people of a company."""
    group, mark = unique("G"), unique("M")
    made = Company(unique("SP"), unique("T"), unique("CP"), [unique("P") for _ in range(3)])
    for path, body in [
        ("/salespeople", {"code": made.salesperson}),
        ("/interaction-groups", {"code": group}),
        (
            "/interaction-templates",
            {"code": made.template, "group_code": group, "unit_cost": 8, "unit_duration_min": 5},
        ),
        ("/campaigns", {"no": made.campaign}),
        *(
            (
                "/contacts",
                {
                    "no": no,
                    "type": "person",
                    "name": f"Person {no}",
                    "salesperson_code": made.salesperson,
                    "email": "a@example.com",
                    "mailing_groups": [mark],
                },
            )
            for no in made.contacts
        ),
    ]:
        assert admin.post(path, body).status_code == 201
    return made
