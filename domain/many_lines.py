"""Many lines of a segment at once: their own values changed, or the lines taken out by hand (S2, S7).

Lines are chosen by number, by what is wrong with them, by their contacts, or all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, criteria, inherited, jobs, segment_lines, segments
from domain import values as v
from domain.actors import Actor
from domain.database import json_param
from domain.errors import Faults
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job
from domain.segments import Segment

MOST_NUMBERS = segment_lines.MOST_AT_ONCE

# Index: segment_line_pkey.
CHANGE = """
    UPDATE segment_line l SET {assignments}
    FROM ({lines}) s, jsonb_populate_record(NULL::segment_line, :own) o
    WHERE l.segment_id = :segment_id AND l.line_no = s.line_no AND ({differs})
"""


def change(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for overrides of many lines to be changed; all of them or none.

    Parameters
    ----------
    values
        Which lines (`line_nos`, `filter` or `all`), and `values`: overrides, None inherits again.

    Raises
    ------
    Invalid
        Naming every fault.
    LoggingInProgress, SegmentBusy
        If the segment may not be edited now.
    """
    faults = Faults()
    rest = dict(values)
    own = rest.pop("values", None)
    lines = _take_lines(rest, faults)
    columns: dict[str, Any] = {}
    if isinstance(own, Mapping) and own:
        columns = inherited.take(session, own, inherited.LINE, faults, prefix="values.")
    else:
        faults.add("values", "required" if not own else "invalid")
    faults.raise_if_any()
    locked = segments.editable(session, segment)
    shown = {name: v.shown(value) for name, value in (own or {}).items()}
    return jobs.create(
        session,
        kind=ChangeLines.name,
        parameters=audit.plain({"segment_no": locked.no, criteria.LINES: lines, "values": shown}),
        working=audit.plain({"segment_id": locked.id, criteria.LINES: lines, "columns": columns}),
        serial_key=segments.serial_key(locked),
        actor=actor,
    )


def remove(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for many lines to be taken out, as one action by hand that can be undone (S7).

    Parameters
    ----------
    values
        Which lines: `line_nos`, `filter` or `all`.

    Raises
    ------
    Invalid
        Naming every fault.
    LoggingInProgress
        If the segment is frozen.
    """
    faults = Faults()
    lines = _take_lines(values, faults)
    faults.raise_if_any()
    locked = criteria.open_for_actions(session, segment)
    act = {"action": criteria.REDUCE, "filters": {criteria.LINES: lines}, "options": {}, "manual": True}
    return criteria.enqueue(
        session,
        locked,
        kind=RemoveLines.name,
        parameters={"segment_no": locked.no, criteria.LINES: lines},
        acts=[act],
        actor=actor,
    )


def _take_lines(values: Mapping[str, Any], faults: Faults) -> dict[str, list[Any]]:
    """Take which lines are meant; none at all needs an explicit `all`."""
    lines: dict[str, list[Any]] = {}
    for name in set(values) - {"line_nos", "filter", "all"}:
        faults.add(name, "unknown_field")
    numbers = values.get("line_nos") or []
    if len(numbers) > MOST_NUMBERS:
        faults.add("line_nos", "too_large", len(numbers), limit=MOST_NUMBERS)
    elif numbers:
        given = {f"line_nos.{at}": number for at, number in enumerate(numbers)}
        lines["line_nos"] = list(
            v.take(given, dict.fromkeys(given, v.whole(least=1, blank=None)), faults).values()
        )
    for name, value in (values.get("filter") or {}).items():
        if name not in segment_lines.FILTERS or name == "line_nos":
            faults.add(f"filter.{name}", "unknown_field")
            continue
        listed = list(value) if isinstance(value, list | tuple) else [value]
        if not all(v.is_text(each) and each for each in listed):
            faults.add(f"filter.{name}", "invalid", v.shown(value))
        elif listed:
            lines[name] = listed
    if not lines and not faults and values.get("all") is not True:
        faults.add("filter", "filter_missing")
    return lines


@register
class RemoveLines(criteria.CriteriaActionKind):
    """Takes out lines that were chosen as such."""

    name = "remove_lines"


@register
class ChangeLines(Kind):
    """Changes overrides in the one transaction that ends the job, so that stopping it leaves nothing half done."""

    name = "change_lines"

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether the segment has few lines."""
        return session.get_one(Segment, job.working["segment_id"]).lines_count <= criteria.SMALL

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Nothing is done before the end."""
        return ()

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Change the lines as they are found now."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        columns = job.working["columns"]
        lines, parameters = segment_lines.selected(session, job.working[criteria.LINES])
        statement = CHANGE.format(
            lines=lines,
            assignments=", ".join(f"{column} = o.{column}" for column in columns),
            differs=" OR ".join(f"l.{column} IS DISTINCT FROM o.{column}" for column in columns),
        )
        changed = session.execute(
            text(statement).bindparams(json_param("own", columns)), {**parameters, "segment_id": segment.id}
        ).rowcount  # type: ignore[attr-defined]
        audit.record(
            session,
            actor=actors.of(session, job.created_by),
            action="change",
            object_type=segment_lines.THING,
            object_key=f"{segment.no}/*",
            changes={
                **{name: [None, value] for name, value in job.parameters["values"].items()},
                "lines": [None, changed],
            },
        )
        return {"changed": changed}
