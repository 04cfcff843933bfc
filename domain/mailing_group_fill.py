"""Filling a mailing group with the contacts of a segment (S8). The other way round is adding by mailing group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, criteria, jobs, segments
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults
from domain.job_steps import Chunk, Kind, cut, register
from domain.jobs import Job
from domain.segments import Segment

# The group is known by its code as it is written already, if it is.
# The chunk remembers whom it put there, for the case that the job is stopped.
# Index: segment_line_pkey, contact_membership_code_idx.
FILL = text("""
    WITH put AS (
        INSERT INTO contact_membership (kind, code, contact_id)
        SELECT 'mailing_group', :mailing_group, c.id
        FROM (SELECT DISTINCT contact_id FROM segment_line
              WHERE segment_id = :segment_id AND line_no BETWEEN :range_from AND :range_to) l
        JOIN contact c ON c.id = l.contact_id AND c.erased_at IS NULL
        WHERE NOT EXISTS (
            SELECT FROM contact_membership m
            WHERE m.kind = 'mailing_group' AND lower(m.code) = lower(:mailing_group) AND m.contact_id = c.id)
        ON CONFLICT DO NOTHING
        RETURNING contact_id
    )
    UPDATE job_chunk SET contact_ids = ARRAY(SELECT contact_id FROM put)
    WHERE job_id = :job_id AND no = :no
    RETURNING cardinality(contact_ids) AS added
""")
# Index: job_chunk_pkey, contact_membership_pkey.
TAKE_OUT = text("""
    DELETE FROM contact_membership m
    USING job_chunk k, unnest(k.contact_ids) p(contact_id)
    WHERE k.job_id = :job_id AND k.step = 1 AND k.range_from = :range_from
      AND m.kind = 'mailing_group' AND m.code = :mailing_group AND m.contact_id = p.contact_id
""")
# Index: contact_membership_code_idx, segment_line_contact_id_idx.
EMPTY = text("""
    DELETE FROM contact_membership m
    WHERE m.kind = 'mailing_group' AND lower(m.code) = lower(:mailing_group) AND NOT EXISTS (
        SELECT FROM segment_line l WHERE l.segment_id = :segment_id AND l.contact_id = m.contact_id)
""")
WRITTEN = text("""
    SELECT code FROM contact_membership WHERE kind = 'mailing_group' AND lower(code) = lower(:code) LIMIT 1
""")


def request(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for the contacts of a segment to be put into a mailing group; the segment stays as it is meanwhile.

    Parameters
    ----------
    values
        `mailing_group`; `replace`: those who are not in the segment leave the group.

    Raises
    ------
    Invalid
        Naming every fault.
    LoggingInProgress
        If the segment is frozen.
    """
    faults = Faults()
    taken = v.take(
        {"mailing_group": None, **values},
        {"mailing_group": v.code(required=True), "replace": v.flag()},
        faults,
    )
    faults.raise_if_any()
    locked = criteria.open_for_actions(session, segment)
    code = session.scalar(WRITTEN, {"code": taken["mailing_group"]}) or taken["mailing_group"]
    return jobs.create(
        session,
        kind=FillMailingGroup.name,
        parameters={
            "segment_no": locked.no,
            "mailing_group": code,
            "replace": taken.get("replace", False),
        },
        working={"segment_id": locked.id, "mailing_group": code},
        serial_key=segments.serial_key(locked),
        actor=actor,
    )


@register
class FillMailingGroup(Kind):
    """Puts contacts into a group, a range of lines at a time."""

    name = "fill_mailing_group"
    undoes = True

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether the segment has few lines and the group need not be emptied."""
        segment = session.get_one(Segment, job.working["segment_id"])
        return segment.lines_count <= criteria.SMALL and not job.parameters["replace"]

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Cut the lines by number."""
        segment = session.get_one(Segment, job.working["segment_id"])
        return cut(1, segment.last_line_no, most=criteria.CHUNK) if segment.lines_count else []

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Put the contacts of one chunk into the group."""
        row = session.execute(FILL, {**_parameters(job, chunk), "no": chunk.no}).one()
        return dict(row._mapping)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Take the others out, if that was asked for."""
        added = session.execute(
            text("""
                SELECT coalesce(sum((outcome->>'added')::bigint), 0)::bigint
                FROM job_chunk WHERE job_id = :job_id AND step = 1 AND state = 'done'
            """),
            {"job_id": job.id},
        ).scalar_one()
        removed = 0
        if job.parameters["replace"]:
            removed = session.execute(EMPTY, job.working).rowcount  # type: ignore[attr-defined]
        audit.record(
            session,
            actor=actors.of(session, job.created_by),
            action="fill",
            object_type="mailing_group",
            object_key=job.working["mailing_group"],
            changes={
                "segment_no": [None, job.parameters["segment_no"]],
                "added": [0, added],
                "removed": [0, removed],
            },
        )
        return {"added": added, "removed": removed}

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take those whom one chunk put into the group out again."""
        session.execute(TAKE_OUT, _parameters(job, chunk))


def _parameters(job: Job, chunk: Chunk) -> dict[str, Any]:
    return {**job.working, "job_id": job.id, "range_from": chunk.range_from, "range_to": chunk.range_to}
