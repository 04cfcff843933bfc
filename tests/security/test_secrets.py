"""No secret is ever written to a log: passwords, tokens, one-time links, addresses of servers with their passwords."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr
from werkzeug.test import TestResponse

from domain import users
from domain.actors import Role, system
from domain.settings import Settings
from ops import commands
from ops.commands import ROOT, Command
from ops.processes import free_port, wait_until
from tests.web.conftest import Client
from tests.web.pages.conftest import PASSWORD, Browser, Demo
from web import create_app

CANARY = "Canary-5f1e7c"


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Gives what has been logged since the test began, as it is written."""
    root = logging.getLogger()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    ours = [each.formatter for each in root.handlers if "structlog" in type(each.formatter).__module__]
    handler.setFormatter(ours[0])
    root.addHandler(handler)
    yield written.getvalue
    root.removeHandler(handler)


def test_what_people_and_programs_send_in_secret_is_not_logged(
    *,
    app: Flask,
    admin: Client,
    browser_of: Callable[..., Browser],
    sessions: Any,
    logged: Callable[[], str],
    unique: Callable[[str], str],
    demo: Demo,
) -> None:
    name = unique("anna")
    made = admin.post("/users", {"name": name, "role": "viewer", "password": f"{CANARY}-first"})
    assert made.status_code == 201
    assert admin.patch(f"/users/{name}", {"password": f"{CANARY}-second"}).status_code == 200
    admin.post("/users", {"name": name, "role": "viewer", "password": f"{CANARY}-again"})
    token = admin.post("/tokens", {"name": unique("t"), "role": "viewer"}).json["token"]
    Client(app.test_client(), token).get("/me")
    Client(app.test_client(), f"{CANARY}-token").get("/me")
    app.test_client().get("/api/v1/me", headers={"Authorization": f"Basic {CANARY}"})
    app.test_client().get(f"/api/v1/me?token={CANARY}")
    app.test_client().get(f"/contacts/?q={CANARY}")
    browser = browser_of(None)
    browser.open("/sign-in")
    browser.send(name=name, password=f"{CANARY}-wrong", status=422)
    browser.send(name=name, password=f"{CANARY}-second")
    browser.open("/my-settings")
    browser.send(current=f"{CANARY}-second", password=f"{CANARY}-third", repeated=f"{CANARY}-third")
    with sessions() as session, session.begin():
        link = users.create_sign_in_link(session, users.get(session, name), actor=system(session))
    another = browser_of(None)
    another.open(f"/sign-in/link/{link}")
    another.flask.post(f"/sign-in/link/{link}", data={"csrf_token": CANARY})
    another.send(f"/sign-in/link/{link}")
    said = logged()
    assert '"path": "/sign-in/link/…"' in said
    assert '"event": "request"' in said
    cookie = browser.flask.get_cookie("session")
    assert cookie is not None
    for secret in (CANARY, token, link, cookie.value, PASSWORD):
        assert secret not in said, secret


def test_a_failure_tells_no_secret(
    app: Flask, admin: Client, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback has no local variables, a statement no values."""
    from domain import users as domain_users

    def fail(session: Any, *, values: dict[str, Any], **_: Any) -> None:
        session.connection().exec_driver_sql("SELECT 1 / %s", (0,) if values["password"] else ())

    monkeypatch.setattr(domain_users, "create_user", fail)
    answer = admin.post("/users", {"name": "x", "role": "viewer", "password": f"{CANARY}-failed"})
    assert answer.status_code == 500
    assert "division by zero" in logged()
    assert CANARY not in logged()
    assert CANARY not in answer.text


def test_servers_that_are_away_are_not_named_with_their_passwords(
    settings: Settings, logged: Callable[[], str]
) -> None:
    away = create_app(
        settings.model_copy(
            update={
                "database_url": f"postgresql://someone:{CANARY}@127.0.0.1:1/nothing",
                "redis_url": f"redis://:{CANARY}@127.0.0.1:1/0",
                "secret_key": SecretStr(f"{CANARY}-key"),
            }
        )
    )
    answers: list[TestResponse] = [
        away.test_client().get(path, headers={"Authorization": "Bearer x"})
        for path in ("/readyz", "/metrics", "/api/v1/me", "/")
    ]
    away.extensions["broker"].send_hint()
    assert "hint_not_sent" in logged()
    for text in (logged(), *(answer.text for answer in answers)):
        assert CANARY not in text
    assert CANARY not in repr(settings.model_copy(update={"secret_key": SecretStr(CANARY)}).secret_key)


@pytest.mark.parametrize(
    "command",
    [
        commands.worker(concurrency=1, name="secrets"),
        commands.beat(),
        commands.consumer(),
        Command([sys.executable, "-m", "ops", "verify"]),
        Command([sys.executable, "-m", "ops", "backup", "/nonexistent/backup"]),
    ],
    ids=["worker", "beat", "consumer", "verify", "backup"],
)
@pytest.mark.parametrize("missing", ["", "DATABASE_URL"])
def test_a_process_without_its_servers_says_so_without_their_passwords(
    command: Command, missing: str
) -> None:
    settings = {
        "DATABASE_URL": f"postgresql://someone:{CANARY}@127.0.0.1:1/nothing",
        "REDIS_URL": f"redis://:{CANARY}@127.0.0.1:1/0",
        "INTERLOG_SECRET_KEY": f"{CANARY}-key",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    if missing:
        settings[missing] = "nonsense" if "ops" in command.arguments else ""
    process = subprocess.Popen(
        command.arguments,
        cwd=ROOT,
        env=os.environ | command.environment | {k: v for k, v in settings.items() if v},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    said = b""

    def has_complained() -> bool:
        nonlocal said
        said += (process.stdout.read() if process.stdout else b"") or b""
        words = (b"onnect", b"refused", b"Error", b"rror:", b"failed", b"validation")
        return process.poll() is not None or any(word in said for word in words)

    try:
        assert wait_until(has_complained, 30) is not False
    finally:
        process.kill()
        process.wait()
    assert said
    assert CANARY not in said.decode(errors="replace")


def test_the_server_s_own_lines_are_json_and_tell_no_secret(settings: Settings, tmp_path: Any) -> None:
    port = free_port()
    command = commands.web(host="127.0.0.1", port=port, processes=1, threads=2, metrics=tmp_path / "metrics")
    environment = {
        "DATABASE_URL": f"postgresql://someone:{CANARY}@127.0.0.1:1/nothing",
        "REDIS_URL": f"redis://:{CANARY}@127.0.0.1:1/0",
        "INTERLOG_SECRET_KEY": f"{CANARY}-key",
    }
    log = tmp_path / "web.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command.arguments, cwd=ROOT, env=os.environ | command.environment | environment, stderr=file
        )
    try:
        wait_until(lambda: "Booting worker" in log.read_text(), 30)
    finally:
        process.terminate()
        process.wait(10)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["process"] for line in lines} == {"web"}
    assert any("Listening at" in line["event"] for line in lines)
    assert CANARY not in log.read_text()


def test_audit_and_answers_keep_no_password(admin: Client, unique: Callable[[str], str]) -> None:
    """U2: that a password was changed is recorded, not the password."""
    name = unique("anna")
    admin.post("/users", {"name": name, "role": "viewer", "password": f"{CANARY}-first"})
    admin.patch(f"/users/{name}", {"password": f"{CANARY}-second"})
    for path in ("/audit?limit=1000", f"/users/{name}", "/users", "/tokens"):
        answer = admin.get(path)
        assert answer.status_code == 200
        assert CANARY not in answer.text
        assert "argon2" not in answer.text
        assert "hash" not in answer.text
    assert Role.VIEWER.value in admin.get(f"/users/{name}").text
