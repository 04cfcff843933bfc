"""The consumer of the stream: committed before acknowledged, whatever stands in the entries (D1, D8, RELIABILITY 2)."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from domain import document_inbox, hints
from domain.hints import GROUP, STREAM
from ops import commands
from ops.commands import ROOT
from ops.processes import wait_until
from tests.domain.events import as_text, make_event
from worker import consumer
from worker.consumer import Consumer


def add(client: redis.Redis, *events: Any) -> list[bytes]:
    """Put events into the stream as a producer does."""
    return [
        client.xadd(STREAM, {"event": event if isinstance(event, bytes | str) else as_text(event)})
        for event in events
    ]


def stored(sessions: sessionmaker[Session], columns: str = "event_id") -> list[Any]:
    with sessions() as session:
        rows = session.execute(text(f"SELECT {columns} FROM document_event ORDER BY position"))
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def steps(reader: Consumer, count: int = 3) -> None:
    for _ in range(count):
        reader.step()


def pending(client: redis.Redis) -> int:
    waiting: Any = client.xpending(STREAM, GROUP)
    return int(waiting["pending"])


def test_events_that_came_before_the_group_are_read_from_the_first(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session]
) -> None:  # RELIABILITY 2: from 0, never $
    add(client, make_event(id="1"), make_event(id="2"))
    steps(reader)

    assert stored(sessions, "event_id, door, outcome") == [
        ("1", "stream", "received"),
        ("2", "stream", "received"),
    ]
    assert pending(client) == 0
    assert client.llen(hints.JOBS_QUEUE) == 1


def test_batches_are_taken_one_after_the_other(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "BATCH", 2)
    add(client, *(make_event(id=str(no)) for no in range(5)))
    steps(reader, 4)
    assert stored(sessions) == ["0", "1", "2", "3", "4"]
    assert pending(client) == 0


def test_hints_that_come_thick_are_sent_as_one(
    reader: Consumer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decision 22: the first batch is hinted at at once, those after it in a moment, and then nothing is owed."""
    monkeypatch.setattr(consumer, "BATCH", 1)
    monkeypatch.setattr(hints, "EVERY", 2.0)
    add(client, *(make_event(id=str(no)) for no in range(4)))
    steps(reader, 5)
    assert client.llen(hints.JOBS_QUEUE) == 1
    steps(reader, 2)
    assert client.llen(hints.JOBS_QUEUE) == 2
    monkeypatch.setattr(consumer, "BLOCK_MS", 100)
    steps(reader, 2)
    assert client.llen(hints.JOBS_QUEUE) == 2


def test_nothing_is_acknowledged_that_is_not_committed(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:  # RELIABILITY 3, case 30
    steps(reader, 1)
    add(client, make_event(id="1"))
    receive = document_inbox.receive

    def receive_and_lose_the_connection(session: Session, **values: Any) -> None:
        receive(session, **values)
        raise OperationalError("COMMIT", {}, Exception("the server went away"))

    monkeypatch.setattr(document_inbox, "receive", receive_and_lose_the_connection)
    for _ in range(2):
        with pytest.raises(OperationalError):
            reader.step()
    assert (stored(sessions), pending(client)) == ([], 1)

    monkeypatch.setattr(document_inbox, "receive", receive)
    steps(reader, 1)
    assert (stored(sessions), pending(client)) == (["1"], 0)


def test_an_acknowledgement_that_fails_is_made_up_for_without_a_second_event(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:  # case 6, the same process
    steps(reader, 1)
    add(client, make_event(id="1"))
    acknowledge = client.xack

    def fail(*_: Any) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(client, "xack", fail)
    with pytest.raises(redis.ConnectionError):
        reader.step()
    assert (stored(sessions), pending(client)) == (["1"], 1)

    monkeypatch.setattr(client, "xack", acknowledge)
    steps(reader, 1)
    assert (stored(sessions), pending(client)) == (["1"], 0)


def test_what_another_consumer_left_is_claimed_with_all_its_batches(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:  # RELIABILITY 2
    monkeypatch.setattr(consumer, "BATCH", 2)
    monkeypatch.setattr(consumer, "IDLE_MS", 0)
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    add(client, *(make_event(id=str(no)) for no in range(5)))
    client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=10)

    steps(reader, 3)

    assert stored(sessions) == ["0", "1", "2", "3", "4"]
    assert pending(client) == 0


def test_what_another_consumer_has_just_taken_is_left_to_it(reader: Consumer, client: redis.Redis) -> None:
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    add(client, make_event())
    client.xreadgroup(GROUP, "alive", {STREAM: ">"})
    steps(reader)
    assert pending(client) == 1


def test_only_what_everybody_has_read_and_acknowledged_is_trimmed(
    reader: Consumer, client: redis.Redis
) -> None:  # RELIABILITY 2
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    ids = add(client, *(make_event() for _ in range(6)))
    client.xreadgroup(GROUP, "alive", {STREAM: ">"}, count=3)
    client.xack(STREAM, GROUP, ids[0], ids[2])
    steps(reader)
    assert [id for id, _ in client.xrange(STREAM)] == ids[1:]

    client.xack(STREAM, GROUP, ids[1])
    client.xgroup_create(STREAM, "archive", id=ids[3])
    steps(reader)
    assert [id for id, _ in client.xrange(STREAM)] == ids[3:]

    client.xgroup_destroy(STREAM, "archive")
    steps(reader)
    assert [id for id, _ in client.xrange(STREAM)] == ids[5:]


def test_names_of_consumers_that_are_gone_are_forgotten_and_those_with_work_are_not(
    reader: Consumer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    client.xgroup_createconsumer(STREAM, GROUP, "gone")
    add(client, make_event())
    client.xreadgroup(GROUP, "busy", {STREAM: ">"})
    monkeypatch.setattr(consumer, "FORGET_MS", -1)
    steps(reader, 1)
    names = [each["name"] for each in client.xinfo_consumers(STREAM, GROUP)]
    assert names == [b"busy"]


BAD = {
    "no JSON": {"event": "{"},
    "bytes that are no text": {"event": b"\xff\xfe\x00\x80"},
    "a NUL": {"event": as_text(make_event(document_no="A\0B"))},
    "a NUL outside JSON": {"event": b"\0"},
    "half a surrogate pair": {"event": r'{"id": "\ud800"}'},
    "a megabyte": {"event": as_text(make_event(description="x" * 1_000_000))},
    "an unknown type": {"event": as_text(make_event(type="document.eaten"))},
    "no id": {"event": as_text(make_event(id=None))},
    "the future": {"event": as_text(make_event(time="2999-01-01T00:00:00Z"))},
    "the past": {"event": as_text(make_event(time="1899-12-31T00:00:00Z"))},
    "a list": {"event": "[]"},
    "an endless nest": {"event": "[" * 100_000},
    "a long number": {"event": "9" * 10_000},
    "nothing": {"event": ""},
    "another field": {"data": "x", b"\xff": b"\0"},
}


def test_what_cannot_be_read_is_kept_and_the_rest_goes_on(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session]
) -> None:  # D8, case 20
    add(client, make_event(id="before"))
    for fields in BAD.values():
        client.xadd(STREAM, fields)
    add(client, make_event(id="after"))
    steps(reader)

    kept = stored(sessions, "outcome, raw IS NOT NULL, coalesce(length(raw), 0) <= 100000")
    assert kept.count(("rejected", True, True)) == len(BAD)
    assert kept.count(("received", False, True)) == 2
    assert pending(client) == 0
    assert json.loads(stored(sessions, "raw")[-1]) == {"data": "x", "�": "\0"}


def test_fields_beside_the_event_are_tolerated(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session]
) -> None:
    client.xadd(STREAM, {"traceparent": "00-1", "event": as_text(make_event(id="1"))})
    steps(reader)
    assert stored(sessions, "event_id, outcome") == [("1", "received")]


def test_an_event_that_the_database_cannot_take_is_found_by_halves_and_rejected(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session]
) -> None:  # D8: whatever nobody foresaw
    with sessions.begin() as session:
        session.execute(
            text("ALTER TABLE document_event ADD CHECK (outcome = 'rejected' OR document_no <> 'POISON')")
        )
    add(client, *(make_event(id=str(no), document_no="POISON" if no == 3 else "OK") for no in range(7)))
    steps(reader)

    assert sorted(stored(sessions, "coalesce(event_id, '?'), outcome")) == [
        *((str(no), "received") for no in (0, 1, 2)),
        *((str(no), "received") for no in (4, 5, 6)),
        ("?", "rejected"),
    ]
    assert pending(client) == 0


def test_an_event_that_cannot_even_be_kept_as_rejected_waits_and_holds_up_nobody(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "FIRST_PAUSE", 0.0)
    with sessions.begin() as session:
        session.execute(
            text("ALTER TABLE document_event ADD CHECK (document_no <> 'POISON' AND raw IS NULL)")
        )
    steps(reader, 1)
    add(client, make_event(id="1", document_no="POISON"))
    running = threading.Thread(target=reader.run)
    running.start()
    try:
        assert wait_until(lambda: pending(client) == 1, 5)
        add(client, make_event(id="2"))
        assert wait_until(lambda: stored(sessions) == ["2"] and pending(client) == 1, 5)
    finally:
        reader.stop()
        running.join()


def test_a_stream_that_redis_forgot_is_made_again(
    reader: Consumer, client: redis.Redis, sessions: sessionmaker[Session]
) -> None:  # case 3
    add(client, make_event(id="1"))
    steps(reader)
    client.flushall()
    add(client, make_event(id="2"))
    steps(reader)
    assert stored(sessions) == ["1", "2"]


@contextmanager
def running(database_url: str, redis_url: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A consumer as the stack starts it, for the length of a block."""
    environment = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}
    command = commands.consumer().arguments
    with (folder / "log").open("ab") as log:
        started = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def wait_for_event(
    client: redis.Redis, sessions: sessionmaker[Session], id: str, *, seconds: float = 10
) -> None:
    """Send an event and wait until it is stored and acknowledged."""
    add(client, make_event(id=id))
    assert wait_until(lambda: id in stored(sessions), seconds), f"event {id} is not stored"


def test_the_process_outlives_what_happens_to_redis_and_ends_when_asked(
    fresh_db: str, redis_url: str, client: redis.Redis, sessions: sessionmaker[Session], tmp_path: Path
) -> None:  # cases 3 and 29: flushed, a key that is no stream, silent for longer than the timeouts
    with running(fresh_db, redis_url, tmp_path) as started:
        wait_for_event(client, sessions, "1")
        client.flushall()
        wait_for_event(client, sessions, "2")
        client.delete(STREAM)
        client.set(STREAM, "no stream")
        client.delete(STREAM)
        wait_for_event(client, sessions, "3")
        client.execute_command("CLIENT", "PAUSE", 3500, "ALL")
        wait_for_event(client, sessions, "4")
        assert started.poll() is None
        started.terminate()
        assert started.wait(3) == 0


def test_a_batch_is_found_stored_by_the_next_after_kill_9(
    fresh_db: str, redis_url: str, client: redis.Redis, sessions: sessionmaker[Session], tmp_path: Path
) -> None:  # case 6: committed, not acknowledged; Redis lets nobody write between the two
    with running(fresh_db, redis_url, tmp_path) as started:
        wait_for_event(client, sessions, "first")
        with sessions() as holding_up_the_insert:
            holding_up_the_insert.execute(text("LOCK TABLE document_event"))
            add(client, make_event(id="1"), make_event(id="2"))
            assert wait_until(lambda: pending(client) == 2, 5)
            client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        assert wait_until(lambda: stored(sessions)[1:] == ["1", "2"], 5)
        started.kill()
        started.wait()
        client.execute_command("CLIENT", "UNPAUSE")
    assert pending(client) == 2
    with running(fresh_db, redis_url, tmp_path):
        assert wait_until(lambda: pending(client) == 0, 10)
    assert stored(sessions) == ["first", "1", "2"]
