"""Logging a segment: every line becomes an entry of the log, exactly once, or nothing does (L1-L8).

What must never happen: an entry twice, a line neither logged nor skipped, half a segment in the log, a segment that
stays frozen. The chunks make sure of the first two (`domain.job_engine`), with a fuse beneath: the number of an
entry follows from its line, so a second one would violate the log's primary key. Entries count only when their
logged segment is complete, and the transaction that completes it also takes the segment away, so there is no moment
with both or neither. Whatever ends otherwise is undone by ranges of entry numbers, and the segment opens as it was.

With "refuse" nobody looks at a million lines twice: chunks log what they find ready, and the first line that is not
makes the job turn round, undo and end as refused with the full list of problems. What was written until then
existed for nobody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    criteria_actions,
    entry_totals,
    jobs,
    line_history,
    number_series,
    segment_check,
    segment_lines,
    segments,
    setup,
    sql,
)
from domain import values as v
from domain.actors import Actor
from domain.errors import Fault, Faults, Invalid, Refusal
from domain.job_steps import Chunk, Kind, cut, register
from domain.jobs import Job
from domain.logged_segments import LoggedSegment
from domain.logged_segments import of_job as logged_segment_of
from domain.segments import Segment, Status

# Lines per chunk, about 0.6 s of work on one of two busy connections. With chunks of 50,000 logging reached 0.65 to
# 0.74 of the rate of copying ready rows, with 100,000 0.76 to 0.83 in the same run, with larger ones no more.
CHUNK = 100_000

# What a chunk sorts and joins stays in memory (some 30 MB), whatever the server's own setting. And as its contacts are
# looked up in their order, most of a lookup is there from the one before: told so, the planner does not read all
# contacts for those of a chunk, unless there are hardly more.
TUNING = [
    text("SET LOCAL work_mem = '64MB'"),
    text("SET LOCAL random_page_cost = 0.1"),
    text("SET LOCAL cpu_operator_cost = 0.0005"),
]


class SegmentNotReady(Invalid):
    """The segment itself lacks something (L2); the code is that of the first fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__(faults)
        self.code = self.faults[0].code  # type: ignore[misc]


class SegmentHasProblems(Refusal):
    """Lines have problems and the user wants all or nothing, or no line is good (L3)."""

    code: ClassVar[str] = "segment_has_problems"


def request(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Freeze a segment and ask for it to be logged (L1, L2).

    Parameters
    ----------
    values
        `follow_up`, `send` (both default to false), `on_invalid`: `refuse` (default) or `skip`.

    Raises
    ------
    LoggingInProgress
        If somebody else did it first; two presses give one logged segment.
    SegmentBusy, AlreadyLogged, NumberSeriesMissing
        If it cannot be logged in this state.
    SegmentNotReady
        If it has no description or no lines.
    """
    faults = Faults()
    options = v.take(
        {"follow_up": None, "send": None, "on_invalid": "refuse", **values},
        {"follow_up": v.flag(), "send": v.flag(), "on_invalid": v.choice("refuse", "skip", required=True)},
        faults,
    )
    faults.raise_if_any()
    segment = segments.editable(session, segment)
    own = segment_check.own_faults(segment)
    if own:
        raise SegmentNotReady(
            Fault("description" if code == "description_missing" else "lines", code) for code in own
        )
    if segments.logged_under(session, segment.no):
        raise segments.AlreadyLogged([Fault("no", "already_logged", segment.no)], no=segment.no)
    if options["follow_up"]:
        number_series.check_available(session, field="segment_nos")
    segment.status = Status.LOGGING
    session.flush()
    return jobs.create(
        session,
        kind=LogSegment.name,
        parameters={"segment_no": segment.no, **options},
        working={"segment_id": segment.id},
        actor=actor,
    )


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the plan of a logging froze; kept in `job.working`."""

    segment_id: int
    first_entry_no: int
    logged_segment_no: int
    description: str
    campaign_id: int | None
    follow_up_id: int
    subject: str | None = None


@register
class LogSegment(Kind):
    """Turns a segment into entries."""

    name = "log_segment"
    undoes = True

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Reserve the numbers, make logged segment, campaign entries and follow-up (all of them hidden), and cut."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        first_entry_no = session.execute(
            text("SELECT next_entry_nos(:wanted)"), {"wanted": segment.last_line_no}
        ).scalar_one()
        logged = LoggedSegment(
            segment_id=segment.id,
            segment_no=segment.no,
            description=segment.description,
            subject=segment.subject,
            date=segment.date,
            actor_id=job.created_by,
            first_entry_no=first_entry_no,
            last_entry_no=first_entry_no + segment.last_line_no - 1,
            job_id=job.id,
        )
        session.add(logged)
        session.flush()
        campaign_id = _make_campaign_entries(session, segment, logged)
        plan = Plan(
            segment_id=segment.id,
            first_entry_no=first_entry_no,
            logged_segment_no=logged.no,
            description=segment.description,
            subject=segment.subject,
            campaign_id=campaign_id,
            follow_up_id=_prepare_follow_up(session, job, segment, campaign_id),
        )
        job.working = dataclasses.asdict(plan)
        return _cut_lines(session, segment)

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Log the lines of one chunk."""
        plan = Plan(**job.working)
        for setting in TUNING:
            session.execute(setting)
        row = session.execute(
            sql.load("log_lines"),
            {
                **dataclasses.asdict(plan),
                "campaign_id": plan.campaign_id or 0,
                "actor_id": job.created_by,
                "send": job.parameters["send"],
                "range_from": chunk.range_from,
                "range_to": chunk.range_to,
            },
        ).one()
        if row.skipped and job.parameters["on_invalid"] == "refuse":
            raise SegmentHasProblems()
        return dict(row._mapping)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Make everything count at once: the entries, the logged segment, the follow-up; the segment goes (L6)."""
        plan = Plan(**job.working)
        counts = _counts(session, job)
        if not counts["logged"]:
            raise SegmentHasProblems()
        segment = session.get_one(Segment, plan.segment_id, with_for_update=True)
        if counts["logged"] + counts["skipped"] != segment.lines_count:
            raise RuntimeError(
                f"segment {segment.no} has {segment.lines_count} lines, but {counts} were logged and skipped"
            )
        logged = session.get_one(LoggedSegment, plan.logged_segment_no, with_for_update=True)
        logged.logged_at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        logged.status = "logged"
        logged.interactions_count = counts["logged"]
        logged.skipped_count = counts["skipped"]
        logged.campaign_entries_count = _complete_campaign_entries(session, logged)
        entry_totals.sum_up_if_small(session, no=logged.no, entries=counts["logged"])
        follow_up_no = _complete_follow_up(session, job, plan, logged) if plan.follow_up_id else None
        actor = actors.of(session, job.created_by)
        segments.discard(session, segment, actor=actor)
        return {
            "logged_segment_no": logged.no,
            "interactions": counts["logged"],
            "skipped": counts["skipped"],
            "warnings": [{"code": "email_missing", "count": counts["email_missing"]}]
            if counts["email_missing"]
            else [],
            "follow_up_segment_no": follow_up_no,
            "follow_up_left_out": 0 if follow_up_no else None,
        }

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take the entries, skips and follow-up lines of one chunk away again."""
        parameters = {**job.working, "range_from": chunk.range_from, "range_to": chunk.range_to}
        for statement in UNDO:
            session.execute(statement, parameters)
        segments.delete_lines(
            session, job.working["follow_up_id"], first=chunk.range_from, last=chunk.range_to
        )

    def undone(self, session: Session, job: Job) -> None:
        """Take the logged segment away and open the segment as it was."""
        logged = logged_segment_of(session, job.id)
        if logged is not None:
            session.execute(
                text("DELETE FROM campaign_entry WHERE logged_segment_no = :no"), {"no": logged.no}
            )
            session.delete(logged)
        if job.working.get("follow_up_id"):
            session.delete(session.get_one(Segment, job.working["follow_up_id"]))
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        segment.status = Status.OPEN
        session.flush()

    def explain(self, session: Session, job: Job) -> Mapping[str, Any] | None:
        """List the problems of a segment that was refused for them (L3)."""
        if (job.problem or {}).get("code") != SegmentHasProblems.code:
            return None
        segment = session.get_one(Segment, job.working["segment_id"])
        checked = segment_check.check(session, segment, send=job.parameters["send"])
        return {"code": SegmentHasProblems.code, "params": {}, "errors": checked["problems"]}


UNDO = [
    text("""
        DELETE FROM interaction
        WHERE entry_no BETWEEN :first_entry_no + :range_from - 1 AND :first_entry_no + :range_to - 1
    """),
    text("""
        DELETE FROM logged_segment_skip
        WHERE logged_segment_no = :logged_segment_no AND line_no BETWEEN :range_from AND :range_to
    """),
]

# The header's campaign for lines without overrides, and whatever lines with overrides lead to (L5).
# Index: segment_line_overridden_idx.
MAKE_CAMPAIGN_ENTRIES = text("""
    INSERT INTO campaign_entry (campaign_id, logged_segment_no, segment_no, description)
    SELECT id, :logged_segment_no, :segment_no, :description
    FROM (SELECT CAST(:campaign_id AS integer) AS id
          UNION SELECT campaign_id FROM segment_line_effective WHERE segment_id = :segment_id AND overridden) c
    WHERE id IS NOT NULL
    ORDER BY id
""")
# Date and salesperson are those of the earliest line (L5), which for the campaign of most lines is found at once.
COMPLETE_CAMPAIGN_ENTRIES = text("""
    UPDATE campaign_entry c SET date = e.date, salesperson_id = e.salesperson_id
    FROM campaign_entry n
    CROSS JOIN LATERAL (
        SELECT i.date, i.salesperson_id FROM interaction i
        WHERE i.entry_no BETWEEN :first_entry_no AND :last_entry_no AND i.campaign_entry_no = n.entry_no
        ORDER BY i.entry_no LIMIT 1
    ) e
    WHERE n.logged_segment_no = :logged_segment_no AND c.entry_no = n.entry_no
""")


def _cut_lines(session: Session, segment: Segment) -> list[Chunk]:
    """Cut by line number, each chunk with the number of lines that are there, so that progress is exact."""
    chunks = cut(1, segment.last_line_no, most=CHUNK)
    if segment.lines_count == segment.last_line_no:
        return chunks
    rows = session.execute(
        text(
            "SELECT (line_no - 1) / :width AS position, count(*) AS lines FROM segment_line "
            "WHERE segment_id = :segment_id GROUP BY 1"
        ),
        {"segment_id": segment.id, "width": chunks[0].range_to},
    )
    lines = {row.position: row.lines for row in rows}
    return [
        dataclasses.replace(chunk, size=lines[position])
        for position, chunk in enumerate(chunks)
        if position in lines
    ]


def _make_campaign_entries(session: Session, segment: Segment, logged: LoggedSegment) -> int | None:
    """Make a campaign entry for each campaign a line may lead to; return the header's campaign."""
    header = session.execute(sql.load("segment_effective"), {"ids": [segment.id]}).one()
    campaign_id: int | None = header.campaign_id
    session.execute(
        MAKE_CAMPAIGN_ENTRIES,
        {
            "campaign_id": campaign_id,
            "segment_id": segment.id,
            "segment_no": segment.no,
            "description": segment.description,
            "logged_segment_no": logged.no,
        },
    )
    return campaign_id


def _complete_campaign_entries(session: Session, logged: LoggedSegment) -> int:
    """Give campaign entries date and salesperson; drop those no line led to; return how many there are."""
    session.execute(
        COMPLETE_CAMPAIGN_ENTRIES,
        {
            "first_entry_no": logged.first_entry_no,
            "last_entry_no": logged.last_entry_no,
            "logged_segment_no": logged.no,
        },
    )
    session.execute(
        text("DELETE FROM campaign_entry WHERE logged_segment_no = :no AND date IS NULL"), {"no": logged.no}
    )
    return int(
        session.execute(
            text("SELECT count(*) FROM campaign_entry WHERE logged_segment_no = :no"), {"no": logged.no}
        ).scalar_one()
    )


def _counts(session: Session, job: Job) -> dict[str, int]:
    row = session.execute(
        text("""
            SELECT coalesce(sum((outcome->>'logged')::bigint), 0)::bigint AS logged,
                   coalesce(sum((outcome->>'skipped')::bigint), 0)::bigint AS skipped,
                   coalesce(sum((outcome->>'email_missing')::bigint), 0)::bigint AS email_missing
            FROM job_chunk WHERE job_id = :job_id AND step = 1 AND state = 'done'
        """),
        {"job_id": job.id},
    ).one()
    return dict(row._mapping)


def _prepare_follow_up(session: Session, job: Job, segment: Segment, campaign_id: int | None) -> int:
    """Make the hidden header of the follow-up segment, if one is wanted; return its id or 0 (L7)."""
    if not job.parameters["follow_up"]:
        return 0
    return make_hidden(
        session,
        description=f"Follow-up on segment {segment.no}",
        campaign_id=campaign_id,
        salesperson_id=segment.salesperson_id,
        actor_id=job.created_by,
    ).id


def make_hidden(
    session: Session, *, description: str, campaign_id: int | None, salesperson_id: int | None, actor_id: int
) -> Segment:
    """Make a segment that exists for nobody until `reveal` gives it a number."""
    segment = Segment(
        no="",
        status=Status.HIDDEN,
        description=description[: v.NAME_LIMIT],
        date=setup.today(session),
        campaign_id=campaign_id,
        salesperson_id=salesperson_id,
        created_by=actor_id,
    )
    session.add(segment)
    session.flush()
    return segment


def reveal(
    session: Session, segment_id: int, *, job: Job, lines: int, last_line_no: int, filters: Mapping[str, Any]
) -> Segment:
    """Give a hidden segment its number and its one criteria action; from now on it exists."""
    segment = session.get_one(Segment, segment_id, with_for_update=True)
    segment.no = number_series.next_no(session, field="segment_nos")
    segment.status = Status.OPEN
    segment.lines_count = lines
    segment.last_line_no = last_line_no
    session.flush()
    criteria_actions.keep(
        session,
        segment_id=segment.id,
        action="add",
        manual=False,
        filters=filters,
        options={},
        added=lines,
        numbers=(1, last_line_no),
        actor_id=job.created_by,
        job_id=job.id,
    )
    segment_lines.tell_planner(session, added=lines)
    return segment


def _complete_follow_up(session: Session, job: Job, plan: Plan, logged: LoggedSegment) -> str:
    follow_up = reveal(
        session,
        plan.follow_up_id,
        job=job,
        lines=logged.interactions_count,
        last_line_no=logged.last_entry_no - logged.first_entry_no + 1,
        filters={"follow_up_of": logged.no},
    )
    return follow_up.no


@register
class DiscardSegment(Kind):
    """Deletes the lines of a large segment that is gone already for everybody."""

    name = "discard_segment"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Cut the lines by number."""
        segment = session.get_one(Segment, job.working["segment_id"])
        return cut(1, segment.last_line_no, most=CHUNK)

    def work(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Delete the lines of one chunk, and those that actions had taken out."""
        segment_id = job.working["segment_id"]
        segments.delete_lines(session, segment_id, first=chunk.range_from, last=chunk.range_to)
        line_history.discard(session, segment_id, first=chunk.range_from, last=chunk.range_to)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Delete the header."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        session.delete(segment)
        session.flush()
        return {}
