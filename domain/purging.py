"""Purges: canceled entries go, on demand and on schedule (E5, E7, E8).

What must never happen: an active entry goes; a row goes that is not in the archive although one was asked for; a row
is counted twice. And nobody who reads or writes the log may have to wait. So

- what goes (`purge_filters.doomed`: what the view `interaction_visible` calls canceled) is asked again by the very
  statement that deletes. A restore at the same time waits for that transaction or wins: the logged segments and
  campaign entries whose cancel takes entries along are locked before it looks, an entry of its own is looked at again
  by PostgreSQL once its lock is there;
- the time up to which something must have been canceled is fixed by the plan, by a clock that is guarded
  (`domain.clock_guard`); what is canceled later stays;
- the plan counts what is there in blocks of entry numbers and makes parts of some thousand rows of them. A chunk
  deletes one part, measures, deletes as many more as fit into 200 ms, and leaves the rest to the next one. So there
  is one short transaction at a time, in the order of the numbers;
- with an archive, the rows of each part are locked, written to a piece of the file and read back before they go
  (`domain.purge_archives`).

Canceling stops a purge; what it deleted stays deleted, and asking again goes on from there. Two at a time wait for each
other's rows and find them gone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    audit,
    clock_guard,
    interactions,
    jobs,
    purge_archives,
    purge_filters,
    purge_records,
    purge_setup,
    sql,
)
from domain.actors import Actor
from domain.errors import Conflict
from domain.job_engine import Chunk, Kind, leave_rest, register
from domain.jobs import Job, State

# Entry numbers per block that the plan counts. Fixed ranges of primary keys were deleted at 840,000 rows/s, batches
# that a sorted sub-select found at 110,000 (DESIGN 7).
BLOCK = 5_000
# Rows of a part: the first one of a chunk takes some 5 ms and says how many more fit in.
PART = 5_000
# Parts of a purge at most, as they stand in the job; those of a very large one are larger.
MOST_PARTS = 2_000
# Aim for a transaction, in seconds (E7).
AIM = 0.2


class PurgeTooLarge(Conflict):
    """More rows match than one purge may delete without being asked twice."""

    code: ClassVar[str] = "purge_too_large"


class Part(NamedTuple):
    """Some thousand rows that are to go.

    Parameters
    ----------
    first, last
        Entry numbers between which they are.
    rows
        How many there are as far as is known.
    segments
        The logged segments that they belong to, None for those without.
    """

    first: int
    last: int
    rows: int
    segments: list[int | None]


def preview(session: Session, *, filters: Mapping[str, Any], sample: int = 0) -> dict[str, Any]:
    """Count what a purge with these filters would delete now (E5).

    Parameters
    ----------
    sample
        How many of the entries are wanted, the oldest first, in API shape.

    Raises
    ------
    Invalid
        Naming every fault of the filters.
    ClockSuspect
        If the clock cannot be believed.
    """
    read = purge_filters.read_checked(session, filters)
    cutoff = clock_guard.cutoff(session, days=read.days)
    result: dict[str, Any] = {"matching": _count(session, read.bound, cutoff)}
    if sample:
        found = purge_filters.candidates(session, read.bound)
        statement = text(f"SELECT entry_no FROM ({found}) c ORDER BY entry_no LIMIT :sample")
        nos = session.scalars(statement, {**read.bound, "cutoff": cutoff, "sample": sample}).all()
        result["sample"] = interactions.of_numbers(session, nos)
    return result


def request(
    session: Session,
    *,
    values: Mapping[str, Any],
    actor: Actor,
    schedule: str | None = None,
) -> Job:
    """Ask for canceled entries to be deleted; its record is there at once.

    Parameters
    ----------
    values
        `filters` (none: every canceled entry), `archive`, and `confirm`: yes, however many there are.
    schedule
        Name of the schedule whose run this is. It is the plan that finds out whether there are too many.

    Raises
    ------
    Invalid
        Naming every fault of the filters.
    ClockSuspect
        If the clock cannot be believed (E7).
    PurgeTooLarge
        If there are more than the setup allows and `confirm` is not given.
    """
    read = purge_filters.read_checked(session, values.get("filters") or {})
    cutoff = clock_guard.cutoff(session, days=read.days)
    archive, confirm = bool(values.get("archive")), bool(values.get("confirm"))
    if not (confirm or schedule):
        _refuse_too_many(session, _count(session, read.bound, cutoff))
    job = jobs.create(
        session,
        kind=Purge.name,
        parameters={
            "filters": read.given,
            "archive": archive,
            **({"schedule": schedule} if schedule else {}),
            **({"confirm": True} if confirm else {}),
        },
        actor=actor,
    )
    purge_records.create(
        session, job_id=job.id, schedule=schedule, actor=actor, filters=read.given, archive=archive
    )
    changes = {**read.given, "archive": archive, **({"schedule": schedule} if schedule else {})}
    audit.record(
        session,
        actor=actor,
        action="purge",
        object_type="job",
        object_key=str(job.id),
        changes={name: [None, value] for name, value in changes.items()},
    )
    return job


def _refuse_too_many(session: Session, count: int) -> None:
    limit = purge_setup.get(session).purge_rows_limit
    if count > limit:
        raise PurgeTooLarge(count=count, limit=limit)


@register
class Purge(Kind):
    """Deletes canceled entries with their comments, a fifth of a second at a time."""

    name: ClassVar[str] = "purge"
    # It locks before it looks, and a row changed meanwhile is looked at again instead of being a conflict.
    isolation: ClassVar[str] = "READ COMMITTED"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Fix the time and the parts."""
        filters = purge_filters.read_checked(session, job.parameters["filters"])
        cutoff = clock_guard.cutoff(session, days=filters.days)
        parts = _parts(session, filters.bound, cutoff)
        total = sum(part.rows for part in parts)
        if not job.parameters.get("confirm"):
            _refuse_too_many(session, total)
        purge_records.start(session, job.id)
        if job.parameters["archive"] and parts:
            purge_archives.open_folder(job.id)
        job.working = {"cutoff": cutoff.isoformat(), "filters": filters.bound, "parts": parts}
        return [Chunk(0, len(parts) - 1, total)] if parts else []

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Delete the first part, then as many more as fit into the time that is left."""
        parts = [Part(*part) for part in job.working["parts"][chunk.range_from : chunk.range_to + 1]]
        run = _Run(session, job)
        seconds = run.delete(parts[:1])
        done = 1
        if seconds < AIM:
            per_row = seconds / max(parts[0].rows, 1)
            done += _fitting(parts[1:], rows=int((AIM - seconds) / per_row) if per_row > 0 else PART)
            run.delete(parts[1:done])
        if done < len(parts):
            left = min(chunk.size, sum(part.rows for part in parts[done:]))
            leave_rest(session, job, chunk, range_from=chunk.range_from + done, size=left)
        return run.outcome()

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Close the record, and the archive."""
        return _close(session, job, State.SUCCEEDED)

    def undone(self, session: Session, job: Job) -> Mapping[str, Any] | None:
        """Close the record of what went before the end; it stays deleted."""
        assert job.ending is not None
        job.result = {**_close(session, job, State(job.ending)), "kept": True}
        return None


def _close(session: Session, job: Job, state: State) -> dict[str, Any]:
    archive = purge_archives.join(session, job.id) if job.parameters["archive"] else None
    record = purge_records.finish(session, job.id, state=state, archive=archive)
    audit.record(
        session,
        actor=actors.of(session, job.created_by),
        action="purged",
        object_type="job",
        object_key=str(job.id),
        changes={"deleted": [None, record.deleted], "state": [None, state.value]},
    )
    return {"deleted": record.deleted, "purge_id": record.id}


class _Run:
    """One chunk at work: deletes parts and counts what went."""

    def __init__(self, session: Session, job: Job) -> None:
        self._session = session
        self._job = job
        self._filters = purge_filters.conditions(job.working["filters"])
        self._bound = {**job.working["filters"], "cutoff": dt.datetime.fromisoformat(job.working["cutoff"])}
        self._deleted = 0
        self._pieces: list[dict[str, Any]] = []

    def delete(self, parts: Sequence[Part]) -> float:
        """Delete what is to go of neighbouring parts; return the seconds it took, by the database's clock."""
        if not parts:
            return 0.0
        begun = self._now()
        segments = sorted({no or 0 for part in parts for no in part.segments})
        bound = {**self._bound, "first": parts[0].first, "last": parts[-1].last}
        bound |= {"segment": segments[0]} | self._lock_what_cancels(bound)
        where = self._where(bound, segments)
        counts = self._archive_and_delete(where, bound) if self._job.parameters["archive"] else None
        if counts is None and len(segments) == 1:
            statement = text(f"DELETE FROM interaction i WHERE {where}")
            counts = {segments[0]: self._session.execute(statement, bound).rowcount}  # type: ignore[attr-defined]
        elif counts is None:
            counts = self._counted(
                f"DELETE FROM interaction i WHERE {where} RETURNING i.logged_segment_no", bound
            )
        self._session.execute(_DELETE_COMMENTS, bound)
        self._note(counts)
        return (self._now() - begun).total_seconds()

    def outcome(self) -> dict[str, Any]:
        """Say what went, as it is kept with the chunk."""
        return {"deleted": self._deleted, **({"pieces": self._pieces} if self._pieces else {})}

    def _now(self) -> dt.datetime:
        return self._session.execute(text("SELECT clock_timestamp()")).scalar_one()  # type: ignore[no-any-return]

    def _lock_what_cancels(self, bound: Mapping[str, Any]) -> dict[str, list[int]]:
        """Find what else than their own cancel makes entries go, and keep it from being restored meanwhile."""
        return {
            "segments": list(self._session.scalars(_LOCK_SEGMENTS, bound)),
            "campaign_entries": list(self._session.scalars(_LOCK_CAMPAIGN_ENTRIES, bound)),
        }

    def _where(self, bound: Mapping[str, Any], segments: Sequence[int]) -> str:
        """Say what goes. Where all of it belongs to one segment, the number of rows says how many of that went."""
        only = ""
        if len(segments) == 1:
            only = f" AND i.logged_segment_no {'= :segment' if segments[0] else 'IS NULL'}"
        above = bool(bound["segments"] or bound["campaign_entries"])
        return f"i.entry_no BETWEEN :first AND :last AND {purge_filters.doomed(above=above)}{only}{self._filters}"

    def _archive_and_delete(self, where: str, bound: Mapping[str, Any]) -> dict[int, int]:
        """Write the rows to a piece of the archive, prove it, then delete exactly those."""
        self._session.execute(_MAKE_LIST)
        self._session.execute(
            text(
                f"INSERT INTO purge_doomed SELECT i.entry_no FROM interaction i WHERE {where} "
                "ORDER BY i.entry_no FOR UPDATE"
            ),
            bound,
        )
        piece = purge_archives.write_piece(self._session, self._job.id)
        counts = self._counted(
            "DELETE FROM interaction i USING purge_doomed d WHERE i.entry_no = d.entry_no "
            "RETURNING i.logged_segment_no",
            bound,
        )
        if piece["rows"] != sum(counts.values()):
            raise purge_archives.ArchiveBroken(f"{piece['rows']} rows archived, {sum(counts.values())} to go")
        self._session.execute(text("TRUNCATE purge_doomed"))
        self._pieces.append(piece)
        return counts

    def _counted(self, deletion: str, bound: Mapping[str, Any]) -> dict[int, int]:
        rows = self._session.execute(
            text(
                f"WITH gone AS ({deletion}) "
                "SELECT coalesce(logged_segment_no, 0), count(*) FROM gone GROUP BY 1 ORDER BY 1"
            ),
            bound,
        )
        return dict(rows.all())

    def _note(self, counts: Mapping[int, int]) -> None:
        self._deleted += sum(counts.values())
        for no, count in counts.items():
            if no and count:
                self._session.execute(_COUNT_PURGED, {"no": no, "count": count})


def _fitting(parts: Sequence[Part], *, rows: int) -> int:
    """Tell how many parts have no more than so many rows."""
    fitting = 0
    for part in parts:
        rows -= part.rows
        if rows < 0:
            break
        fitting += 1
    return fitting


def _count(session: Session, bound: Mapping[str, Any], cutoff: dt.datetime) -> int:
    statement = f"SELECT count(*) FROM ({purge_filters.candidates(session, bound)}) c"
    return int(session.execute(text(statement), {**bound, "cutoff": cutoff}).scalar_one())


def _parts(session: Session, bound: Mapping[str, Any], cutoff: dt.datetime) -> list[Part]:
    """Count what is to go in blocks of entry numbers, and put neighbouring ones together."""
    statement = text(f"""
        SELECT min(entry_no) AS first, max(entry_no) AS last, count(*) AS rows, logged_segment_no AS segment
        FROM ({purge_filters.candidates(session, bound)}) c
        GROUP BY entry_no / :block, logged_segment_no
        ORDER BY 1
    """)
    blocks = session.execute(statement, {**bound, "cutoff": cutoff, "block": BLOCK}).all()
    enough = max(PART, -(-sum(block.rows for block in blocks) // MOST_PARTS))
    parts: list[Part] = []
    for block in blocks:
        last = parts[-1] if parts else None
        if last and (block.first <= last.last or last.rows + block.rows <= enough):
            segments = last.segments if block.segment in last.segments else [*last.segments, block.segment]
            parts[-1] = Part(last.first, max(last.last, block.last), last.rows + block.rows, segments)
        else:
            parts.append(Part(block.first, block.last, block.rows, [block.segment]))
    return parts


# Also against another purge, which counts in the same row.
_LOCK_SEGMENTS = text("""
    SELECT no FROM logged_segment
    WHERE canceled_at <= :cutoff AND logged_at IS NOT NULL AND first_entry_no <= :last AND last_entry_no >= :first
    ORDER BY no
    FOR NO KEY UPDATE
""")
_LOCK_CAMPAIGN_ENTRIES = text("""
    SELECT c.entry_no FROM campaign_entry c
    WHERE c.canceled_at <= :cutoff AND (c.logged_segment_no IS NULL OR EXISTS (
        SELECT FROM logged_segment s
        WHERE s.no = c.logged_segment_no AND s.logged_at IS NOT NULL
          AND s.first_entry_no <= :last AND s.last_entry_no >= :first))
    ORDER BY c.entry_no
    FOR SHARE OF c
""")
_MAKE_LIST = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS purge_doomed (entry_no bigint PRIMARY KEY) ON COMMIT DELETE ROWS"
)
# Index: interaction_comment_entry_no_idx.
_DELETE_COMMENTS = sql.load("purge_delete_comments")
_COUNT_PURGED = text("UPDATE logged_segment SET purged_count = purged_count + :count WHERE no = :no")
