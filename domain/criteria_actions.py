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
    added: int,
    removed: int,
    actor_id: int,
    job_id: uuid.UUID | None = None,
) -> CriteriaAction:
    """Write down an action; the caller holds the segment's row, so numbers follow without gaps."""
    last = session.scalar(select(func.max(CriteriaAction.no)).where(CriteriaAction.segment_id == segment_id))
    kept = CriteriaAction(
        segment_id=segment_id,
        no=(last or 0) + 1,
        action=action,
        manual=manual,
        filters=dict(filters),
        options=dict(options),
        added=added,
        removed=removed,
        actor_id=actor_id,
        job_id=job_id,
    )
    session.add(kept)
    session.flush()
    return kept


def page(
    session: Session, segment: Segment, *, after: int | None = None, limit: int = 50
) -> list[CriteriaAction]:
    """Read a page of the actions of a segment in the order they were done."""
    return list(
        session.scalars(
            select(CriteriaAction)
            .where(CriteriaAction.segment_id == segment.id, CriteriaAction.no > (after or 0))
            .order_by(CriteriaAction.no)
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
            "user": users[action.actor_id],
            "created_at": action.created_at,
        }
        for action in actions
    ]
