"""A small company in which segments are built and logged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, criteria, job_endings, jobs, segment_lines, segment_logging, segments
from domain.database import transaction
from domain.jobs import Job
from domain.segments import Segment

from .engine_helpers import drain
from .makers import make_company, make_contact, make_salesperson, make_template


class World:
    """A database with a template and a salesperson; every method commits."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        with self.transaction() as session:
            make_salesperson(session, "JO")
            make_template(
                session,
                "LETTER",
                description="Letter of thanks",
                unit_cost=8,
                unit_duration_min=10,
                information_flow="outbound",
                initiated_by="us",
            )

    def transaction(self) -> Any:
        """One transaction, committed at the end of the block."""
        return transaction(self.sessions)

    def companies(self, count: int, **values: Any) -> list[str]:
        """Make companies named in order; return their numbers."""
        values = {"salesperson_code": "JO", "email": "a@example.com", **values}
        with self.transaction() as session:
            return [make_company(session, f"Company {n:03}", **values).no for n in range(count)]

    def person(self, **values: Any) -> str:
        """Make a person; return the number."""
        with self.transaction() as session:
            return make_contact(session, **{"salesperson_code": "JO", "email": "a@example.com", **values}).no

    def segment(self, contact_nos: list[str] | None = None, **values: Any) -> str:
        """Make a segment with a line for each contact; return its number."""
        values = {"description": "Autumn letter", "template_code": "LETTER", **values}
        with self.transaction() as session:
            actor = actors.system(session)
            segment = segments.create(session, values=values, actor=actor)
            if contact_nos:
                segment_lines.add_many(
                    session, segment, contact_nos=contact_nos, allow_existing=False, actor=actor
                )
            return segment.no

    def add(self, segment_no: str, **values: Any) -> Job:
        """Ask for contacts to be added by filter and do it."""
        with self.transaction() as session:
            job = criteria.request(
                session, segments.get(session, segment_no), values=values, actor=actors.system(session)
            )
        drain(self.sessions)
        return job

    def log(self, segment_no: str, **values: Any) -> Job:
        """Ask for a segment to be logged; nothing is done yet."""
        with self.transaction() as session:
            return segment_logging.request(
                session, segments.get(session, segment_no), values=values, actor=actors.system(session)
            )

    def cancel(self, job: Job) -> None:
        """Cancel a job."""
        with self.transaction() as session:
            job_endings.request_cancel(session, jobs.get(session, job.id), actor=actors.system(session))

    def override(self, segment_no: str, line_no: int, **values: Any) -> None:
        """Personalise a line."""
        with self.transaction() as session:
            segment = segments.get(session, segment_no)
            line = segment_lines.get(session, segment, line_no)
            segment_lines.change(session, segment, line, values=values, actor=actors.system(session))

    def lines(self, segment_no: str, **filters: list[str]) -> list[dict[str, Any]]:
        """Read the lines of a segment as its page shows them."""
        with self.transaction() as session:
            return segment_lines.page(session, segments.get(session, segment_no), filters=filters, limit=1000)

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        with self.transaction() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def rows(self, query: str, **parameters: Any) -> Iterator[Any]:
        """Run a query and give its rows."""
        with self.transaction() as session:
            yield from session.execute(text(query), parameters).all()

    def segment_row(self, segment_no: str) -> Segment:
        """Read a segment."""
        with self.transaction() as session:
            return segments.get(session, segment_no)
