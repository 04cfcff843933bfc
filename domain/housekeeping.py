"""Housekeeping: what nobody needs any more goes, by a schedule of its own (issue 5).

Finished jobs with their chunks and files, answers kept for idempotency keys, sign-in links that have expired. How long
things are kept stands in `domain.purge_setup`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, clock_guard, jobs, purge_setup
from domain.actors import Actor
from domain.job_engine import Chunk, Kind, register
from domain.jobs import Job

# Jobs per chunk; each takes its chunks along, a hundred at most of a usual one.
JOBS = 200


def request(session: Session, *, actor: Actor) -> Job:
    """Ask for it to be done; one at a time.

    Raises
    ------
    ClockSuspect
        If the clock cannot be believed: by a clock ahead, everything is old.
    """
    clock_guard.cutoff(session)
    return jobs.create(
        session, kind=Housekeeping.name, parameters={}, actor=actor, serial_key=Housekeeping.name
    )


@register
class Housekeeping(Kind):
    """Takes away what is kept for a while only."""

    name: ClassVar[str] = "housekeeping"
    isolation: ClassVar[str] = "READ COMMITTED"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Fix the times, and cut the old jobs by position; the first chunk is everything else."""
        clock_guard.cutoff(session)
        setup = purge_setup.get(session)
        now: dt.datetime = session.execute(text("SELECT now()")).scalar_one()
        jobs_until = now - dt.timedelta(days=setup.keep_jobs_days)
        keys_until = now - dt.timedelta(hours=setup.keep_idempotency_keys_hours)
        job.working = {"jobs_until": jobs_until.isoformat(), "keys_until": keys_until.isoformat()}
        cuts = session.execute(_CUT_JOBS, {"until": jobs_until, "size": JOBS}).all()
        return [Chunk(), *(Chunk(cut.first, cut.last, cut.size) for cut in cuts)]

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Delete old jobs of a range of positions, or everything else."""
        until = {name: dt.datetime.fromisoformat(value) for name, value in job.working.items()}
        if chunk.range_to:
            bound = {**until, "first": chunk.range_from, "last": chunk.range_to}
            return {"jobs": _deleted(session, _DELETE_JOBS, bound)}
        return {
            "idempotency_keys": _deleted(session, _DELETE_KEYS, until),
            "sign_in_links": _deleted(session, _FORGET_LINKS, until),
            **_blank_old_document_events(session, until),
        }

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Say what went."""
        counts = session.execute(_COUNTS, {"job_id": job.id}).all()
        result = {"jobs": 0, "idempotency_keys": 0, "sign_in_links": 0} | {
            row.name: row.count for row in counts
        }
        audit.record(
            session,
            actor=actors.of(session, job.created_by),
            action="housekeeping",
            object_type="job",
            object_key=str(job.id),
            changes={name: [None, count] for name, count in result.items()},
        )
        return result


def _blank_old_document_events(session: Session, until: Mapping[str, dt.datetime]) -> dict[str, int]:
    """The place for document events: the data of old ones go, their ids stay against duplicates (D1)."""
    return {}


def _deleted(session: Session, statement: Any, bound: Mapping[str, Any]) -> int:
    return int(session.execute(statement, bound).rowcount)  # type: ignore[attr-defined]


# Index: job_position_key.
_CUT_JOBS = text("""
    SELECT min(position) AS first, max(position) AS last, count(*) AS size
    FROM (
        SELECT position, (row_number() OVER (ORDER BY position) - 1) / :size AS cut
        FROM job WHERE finished_at < :until
    ) old
    GROUP BY cut ORDER BY cut
""")
_DELETE_JOBS = text("DELETE FROM job WHERE position BETWEEN :first AND :last AND finished_at < :jobs_until")
# Index: idempotency_key_created_at_idx.
_DELETE_KEYS = text("DELETE FROM idempotency_key WHERE created_at < :keys_until")
_FORGET_LINKS = text(
    "UPDATE app_user SET sign_in_link_hash = NULL, sign_in_link_expires_at = NULL WHERE sign_in_link_expires_at < now()"
)
_COUNTS = text("""
    SELECT o.key AS name, sum(o.value::bigint)::bigint AS count
    FROM job_chunk c, jsonb_each_text(c.outcome) o
    WHERE c.job_id = :job_id AND c.step = 1 AND c.state = 'done'
    GROUP BY 1
""")
