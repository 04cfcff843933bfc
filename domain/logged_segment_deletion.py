"""Deleting canceled logged segments: their entries stay, canceled by themselves and without the link (E6).

What must never happen: an entry that comes back to life. So the segment stays canceled until every entry below it
is canceled by itself, in ranges of entry numbers; then one transaction takes the segment's cancel and the link away,
which nobody notices. From the plan on the segment cannot be restored. An entry that gets its cancel here gets time
and user of the segment's, by which the job finds its own again if it is stopped and undoes what it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors as actor_nouns
from domain import audit, jobs, logged_segments
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job

# Entry numbers per chunk, about a second where every one of them has an entry to be canceled.
CHUNK = 20_000
# Segments that can be named one by one.
MOST_NAMED = 10_000


def request(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for canceled logged segments to be deleted.

    Parameters
    ----------
    values
        `nos`, or `all` (true) for every canceled one. A named one that is not canceled is refused in the result.

    Raises
    ------
    Invalid
        Naming every fault; `filter_missing` if nothing is named.
    """
    faults = Faults()
    taken = v.take(values, {"nos": _numbers, "all": v.flag()}, faults)
    if not faults and not taken.get("nos") and not taken.get("all"):
        faults.add("nos", "filter_missing")
    nos: Sequence[int] = taken.get("nos") or []
    there = set(
        session.scalars(
            text("SELECT no FROM logged_segment WHERE no = ANY(:nos) AND deleted_at IS NULL"),
            {"nos": list(nos)},
        )
    )
    for position, no in enumerate(nos):
        if no not in there:
            faults.add(f"nos.{position}", "unknown", no)
    faults.raise_if_any()
    parameters = {"all": True} if taken.get("all") else {"nos": sorted(there)}
    return jobs.create(session, kind=DeleteLoggedSegments.name, parameters=parameters, actor=actor)


def _numbers(value: object) -> list[int]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise v.Bad("invalid")
    if len(value) > MOST_NAMED:
        raise v.Bad("too_long", limit=MOST_NAMED)
    return [v.whole(blank=None)(one) for one in value]


# Segments are locked in order, so that two jobs do not wait for each other.
_TAKE = text("""
    WITH chosen AS MATERIALIZED (
        SELECT no FROM logged_segment
        WHERE (:all OR no = ANY(:nos)) AND canceled_at IS NOT NULL AND deleted_at IS NULL AND deleting_job_id IS NULL
        ORDER BY no FOR UPDATE
    )
    UPDATE logged_segment s SET deleting_job_id = :job_id FROM chosen WHERE s.no = chosen.no
""")
_CUT = text("""
    INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size)
    SELECT :job_id, row_number() OVER (ORDER BY first), 1, first, least(first + :chunk - 1, s.last_entry_no),
           least(:chunk, s.last_entry_no - first + 1)
    FROM logged_segment s, generate_series(s.first_entry_no, s.last_entry_no, CAST(:chunk AS bigint)) first
    WHERE s.deleting_job_id = :job_id
""")
_CANCEL_ENTRIES = text("""
    UPDATE interaction i SET canceled_at = s.canceled_at, canceled_by = s.canceled_by
    FROM logged_segment s
    WHERE i.entry_no BETWEEN :range_from AND :range_to AND i.logged_segment_no = s.no AND i.canceled_at IS NULL
      AND s.deleting_job_id = :job_id
""")
_RESTORE_ENTRIES = text("""
    UPDATE interaction i SET canceled_at = NULL, canceled_by = NULL
    FROM logged_segment s
    WHERE i.entry_no BETWEEN :range_from AND :range_to AND i.logged_segment_no = s.no
      AND i.canceled_at = s.canceled_at AND i.canceled_by IS NOT DISTINCT FROM s.canceled_by
      AND s.deleting_job_id = :job_id
""")
_CANCEL_CAMPAIGN_ENTRIES = text("""
    UPDATE campaign_entry c SET canceled_at = s.canceled_at, canceled_by = s.canceled_by
    FROM logged_segment s
    WHERE c.logged_segment_no = s.no AND c.canceled_at IS NULL AND s.deleting_job_id = :job_id
""")
_DELETE = text("""
    UPDATE logged_segment
    SET deleted_at = now(), canceled_at = NULL, canceled_by = NULL, deleting_job_id = NULL
    WHERE deleting_job_id = :job_id RETURNING no, segment_no
""")


@register
class DeleteLoggedSegments(Kind):
    """Makes a segment's cancel that of its entries, then takes the segment away."""

    name = "delete_logged_segments"
    undoes = True

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Take the segments that are canceled, and cut their entries by number."""
        parameters = {
            "job_id": job.id,
            "all": bool(job.parameters.get("all")),
            "nos": job.parameters.get("nos", []),
        }
        session.execute(_TAKE, parameters)
        session.execute(_CUT, {**parameters, "chunk": CHUNK})
        return ()

    def work(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Cancel the entries of one range by themselves."""
        session.execute(_CANCEL_ENTRIES, _range(job, chunk))

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Take the segments away; their numbers are free again."""
        session.execute(_CANCEL_CAMPAIGN_ENTRIES, {"job_id": job.id})
        deleted = session.execute(_DELETE, {"job_id": job.id}).all()
        actor = actor_nouns.of(session, job.created_by)
        for row in deleted:
            audit.record(
                session,
                actor=actor,
                action="delete",
                object_type=logged_segments.THING,
                object_key=str(row.no),
                changes={"segment_no": (row.segment_no, None)},
            )
        return {"deleted": len(deleted), "refused": max(len(job.parameters.get("nos", [])) - len(deleted), 0)}

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take back the cancels of one range."""
        session.execute(_RESTORE_ENTRIES, _range(job, chunk))

    def undone(self, session: Session, job: Job) -> None:
        """Let the segments go."""
        session.execute(
            text("UPDATE logged_segment SET deleting_job_id = NULL WHERE deleting_job_id = :job_id"),
            {"job_id": job.id},
        )


def _range(job: Job, chunk: Chunk) -> dict[str, Any]:
    return {"job_id": job.id, "range_from": chunk.range_from, "range_to": chunk.range_to}
