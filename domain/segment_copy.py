"""Copying a segment: the same header and lines, overrides included, under a number of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import audit, criteria, inherited, jobs, line_history, number_series, segments
from domain import values as v
from domain.actors import Actor, of
from domain.errors import Faults
from domain.follow_ups import FollowUp
from domain.job_steps import Chunk, cut, register
from domain.jobs import Job
from domain.segment_logging import reveal
from domain.segments import Segment, Status

# Contacts that are blocked or erased by now are left out (C3). Index: segment_line_pkey.
COPY = text(f"""
    WITH source AS (
        SELECT * FROM segment_line WHERE segment_id = :source_id AND line_no BETWEEN :range_from AND :range_to
    ), lines AS (
        INSERT INTO segment_line ({line_history.COLUMNS})
        SELECT {line_history.COLUMNS.replace("segment_id", ":segment_id", 1)}
        FROM source s
        WHERE NOT EXISTS (
            SELECT FROM contact c WHERE c.id = s.contact_id AND (c.privacy_blocked OR c.erased_at IS NOT NULL))
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM source) AS found, (SELECT count(*) FROM lines) AS contacts
""")


def request(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for a copy of a segment as it is when its turn comes.

    Parameters
    ----------
    values
        `description`, the original's unless given.

    Raises
    ------
    LoggingInProgress
        If it is frozen.
    NumberSeriesMissing
        If the setup names no series for segments.
    """
    faults = Faults()
    taken = v.take(values, {"description": v.text()}, faults)
    faults.raise_if_any()
    locked = criteria.open_for_actions(session, segment)
    number_series.check_available(session, field="segment_nos")
    return jobs.create(
        session,
        kind=CopySegment.name,
        parameters={"segment_no": locked.no, **taken},
        working={"source_id": locked.id},
        serial_key=segments.serial_key(locked),
        actor=actor,
    )


@register
class CopySegment(FollowUp):
    """Makes the copy hidden, fills it in chunks, and shows it when it is whole."""

    name = "copy_segment"

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether the segment has few lines."""
        return session.get_one(Segment, job.working["source_id"]).lines_count <= criteria.SMALL

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Copy the header, hidden, and cut by line number."""
        source = session.get_one(Segment, job.working["source_id"], with_for_update=True)
        columns = {field.column: getattr(source, field.column) for field in inherited.HEADER.values()}
        copy = Segment(
            no="",
            status=Status.HIDDEN,
            description=job.parameters.get("description") or source.description,
            created_by=job.created_by,
            **columns,
        )
        session.add(copy)
        session.flush()
        job.working = {**job.working, "segment_id": copy.id}
        return cut(1, source.last_line_no, most=criteria.CHUNK) if source.lines_count else []

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Copy the lines of one chunk."""
        row = session.execute(
            COPY, {**job.working, "range_from": chunk.range_from, "range_to": chunk.range_to}
        ).one()
        return dict(row._mapping)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Give the copy its number."""
        row = session.execute(
            text("""
                SELECT coalesce(sum((outcome->>'found')::bigint), 0)::bigint AS found,
                       coalesce(sum((outcome->>'contacts')::bigint), 0)::bigint AS contacts
                FROM job_chunk WHERE job_id = :job_id AND step = 1 AND state = 'done'
            """),
            {"job_id": job.id},
        ).one()
        source = session.get_one(Segment, job.working["source_id"])
        copy = reveal(
            session, job.working["segment_id"], job=job, lines=row.contacts, last_line_no=source.last_line_no,
            filters={"copy_of": source.no},
        )  # fmt: skip
        audit.record_difference(
            session, actor=of(session, job.created_by), action="create", object_type=segments.THING,
            object_key=copy.no, before={}, after=segments.stored(session, copy),
        )  # fmt: skip
        return {"segment_no": copy.no, "contacts": row.contacts, "left_out": row.found - row.contacts}
