"""A log to be purged: entries of every kind, and the ways in which they are canceled."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, job_endings, jobs, purging
from domain.database import transaction
from domain.jobs import Job

from .engine_helpers import drain, state_of
from .makers import (
    insert,
    make_campaign,
    make_campaign_entry,
    make_contact,
    make_entry,
    make_logged_segment,
    make_salesperson,
    make_template,
)

LONG_AGO = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class PurgeWorld:
    """A database with two of everything that a filter names; every method commits."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        with self.transaction() as session:
            self.contacts = [make_contact(session, name) for name in ("Anna", "Bert")]
            self.templates = [make_template(session, code) for code in ("T1", "T2")]
            self.salespeople = [make_salesperson(session, code) for code in ("P1", "P2")]
            self.campaigns = [make_campaign(session) for _ in range(2)]
            self.first = session.scalar(text("SELECT next_entry_nos(1000)")) or 0

    def tidy(self) -> None:
        """Take away what a test has made, but for the master data."""
        self.execute(
            "TRUNCATE interaction, interaction_comment, logged_segment, logged_segment_skip, campaign_entry, job, "
            "job_chunk, job_cancel, job_file, import_row, criteria_action, purge_record, audit, document_event, "
            "document_event_conflict RESTART IDENTITY"
        )
        self.execute("DELETE FROM purge_schedule WHERE work = 'purge'")
        self.execute("UPDATE purge_setup SET purge_rows_limit = 5000000")
        self.execute("UPDATE clock_mark SET at = clock_timestamp(), seen_ahead = NULL")
        self.execute("UPDATE contact SET erased_at = NULL")

    def transaction(self) -> Any:
        """One transaction, committed at the end of the block."""
        return transaction(self.sessions)

    def entry(self, no: int, *, canceled: bool = False, which: int = 0, **columns: Any) -> int:
        """Make the entry with this number, of the first or second of everything."""
        with self.transaction() as session:
            return self.make(session, no, canceled=canceled, which=which, **columns)

    def make(
        self, session: Session, no: int, *, canceled: bool = False, which: int = 0, **columns: Any
    ) -> int:
        """Make an entry in a transaction of the caller's."""
        cancel = {"canceled_at": LONG_AGO, "canceled_by": actors.system(session).id} if canceled else {}
        return make_entry(
            session,
            self.contacts[which],
            self.templates[which],
            **{"entry_no": no, "salesperson_id": self.salespeople[which].id, **cancel, **columns},
        )

    def entries(self, *nos: int, **columns: Any) -> None:
        """Make several entries."""
        for no in nos:
            self.entry(no, **columns)

    def segment(self, first: int, last: int, *, canceled: bool = False, **columns: Any) -> int:
        """Make a logged segment with an entry for each number; return its number."""
        with self.transaction() as session:
            cancel = {"canceled_at": LONG_AGO} if canceled else {}
            no = make_logged_segment(
                session,
                f"SM{first}",
                first_entry_no=first,
                last_entry_no=last,
                interactions_count=last - first + 1,
                **cancel,
            )
            for entry_no in range(first, last + 1):
                self.make(session, entry_no, logged_segment_no=no, **columns)
            return no

    def campaign_entry(self, *, canceled: bool = False, which: int = 0, **columns: Any) -> int:
        """Make a campaign entry; return its number."""
        cancel = {"canceled_at": LONG_AGO} if canceled else {}
        with self.transaction() as session:
            return make_campaign_entry(session, self.campaigns[which], **{**cancel, **columns})

    def comment(self, no: int, comment: str = "Spoke to her") -> None:
        """Comment on an entry."""
        with self.transaction() as session:
            columns = {"entry_no": no, "comment": comment, "actor_id": actors.system(session).id}
            insert(session, "interaction_comment", columns)

    def ask(self, **values: Any) -> Job:
        """Ask for a purge; nothing is done yet."""
        with self.transaction() as session:
            return purging.request(session, values=values, actor=actors.system(session))

    def purge(self, **values: Any) -> dict[str, Any]:
        """Purge to the end; return the job."""
        job = self.ask(**values)
        drain(self.sessions)
        return state_of(self.sessions, job)

    def cancel_job(self, job: Job) -> None:
        """Stop a job."""
        with self.transaction() as session:
            job_endings.request_cancel(session, jobs.get(session, job.id), actor=actors.system(session))

    def execute(self, statement: str, **parameters: Any) -> None:
        """Run a statement."""
        with self.transaction() as session:
            session.execute(text(statement), parameters)

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        """Run a query."""
        with self.transaction() as session:
            return list(session.execute(text(query), parameters))

    def left(self) -> list[int]:
        """Return the numbers of the entries that are there."""
        return [row[0] for row in self.rows("SELECT entry_no FROM interaction ORDER BY entry_no")]

    def commented(self) -> list[int]:
        """Return the entry numbers that comments stand at."""
        return [row[0] for row in self.rows("SELECT entry_no FROM interaction_comment ORDER BY entry_no")]

    def record(self) -> Any:
        """Return the only record of a purge."""
        (record,) = self.rows("SELECT * FROM purge_record")
        return record
