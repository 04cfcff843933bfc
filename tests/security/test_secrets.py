"""No secret is ever written to a log: passwords, tokens, one-time links, addresses of servers with their passwords."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
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


PROCESSES = {
    "worker": commands.worker(concurrency=1, name="secrets"),
    "beat": commands.beat(),
    "consumer": commands.consumer(),
    "verify": Command([sys.executable, "-m", "ops", "verify"]),
    "backup": Command([sys.executable, "-m", "ops", "backup", "nowhere.dump"]),
}
COMPLAINT = re.compile(r"refused|cannot|Error|field required|not the URL", re.IGNORECASE)


@contextmanager
def started(command: Command, log: Path, **changes: str) -> Iterator[Callable[[], str]]:
    """Start a process without its servers; give what it has said."""
    settings = {
        "DATABASE_URL": f"postgresql://someone:{CANARY}@127.0.0.1:1/nothing",
        "REDIS_URL": f"redis://:{CANARY}@127.0.0.1:1/0",
        "INTERLOG_SECRET_KEY": f"{CANARY}-key",
        "PYTHONPATH": str(ROOT),
        **changes,
    }
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command.arguments,
            cwd=ROOT,
            env=os.environ | command.environment | settings,
            stdout=file,
            stderr=file,
        ) as process,
    ):
        try:
            yield log.read_text
        finally:
            process.terminate()
            if not wait_until(lambda: process.poll() is not None, 5):
                process.kill()


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (tuple(PROCESSES), {}),
        (
            ("beat", "consumer", "verify"),
            {"REDIS_URL": f"nonsense://:{CANARY}@x", "DATABASE_URL": f"nonsense:{CANARY}"},
        ),
    ],
    ids=["away", "nonsense"],
)
def test_processes_without_their_servers_say_so_without_their_passwords(
    names: tuple[str, ...], changes: dict[str, str], tmp_path: Path
) -> None:
    with ExitStack() as running:
        said = {
            name: running.enter_context(started(PROCESSES[name], tmp_path / f"{name}.log", **changes))
            for name in names
        }
        complained = wait_until(lambda: all(COMPLAINT.search(log()) for log in said.values()), 60)
        assert complained, {name: log()[-500:] for name, log in said.items() if not COMPLAINT.search(log())}
        for name, log in said.items():
            assert CANARY not in log(), name


def test_a_setting_that_is_missing_does_not_show_the_others() -> None:
    script = "import os; os.environ.pop('DATABASE_URL', None); from domain import settings; settings.load()"
    settings = {"REDIS_URL": f"redis://:{CANARY}@x", "INTERLOG_SECRET_KEY": CANARY}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "DATABASE_URL" in done.stderr
    assert CANARY not in done.stderr


def test_the_server_s_own_lines_are_json_and_tell_no_secret(tmp_path: Path) -> None:
    command = commands.web(
        host="127.0.0.1", port=free_port(), processes=1, threads=2, metrics=tmp_path / "metrics"
    )
    with started(command, tmp_path / "web.log") as said:
        assert wait_until(lambda: "Booting worker" in said(), 60)
    lines = [json.loads(line) for line in said().splitlines()]
    assert {line["process"] for line in lines} == {"web"}
    assert any("Listening at" in line["event"] for line in lines)
    assert CANARY not in said()


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
