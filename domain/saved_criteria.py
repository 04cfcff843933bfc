"""Saved criteria: the actions of a segment kept under a code, to be done again on another one (S8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, ForeignKey, Identity, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, audit, criteria, criteria_actions, records
from domain import values as v
from domain.actors import Actor
from domain.criteria_actions import CriteriaAction
from domain.database import Base, constraints_as_faults
from domain.errors import Conflict, Faults
from domain.job_steps import register
from domain.jobs import Job
from domain.segments import Segment

THING = "saved_criteria"
STORED: tuple[str, ...] = ("code", "description", "actions")

# Where lines came from or went that no filter of contacts describes.
NO_FILTERS = ("skipped_of", "copy_of", criteria.LINES)
MOST_ACTIONS = 1000


class NoActions(Conflict):
    """The segment has no action that could be done again on another one."""

    code: ClassVar[str] = "no_actions"


class SavedCriteria(Base):
    """Actions under a code, each `{action, filters, options}`."""

    __tablename__ = "saved_criteria"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


def get(session: Session, key: str, *, lock: bool = False) -> SavedCriteria:
    """Find saved criteria by code, ignoring case; raise `NotFound` if there are none."""
    return records.find(session, SavedCriteria, SavedCriteria.code, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[SavedCriteria]:  # fmt: skip
    """Read a page by code, or as `sort` says; filter `q` (code, description)."""
    conditions: list[ColumnElement[bool]] = []
    if "q" in filters:
        conditions.append(records.contains([SavedCriteria.code, SavedCriteria.description], filters["q"]))
    return records.page(
        session, SavedCriteria, SavedCriteria.code, conditions=conditions, after=after, limit=limit, sort=sort
    )


def save(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> SavedCriteria:
    """Keep the actions of a segment under a code.

    Raises
    ------
    Invalid
        Naming every fault; `already_exists` for a code that is taken.
    NoActions
        If there is nothing to be kept.
    """
    faults = Faults()
    taken = v.take({"code": None, **values}, {"code": v.code(required=True), "description": v.text()}, faults)
    code = taken.get("code")
    if code is not None and records.exists_key(session, SavedCriteria.code, code):
        faults.add("code", "already_exists", code)
    faults.raise_if_any()
    actions = [
        kept
        for action in criteria_actions.page(session, segment, limit=MOST_ACTIONS)
        if (kept := _repeatable(action)) is not None
    ]
    if not actions:
        raise NoActions()
    saved = SavedCriteria(actions=actions, actor_id=actor.id, **taken)
    with constraints_as_faults(session, {"code": code}):
        session.add(saved)
    audit.record_difference(
        session, actor=actor, action="create", object_type=THING, object_key=saved.code, before={},
        after=_stored(saved),
    )  # fmt: skip
    return saved


def delete(session: Session, saved: SavedCriteria, *, actor: Actor) -> None:
    """Delete saved criteria; segments that were built by them stay as they are."""
    before = _stored(saved)
    session.delete(saved)
    session.flush()
    audit.record_difference(
        session, actor=actor, action="delete", object_type=THING, object_key=before["code"], before=before,
        after={},
    )  # fmt: skip


def describe(session: Session, things: Iterable[SavedCriteria]) -> list[dict[str, Any]]:
    """Give saved criteria their API shape."""
    things = list(things)
    users = actors.names(session, {thing.actor_id for thing in things})
    return [
        {
            **_stored(thing),
            "actions_count": len(thing.actions),
            "user": users[thing.actor_id],
            "created_at": thing.created_at,
        }
        for thing in things
    ]


def apply(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for saved criteria to be done on a segment, each action by itself, on contacts as they are then.

    Raises
    ------
    Invalid
        If the code is missing or unknown.
    LoggingInProgress
        If the segment is frozen.
    """
    faults = Faults()
    taken = v.take({"code": None, **values}, {"code": v.code(required=True)}, faults)
    saved = records.refer(
        session, SavedCriteria, SavedCriteria.code, taken.get("code"), field="code", faults=faults
    )
    faults.raise_if_any()
    assert saved is not None
    locked = criteria.open_for_actions(session, segment)
    return criteria.enqueue(
        session,
        locked,
        kind=ApplyCriteria.name,
        parameters={"segment_no": locked.no, "code": saved.code},
        acts=saved.actions,
        actor=actor,
    )


@register
class ApplyCriteria(criteria.CriteriaActionKind):
    """Does the actions of saved criteria, one after the other."""

    name = "apply_criteria"


def _stored(saved: SavedCriteria) -> dict[str, Any]:
    return {"code": saved.code, "description": saved.description, "actions": saved.actions}


def _repeatable(action: CriteriaAction) -> dict[str, Any] | None:
    """Say an action so that it can be done on another segment; None if no filter describes it.

    Who was added by hand comes by number, whether excluded from segments or not (C2); a follow-up reuses the logged
    segment.
    """
    filters, options = dict(action.filters), dict(action.options)
    if any(name in filters for name in NO_FILTERS):
        return None
    if "follow_up_of" in filters:
        filters = {criteria.REUSE_OF: filters["follow_up_of"]}
    if action.manual and action.action == criteria.ADD:
        options = {"ignore_exclusion": True}
    return {"action": action.action, "filters": filters, "options": options}
