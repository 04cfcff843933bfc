"""How the lines of a segment came and went: one row for each action, manual adds and removals included (S7)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors
from domain.database import Base
from domain.segments import Segment

# Why a contact that matches is not added.
LEFT_OUT = ("excluded", "existing", "blocked")


class CriteriaAction(Base):
    """One action on a segment with its filters, who did it, when, and how many lines it changed."""

    __tablename__ = "criteria_action"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"))
    no: Mapped[int]
    action: Mapped[str]
    manual: Mapped[bool]
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    added: Mapped[int]
    removed: Mapped[int]
    excluded: Mapped[int]
    existing: Mapped[int]
    blocked: Mapped[int]
    first_line_no: Mapped[int | None]
    last_line_no: Mapped[int | None]
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    job_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


def keep(
    session: Session,
    *,
    segment_id: int,
    action: str,
    manual: bool,
    filters: Mapping[str, Any],
    options: Mapping[str, Any],
    actor_id: int,
    added: int = 0,
    removed: int = 0,
    left_out: Mapping[str, int] | None = None,
    numbers: tuple[int, int] | None = None,
    job_id: uuid.UUID | None = None,
) -> CriteriaAction:
    """Write down an action; the caller holds the segment's row, so numbers follow without gaps.

    Parameters
    ----------
    left_out
        Counts of what was not added: `excluded`, `existing`, `blocked`.
    numbers
        First and last number of the lines that came; nobody else's lines are between them.
    """
    left_out = left_out or {}
    kept = CriteriaAction(
        segment_id=segment_id,
        no=next_no(session, segment_id),
        action=action,
        manual=manual,
        filters=dict(filters),
        options=dict(options),
        added=added,
        removed=removed,
        **{name: left_out.get(name, 0) for name in LEFT_OUT},
        first_line_no=numbers[0] if numbers and added else None,
        last_line_no=numbers[1] if numbers and added else None,
        actor_id=actor_id,
        job_id=job_id,
    )
    session.add(kept)
    session.flush()
    return kept


def last(session: Session, segment_id: int) -> CriteriaAction | None:
    """Return the last action of a segment, or None."""
    return session.scalars(
        select(CriteriaAction)
        .where(CriteriaAction.segment_id == segment_id)
        .order_by(CriteriaAction.no.desc())
        .limit(1)
    ).first()


def next_no(session: Session, segment_id: int) -> int:
    """Return the number that the next action of a segment gets."""
    found = last(session, segment_id)
    return found.no + 1 if found else 1


def page(
    session: Session,
    segment: Segment,
    *,
    after: int | None = None,
    limit: int = 50,
    newest_first: bool = False,
) -> list[CriteriaAction]:
    """Read a page of the actions of a segment in the order they were done, or the other way round."""
    return list(
        session.scalars(
            select(CriteriaAction)
            .where(CriteriaAction.segment_id == segment.id, CriteriaAction.no > (after or 0))
            .order_by(CriteriaAction.no.desc() if newest_first else CriteriaAction.no)
            .limit(limit)
        )
    )


def describe(session: Session, actions: Iterable[CriteriaAction]) -> list[dict[str, Any]]:
    """Give actions their API shape."""
    actions = list(actions)
    users = actors.names(session, {action.actor_id for action in actions})
    return [
        {
            "no": action.no,
            "action": action.action,
            "manual": action.manual,
            "filters": action.filters,
            "options": action.options,
            "added": action.added,
            "removed": action.removed,
            **{name: getattr(action, name) for name in LEFT_OUT},
            "user": users[action.actor_id],
            "created_at": action.created_at,
        }
        for action in actions
    ]
