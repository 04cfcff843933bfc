"""A company whose contacts can all be logged, its segments, and logging them as a person does: through the domain."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, criteria, segment_logging, segments
from domain.jobs import Job
from ops import demo_data
from ops.bench.ground import Ground, seconds_of
from ops.errors import OpsError

TEMPLATE = "CATALOGUE"
PATIENCE = 1_800.0


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
        Seconds the job took that deleted the segment's lines afterwards, 0 if none was needed.
    chunks
        In how many chunks it was done.
    """

    seconds: float
    planning: float
    finishing: float
    discarding: float
    chunks: int


class Company:
    """The company of a ground's database, made when it is not there yet.

    Parameters
    ----------
    ground
        Whose database it is in.
    contacts
        How many contacts it has at least.
    """

    def __init__(self, ground: Ground, *, contacts: int) -> None:
        self._ground = ground
        self._client = ground.client
        (there,) = ground.row("SELECT count(*) FROM contact")
        if not there:
            self._make(contacts)
        elif there < contacts:
            self._grow(there, contacts)

    def _make(self, contacts: int) -> None:
        with self._client.transaction() as session:
            demo_data.make(session, contacts=contacts, seed=1)
            session.execute(
                text("""
                    UPDATE contact SET privacy_blocked = false, exclude_from_segment = false, salesperson_id = p.id
                    FROM (SELECT min(id) AS id FROM salesperson WHERE NOT blocked) p
                    WHERE privacy_blocked OR exclude_from_segment OR salesperson_id IS NULL
                       OR salesperson_id IN (SELECT id FROM salesperson WHERE blocked)
                """)
            )
        self._ground.settle("contact", "contact_membership", "contact_account")

    def _grow(self, there: int, wanted: int) -> None:
        """Copy contacts, with other names, until there are enough. Of their indexes only the keys stay: logging reads
        contacts by nothing else, and building the others for ten million took longer than logging them.
        """
        with self._ground.connect() as connection:
            for (name,) in connection.execute(
                "SELECT indexrelid::regclass::text FROM pg_index i WHERE indrelid = 'contact'::regclass AND NOT EXISTS "
                "(SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
            ).fetchall():
                connection.execute(f"DROP INDEX {name}")
            while there < wanted:
                more = min(there, wanted - there)
                connection.execute(
                    """
                    INSERT INTO contact (no, type, name, company_id, email, phone, address, post_code, city,
                                         country_code, territory_code, language_code, correspondence_type,
                                         salesperson_id)
                    SELECT 'MORE' || lpad((%(there)s + row_number() OVER ())::text, 9, '0'), type,
                           translate(name, 'aeiou', 'eioua') || ' ' || id, company_id, email, phone, address, post_code,
                           city, country_code, territory_code, language_code, correspondence_type, salesperson_id
                    FROM (SELECT * FROM contact ORDER BY id LIMIT %(more)s) c
                    """,
                    {"there": there, "more": more},
                )
                there += more
        self._ground.settle("contact")

    def make_segment(self, description: str, *, template: str | None = TEMPLATE) -> str:
        """Make an empty segment; return its number."""
        with self._client.transaction() as session:
            values = {"description": description, "template_code": template}
            return segments.create(session, values=values, actor=actors.system(session)).no

    def segment_of_all(self) -> str:
        """Make a segment of every contact, by a filter; return its number."""
        no = self.make_segment("Everybody")
        self.add_all(no)
        self._ground.settle("segment_line")
        return no

    def segment_of_first(self, lines: int, *, template: str = TEMPLATE) -> str:
        """Make a segment of the first contacts, people beside their companies, by hand; return its number."""
        no = self.make_segment("First by name", template=template)
        with self._client.transaction() as session:
            segment = segments.get(session, no)
            session.execute(
                text("""
                    INSERT INTO segment_line (segment_id, line_no, contact_id)
                    SELECT :id, row_number() OVER (ORDER BY lower(coalesce(o.name, c.name)), c.id), c.id
                    FROM (SELECT * FROM contact ORDER BY id LIMIT :lines) c
                    LEFT JOIN contact o ON o.id = c.company_id
                """),
                {"id": segment.id, "lines": lines},
            )
            segment.lines_count = segment.last_line_no = lines
        self._ground.settle("segment_line")
        return no

    def add_all(self, no: str) -> float:
        """Add every contact by a filter; return the seconds from request to finished job."""
        with self._client.transaction() as session:
            values = {"filters": {"all": True}}
            job = criteria.request(
                session, segments.get(session, no), values=values, actor=actors.system(session)
            )
        return seconds_of(self._client.finish(job, timeout=PATIENCE))

    def copy_segment(self, no: str, *, lines: int | None = None) -> str:
        """Make another segment with the same header and lines, or only the first lines; return its number."""
        with self._client.transaction() as session:
            original = segments.get(session, no)
            header = segments.stored(session, original)
            header.pop("no")
            copy = segments.create(session, values=header, actor=actors.system(session))
            session.execute(
                text("""
                    INSERT INTO segment_line (segment_id, line_no, contact_id)
                    SELECT :copy, line_no, contact_id FROM segment_line
                    WHERE segment_id = :original AND line_no <= :lines ORDER BY line_no
                """),
                {"copy": copy.id, "original": original.id, "lines": lines or original.last_line_no},
            )
            copy.lines_count = copy.last_line_no = lines or original.lines_count
            return copy.no

    def ready_to_log(self, no: str) -> str:
        """Copy a segment and empty the log, with nothing left to be written; return the copy's number."""
        copy = self.copy_segment(no)
        self.empty_log()
        self._ground.settle("segment_line")
        return copy

    def log(self, no: str, *, follow_up: bool = False) -> Logging:
        """Log a segment and wait until its lines are deleted, too."""
        job = self._request_log(no, follow_up=follow_up)
        done = self._client.finish(job, timeout=PATIENCE)
        wait_until_idle(self._ground)
        with Session(self._client.engine) as session:
            return _logging_of(session, job.id, seconds_of(done))

    def _request_log(self, no: str, *, follow_up: bool) -> Job:
        with self._client.transaction() as session:
            return segment_logging.request(
                session,
                segments.get(session, no),
                values={"follow_up": follow_up},
                actor=actors.system(session),
            )

    def delete_segment(self, no: str) -> None:
        """Take a segment away that is no longer needed."""
        with self._client.transaction() as session:
            segments.delete(session, segments.get(session, no), actor=actors.system(session))
        wait_until_idle(self._ground)

    def entries(self) -> int:
        """Count the rows of the log."""
        return int(self._ground.row("SELECT count(*) FROM interaction")[0])

    def empty_log(self) -> None:
        """Take every entry away, without a trace in the files."""
        self._ground.execute("TRUNCATE interaction")


def wait_until_idle(ground: Ground) -> None:
    """Wait until no job is under way."""
    deadline = time.monotonic() + PATIENCE
    with ground.connect() as connection:
        while time.monotonic() < deadline:
            found = connection.execute("SELECT EXISTS (SELECT FROM job WHERE finished_at IS NULL)").fetchone()
            if found == (False,):
                return
            time.sleep(0.05)
    raise OpsError(f"jobs are still under way after {PATIENCE:,.0f} s")


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _logging_of(session: Session, job_id: uuid.UUID, seconds: float) -> Logging:
    # The first claim of each chunk is the one that counted: nobody disturbs the benchmark.
    found = session.execute(
        text("""
            SELECT CAST(extract(epoch FROM min(c.claimed_at) - j.created_at) AS float) AS planning,
                   CAST(extract(epoch FROM j.finished_at - max(c.finished_at)) AS float) AS finishing,
                   count(*) AS chunks, (
                       SELECT CAST(extract(epoch FROM d.finished_at - d.created_at) AS float) FROM job d
                       WHERE d.kind = 'discard_segment' AND d.position > j.position ORDER BY d.position LIMIT 1
                   ) AS discarding
            FROM job j JOIN job_chunk c ON c.job_id = j.id AND c.step = 1
            WHERE j.id = :id GROUP BY j.id
        """),
        {"id": job_id},
    ).one()
    return Logging(seconds, found.planning, found.finishing, found.discarding or 0.0, found.chunks)
