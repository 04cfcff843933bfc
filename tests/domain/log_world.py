"""A company whose segment has been logged, for tests of what becomes of entries afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import text

from domain import (
    actors,
    campaign_entries,
    canceling,
    entry_totals,
    interactions,
    logged_segments,
    statistics,
)
from domain import bulk_changes as bulk
from domain.actors import Actor, Role
from domain.interaction_groups import InteractionGroup
from domain.jobs import Job
from domain.salespeople import Salesperson
from domain.templates import InteractionTemplate
from ops import verify

from .engine_helpers import drain, state_of
from .makers import make_campaign
from .worlds import World


class LogWorld(World):
    """A world with logged segments; every method commits."""

    def logged(self, contacts: int = 5, **values: Any) -> int:
        """Log a segment of so many companies; return the number of the logged segment."""
        job = self.log(self.segment(self.companies(contacts), **values))
        drain(self.sessions)
        return int(state_of(self.sessions, job)["result"]["logged_segment_no"])

    def campaign(self) -> str:
        """Make a campaign; return its number."""
        with self.transaction() as session:
            return make_campaign(session, description="Spring").no

    def entry_nos(self, logged_segment_no: int) -> list[int]:
        """List the entries of a logged segment."""
        query = "SELECT entry_no FROM interaction WHERE logged_segment_no = :no ORDER BY 1"
        return [row.entry_no for row in self.rows(query, no=logged_segment_no)]

    def campaign_entry_nos(self) -> list[int]:
        """List all campaign entries."""
        return [row.entry_no for row in self.rows("SELECT entry_no FROM campaign_entry ORDER BY 1")]

    def active(self) -> list[int]:
        """List the entries that the log shows as active."""
        with self.transaction() as session:
            found = interactions.page(session, filters={"canceled": ["false"]}, limit=1000, sort="entry_no")
        return [entry["entry_no"] for entry in found]

    def cancel_entry(self, entry_no: int) -> None:
        with self.transaction() as session:
            canceling.cancel(session, entry_no, actor=actors.system(session))

    def restore_entry(self, entry_no: int) -> None:
        with self.transaction() as session:
            canceling.restore(session, entry_no, actor=actors.system(session))

    def cancel_segment(self, no: int) -> None:
        with self.transaction() as session:
            logged = logged_segments.get(session, no)
            canceling.cancel_logged_segment(session, logged, actor=actors.system(session))

    def restore_segment(self, no: int) -> None:
        with self.transaction() as session:
            logged = logged_segments.get(session, no)
            canceling.restore_logged_segment(session, logged, actor=actors.system(session))

    def cancel_campaign_entry(self, entry_no: int) -> None:
        with self.transaction() as session:
            entry = campaign_entries.get(session, entry_no)
            canceling.cancel_campaign_entry(session, entry, actor=actors.system(session))

    def restore_campaign_entry(self, entry_no: int) -> None:
        with self.transaction() as session:
            entry = campaign_entries.get(session, entry_no)
            canceling.restore_campaign_entry(session, entry, actor=actors.system(session))

    def ask(self, change: bulk.Change, *, actor: Actor | None = None, **values: Any) -> Job:
        """Ask for a bulk change; nothing is done yet."""
        with self.transaction() as session:
            return bulk.request(session, change=change, values=values, actor=actor or actors.system(session))

    def bulk(self, change: bulk.Change, *, actor: Actor | None = None, **values: Any) -> Mapping[str, Any]:
        """Do a bulk change; return its result."""
        job = self.ask(change, actor=actor, **values)
        drain(self.sessions)
        result: Mapping[str, Any] = state_of(self.sessions, job)["result"]
        return result

    def actor(self, name: str, role: Role, salesperson: str | None = None) -> Actor:
        """Make somebody who acts with a role."""
        with self.transaction() as session:
            row = session.query(Salesperson).filter_by(code=salesperson).one_or_none()
            return Actor(actors.claim_name(session, name), name, role, row.id if row else None)

    def sum_up(self) -> None:
        """Bring the sums up to date, as beat has it done."""
        with self.transaction() as session:
            entry_totals.request(session)
        drain(self.sessions)

    def totals(self, by: statistics.By = "template", **period: date) -> statistics.Statistics:
        """Return the statistics of the template, its group or the salesperson."""
        model = {"template": InteractionTemplate, "group": InteractionGroup, "salesperson": Salesperson}[by]
        with self.transaction() as session:
            id = session.query(model).one().id
            return statistics.of(session, by=by, ids=[id], **period)[id]

    def wrong(self) -> dict[str, str]:
        """What `interlog verify` finds wrong."""
        with self.transaction() as session:
            return verify.failed(session.connection())

    def execute(self, statement: str, **parameters: Any) -> None:
        with self.transaction() as session:
            session.execute(text(statement), parameters)
