"""What `interlog bench` measures of purges: beside one plain DELETE of the same rows, and beside people at work."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from domain import actors, interactions, purging
from domain.database import make_engine
from ops.job_client import JobClient

# What a reader or writer waits between two requests: they are people and programs, not a load test.
PAUSE = 0.005
# Seconds in which reader and writer are measured alone.
ALONE_SECONDS = 3.0


@dataclass
class Beside:
    """Milliseconds that a reader of the log's first page and a writer of entries waited for each answer."""

    reading: list[float] = field(default_factory=list)
    writing: list[float] = field(default_factory=list)

    def p95(self) -> tuple[float, float]:
        """Return the 95th percentiles of reading and writing."""
        return _p95(self.reading), _p95(self.writing)


class PurgeBench:
    """Purges half of the log. Nothing else may use the database meanwhile.

    Parameters
    ----------
    client
        Asks for jobs; workers do them.
    database_url
        The same database, with the table of ready rows that `Bench.keep_ready_rows` made.
    """

    def __init__(self, client: JobClient, database_url: str) -> None:
        self._client = client
        self._url = database_url
        self._address = (
            make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        )

    def fill(self) -> int:
        """Fill the log with the ready rows, every other one canceled by itself; return how many of them."""
        with self._connect() as connection:
            connection.execute("TRUNCATE interaction")
            connection.execute("INSERT INTO interaction SELECT * FROM bench_ready ORDER BY entry_no")
            connection.execute(
                "UPDATE interaction SET canceled_at = now(), canceled_by = actor_id WHERE entry_no % 2 = 0"
            )
            connection.execute("VACUUM ANALYZE interaction")
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("CHECKPOINT")
            row = connection.execute(
                "SELECT count(*) FROM interaction WHERE canceled_at IS NOT NULL"
            ).fetchone()
            assert row is not None
            return int(row[0])

    def delete_plainly(self) -> float:
        """Delete the canceled entries in one statement; return the seconds."""
        with self._connect() as connection:
            started = time.perf_counter()
            connection.execute("DELETE FROM interaction WHERE canceled_at IS NOT NULL")
            return time.perf_counter() - started

    def purge(self) -> float:
        """Purge the canceled entries; return the seconds from the request to the finished job."""
        with self._client.transaction() as session:
            job = purging.request(session, values={}, actor=actors.system(session))
        done = self._client.finish(job)
        seconds: float = (done["finished_at"] - done["created_at"]).total_seconds()
        return seconds

    def longest_transaction(self) -> float:
        """Return the seconds that the longest chunk of the last purge took."""
        with Session(self._client.engine) as session:
            return float(
                session.scalar(
                    text("""
                        SELECT extract(epoch FROM max(c.finished_at - c.claimed_at))
                        FROM job_chunk c JOIN job j ON j.id = c.job_id
                        WHERE c.step = 1 AND j.position = (SELECT max(position) FROM job WHERE kind = 'purge')
                    """)
                )
                or 0
            )

    @contextmanager
    def people(self, seen: Beside) -> Iterator[None]:
        """Have somebody read the log's first page and somebody write entries, for the length of a block."""
        over = threading.Event()
        threads = [
            threading.Thread(target=self._repeat, args=(over, step, waited))
            for step, waited in ((_read, seen.reading), (_write, seen.writing))
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, over: threading.Event, step: Callable[[Session], None], waited: list[float]) -> None:
        engine = make_engine(self._url, process="bench")
        with Session(engine) as session:
            step(session)
            session.commit()
            while not over.wait(PAUSE):
                started = time.perf_counter()
                step(session)
                session.commit()
                waited.append((time.perf_counter() - started) * 1000)
        engine.dispose()

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._address, autocommit=True)


def _read(session: Session) -> None:
    interactions.page(session, filters={}, limit=51)


def _write(session: Session) -> None:
    """Write what a document event makes: an entry of its own."""
    session.execute(
        text("""
            INSERT INTO interaction (entry_no, contact_id, company_id, template_version_id, actor_id, date, description,
                document_type, document_no, document_version, document_occurrence, times_printed)
            SELECT next_entry_nos(1), contact_id, company_id, template_version_id, actor_id, date, 'Sales Invoice',
                   'sales_invoice', CAST(entry_no AS text), 0, 0, 1
            FROM bench_ready LIMIT 1
        """)
    )


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else 0.0
