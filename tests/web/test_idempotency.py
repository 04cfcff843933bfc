"""One answer per Idempotency-Key (API.md; J2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from domain.actors import Role
from tests.web.conftest import Client, faults_of

Unique = Callable[[str], str]


def keyed(key: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key, **headers}}


def test_the_same_request_is_done_once_and_answered_the_same(admin: Client, unique: Unique) -> None:
    code, key = unique("SP"), unique("key")
    first = admin.post("/salespeople", {"code": code}, **keyed(key))
    second = admin.post("/salespeople", {"code": code}, **keyed(key))
    assert first.status_code == second.status_code == 201
    assert first.data == second.data
    for header in ("Location", "ETag", "Content-Type"):
        assert first.headers[header] == second.headers[header]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("change", ["body", "path", "query"])
def test_another_request_under_the_key_is_refused(admin: Client, unique: Unique, change: str) -> None:
    code, key = unique("SP"), unique("key")
    assert admin.post("/salespeople", {"code": code}, **keyed(key)).status_code == 201
    if change == "body":
        other = admin.post("/salespeople", {"code": unique("SP")}, **keyed(key))
    elif change == "path":
        other = admin.post("/interaction-groups", {"code": code}, **keyed(key))
    else:
        other = admin.post("/salespeople?x=1", {"code": code}, **keyed(key))
        assert other.status_code == 422
        return
    assert other.status_code == 422
    assert other.json["code"] == "idempotency_key_reused"


def test_the_key_of_another_user_is_another_key(client_of: Callable[[Role], Client], unique: Unique) -> None:
    key = unique("key")
    first = client_of(Role.ADMIN).post("/campaigns", {"description": "A"}, **keyed(key))
    second = client_of(Role.MARKETING).post("/campaigns", {"description": "B"}, **keyed(key))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["no"] != second.json["no"]


def test_a_refusal_is_kept_and_nothing_of_the_work(admin: Client, unique: Unique) -> None:
    code, key = unique("SP"), unique("key")
    first = admin.post("/salespeople", {"code": code, "email": "nonsense"}, **keyed(key))
    second = admin.post("/salespeople", {"code": code, "email": "nonsense"}, **keyed(key))
    assert first.status_code == second.status_code == 422
    assert first.data == second.data
    assert second.headers["Idempotency-Replayed"] == "true"
    assert admin.get(f"/salespeople/{code}").status_code == 404


def test_a_malformed_body_is_kept_too(admin: Client, unique: Unique) -> None:
    key = unique("key")
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    first = admin("POST", "/salespeople", data=b"{", headers=headers)
    second = admin("POST", "/salespeople", data=b"{", headers=headers)
    assert first.status_code == second.status_code == 400
    assert second.headers["Idempotency-Replayed"] == "true"


def test_an_answer_from_500_on_is_not_kept(
    admin: Client, unique: Unique, monkeypatch: pytest.MonkeyPatch
) -> None:
    from domain import salespeople

    code, key = unique("SP"), unique("key")
    with monkeypatch.context() as broken:
        broken.setattr(salespeople, "describe", lambda *_: 1 / 0)
        assert admin.post("/salespeople", {"code": code}, **keyed(key)).status_code == 500
    assert admin.post("/salespeople", {"code": code}, **keyed(key)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ключ"])
def test_a_key_has_1_to_255_visible_characters(admin: Client, key: str) -> None:
    response = admin.post("/salespeople", {}, **keyed(key.encode().decode("latin-1")))
    assert response.status_code == 422
    assert ("Idempotency-Key", "invalid") in faults_of(response)


def test_a_key_of_255_characters_is_taken(admin: Client, unique: Unique) -> None:
    assert admin.post("/salespeople", {"code": unique("SP")}, **keyed("x" * 255)).status_code == 201


def test_a_token_is_shown_once_and_not_kept(admin: Client, unique: Unique, sessions: Any) -> None:
    body, key = {"name": unique("t"), "role": "viewer"}, unique("key")
    first = admin.post("/tokens", body, **keyed(key))
    second = admin.post("/tokens", body, **keyed(key))
    assert first.json["token"]
    assert second.json == {**first.json, "token": None}
    with sessions() as session:
        kept = session.execute(
            text("SELECT body FROM idempotency_key WHERE key = :key"), {"key": key}
        ).scalar()
    assert first.json["token"].encode() not in bytes(kept)


def test_two_at_once_are_done_once(
    app: Flask,
    client_of: Callable[[Role], Client],
    unique: Unique,
    sessions: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second waits while the first runs: both views would be in the domain at the same time otherwise."""
    from domain import campaigns

    inside, go_on = threading.Event(), threading.Event()
    create = campaigns.create

    def slow(*args: Any, **options: Any) -> Any:
        made = create(*args, **options)
        inside.set()
        assert go_on.wait(10)
        return made

    monkeypatch.setattr(campaigns, "create", slow)
    key, description, answers = unique("key"), unique("both"), []

    def ask() -> None:
        answers.append(
            client_of(Role.MARKETING).post("/campaigns", {"description": description}, **keyed(key))
        )

    first = threading.Thread(target=ask)
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=ask)
    second.start()
    wait_until_blocked(sessions)
    go_on.set()
    first.join(10)
    second.join(10)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data == answers[1].data
    assert sorted(answer.headers.get("Idempotency-Replayed", "no") for answer in answers) == ["no", "true"]
    with sessions() as session:
        count = session.execute(
            text("SELECT count(*) FROM campaign WHERE description = :d"), {"d": description}
        ).scalar()
    assert count == 1


def wait_until_blocked(sessions: Any) -> None:
    """Return once some session of this database waits for another's transaction."""
    for _ in range(10_000):
        with sessions() as session:
            blocked = session.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            ).scalar()
        if blocked:
            return
    raise AssertionError("nothing waits")
