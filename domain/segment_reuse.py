"""Reusing a logged segment: its contacts once more, with the campaigns of their entries (S8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from domain import criteria, logged_segments
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults, NotFound
from domain.job_steps import register
from domain.jobs import Job
from domain.logged_segments import LoggedSegmentIncomplete
from domain.segments import Segment


def request(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for a line for each contact of a logged segment that is not there yet, canceled entries' included.

    Parameters
    ----------
    values
        `logged_segment_no`.

    Raises
    ------
    Invalid
        If the number is missing or unknown.
    LoggedSegmentIncomplete
        If it is still being logged.
    LoggingInProgress
        If the segment is frozen.
    """
    faults = Faults()
    taken = v.take(
        {"logged_segment_no": None, **values}, {"logged_segment_no": v.whole(least=1, blank=None)}, faults
    )
    faults.raise_if_any()
    no = taken["logged_segment_no"]
    try:
        logged = logged_segments.get(session, no)
    except NotFound:
        faults.add("logged_segment_no", "unknown", no)
        faults.raise_if_any()
        raise
    if logged.status != "logged":
        raise LoggedSegmentIncomplete(no=no)
    locked = criteria.open_for_actions(session, segment)
    return criteria.enqueue(
        session,
        locked,
        kind=Reuse.name,
        parameters={"segment_no": locked.no, "reused_segment_no": no},
        acts=[{"action": criteria.ADD, "filters": {criteria.REUSE_OF: no}, "options": {}, "manual": False}],
        actor=actor,
    )


@register
class Reuse(criteria.CriteriaActionKind):
    """Adds the contacts of a logged segment, those that are excluded from segments as well (C2)."""

    name = "reuse"
