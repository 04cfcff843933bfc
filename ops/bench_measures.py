"""What `interlog bench` measures, piece by piece, on a database of its own that it may empty."""

from __future__ import annotations

import importlib.util
import queue
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from domain import actors, criteria, segment_lines, segment_logging, segments
from domain.jobs import FINAL
from ops import demo_data
from ops.errors import OpsError
from ops.job_client import JobClient

SMALL = 10_000
TEMPLATE = "CATALOGUE"


@dataclass(frozen=True)
class Logging:
    """One logging from request to finished job.

    Attributes
    ----------
    seconds
        From the transaction of the request to the job's end, by the database's clock.
    planning, finishing
        Seconds of it before the first chunk was claimed and after the last one was done.
    discarding
        Seconds the job took that deleted the segment's lines afterwards.
    chunks
        The chunks' ranges of entry numbers, from 1.
    """

    seconds: float
    planning: float
    finishing: float
    discarding: float
    chunks: list[tuple[int, int]]


class Bench:
    """The measurements. Nothing else may use the database meanwhile.

    Parameters
    ----------
    client
        Asks for jobs; workers do them.
    database_url
        The same database, for the plain connections.
    """

    def __init__(self, client: JobClient, database_url: str) -> None:
        self._client = client
        self._address = (
            make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        )

    def make_company(self, *, contacts: int, seed: int = 1) -> float:
        """Make a company whose contacts can all be logged; return the seconds it took."""
        started = time.monotonic()
        with self._client.transaction() as session:
            demo_data.make(session, contacts=contacts, seed=seed)
            session.execute(
                text("""
                    UPDATE contact SET privacy_blocked = false, exclude_from_segment = false, salesperson_id = p.id
                    FROM (SELECT min(id) AS id FROM salesperson WHERE NOT blocked) p
                    WHERE privacy_blocked OR exclude_from_segment OR salesperson_id IS NULL
                       OR salesperson_id IN (SELECT id FROM salesperson WHERE blocked)
                """)
            )
        seconds = time.monotonic() - started
        self.settle("contact", "contact_membership")
        return seconds

    def make_segment(self, description: str, *, template: str | None = TEMPLATE) -> str:
        """Make an empty segment; return its number."""
        with self._client.transaction() as session:
            values = {"description": description, "template_code": template}
            return segments.create(session, values=values, actor=actors.system(session)).no

    def add_by_hand(self, no: str, *, contacts: int) -> None:
        """Put the first contacts on a segment."""
        with self._client.transaction() as session:
            nos = session.scalars(
                text("SELECT no FROM contact ORDER BY id LIMIT :limit"), {"limit": contacts}
            ).all()
            segment = segments.get(session, no)
            segment_lines.add_many(
                session, segment, contact_nos=nos, allow_existing=False, actor=actors.system(session)
            )

    def add_by_filter(self, no: str) -> tuple[int, float]:
        """Add every contact by a filter; return lines added and seconds from request to finished job."""
        self.checkpoint()
        with self._client.transaction() as session:
            job = criteria.request(
                session,
                segments.get(session, no),
                values={"filters": {"all": True}},
                actor=actors.system(session),
            )
        done = self._client.finish(job)
        return done["result"]["added"], seconds_of(done)

    def change_header(self, no: str, *, times: int) -> float:
        """Change a segment's header and describe it, as a PATCH does; return the median in milliseconds."""
        taken = []
        for turn in range(times):
            started = time.perf_counter()
            with self._client.transaction() as session:
                segment = segments.change(
                    session,
                    segments.get(session, no),
                    values={"unit_cost": Decimal(turn), "subject": f"Subject {turn}"},
                    actor=actors.system(session),
                )
                segments.describe(session, [segment])
            taken.append((time.perf_counter() - started) * 1000)
        return statistics.median(taken)

    def copy_segment(self, no: str) -> str:
        """Make another segment with the same header and lines; return its number."""
        with self._client.transaction() as session:
            original = segments.get(session, no)
            header = segments.stored(session, original)
            header.pop("no")
            copy = segments.create(session, values=header, actor=actors.system(session))
            session.execute(
                text("""
                    INSERT INTO segment_line (segment_id, line_no, contact_id)
                    SELECT :copy, line_no, contact_id FROM segment_line WHERE segment_id = :original ORDER BY line_no
                """),
                {"copy": copy.id, "original": original.id},
            )
            copy.lines_count, copy.last_line_no = original.lines_count, original.last_line_no
            return copy.no

    def log(self, no: str, *, follow_up: bool = False) -> Logging:
        """Log a segment into an empty log and wait until its lines are deleted, too."""
        self.empty_log()
        self.settle("segment_line")
        self.checkpoint()
        with self._client.transaction() as session:
            job = segment_logging.request(
                session,
                segments.get(session, no),
                values={"follow_up": follow_up},
                actor=actors.system(session),
            )
        done = self._client.finish(job)
        discarding = self._wait_for_discard()
        with Session(self._client.engine) as session:
            return _logging_of(session, job.id, seconds_of(done), discarding)

    def _wait_for_discard(self) -> float:
        """Wait until nothing is under way; return the seconds of the last discard, 0 if none was needed."""
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            with Session(self._client.engine) as session:
                if session.scalar(text("SELECT NOT EXISTS (SELECT FROM job WHERE finished_at IS NULL)")):
                    seconds = session.scalar(
                        text("""
                            SELECT extract(epoch FROM d.finished_at - d.created_at)
                            FROM job d JOIN job l ON l.kind = 'log_segment' AND l.position < d.position
                            WHERE d.kind = 'discard_segment'
                              AND l.position = (SELECT max(position) FROM job WHERE kind = 'log_segment')
                        """)
                    )
                    return float(seconds or 0)
            time.sleep(0.05)
        raise OpsError("the lines of a logged segment are not deleted after 600 s")

    def delete_segment(self, no: str) -> None:
        """Take a segment away that is no longer needed."""
        with self._client.transaction() as session:
            segments.delete(session, segments.get(session, no), actor=actors.system(session))
        self._wait_for_discard()

    def keep_ready_rows(self) -> None:
        """Keep the entries that are in the log in a table of their own, in the order of their numbers, from 1."""
        with self._connect() as connection:
            connection.execute("DROP TABLE IF EXISTS bench_ready")
            connection.execute("CREATE TABLE bench_ready AS SELECT * FROM interaction ORDER BY entry_no")
            connection.execute("ALTER TABLE bench_ready ADD PRIMARY KEY (entry_no)")
            connection.execute("VACUUM ANALYZE bench_ready")

    def copy_ready_rows(self, chunks: list[tuple[int, int]], *, connections: int) -> float:
        """Fill the emptied log from the table of ready rows; return the seconds.

        The limit: no more than INSERT … SELECT of the same rows, with the same chunks, one transaction each.

        Parameters
        ----------
        chunks
            Ranges of rows, counted from 1.
        connections
            How many chunks are copied at a time.
        """
        self.empty_log()
        self.checkpoint()
        waiting: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        with self._connect() as connection:
            (first,) = _row(connection, "SELECT min(entry_no) - 1 FROM bench_ready")
        for chunk in chunks:
            waiting.put((first + chunk[0], first + chunk[1]))
        open_connections = [self._connect() for _ in range(connections)]
        failed: list[BaseException] = []
        threads = [
            threading.Thread(target=_copy, args=(connection, waiting, failed))
            for connection in open_connections
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        for connection in open_connections:
            connection.close()
        if failed:
            raise failed[0]
        return seconds

    def entries(self) -> int:
        """Count the rows of the log."""
        with self._connect() as connection:
            return int(_row(connection, "SELECT count(*) FROM interaction")[0])

    def empty_log(self) -> None:
        """Take every entry away, without a trace in the files."""
        with self._connect() as connection:
            connection.execute("TRUNCATE interaction")

    def settle(self, *tables: str) -> None:
        """Clean tables up now, so that autovacuum does not come in between."""
        with self._connect() as connection:
            for table in tables:
                connection.execute(f"VACUUM ANALYZE {table}")

    def checkpoint(self) -> None:
        """Begin with nothing left to write; on a server of somebody else that may not be ours to ask for."""
        with self._connect() as connection:
            try:
                connection.execute("CHECKPOINT")
            except psycopg.errors.InsufficientPrivilege:
                return

    def server(self) -> dict[str, str]:
        """Return version and settings that decide the rates."""
        names = (
            "server_version", "shared_buffers", "max_wal_size", "synchronous_commit", "fsync", "wal_compression",
        )  # fmt: skip
        with self._connect() as connection:
            return {name: str(_row(connection, f"SHOW {name}")[0]) for name in names}

    def csv_of_contacts(self, rows: int) -> Iterator[bytes]:
        """Make a CSV file of new contacts out of the company's."""
        statement = f"""
            COPY (
                SELECT 'NEW' || lpad(CAST(id AS text), 8, '0') AS no, 'company' AS type, name, email, phone, address,
                       post_code, city, country_code, territory_code, language_code, correspondence_type
                FROM contact ORDER BY id LIMIT {int(rows)}
            ) TO STDOUT WITH (FORMAT csv, HEADER)
        """
        with self._connect() as connection, connection.cursor().copy(statement) as copy:
            for piece in copy:
                yield bytes(piece)

    def import_contacts(self, rows: int) -> float | None:
        """Import a file of so many new contacts; return the seconds, None while the domain has no import."""
        if importlib.util.find_spec("domain.contact_import") is None:
            return None
        contact_import = importlib.import_module("domain.contact_import")
        pieces = list(self.csv_of_contacts(rows))
        self.checkpoint()
        with self._client.transaction() as session:
            job = contact_import.request(session, pieces=pieces, actor=actors.system(session))
        return seconds_of(self._client.finish(job))

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._address, autocommit=True)


def _copy(
    connection: psycopg.Connection[Any],
    waiting: queue.SimpleQueue[tuple[int, int]],
    failed: list[BaseException],
) -> None:
    try:
        while True:
            chunk = waiting.get_nowait()
            connection.execute(
                "INSERT INTO interaction SELECT * FROM bench_ready WHERE entry_no BETWEEN %s AND %s ORDER BY entry_no",
                chunk,
            )
    except queue.Empty:
        return
    except BaseException as error:
        failed.append(error)


def _logging_of(session: Session, job_id: uuid.UUID, seconds: float, discarding: float) -> Logging:
    chunks = session.execute(
        text("""
            SELECT range_from, range_to FROM job_chunk WHERE job_id = :id AND step = 1 ORDER BY range_from
        """),
        {"id": job_id},
    ).all()
    # The first claim of each chunk is the one that counted: nobody disturbs the benchmark.
    spans = session.execute(
        text("""
            SELECT extract(epoch FROM min(c.claimed_at) - j.created_at) AS planning,
                   extract(epoch FROM j.finished_at - max(c.finished_at)) AS finishing
            FROM job j JOIN job_chunk c ON c.job_id = j.id AND c.step = 1
            WHERE j.id = :id GROUP BY j.id
        """),
        {"id": job_id},
    ).one()
    ranges = [(int(chunk.range_from), int(chunk.range_to)) for chunk in chunks]
    return Logging(seconds, float(spans.planning), float(spans.finishing), discarding, ranges)


def seconds_of(done: dict[str, Any]) -> float:
    """Return the seconds from a job's request to its end."""
    assert done["state"] in FINAL
    return float((done["finished_at"] - done["created_at"]).total_seconds())


def _row(connection: psycopg.Connection[Any], statement: str) -> tuple[Any, ...]:
    found = connection.execute(statement).fetchone()
    assert found is not None
    return tuple(found)
