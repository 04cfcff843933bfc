"""Who changed what and when (U2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    cast,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, records
from domain.actors import Actor, ActorRow
from domain.database import Base
from domain.errors import Fault, Invalid
from domain.values import is_text

Changes = dict[str, list[Any]]


class Audit(Base):
    """One deed. `changes` maps API field names to [old, new]."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    action: Mapped[str]
    object_type: Mapped[str]
    object_key: Mapped[str]
    changes: Mapped[Changes] = mapped_column(JSONB, server_default="{}")


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_key: str,
    changes: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Write down a deed in the transaction that does it (U2). Secrets must not be among `changes`."""
    session.add(
        Audit(
            actor_id=actor.id,
            action=action,
            object_type=object_type,
            object_key=object_key,
            changes={name: [plain(old), plain(new)] for name, (old, new) in (changes or {}).items()},
        )
    )
    session.flush()


def record_difference(
    session: Session,
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_key: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Write down what a creation, change or deletion made of the stored fields, if anything."""
    changes = differences(before, after)
    if changes:
        record(
            session,
            actor=actor,
            action=action,
            object_type=object_type,
            object_key=object_key,
            changes=changes,
        )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """List the fields that differ, each with its old and new value; a missing field counts as blank."""
    return {
        field: [before.get(field), after.get(field)]
        for field in {**before, **after}
        if (before.get(field) or None) != (after.get(field) or None)
    }


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    newest_first: bool = True,
) -> list[Audit]:  # fmt: skip
    """Read a page in the order in which things were done.

    Filters: `user`, `action`, `object_type`, `object_key`, and days in the time zone of the setup: `date_from`,
    `date_to`.

    Raises
    ------
    Invalid
        For a date that is none.
    """
    query = select(Audit)
    for name, given in filters.items():
        values = [value for value in given if is_text(value)]
        if name == "user":
            lowered = [func.lower(value) for value in values]
            query = query.where(
                Audit.actor_id.in_(select(ActorRow.id).where(func.lower(ActorRow.name).in_(lowered)))
            )
        elif name in ("date_from", "date_to"):
            query = query.where(_on_days(name, values[0] if values else ""))
        elif name == "object_key":
            query = query.where(
                or_(false(), *(func.lower(Audit.object_key) == func.lower(v) for v in values))
            )
        else:
            query = query.where(getattr(Audit, name).in_(values))
    start = None if after is None else int(after)
    ordered = records.in_order(query, Audit.id, after=start, limit=limit, newest_first=newest_first)
    return list(session.scalars(ordered))


def of(
    session: Session, *, object_type: str, object_key: str, before: int | None = None, limit: int = 50
) -> list[Audit]:
    """Read what was done to one thing, newest first, before the deed with the id `before`. Index: audit_object_idx."""
    query = select(Audit).where(Audit.object_type == object_type, Audit.object_key == object_key)
    if before is not None:
        query = query.where(Audit.id < before)
    return list(session.scalars(query.order_by(Audit.id.desc()).limit(limit)))


def _on_days(name: str, given: str) -> ColumnElement[bool]:
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise Invalid([Fault(f"query.{name}", "invalid", given)]) from None
    midnight = func.timezone(
        select(text("timezone")).select_from(text("setup")).scalar_subquery(),
        cast(day, DateTime(timezone=False)),
    )
    return Audit.at >= midnight if name == "date_from" else Audit.at < midnight + text("interval '1 day'")


def describe(session: Session, things: Sequence[Audit]) -> list[dict[str, Any]]:
    """Give audit rows their API shape."""
    users = actors.names(session, {row.actor_id for row in things})
    return [
        {
            "id": row.id,
            "at": row.at,
            "user": users[row.actor_id],
            "action": row.action,
            "object": f"{row.object_type} {row.object_key}",
            "object_type": row.object_type,
            "object_key": row.object_key,
            "changes": row.changes,
        }
        for row in things
    ]


def plain(value: Any) -> Any:
    """Write a value as JSON can keep it."""
    match value:
        case Decimal() | UUID():
            return str(value)
        case date() | time():
            return value.isoformat()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return value
