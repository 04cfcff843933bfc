"""What `interlog bench` measures of document events: how fast they come in and become entries, and how soon."""

from __future__ import annotations

import http.client
import json
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from sqlalchemy import make_url, text

from domain import actors, interaction_groups, template_setup, templates, tokens
from ops.errors import OpsError
from ops.job_client import JobClient

BATCH = 500
# The latency is measured at this rate (issue 3), for so long.
PER_SECOND, SECONDS = 1_000, 10
SINGLE_CLIENTS, SINGLE_SECONDS = 4, 5.0
STREAM = "document-events"
TEMPLATE = "PRINTED"
PATIENCE = 1_800.0


@dataclass(frozen=True)
class Latency:
    """Seconds from receipt to committed entry."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class _Rows:
    """The rows of a table in a client's memory, and the statement that puts one there."""

    insert: str
    rows: list[tuple[Any, ...]]

    @classmethod
    def of(cls, connection: psycopg.Connection[Any], table: str, key: str) -> _Rows:
        """Read a table in order of its key; texts and jsonb stay as PostgreSQL writes them."""
        names = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            [table],
        ).fetchall()
        columns = ", ".join(name for (name,) in names)
        written = ", ".join(f"{name}::text" for (name,) in names)
        rows = connection.execute(f"SELECT {written} FROM {table} ORDER BY {key}").fetchall()
        places = ", ".join("%s" for _ in names)
        return cls(f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({places})", rows)


class EventBench:
    """The measurements, on the running stack that `Bench` has given a company. Nothing else may use it meanwhile.

    Parameters
    ----------
    client
        Transactions on the stack's database.
    database_url, redis_url, base_url
        The stack.
    """

    def __init__(self, client: JobClient, database_url: str, redis_url: str, base_url: str) -> None:
        self._client = client
        self._address = (
            make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=30)
        self._site = urlsplit(base_url)
        self._numbers = 0
        self._contacts = 0
        self._headers: dict[str, str] = {}

    def set_up(self) -> None:
        """Have invoices recorded, and link every contact to a customer account."""
        with self._client.transaction() as session:
            actor = actors.system(session)
            values = {"code": TEMPLATE, "description": "Document", "group_code": TEMPLATE}
            interaction_groups.create(session, values={"code": TEMPLATE}, actor=actor)
            templates.create(session, values=values, actor=actor)
            template_setup.change(session, values={"sales_invoice": TEMPLATE}, actor=actor)
            session.execute(text("DELETE FROM contact_account"))
            linked: Any = session.execute(
                text("""
                    INSERT INTO contact_account (contact_id, type, no)
                    SELECT id, 'customer', 'B' || row_number() OVER (ORDER BY id) FROM contact
                """)
            )
            self._contacts = linked.rowcount
            _, token = tokens.create_token(
                session, values={"name": "bench-events", "role": "service"}, actor=actor
            )
        self._headers = {"Authorization": f"Bearer {token}"}
        with self._connect() as connection:
            connection.execute("VACUUM ANALYZE contact_account")

    def over_http(self, count: int) -> float:
        """Send so many events in batches from one client; return the seconds until all are recorded."""
        batches = [json.dumps(piece).encode() for piece in self._batches(count)]
        connection = self._http()

        def send() -> None:
            for batch in batches:
                _post(
                    connection, batch, self._headers | {"Content-Type": "application/cloudevents-batch+json"}
                )

        try:
            return self._until_recorded(count, send)
        finally:
            connection.close()

    def through_stream(self, count: int) -> float:
        """Put so many events into the stream; return the seconds until all are recorded."""
        batches = [[json.dumps(event) for event in piece] for piece in self._batches(count)]

        def send() -> None:
            for batch in batches:
                self._add(batch)

        return self._until_recorded(count, send)

    def plain(self) -> float:
        """Commit the inbox and log rows that are there once more, in batches, with one client; return the seconds.

        The limit: one INSERT a row and table with nothing checked, as a client writes them by hand, sent in a pipeline.
        """
        with self._connect() as connection:
            tables = [
                _Rows.of(connection, "document_event", "position"),
                _Rows.of(connection, "interaction", "entry_no"),
            ]
            self.empty()
            started = time.perf_counter()
            for first in range(0, len(tables[0].rows), BATCH):
                with connection.transaction(), connection.cursor() as cursor:
                    for table in tables:
                        cursor.executemany(table.insert, table.rows[first : first + BATCH])
            return time.perf_counter() - started

    def latency(self) -> Latency:
        """Send `PER_SECOND` events a second through the stream; return how soon they are recorded."""
        self.empty()
        samples: list[tuple[float, int]] = []
        ended = threading.Event()
        watching = threading.Thread(target=self._watch, args=(samples, ended))
        pieces = [
            [json.dumps(event) for event in piece]
            for piece in self._batches(PER_SECOND * SECONDS, size=PER_SECOND // 100)
        ]

        def send() -> None:
            begun = time.monotonic()
            for no, piece in enumerate(pieces):
                time.sleep(max(0.0, begun + no / 100 - time.monotonic()))
                self._add(piece)

        watching.start()
        try:
            self._until_recorded(PER_SECOND * SECONDS, send)
        finally:
            time.sleep(0.1)
            ended.set()
            watching.join()
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT position, extract(epoch FROM received_at)::float FROM document_event"
            ).fetchall()
        marks = [mark for _, mark in samples]
        taken = sorted(samples[bisect_right(marks, position)][0] - received for position, received in rows)
        return Latency(*(taken[int(len(taken) * share)] for share in (0.5, 0.95, 0.99)))

    def _watch(self, samples: list[tuple[float, int]], ended: threading.Event) -> None:
        """Note again and again, by the database's clock, the first position that waits; all before it are done."""
        with self._connect() as connection:
            while not ended.wait(0.01):
                found = connection.execute(
                    "SELECT extract(epoch FROM clock_timestamp())::float, coalesce("
                    "(SELECT min(position) FROM document_event WHERE outcome = 'received'), "
                    "(SELECT max(position) + 1 FROM document_event), 0)"
                ).fetchone()
                assert found is not None
                last = samples[-1][1] if samples else 0
                samples.append((found[0], max(found[1], last)))

    def singles(self) -> tuple[int, float]:
        """Send single events over HTTP with some clients at once; return how many were answered in how many seconds."""
        self.empty()
        deadline = time.perf_counter() + SINGLE_SECONDS
        counts: list[int] = []
        events = [
            [json.dumps(event).encode() for event in piece]
            for piece in self._batches(SINGLE_CLIENTS * 20_000, size=20_000)
        ]
        headers = self._headers | {"Content-Type": "application/cloudevents+json"}

        def send(bodies: list[bytes]) -> None:
            connection, sent = self._http(), 0
            for body in bodies:
                if time.perf_counter() > deadline:
                    break
                _post(connection, body, headers)
                sent += 1
            counts.append(sent)
            connection.close()

        threads = [threading.Thread(target=send, args=(bodies,)) for bodies in events]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        if len(counts) < SINGLE_CLIENTS:
            raise OpsError("a client of single events has failed")
        self._wait_until_recorded(sum(counts))
        return sum(counts), seconds

    def drain(self, count: int) -> float:
        """Have so many events wait, as after a long outage; return the seconds until all are recorded."""
        self.empty()

        def store() -> None:
            with self._connect() as connection:
                connection.execute(
                    """
                    INSERT INTO document_event (source, event_id, hash, door, actor_id, type, time, data, window_hours,
                                                document_type, document_no)
                    SELECT 'backlog', n::text, decode(md5(n::text), 'hex'), 'stream', a.id, 'document.printed', now(),
                           jsonb_build_object('account_no', 'B' || (1 + n %% %s)), 24, 'sales_invoice', 'L' || n
                    FROM generate_series(1, %s) n, (SELECT min(id) AS id FROM actor) a
                    """,
                    [self._contacts, count],
                )

        return self._until_recorded(count, store)

    def empty(self) -> None:
        """Take every event and entry away, and all that waits in the stream."""
        with self._connect() as connection:
            connection.execute("TRUNCATE document_event, document_event_conflict, interaction")

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()

    def _batches(self, count: int, *, size: int = BATCH) -> list[list[dict[str, Any]]]:
        """Make events of documents that have not been printed before."""
        first = self._numbers
        self._numbers += count
        events = [
            {
                "specversion": "1.0",
                "id": f"bench-{no}",
                "source": "bench",
                "type": "document.printed",
                "data": {
                    "document_type": "sales_invoice",
                    "document_no": f"B{no}",
                    "account_no": f"B{1 + no % self._contacts}",
                },
            }
            for no in range(first, first + count)
        ]
        return [events[start : start + size] for start in range(0, count, size)]

    def _add(self, events: list[str]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for event in events:
                pipeline.xadd(STREAM, {"event": event})
            pipeline.execute()

    def _until_recorded(self, count: int, send: Callable[[], None]) -> float:
        self.empty()
        started = time.perf_counter()
        send()
        self._wait_until_recorded(count)
        return time.perf_counter() - started

    def _wait_until_recorded(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        with self._connect() as connection:
            while time.monotonic() < deadline:
                waiting = connection.execute(
                    "SELECT EXISTS (SELECT FROM document_event WHERE outcome = 'received')"
                ).fetchone()
                if waiting == (False,):
                    counted = connection.execute(
                        "SELECT count(*) FROM document_event WHERE outcome = 'recorded'"
                    ).fetchone()
                    if counted == (count,):
                        return
                time.sleep(0.02)
        raise OpsError(f"{count:,} events are not recorded after {PATIENCE:,.0f} s")

    def _http(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._site.hostname or "", self._site.port, timeout=60)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._address, autocommit=True)


def _post(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
    connection.request("POST", "/api/v1/document-events", body, headers)
    with connection.getresponse() as answer:
        said = answer.read()
        if answer.status != 202:
            raise OpsError(f"an event was not taken: {answer.status} {said[:200]!r}")
