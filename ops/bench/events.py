"""Measures document events: how fast they come in and become entries, through each door, and how soon."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from sqlalchemy import text

from domain import actors, document_recording, interaction_groups, template_setup, templates
from ops.bench.company import Company, timed, wait_until_idle
from ops.bench.figures import Figure, Side, Waits
from ops.bench.ground import Ground, Work
from ops.bench.plain import columns, on_connections
from ops.bench.together import at_once, beside
from ops.errors import OpsError

BATCH = 500
GOAL = 0.7
CONTACTS = 10_000
# Events of a measurement, as a share of the bench's rows.
SHARE = 20
# Loads, events a second, at which the time to the entry is measured, each for so long; and what 95 of 100 may take.
LOADS, SECONDS, MOST = (100, 1_000, 3_000), 10, 1_000
SINGLE_CLIENTS, SINGLE_SECONDS = (1, 4), 5.0
STREAM = "document-events"
TEMPLATE = "PRINTED"
PATIENCE = 1_800.0
COPY = "COPY"
TABLES = {"document_event": "position", "interaction": "entry_no"}
# By the index of recorders. Planned as a minimum, it would read all events that are done.
FIRST_WAITING = (
    f"SELECT min(oldest.position) FROM generate_series(0, {document_recording.LANES - 1}) lane "
    f"CROSS JOIN LATERAL ({document_recording.OLDEST.replace(':limit', '1')}) oldest"
)


def measure(ground: Ground) -> Iterator[Figure | Waits]:
    """Measure batches beside the best way of inserting them by hand, single events beside single commits, loads."""
    bench = EventBench(ground)
    try:
        yield from _batches(ground, bench)
        yield from _singles(ground, bench)
        for load in LOADS:
            yield Waits(
                f"events.{load}",
                f"event to entry at {load:,} a second through the stream",
                tuple(bench.times_to_entry(load)),
                MOST,
            )
        yield from _backlog(ground, bench)
    finally:
        bench.close()


def batches(ground: Ground) -> Iterator[Figure]:
    """Measure batches alone, for --quick."""
    bench = EventBench(ground)
    try:
        yield from _batches(ground, bench)
    finally:
        bench.close()


def _batches(ground: Ground, bench: EventBench) -> Iterator[Figure]:
    count = max(ground.rows // SHARE, 5_000) // BATCH * BATCH
    bench.over_http(bench.encoded(count))
    by_hand = ByHand(ground)
    http, stream, *limits = ground.in_turns(
        Work("events over HTTP, batches of 500", count, bench.over_http, lambda: bench.encoded(count)),
        Work("events through the stream", count, bench.through_stream, lambda: bench.written(count)),
        *(
            Work(name, count, lambda _, send=send: by_hand.send(send), bench.empty)  # type: ignore[misc]
            for name, send in by_hand.ways().items()
        ),
        tables=list(TABLES),
    )
    best = max(limits, key=lambda side: side.rate)
    others = ", ".join(f"{side.name} {side.rate:,.0f}/s" for side in limits if side is not best)
    yield Figure("events.http", http, best, GOAL, f"by hand also {others}")
    yield Figure("events.stream", stream, best, GOAL)
    by_insert = max((side for side in limits if side.name != COPY), key=lambda side: side.rate)
    yield Figure("events.http.insert", http, by_insert)
    yield Figure("events.stream.insert", stream, by_insert)


def _singles(ground: Ground, bench: EventBench) -> Iterator[Figure | Waits]:
    for clients in SINGLE_CLIENTS:
        seconds, waited = bench.singles(clients)
        committed = commits(ground, connections=clients)
        name = f"{clients} client{'s' if clients > 1 else ''}"
        yield Figure(
            f"events.single.{clients}",
            Side(f"single events over HTTP, {name}", len(waited), (seconds,)),
            committed,
        )
        yield Waits(f"events.single.{clients}.wait", f"answer to a single event, {name}", tuple(waited))


def _backlog(ground: Ground, bench: EventBench) -> Iterator[Figure]:
    (side,) = ground.in_turns(
        Work(
            "events that waited, recorded", ground.rows, bench.drain, lambda: bench.store_backlog(ground.rows)
        ),
        rounds=1,
    )
    yield Figure("events.backlog", side)


def commits(ground: Ground, *, connections: int) -> Side:
    """Commit single rows as fast as the disk allows on some connections for a while: a table without an index."""
    ground.execute("CREATE TABLE IF NOT EXISTS bench_commit (n bigint)")
    counts: list[int] = []

    def work(connection: psycopg.Connection[Any]) -> None:
        deadline, done = time.perf_counter() + SINGLE_SECONDS, 0
        while time.perf_counter() < deadline:
            connection.execute("INSERT INTO bench_commit VALUES (1)")
            done += 1
        counts.append(done)

    seconds = on_connections(ground, connections, work)
    ground.execute("DROP TABLE bench_commit")
    name = f"single commits, {connections} connection{'s' if connections > 1 else ''}"
    return Side(name, sum(counts), (seconds,))


def disk(ground: Ground) -> Iterator[Figure]:
    """Measure how many single commits the disk does, on one connection and on as many as there are workers."""
    for connections in sorted({1, ground.workers, 4}):
        yield Figure(f"disk.{connections}", commits(ground, connections=connections))


Rows = list[tuple[Any, ...]]
Send = Callable[[psycopg.Cursor[Any], str, str, Rows], None]


class ByHand:
    """Commits the inbox and log rows that are there once more, batch by batch from a client's memory, nothing checked.

    The client is written as somebody would who knows PostgreSQL; `ways` are the ways to choose from.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._tables: dict[str, tuple[str, str, Rows]] = {}
        with ground.connect() as connection:
            for table, key in TABLES.items():
                names = columns(connection, table)
                written = ", ".join(f"{name}::text" for name in names.split(", "))
                rows = connection.execute(f"SELECT {written} FROM {table} ORDER BY {key}").fetchall()
                self._tables[table] = names, self._types(connection, table, names), rows

    def _types(self, connection: psycopg.Connection[Any], table: str, names: str) -> str:
        found = connection.execute(
            "SELECT string_agg('%%s::text[]::' || format_type(atttypid, atttypmod) || '[]', ', ' ORDER BY attnum) "
            "FROM pg_attribute WHERE attrelid = %s::regclass AND attname = ANY(%s)",
            [table, names.split(", ")],
        ).fetchone()
        assert found is not None
        return str(found[0])

    def ways(self) -> dict[str, Send]:
        """Name the ways of sending a batch of rows."""
        return {"INSERT … SELECT unnest": _unnest, "executemany, in a pipeline": _many, COPY: _copy}

    def send(self, send: Send) -> float:
        """Commit everything in one of the ways, with one client; return the seconds."""
        with self._ground.connect() as connection:

            def batches() -> None:
                count = max(len(rows) for _, _, rows in self._tables.values())
                for first in range(0, count, BATCH):
                    with connection.transaction(), connection.cursor() as cursor:
                        for table, (names, types, rows) in self._tables.items():
                            send(cursor, f"{table} ({names})", types, rows[first : first + BATCH])

            return timed(batches)


def _unnest(cursor: psycopg.Cursor[Any], into: str, types: str, rows: Rows) -> None:
    cursor.execute(
        f"INSERT INTO {into} OVERRIDING SYSTEM VALUE SELECT * FROM unnest({types})",
        [list(column) for column in zip(*rows, strict=True)],
    )


def _many(cursor: psycopg.Cursor[Any], into: str, types: str, rows: Rows) -> None:
    places = ", ".join(["%s"] * len(rows[0]))
    cursor.executemany(f"INSERT INTO {into} OVERRIDING SYSTEM VALUE VALUES ({places})", rows)


def _copy(cursor: psycopg.Cursor[Any], into: str, types: str, rows: Rows) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN") as to:
        for row in rows:
            to.write_row(row)


class EventBench:
    """Sends events to the running stack. Nothing else may use it meanwhile.

    Parameters
    ----------
    ground
        The stack, with a company.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._redis: Any = redis.Redis.from_url(
            ground.stack.redis_url, socket_timeout=30
        ).connection_pool.get_connection()
        self._site = urlsplit(ground.stack.base_url)
        self._source = f"bench-{uuid.uuid4().hex[:8]}"
        self._numbers = 0
        Company(ground, contacts=min(CONTACTS, ground.rows))
        self._contacts = self._set_up()
        self._headers = {"Authorization": f"Bearer {ground.token(self._source, 'service')}"}

    def _set_up(self) -> int:
        """Have invoices recorded, and link every contact to a customer account; return how many there are."""
        with self._ground.client.transaction() as session:
            actor = actors.system(session)
            if not session.scalar(
                text("SELECT EXISTS (SELECT FROM interaction_template WHERE code = :code)"),
                {"code": TEMPLATE},
            ):
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
        self._ground.settle("contact_account")
        return int(linked.rowcount)

    def encoded(self, count: int) -> list[bytes]:
        """Empty the ledger and make batches as bodies of requests."""
        self.empty()
        return [json.dumps(piece).encode() for piece in self._batches(count)]

    def written(self, count: int) -> list[list[bytes]]:
        """Empty the ledger and make batches as commands that put them into the stream."""
        self.empty()
        return [self._commands(piece) for piece in self._batches(count)]

    def over_http(self, batches: list[bytes]) -> float:
        """Send batches from one client; return the seconds until all are recorded."""
        connection = self._http()
        headers = self._headers | {"Content-Type": "application/cloudevents-batch+json"}

        def send() -> None:
            for batch in batches:
                _post(connection, batch, headers)

        try:
            return self._until_recorded(send, len(batches) * BATCH)
        finally:
            connection.close()

    def through_stream(self, batches: list[list[bytes]]) -> float:
        """Put batches into the stream; return the seconds until all are recorded."""

        def send() -> None:
            for batch in batches:
                self._add(batch)

        return self._until_recorded(send, sum(len(batch) for batch in batches))

    def times_to_entry(self, per_second: int) -> list[float]:
        """Send events evenly through the stream; return the milliseconds from receipt to committed entry of each."""
        self.empty()
        samples: list[tuple[float, int]] = []
        size = max(1, per_second // 100)
        pieces = [self._commands(piece) for piece in self._batches(per_second * SECONDS, size=size)]

        def send() -> None:
            begun = time.monotonic()
            for no, piece in enumerate(pieces):
                time.sleep(max(0.0, begun + no * size / per_second - time.monotonic()))
                self._add(piece)

        with beside(partial(self._watch, samples)):
            self._until_recorded(send, per_second * SECONDS)
            time.sleep(0.1)
        with self._ground.connect() as connection:
            rows = connection.execute(
                "SELECT position, extract(epoch FROM received_at)::float FROM document_event"
            ).fetchall()
        marks = [mark for _, mark in samples]
        return [1000 * (samples[bisect_right(marks, position)][0] - received) for position, received in rows]

    def send_evenly(self, per_second: int, over: threading.Event) -> None:
        """Send events evenly through the stream until it is over; nothing is emptied."""
        begun = time.monotonic()
        for turn in itertools.count():
            if over.wait(max(0.0, begun + turn / 10 - time.monotonic())):
                return
            for piece in self._batches(per_second // 10):
                self._add(self._commands(piece))

    def _watch(self, samples: list[tuple[float, int]], ended: threading.Event) -> None:
        """Note again and again, by the database's clock, the first position that waits; all before it are done."""
        with self._ground.connect() as connection:
            while not ended.wait(0.01):
                found = connection.execute(
                    "SELECT extract(epoch FROM clock_timestamp())::float, coalesce("
                    f"({FIRST_WAITING}), (SELECT max(position) + 1 FROM document_event), 0)"
                ).fetchone()
                assert found is not None
                last = samples[-1][1] if samples else 0
                samples.append((found[0], max(found[1], last)))

    def singles(self, clients: int) -> tuple[float, list[float]]:
        """Send single events over HTTP from some clients at once; return the seconds, and each one's milliseconds."""
        self.empty()
        size = int(SINGLE_SECONDS * 2_000)
        events = [
            [json.dumps(event).encode() for event in piece]
            for piece in self._batches(clients * size, size=size)
        ]
        headers = self._headers | {"Content-Type": "application/cloudevents+json"}
        waited: list[float] = []
        deadline = time.perf_counter() + SINGLE_SECONDS

        def send(bodies: list[bytes]) -> None:
            connection = self._http()
            for body in bodies:
                waited.append(1000 * timed(lambda body=body: _post(connection, body, headers)))  # type: ignore[misc]
                if time.perf_counter() > deadline:
                    break
            connection.close()

        seconds = at_once([partial(send, bodies) for bodies in events])
        self._wait_until_recorded(len(waited))
        return seconds, waited

    def store_backlog(self, count: int) -> int:
        """Have so many events wait, as after a long outage: the statistics know them, and none that is recorded."""
        self.empty()
        self._ground.execute(
            """
            INSERT INTO document_event (source, event_id, hash, door, actor_id, type, time, data, window_hours,
                                        document_type, document_no)
            SELECT 'backlog', n::text, decode(md5(n::text), 'hex'), 'stream', a.id, 'document.printed', now(),
                   jsonb_build_object('account_no', 'B' || (1 + n %% %s)), 24, 'sales_invoice', 'L' || n
            FROM generate_series(1, %s) n, (SELECT min(id) AS id FROM actor) a
            """,
            [self._contacts, count],
        )
        self._ground.settle("document_event")
        return count

    def drain(self, count: int) -> float:
        """Wait until what waits is recorded; return the seconds."""
        return timed(lambda: self._wait_until_recorded(count))

    def empty(self) -> None:
        """Take every event and entry away, with no job in between that sums them up."""
        wait_until_idle(self._ground)
        self._ground.execute("TRUNCATE document_event, document_event_conflict, interaction")
        self._ground.settle()

    def close(self) -> None:
        """Let go of the connection."""
        self._redis.disconnect()

    def _batches(self, count: int, *, size: int = BATCH) -> list[list[dict[str, Any]]]:
        """Make events of documents that have not been printed before."""
        first = self._numbers
        self._numbers += count
        events = [
            {
                "specversion": "1.0",
                "id": f"bench-{no}",
                "source": self._source,
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

    def _commands(self, events: list[dict[str, Any]]) -> list[bytes]:
        return [
            b"".join(self._redis.pack_command("XADD", STREAM, "*", "event", json.dumps(event)))
            for event in events
        ]

    def _add(self, commands: list[bytes]) -> None:
        self._redis.send_packed_command([b"".join(commands)])
        for _ in commands:
            self._redis.read_response()

    def _until_recorded(self, send: Callable[[], None], count: int) -> float:
        def until_recorded() -> None:
            send()
            self._wait_until_recorded(count)

        return timed(until_recorded)

    def _wait_until_recorded(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        with self._ground.connect() as connection:
            while time.monotonic() < deadline:
                # Asked of one row, which costs those who are measured nothing.
                newest = connection.execute(
                    "SELECT outcome FROM document_event ORDER BY position DESC LIMIT 1"
                ).fetchone()
                if newest is None or newest[0] != "received":
                    counted = connection.execute(
                        "SELECT count(*) FROM document_event WHERE outcome = 'recorded'"
                    ).fetchone()
                    if counted == (count,):
                        return
                time.sleep(0.02)
        raise OpsError(f"{count:,} events are not recorded after {PATIENCE:,.0f} s")

    def _http(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._site.hostname or "", self._site.port, timeout=60)


def _post(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
    connection.request("POST", "/api/v1/document-events", body, headers)
    with connection.getresponse() as answer:
        said = answer.read()
        if answer.status != 202:
            raise OpsError(f"an event was not taken: {answer.status} {said[:200]!r}")
