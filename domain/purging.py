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
  deletes as many of them as fit into 200 ms, going by the time that the chunk before took, and leaves the rest to
  the next one. A large purge is two such chains, side by side (decision 16);
- with an archive, the rows of each part are locked, written to a piece of the file and read back before they go
  (`domain.purge_archives`).

Canceling stops a purge; what it deleted stays deleted, and asking again goes on from there. Two at a time wait for each
other's rows and find them gone.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
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
from domain.job_steps import Chunk, Kind, leave_rest, register
from domain.jobs import Job, State

# Entry numbers per block that the plan counts. Fixed ranges of primary keys were deleted at 840,000 rows/s, batches
# that a sorted sub-select found at 110,000 (DESIGN 7).
BLOCK = 5_000
# Rows of a part, the least that a statement deletes: some 5 ms.
PART = 5_000
# Rows of the first transaction, whose time says how many the next may have: some 20 ms.
FIRST = 20_000
# Blocks without anything to delete that a statement may as well read.
FAR = 4
# Chains of chunks side by side, and the rows of a chain before there is another.
CHAINS = 2
CHAIN = 100_000
# Parts of a purge at most, as they stand in the job; those of a very large one are larger.
MOST_PARTS = 2_000
# Aim for a transaction, in seconds (E7).
AIM = 0.2
# A range of entry numbers that more than one logged segment has a share in, or one and something else; or a share too
# small for a statement of its own. PostgreSQL counts there what goes of which segment, which takes half as long again.
MIXED = -1


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
        How many there are.
    segment
        The logged segment that all entries between the two belong to, 0 for none, or `MIXED`.
    """

    first: int
    last: int
    rows: int
    segment: int


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
    limit = purge_setup.get(session).purge_rows_limit
    if not (confirm or schedule) and session.scalar(_MAY_EXCEED, {"limit": limit}):
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
        job.working = {
            "cutoff": cutoff.isoformat(),
            "filters": filters.bound,
            "above": purge_filters.has_above(session),
            "parts": parts,
        }
        return _chains(parts)

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Delete parts until the time is over; what is left is another chunk's."""
        parts = [Part(*part) for part in job.working["parts"][chunk.range_from : chunk.range_to + 1]]
        run = _Run(session, job)
        rows = _rows_that_fit(session, job)
        done = 0
        while done < len(parts) and run.seconds() < AIM:
            together = _together(parts[done:], rows=rows, near=job.working["above"])
            run.delete(together)
            done += len(together)
        if done < len(parts):
            left = min(chunk.size, sum(part.rows for part in parts[done:]))
            leave_rest(session, job, chunk, range_from=chunk.range_from + done, size=left)
        return run.outcome()

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Close the record, and the archive."""
        return _close(session, job, State.SUCCEEDED)

    def undone(self, session: Session, job: Job) -> None:
        """Close the record of what went before the end; it stays deleted."""
        assert job.ending is not None
        job.result = {**_close(session, job, State(job.ending)), "kept": True}


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
        self._gone: Counter[int] = Counter()
        self._pieces: list[dict[str, Any]] = []

    def seconds(self) -> float:
        """Return how long this transaction has lasted, by the database's clock."""
        return float(self._session.execute(_SECONDS).scalar_one())

    def delete(self, parts: Sequence[Part]) -> None:
        """Delete what is to go of neighbouring parts."""
        segments = {part.segment for part in parts}
        only = segments.pop() if len(segments) == 1 else MIXED
        bound = {**self._bound, "first": parts[0].first, "last": parts[-1].last, "segment": only}
        bound |= self._lock_what_cancels(bound)
        where = self._where(bound, only)
        if self._job.parameters["archive"]:
            counts = self._archive_and_delete(where, bound)
        elif only == MIXED:
            counts = self._counted(
                f"DELETE FROM interaction i WHERE {where} RETURNING i.logged_segment_no", bound
            )
        else:
            statement = text(f"DELETE FROM interaction i WHERE {where}")
            counts = {only: self._session.execute(statement, bound).rowcount}  # type: ignore[attr-defined]
        self._session.execute(_DELETE_COMMENTS, bound)
        self._gone.update(counts)

    def outcome(self) -> dict[str, Any]:
        """Count what went with its segments, whose rows the other chain needs as well, and say it as the chunk keeps
        it."""
        for no, count in sorted(self._gone.items()):
            if no and count:
                self._session.execute(_COUNT_PURGED, {"no": no, "count": count})
        pieces = {"pieces": self._pieces} if self._pieces else {}
        return {"deleted": self._gone.total(), "seconds": round(self.seconds(), 4), **pieces}

    def _lock_what_cancels(self, bound: Mapping[str, Any]) -> dict[str, list[int]]:
        """Find what else than their own cancel makes entries go, and keep it from being restored meanwhile."""
        return {
            "segments": list(self._session.scalars(_LOCK_SEGMENTS, bound)),
            "campaign_entries": list(self._session.scalars(_LOCK_CAMPAIGN_ENTRIES, bound)),
        }

    def _where(self, bound: Mapping[str, Any], only: int) -> str:
        """Say what goes. Where all of it belongs to one segment, the number of rows says how many of that went."""
        above = bool(bound["segments"] or bound["campaign_entries"])
        segment = {MIXED: "", 0: " AND i.logged_segment_no IS NULL"}.get(
            only, " AND i.logged_segment_no = :segment"
        )
        doomed = purge_filters.doomed(above=above)
        return f"i.entry_no BETWEEN :first AND :last AND {doomed}{segment}{self._filters}"

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


def _chains(parts: Sequence[Part]) -> list[Chunk]:
    """Cut parts into stretches of about as many rows each, whose first chunks leave the rest of theirs to others."""
    total = sum(part.rows for part in parts)
    share = max(CHAIN, -(-total // CHAINS))
    chains: list[Chunk] = []
    before = 0
    for at, part in enumerate(parts):
        if before // share == len(chains):
            chains.append(Chunk(at, at, part.rows))
        else:
            chains[-1] = Chunk(chains[-1].range_from, at, chains[-1].size + part.rows)
        before += part.rows
    return chains


def _rows_that_fit(session: Session, job: Job) -> int:
    """Tell how many rows a transaction may delete, by what the last one took; never eight times as many as it."""
    last = session.execute(_LAST_CHUNK, {"job_id": job.id}).first()
    if last is None or not last.deleted:
        return FIRST
    return max(PART, int(last.deleted * min(8.0, AIM / max(last.seconds, 0.001))))


def _together(parts: Sequence[Part], *, rows: int, near: bool) -> Sequence[Part]:
    """Return the first parts that one statement deletes: of one segment, so many rows, but at least one part.

    Parameters
    ----------
    near
        Only such that follow each other closely: the statement reads what is between them.
    """
    for at, part in enumerate(parts):
        rows -= part.rows
        is_far = near and at and part.first - parts[at - 1].last > FAR * BLOCK
        if at and (rows < 0 or part.segment != parts[0].segment or is_far):
            return parts[:at]
    return parts


def _count(session: Session, bound: Mapping[str, Any], cutoff: dt.datetime) -> int:
    statement = f"SELECT count(*) FROM ({purge_filters.candidates(session, bound)}) c"
    return int(session.execute(text(statement), {**bound, "cutoff": cutoff}).scalar_one())


def _parts(session: Session, bound: Mapping[str, Any], cutoff: dt.datetime) -> list[Part]:
    """Count what is to go in blocks of entry numbers, and put small neighbouring ones together."""
    statement = text(f"""
        SELECT entry_no / :block AS no, count(*) AS rows
        FROM ({purge_filters.candidates(session, bound)}) c
        GROUP BY 1
    """)
    # The planner expects as many blocks as entries and would sort them all: half as long again.
    session.execute(text("SET LOCAL enable_sort = off"))
    blocks = sorted(session.execute(statement, {**bound, "cutoff": cutoff, "block": BLOCK}).all())
    session.execute(text("SET LOCAL enable_sort = on"))
    enough = max(PART, -(-sum(block.rows for block in blocks) // MOST_PARTS))
    joined: list[tuple[int, int, int]] = []
    for no, rows in blocks:
        last = joined[-1] if joined else None
        if last and no - last[1] <= FAR and last[2] + rows <= enough:
            joined[-1] = (last[0], no, last[2] + rows)
        else:
            joined.append((no, no, rows))
    ranges = session.execute(_SEGMENT_RANGES).all()
    starts = [first for first, _, _ in ranges]
    parts = [
        Part(first * BLOCK, end, rows, _segment_of(first * BLOCK, end, ranges, starts))
        for first, last, rows in joined
        for end in [last * BLOCK + BLOCK - 1]
    ]
    return [part for _, run in groupby(parts, key=lambda part: part.segment) for part in _worth_it(list(run))]


def _worth_it(run: list[Part]) -> list[Part]:
    """Return neighbouring parts of one segment; as `MIXED` if there is too little for statements of their own."""
    if sum(part.rows for part in run) >= FIRST:
        return run
    return [part._replace(segment=MIXED) for part in run]


def _segment_of(first: int, last: int, ranges: Sequence[Any], starts: Sequence[int]) -> int:
    """Tell which logged segment has all the entry numbers of a range, 0 if none has any of them."""
    at = bisect_right(starts, last) - 1
    if at < 0 or ranges[at].last_entry_no < first:
        return 0
    return (
        int(ranges[at].no)
        if ranges[at].first_entry_no <= first and last <= ranges[at].last_entry_no
        else MIXED
    )


# Sorted; ranges of segments do not overlap.
_SEGMENT_RANGES = text("SELECT first_entry_no, last_entry_no, no FROM logged_segment ORDER BY 1")
_SECONDS = text("SELECT extract(epoch FROM clock_timestamp() - now())")
_LAST_CHUNK = text("""
    SELECT (outcome->>'deleted')::bigint AS deleted, (outcome->>'seconds')::float AS seconds FROM job_chunk
    WHERE job_id = :job_id AND step = 1 AND state = 'done' ORDER BY no DESC LIMIT 1
""")
# No row of the log is shorter than 80 bytes with its header.
_MAY_EXCEED = text("SELECT pg_relation_size('interaction') / 80 > :limit")
# Restoring a segment takes its row wholly and waits for this; other purges that count in it do not.
_LOCK_SEGMENTS = text("""
    SELECT no FROM logged_segment
    WHERE canceled_at <= :cutoff AND logged_at IS NOT NULL AND first_entry_no <= :last AND last_entry_no >= :first
    ORDER BY no
    FOR KEY SHARE
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
