"""New segments made from a logged segment: of its entries, or of its skipped lines (L3, L7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import jobs, number_series, segments
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults, Refusal
from domain.interaction_filters import EVALUATIONS
from domain.job_steps import Chunk, Kind, cut, register
from domain.jobs import Job
from domain.logged_segments import LoggedSegment, LoggedSegmentIncomplete
from domain.segment_logging import make_hidden, reveal
from domain.segments import Segment

# Lines per chunk: thin lines, a third of a second per 50,000.
CHUNK = 50_000


class NothingLeft(Refusal):
    """No contact is left for the new segment."""

    code: ClassVar[str] = "segment_empty"


def request(
    session: Session,
    logged: LoggedSegment,
    *,
    actor: Actor,
    values: Mapping[str, Any],
    of_skipped: bool = False,
) -> Job:
    """Ask for a new segment of entries of a logged segment, or of its skipped lines.

    Contacts that are blocked or erased by now are left out and counted.

    Parameters
    ----------
    values
        Which entries (L7), all conditions at once: `evaluations` (any of these), `attempt_failed`, `canceled` (false by
        default, so active ones), `no_inbound_since` (a date; or true: since the entry itself).

    Raises
    ------
    LoggedSegmentIncomplete
        If it is still being logged.
    NumberSeriesMissing
        If the setup names no series for segments; found before anything is done.
    """
    outcome = _take_outcome({} if of_skipped else values)
    if logged.status != "logged":
        raise LoggedSegmentIncomplete(no=logged.no)
    number_series.check_available(session, field="segment_nos")
    return jobs.create(
        session,
        kind=FollowUp.name,
        parameters={"logged_segment_no": logged.no, "of_skipped": of_skipped, **_as_json(outcome)},
        actor=actor,
    )


def count(session: Session, logged: LoggedSegment, *, values: Mapping[str, Any]) -> dict[str, int]:
    """Return the result a follow-up would have now; nothing is changed.

    Raises
    ------
    LoggedSegmentIncomplete
        If it is still being logged.
    """
    source, parameters = _source(_as_json(_take_outcome(values)))
    if logged.status != "logged":
        raise LoggedSegmentIncomplete(no=logged.no)
    row = session.execute(
        text(COUNT.format(source=source)),
        {
            **parameters,
            "logged_segment_no": logged.no,
            "range_from": 1,
            "range_to": logged.last_entry_no - logged.first_entry_no + 1,
        },
    ).one()
    return {"contacts": row.contacts, "left_out": row.found - row.contacts}


def _take_outcome(values: Mapping[str, Any]) -> dict[str, Any]:
    faults = Faults()
    taken = v.take(
        values,
        {
            "evaluations": _evaluations,
            "attempt_failed": _yes_no,
            "canceled": _yes_no,
            "no_inbound_since": lambda value: value if isinstance(value, bool) else v.day(value),
        },
        faults,
    )
    faults.raise_if_any()
    return {name: value for name, value in taken.items() if value is not None and value != []}


def _evaluations(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise v.Bad("invalid")
    return [v.choice(*EVALUATIONS, required=True)(one) for one in value]


def _yes_no(value: object) -> bool | None:
    return None if value is None else bool(v.flag()(value))


def _as_json(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, dt.date) else value for name, value in outcome.items()
    }


def _source(parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make the query for the contacts of a follow-up, and what it is to be told."""
    if parameters.get("of_skipped"):
        return FOLLOW_SKIPPED, {}
    conditions = ["i.canceled" if parameters.get("canceled") else "NOT i.canceled"]
    told: dict[str, Any] = {}
    if "evaluations" in parameters:
        conditions.append("i.evaluation = ANY(:evaluations)")
        told["evaluations"] = parameters["evaluations"]
    if "attempt_failed" in parameters:
        conditions.append("i.attempt_failed" if parameters["attempt_failed"] else "NOT i.attempt_failed")
    since = parameters.get("no_inbound_since")
    if since:
        later = (
            "(x.date, x.entry_no) > (i.date, i.entry_no)"
            if since is True
            else "x.date >= CAST(:since AS date)"
        )
        conditions.append(NO_INBOUND.format(later=later))
        told["since"] = since
    return FOLLOW_ENTRIES.format(outcome=" AND ".join(conditions)), told


# Line numbers follow the entries', so the order is the same. Contacts blocked by now are counted, not taken.
FOLLOW_ENTRIES = """
    SELECT i.entry_no - s.first_entry_no + 1 AS line_no, i.contact_id, i.campaign_id
    FROM logged_segment s
    JOIN interaction_visible i ON i.logged_segment_no = s.no
        AND i.entry_no BETWEEN s.first_entry_no + :range_from - 1 AND s.first_entry_no + :range_to - 1
    WHERE s.no = :logged_segment_no AND {outcome}
"""
# Index: interaction_contact_id_idx.
NO_INBOUND = """
    NOT EXISTS (
        SELECT FROM interaction_visible x
        WHERE x.contact_id = i.contact_id AND x.information_flow = 'inbound' AND NOT x.canceled AND {later})
"""
FOLLOW_SKIPPED = """
    SELECT k.line_no, k.contact_id, CAST(:campaign_id AS integer) AS campaign_id
    FROM logged_segment_skip k
    WHERE k.logged_segment_no = :logged_segment_no AND k.line_no BETWEEN :range_from AND :range_to
"""
INSERT = """
    WITH source AS ({source}), lines AS (
        INSERT INTO segment_line (segment_id, line_no, contact_id, campaign_id)
        SELECT :segment_id, s.line_no, s.contact_id,
               CASE WHEN s.campaign_id IS DISTINCT FROM :campaign_id THEN coalesce(s.campaign_id, 0) END
        FROM source s JOIN contact c ON c.id = s.contact_id AND NOT c.privacy_blocked AND c.erased_at IS NULL
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM source) AS found, (SELECT count(*) FROM lines) AS contacts
"""
COUNT = """
    WITH source AS ({source})
    SELECT count(*) AS found, count(*) FILTER (WHERE NOT c.privacy_blocked AND c.erased_at IS NULL) AS contacts
    FROM source s LEFT JOIN contact c ON c.id = s.contact_id
"""
# The campaign most entries can be expected to have: that of the first one.
FIRST_CAMPAIGN = text("""
    SELECT i.campaign_id, i.salesperson_id FROM logged_segment s
    JOIN interaction_visible i ON i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no
    WHERE s.no = :no ORDER BY i.entry_no LIMIT 1
""")


@register
class FollowUp(Kind):
    """Makes the segment hidden, fills it in chunks, and shows it when it is whole."""

    name = "follow_up"
    undoes = True

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Make the hidden header and cut by line number."""
        logged = session.get_one(LoggedSegment, job.parameters["logged_segment_no"])
        first = session.execute(FIRST_CAMPAIGN, {"no": logged.no}).first()
        what = "Skipped lines of segment" if job.parameters["of_skipped"] else "Follow-up on segment"
        segment = make_hidden(
            session,
            description=f"{what} {logged.segment_no}",
            campaign_id=first.campaign_id if first else None,
            salesperson_id=None,
            actor_id=job.created_by,
        )
        job.working = {"segment_id": segment.id, "campaign_id": segment.campaign_id}
        return cut(1, logged.last_entry_no - logged.first_entry_no + 1, most=CHUNK)

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Write the lines of one chunk."""
        source, told = _source(job.parameters)
        row = session.execute(
            text(INSERT.format(source=source)),
            {
                **told,
                **job.working,
                "logged_segment_no": job.parameters["logged_segment_no"],
                "range_from": chunk.range_from,
                "range_to": chunk.range_to,
            },
        ).one()
        return dict(row._mapping)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Give the segment its number; refuse if nobody is left."""
        row = session.execute(
            text("""
                SELECT sum((outcome->>'found')::bigint)::bigint AS found,
                       sum((outcome->>'contacts')::bigint)::bigint AS contacts, max(range_to) AS last_line_no
                FROM job_chunk WHERE job_id = :job_id AND step = 1 AND state = 'done'
            """),
            {"job_id": job.id},
        ).one()
        if not row.contacts:
            raise NothingLeft()
        segment = reveal(
            session,
            job.working["segment_id"],
            job=job,
            lines=row.contacts,
            last_line_no=row.last_line_no,
            filters={
                "skipped_of" if job.parameters["of_skipped"] else "follow_up_of": job.parameters[
                    "logged_segment_no"
                ]
            },
        )
        return {"segment_no": segment.no, "contacts": row.contacts, "left_out": row.found - row.contacts}

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take the lines of one chunk away again."""
        segments.delete_lines(session, job.working["segment_id"], first=chunk.range_from, last=chunk.range_to)

    def undone(self, session: Session, job: Job) -> None:
        """Take the hidden header away."""
        if "segment_id" in job.working:
            session.delete(session.get_one(Segment, job.working["segment_id"]))
            session.flush()
