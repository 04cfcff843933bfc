"""Answers while the database or the broker is away (RELIABILITY 3, cases 29 and 30)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from domain import hints
from domain.actors import Role
from domain.settings import Settings
from tests.web.conftest import Client, Company
from web import create_app

Unique = Callable[[str], str]
LONGEST_ANSWER = 5.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def app_with(settings: Settings) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        made.append(create_app(settings.model_copy(update=changes)))
        return made[-1]

    yield make
    for app in made:
        app.extensions["database"].close()


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.monotonic()
    return call(), time.monotonic() - begun


@pytest.mark.parametrize("port", ["silent_port", "closed_port"])
def test_without_the_database_the_answer_is_503_and_when_to_come_again(
    request: pytest.FixtureRequest, app_with: Callable[..., Flask], port: str
) -> None:
    url = f"postgresql://nobody@127.0.0.1:{request.getfixturevalue(port)}/nothing"
    app = app_with(database_url=url)
    client = Client(app.test_client(), "any")
    for _ in range(2):
        answer, seconds = timed(lambda: client.get("/salespeople"))
        assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert seconds < LONGEST_ANSWER
    ready, seconds = timed(lambda: app.test_client().get("/readyz"))
    assert (ready.status_code, ready.json["database"]) == (503, False)
    assert app.test_client().get("/healthz").status_code == 200
    assert "interlog_database_up 0.0" in app.test_client().get("/metrics").text


def test_a_page_that_says_what_went_wrong_finds_the_database_away_as_well(
    app_with: Callable[..., Flask], closed_port: int
) -> None:
    """Case 30: a form whose token does not hold, from somebody whose session names a user."""
    app = app_with(database_url=f"postgresql://nobody@127.0.0.1:{closed_port}/nothing")
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "1.1"
    answer = client.post("/sign-in", data={"csrf_token": "another"})
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)


@pytest.mark.parametrize("port", ["silent_port", "closed_port"])
def test_without_the_broker_work_is_taken_all_the_same(  # noqa: PLR0917
    request: pytest.FixtureRequest,
    app_with: Callable[..., Flask],
    tokens: dict[Role, str],
    marketing: Client,
    company: Company,
    unique: Unique,
    sessions: Any,
    port: str,
) -> None:
    app = app_with(redis_url=f"redis://127.0.0.1:{request.getfixturevalue(port)}/0")
    client = Client(app.test_client(), tokens[Role.MARKETING])
    for _ in range(3):
        no = unique("SEG")
        client.post("/segments", {"no": no, "description": "x", "template_code": company.template})
        client.post(f"/segments/{no}/lines", {"contact_nos": company.contacts})
        answer, seconds = timed(lambda no=no: client.post(f"/segments/{no}/log"))
        assert answer.status_code == 202, answer.text
        assert seconds < LONGEST_ANSWER
    with sessions() as session:
        state = session.execute(
            text("SELECT state FROM job WHERE id = :id"), {"id": answer.json["id"]}
        ).scalar()
    assert state == "queued"
    ready, seconds = timed(lambda: app.test_client().get("/readyz"))
    assert (ready.status_code, ready.json) == (503, {"database": True, "broker": False})
    assert seconds < LONGEST_ANSWER


def test_a_hint_is_sent_after_the_commit_and_only_then(  # noqa: PLR0917
    app: Flask,
    marketing: Client,
    company: Company,
    unique: Unique,
    sessions: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[int] = []

    def send_hint() -> bool:
        with sessions() as session:
            found.append(
                session.execute(text("SELECT count(*) FROM job WHERE state = 'queued'")).scalar_one()
            )
        return True

    monkeypatch.setattr(app.extensions["broker"], "send_hint", send_hint)
    no = unique("SEG")
    marketing.post("/segments", {"no": no, "description": "x", "template_code": company.template})
    marketing.post(f"/segments/{no}/lines", {"contact_nos": company.contacts})
    assert found == []
    with sessions() as session:
        before = session.execute(text("SELECT count(*) FROM job WHERE state = 'queued'")).scalar_one()
    headers = {"Idempotency-Key": unique("key")}
    assert marketing.post(f"/segments/{no}/log", {"send": 1}, headers=headers).status_code == 422
    assert found == []
    assert marketing.post(f"/segments/{no}/log").status_code == 202
    assert found == [before + 1]


def test_a_hint_reaches_the_queue(app: Flask, redis_url: str) -> None:
    import redis

    with app.app_context():
        assert app.extensions["broker"].send_hint()
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("jobs") == 1


def test_connections_are_not_carried_over_a_fork(app: Flask, sessions: Any) -> None:
    import os

    database = app.extensions["database"]
    before = database.sessions
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"other" if database.sessions is not before else b"same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"other"
    assert database.sessions is before


def test_more_requests_than_connections_wait_in_turn(app: Flask, tokens: dict[Role, str]) -> None:
    answers: list[int] = []

    def ask() -> None:
        answers.append(Client(app.test_client(), tokens[Role.VIEWER]).get("/salespeople").status_code)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40


def test_hints_that_come_thick_are_sent_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decision 22: the first goes at once, one more for all that ask meanwhile."""
    from ops.processes import wait_until
    from web import broker

    monkeypatch.setattr(hints, "EVERY", 0.3)
    sender, sent = broker.Broker("redis://nowhere"), []
    monkeypatch.setattr(sender, "send_hint", lambda: sent.append(True))
    for _ in range(5):
        sender.hint()
    assert len(sent) == 1
    assert wait_until(lambda: len(sent) == 2, 5)
    assert not sender._is_hint_due
