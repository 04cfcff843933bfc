"""Undoing the last action of a segment, exactly (S7).

Lines that the action added go, those edited since as well; lines that it removed come back at their place, with their
overrides; the numbers given out by it are free again. So every state before it is there once more, row by row. Lines
come back in chunks and leave again if the job is stopped; lines that go do so in the one transaction that ends the job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, criteria, criteria_actions, jobs, line_history, segments
from domain.actors import Actor
from domain.criteria_actions import CriteriaAction
from domain.errors import Conflict
from domain.job_steps import Chunk, Kind, cut, register
from domain.jobs import Job
from domain.segments import Segment


class NothingToUndo(Conflict):
    """The segment has no action that could be undone."""

    code: ClassVar[str] = "nothing_to_undo"


def request(session: Session, segment: Segment, *, actor: Actor) -> Job:
    """Ask for the last action of a segment to be undone, after whatever is under way (S10).

    Raises
    ------
    NothingToUndo
        If there is none and none is under way.
    LoggingInProgress
        If the segment is frozen.
    """
    locked = criteria.open_for_actions(session, segment)
    serial_key = segments.serial_key(locked)
    if criteria_actions.last(session, locked.id) is None and jobs.open_job(session, serial_key) is None:
        raise NothingToUndo()
    return jobs.create(
        session,
        kind=Undo.name,
        parameters={"segment_no": locked.no},
        working={"segment_id": locked.id},
        serial_key=serial_key,
        actor=actor,
    )


@register
class Undo(Kind):
    """Takes back what the last action did."""

    name = "undo"
    undoes = True

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether the action changed few lines."""
        action = criteria_actions.last(session, job.working["segment_id"])
        return action is None or action.added + action.removed <= criteria.SMALL

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Find the action; cut the lines that come back by their numbers."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        action = criteria_actions.last(session, segment.id)
        if action is None:
            raise NothingToUndo()
        job.working = {**job.working, "action_no": action.no}
        if not action.removed:
            return []
        first, last = session.execute(
            text("""
                SELECT min(line_no), max(line_no) FROM segment_line_removed
                WHERE segment_id = :segment_id AND action_no = :action_no
            """),
            job.working,
        ).one()
        return cut(first, last, most=criteria.CHUNK) if first else []

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Bring the lines of one chunk back."""
        return {
            "lines": line_history.bring_back(
                session, **job.working, first=chunk.range_from, last=chunk.range_to
            )
        }

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Take the action's new lines out and the action off the list."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        action = criteria_actions.last(session, segment.id)
        assert action is not None
        assert action.no == job.working["action_no"]
        returned = line_history.forget(session, segment.id, action_no=action.no)
        gone = 0
        if action.first_line_no is not None and action.last_line_no is not None:
            gone = segments.delete_lines(
                session, segment.id, first=action.first_line_no, last=action.last_line_no
            )
            segment.last_line_no = action.first_line_no - 1
        segment.lines_count += returned - gone
        _record(session, segment, action, actor=actors.of(session, job.created_by))
        session.delete(action)
        session.flush()
        return {"added": returned, "removed": gone}

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take the lines of one chunk out again."""
        line_history.take_out_again(session, **job.working, first=chunk.range_from, last=chunk.range_to)


def _record(session: Session, segment: Segment, action: CriteriaAction, *, actor: Actor) -> None:
    """Audit what leaves the list (U2)."""
    kept = criteria_actions.describe(session, [action])[0]
    audit.record_difference(
        session,
        actor=actor,
        action="undo",
        object_type="criteria_action",
        object_key=f"{segment.no}/{action.no}",
        before={name: kept[name] for name in ("action", "manual", "filters", "options", "added", "removed")},
        after={},
    )
