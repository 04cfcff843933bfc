"""The consumer: takes document events from the Redis Stream `document-events` into the inbox (D1, RELIABILITY 2).

What must never happen: an entry that is acknowledged, or trimmed away, and not committed. So a batch stays in hand
until it is committed and acknowledged, in this order; whatever fails in between, it is stored again, and the inbox
finds duplicates. What a dead consumer left unacknowledged is claimed by whoever looks next; who takes an entry does
not matter, so any number of consumers may run. It is a process of its own: a Celery worker ends with its broker.

Run with `python -m worker.consumer`.
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

import redis
import structlog
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from sqlalchemy.orm import Session, sessionmaker

from domain import document_inbox, garbage, hints, logs, settings
from domain.database import make_engine, make_sessions
from domain.document_events import Door
from domain.document_inbox import Incoming
from domain.hints import GROUP, STREAM
from worker import receiving
from worker.app import send_hint

log = structlog.get_logger()

FIELD = b"event"

# Entries taken at once: beyond 500 a transaction gets no faster, and they may be large.
BATCH = 500
BLOCK_MS = 1_000
# An entry that nobody has acknowledged for so long is anybody's.
IDLE_MS = 3_000
SECONDS_BETWEEN_CLAIMS = 2.0
SECONDS_BETWEEN_TRIMS = 5.0
# After a failure; doubled each time. Short enough to notice SIGTERM in time.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
# Names of consumers that are gone (containers have a new one each) are forgotten after this.
FORGET_MS = 3_600_000

Entry = tuple[bytes, Mapping[bytes, bytes]]


class Consumer:
    """Reads the stream until it is asked to stop.

    Parameters
    ----------
    client
        Redis, with timeouts longer than `BLOCK_MS`.
    sessions
        On the database of the inbox.
    name
        Consumer name within the group; several consumers may share one.
    """

    def __init__(self, client: redis.Redis, sessions: sessionmaker[Session], *, name: str) -> None:
        self._redis = client
        self._sessions = sessions
        self._name = name
        self._stopping = False
        self._in_hand: list[Entry] = []
        self._claimed_up_to: Any = "0-0"
        self._next_claim = self._next_trim = self._next_hint = 0.0
        self._is_hint_due = False

    def stop(self, *_: object) -> None:
        """Finish the batch in hand and end."""
        self._stopping = True

    def run(self) -> None:
        """Take entries until asked to stop; whatever fails is tried again after a moment."""
        pause = FIRST_PAUSE
        while not self._stopping:
            try:
                self.step()
                pause = FIRST_PAUSE
            except Exception as error:
                log.warning("consumer_interrupted", error=repr(error), in_hand=len(self._in_hand))
                if isinstance(error, receiving.OF_CONTENT):
                    self._in_hand = []  # not even as rejected: it stays unacknowledged, and others go first
                sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def step(self) -> None:
        """Take one batch, store it, tell the workers, acknowledge it; now and then trim."""
        try:
            if not self._in_hand:
                self._in_hand = self._stale() or self._new()
            if self._in_hand:
                self._store()
            else:
                self._hint()
            if monotonic() >= self._next_trim:
                self._next_trim = monotonic() + SECONDS_BETWEEN_TRIMS
                self._trim()
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._make_group()

    def _new(self) -> list[Entry]:
        wait = max(1, int(1000 * (self._next_hint - monotonic()))) if self._is_hint_due else BLOCK_MS
        found: Any = self._redis.xreadgroup(GROUP, self._name, {STREAM: ">"}, count=BATCH, block=wait)
        entries: list[Entry] = found[0][1] if found else []
        return entries

    def _stale(self) -> list[Entry]:
        """Claim what nobody has acknowledged, if it is time to look."""
        if monotonic() < self._next_claim:
            return []
        found: Any = self._redis.xautoclaim(
            STREAM, GROUP, self._name, IDLE_MS, start_id=self._claimed_up_to, count=BATCH
        )
        cursor: bytes
        entries: list[Entry]
        cursor, entries, gone = found
        if gone:
            log.error("entries_deleted_unread", entries=len(gone), first=gone[0].decode())
        self._claimed_up_to = cursor
        if cursor == b"0-0":
            self._next_claim = monotonic() + SECONDS_BETWEEN_CLAIMS
        return entries

    def _store(self) -> None:
        events = [_incoming(fields) for _, fields in self._in_hand]
        self._is_hint_due |= receiving.receive(self._sessions, events, door=Door.STREAM)
        self._hint()
        self._redis.xack(STREAM, GROUP, *(id for id, _ in self._in_hand))
        self._in_hand = []

    def _hint(self) -> None:
        """Send the hint that is due, if none was sent just now: those that come thick are sent as one (decision 22)."""
        if self._is_hint_due and monotonic() >= self._next_hint:
            self._is_hint_due = False
            self._next_hint = monotonic() + hints.EVERY
            send_hint()

    def _make_group(self) -> None:
        """Make the group, from the first entry there is: what came before Redis lost the group is read again."""
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
            log.info("group_made", stream=STREAM)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _trim(self) -> None:
        """Delete the entries that every group of the stream has acknowledged, and forget consumers that are gone."""
        firsts = []
        for group in self._redis.xinfo_groups(STREAM):  # type: ignore[union-attr]
            waiting: Any = self._redis.xpending(STREAM, group["name"])
            firsts.append(waiting["min"] or group["last-delivered-id"])
        if firsts:
            self._redis.xtrim(STREAM, minid=min(firsts, key=_order), approximate=False)
        for consumer in self._redis.xinfo_consumers(STREAM, GROUP):  # type: ignore[union-attr]
            if consumer["idle"] > FORGET_MS and not consumer["pending"]:
                self._redis.xgroup_delconsumer(STREAM, GROUP, consumer["name"])


def _order(id: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in id.split(b"-"))


def _incoming(fields: Mapping[bytes, bytes]) -> Incoming:
    """Read an entry as an event; one without the field is rejected with what it has instead."""
    if FIELD in fields:
        return document_inbox.of_text(fields[FIELD])
    shown = {
        name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in fields.items()
    }
    return Incoming(None, json.dumps(shown, ensure_ascii=False), "there is no field event")


def connect(url: str) -> redis.Redis:
    """Return a client that no silent or refusing server holds up for longer than about six seconds (RELIABILITY 1)."""
    return redis.Redis.from_url(
        url,
        socket_timeout=3,
        socket_connect_timeout=1,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(ConstantBackoff(0.1), 1),
    )


def main() -> None:
    """Run one consumer until SIGTERM or SIGINT."""
    logs.configure(process="consumer")
    loaded = settings.load()
    engine = make_engine(loaded.database_url, process="consumer")
    consumer = Consumer(connect(loaded.redis_url), make_sessions(engine), name=socket.gethostname())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, consumer.stop)
    garbage.set_apart()
    log.info("consumer_begins", stream=STREAM)
    consumer.run()
    engine.dispose()


if __name__ == "__main__":
    main()
