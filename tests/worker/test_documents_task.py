"""The Celery door: what another system's Celery sends, taken by a real worker (D1, D8)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from ops import commands
from ops.commands import ROOT
from ops.processes import wait_until
from tests.domain.events import as_text, make_event


@pytest.fixture
def send(fresh_db: str, client: redis.Redis, redis_url: str, tmp_path: Path) -> Iterator[Any]:
    """A system of somebody else that knows the broker, the task's name and the queue; a worker runs meanwhile."""
    command = commands.worker(concurrency=1, queue="documents")
    settings = {"DATABASE_URL": fresh_db, "REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen(
            command.arguments,
            env=os.environ | command.environment | settings,
            cwd=ROOT,
            stderr=log,
            stdout=log,
        )
    billing = Celery("billing", broker=redis_url, set_as_current=False)
    try:
        yield lambda *args, **kwargs: billing.send_task(
            "documents.receive", args=args, kwargs=kwargs, queue="documents"
        )
    finally:
        billing.close()
        started.terminate()
        started.wait()


def stored(sessions: sessionmaker[Session], columns: str = "event_id, outcome, door") -> list[Any]:
    with sessions() as session:
        rows = session.execute(text(f"SELECT {columns} FROM document_event ORDER BY position"))
        return [tuple(row) for row in rows]


def count(sessions: sessionmaker[Session]) -> int:
    return len(stored(sessions))


def test_events_come_in_and_what_is_none_is_kept_as_rejected(
    send: Any, sessions: sessionmaker[Session], client: redis.Redis
) -> None:  # D8
    send(events=[make_event(id="1"), as_text(make_event(id="2")), make_event(id="1")])
    send([make_event(id="3")])
    send(events=make_event(id="4"))
    assert wait_until(lambda: count(sessions) == 4, 20)
    assert stored(sessions) == [(str(no), "received", "task") for no in range(1, 5)]

    send(events=[7, None, "no JSON", {"id": float("nan")}, make_event(id="5", description="A\0B")])
    send(event={"id": "lost"}, extra=1)
    send()
    send(events=[make_event(id="6", document_no={"__type__": "datetime", "__value__": "2026-03-10"})])
    send(events=[make_event(id="7")])
    assert wait_until(lambda: ("7", "received", "task") in stored(sessions), 10)
    assert ("6", "received", "task") in stored(sessions), "what kombu makes of its own types is text again"
    rejected = [raw for (raw, outcome) in stored(sessions, "raw, outcome") if outcome == "rejected"]
    assert len(rejected) == 7
    assert {"7", "null", "no JSON", '{"id": NaN}', '{"event": {"id": "lost"}, "extra": 1}', "{}"} < {
        *rejected
    }
    assert wait_until(lambda: client.hlen("unacked") == 0, 10)


def test_a_message_of_thousands_is_done_in_turns_and_again_without_doubles(
    send: Any, sessions: sessionmaker[Session]
) -> None:  # D1
    events = [make_event() for _ in range(2_500)]
    send(events=events)
    send(events=events)
    send(events=[make_event(id="last")])
    assert wait_until(lambda: ("last", "received", "task") in stored(sessions), 30)
    assert sorted(stored(sessions, "event_id")) == sorted(
        (event["id"],) for event in [*events, {"id": "last"}]
    )


def test_a_message_that_cannot_be_stored_now_goes_back_and_is_stored_later(
    send: Any, sessions: sessionmaker[Session], client: redis.Redis, tmp_path: Path
) -> None:  # RELIABILITY 3, case 30
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE document_event RENAME TO away"))
    send(events=[make_event(id="1")])
    assert wait_until(lambda: "receiving_interrupted" in (tmp_path / "log").read_text(), 20)
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE away RENAME TO document_event"))
    assert wait_until(lambda: count(sessions) == 1, 10)
    assert wait_until(lambda: client.hlen("unacked") == 0, 10)
