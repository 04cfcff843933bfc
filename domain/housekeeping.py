"""Housekeeping: what nobody needs any more goes, by a schedule of its own (issue 5).

Finished jobs with their chunks and files, answers kept for idempotency keys, sign-in links that have expired, the data
of old document events (never their ids), canceled logged segments if wanted. How long things are kept stands in
`domain.purge_setup`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, clock_guard, jobs, logged_segment_deletion, purge_setup
from domain.actors import Actor
from domain.job_steps import Chunk, Kind, cut, register
from domain.jobs import Job

# Jobs per chunk; each takes its chunks along, a hundred at most of a usual one.
JOBS = 200
# Document events per chunk, done after everything else.
EVENTS = 20_000
EVENTS_PHASE = 1


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
        """Fix the times, and cut the old jobs and the old document events by position; one chunk is everything else."""
        clock_guard.cutoff(session)
        setup = purge_setup.get(session)
        now: dt.datetime = session.execute(text("SELECT now()")).scalar_one()
        jobs_until = now - dt.timedelta(days=setup.keep_jobs_days)
        job.working = {
            "jobs_until": jobs_until.isoformat(),
            "keys_until": (now - dt.timedelta(hours=setup.keep_idempotency_keys_hours)).isoformat(),
        }
        chunks = [Chunk()]
        for row in session.execute(_CUT_JOBS, {"until": jobs_until, "size": JOBS}):
            chunks.append(Chunk(row.first, row.last, row.size))
        events_until = now - dt.timedelta(days=setup.keep_document_data_days)
        last = session.scalar(_LAST_OLD_EVENT, {"until": events_until}) or 0
        if last > setup.document_data_gone_to:
            job.working = {**job.working, "events_to": last}
            first = setup.document_data_gone_to + 1
            chunks += [
                dataclasses.replace(chunk, phase=EVENTS_PHASE) for chunk in cut(first, last, most=EVENTS)
            ]
        return chunks

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Take old jobs or the data of old events of a range of positions, or everything else."""
        bound: dict[str, Any] = {"first": chunk.range_from, "last": chunk.range_to}
        if chunk.phase == EVENTS_PHASE:
            session.execute(_DELETE_CONFLICTS, bound)
            return {"document_events": _deleted(session, _BLANK_EVENTS, bound)}
        until = {name: dt.datetime.fromisoformat(job.working[name]) for name in ("jobs_until", "keys_until")}
        if chunk.range_to:
            return {"jobs": _deleted(session, _DELETE_JOBS, {**until, **bound})}
        return {
            "idempotency_keys": _deleted(session, _DELETE_KEYS, until),
            "sign_in_links": _deleted(session, _FORGET_LINKS, until),
        }

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Say what went, and ask for canceled logged segments to be deleted that were kept long enough (E6)."""
        setup = purge_setup.get(session, lock=True)
        setup.document_data_gone_to = job.working.get("events_to", setup.document_data_gone_to)
        actor = actors.of(session, job.created_by)
        if setup.keep_canceled_segments_days:
            nos = list(session.scalars(_LONG_CANCELED, {"days": setup.keep_canceled_segments_days}))
            if nos:
                logged_segment_deletion.request(session, values={"nos": nos}, actor=actor)
        counts = session.execute(_COUNTS, {"job_id": job.id}).all()
        result = {"jobs": 0, "idempotency_keys": 0, "sign_in_links": 0, "document_events": 0} | {
            row.name: row.count for row in counts
        }
        audit.record(
            session,
            actor=actor,
            action="housekeeping",
            object_type="job",
            object_key=str(job.id),
            changes={name: [None, count] for name, count in result.items()},
        )
        return result


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
# Index: document_event_received_at_idx.
_LAST_OLD_EVENT = text("SELECT max(position) FROM document_event WHERE received_at < :until")
# Ids and hashes stay, so that an event which comes once more is a duplicate for ever (D1); rejected ones have neither.
# Index: document_event_pkey.
_BLANK_EVENTS = text("""
    WITH rejected AS (
        DELETE FROM document_event WHERE position BETWEEN :first AND :last AND outcome = 'rejected'
    )
    UPDATE document_event SET data = NULL, envelope = NULL
    WHERE position BETWEEN :first AND :last AND outcome NOT IN ('rejected', 'received') AND data IS NOT NULL
""")
# Index: document_event_conflict_pkey.
_DELETE_CONFLICTS = text("DELETE FROM document_event_conflict WHERE position BETWEEN :first AND :last")
_LONG_CANCELED = text("""
    SELECT no FROM logged_segment
    WHERE canceled_at < now() - make_interval(days => :days) AND deleted_at IS NULL AND deleting_job_id IS NULL
    ORDER BY no LIMIT 1000
""")
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
