"""Salespeople: who looks after contacts, campaigns and segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Identity, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, records, statistics
from domain import values as v
from domain.actors import Actor
from domain.database import Base, constraints_as_faults
from domain.errors import Faults

THING = "salesperson"
STORED: tuple[str, ...] = ("code", "name", "email", "blocked")
CHECKS: dict[str, v.Check] = {
    "code": v.code(required=True),
    "name": v.text(),
    "email": v.email,
    "blocked": v.flag(),
}
READ_ONLY = statistics.FIELDS
REFERENCES = {
    "contact": "SELECT FROM contact WHERE salesperson_id = :id",
    "campaign": "SELECT FROM campaign WHERE salesperson_id = :id",
    "user": "SELECT FROM app_user WHERE salesperson_id = :id",
    "token": "SELECT FROM api_token WHERE salesperson_id = :id AND revoked_at IS NULL",
    "segment": "SELECT FROM segment WHERE salesperson_id = :id AND status <> 'hidden'",
    "segment_line": f"SELECT FROM segment_line WHERE salesperson_id = :id AND {records.OVERRIDDEN}",
    "campaign_entry": "SELECT FROM campaign_entry WHERE salesperson_id = :id",
    "interaction": "SELECT FROM interaction WHERE salesperson_id = :id",
    "postponed_interaction": "SELECT FROM postponed_interaction WHERE salesperson_id = :id",
}
_CLEAR_REVOKED_TOKENS = text(
    "UPDATE api_token SET salesperson_id = NULL WHERE salesperson_id = :id AND revoked_at IS NOT NULL"
)


class Salesperson(Base):
    """Somebody who sells. A blocked one stays where it is and stops new work (I3, S9)."""

    __tablename__ = "salesperson"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str]
    name: Mapped[str] = mapped_column(default="", server_default="")
    email: Mapped[str] = mapped_column(default="", server_default="")
    blocked: Mapped[bool] = mapped_column(default=False, server_default="false")


def get(session: Session, key: str, *, lock: bool = False) -> Salesperson:
    """Find a salesperson by code, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, Salesperson, Salesperson.code, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[Salesperson]:  # fmt: skip
    """Read a page by code, or as `sort` says; filters `q` (code, name, email) and `blocked`."""
    conditions: list[ColumnElement[bool]] = []
    if "q" in filters:
        conditions.append(
            records.contains([Salesperson.code, Salesperson.name, Salesperson.email], filters["q"])
        )
    if "blocked" in filters:
        conditions.append(records.filter_by_flag(Salesperson.blocked, filters["blocked"]))
    return records.page(
        session, Salesperson, Salesperson.code, conditions=conditions, after=after, limit=limit, sort=sort
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Salesperson:
    """Make a salesperson; raise `Invalid` naming every fault."""
    faults = Faults()
    taken = v.take({"code": None, **values}, CHECKS, faults, read_only=READ_ONLY)
    if "code" in taken and records.exists_key(session, Salesperson.code, taken["code"]):
        faults.add("code", "already_exists", taken["code"])
    faults.raise_if_any()
    salesperson = Salesperson(**taken)
    with constraints_as_faults(session, dict(values)):
        session.add(salesperson)
    _record(session, salesperson, actor=actor, action="create", before={})
    return salesperson


def change(
    session: Session, salesperson: Salesperson, *, values: Mapping[str, Any], actor: Actor
) -> Salesperson:
    """Change the given fields; raise `Invalid` naming every fault. The code stays."""
    records.lock(session, salesperson, thing=THING, key=salesperson.code)
    faults = Faults()
    rest = records.key_stays(values, "code", salesperson.code, faults)
    taken = v.take(rest, CHECKS, faults, read_only=READ_ONLY)
    faults.raise_if_any()
    before = _stored(session, salesperson)
    records.assign(salesperson, taken)
    session.flush()
    _record(session, salesperson, actor=actor, action="change", before=before)
    return salesperson


def delete(session: Session, salesperson: Salesperson, *, actor: Actor) -> None:
    """Delete a salesperson nothing refers to; raise `InUse` naming what does (C1)."""
    before = _stored(session, salesperson)
    records.remove(
        session,
        salesperson,
        thing=THING,
        key_field="code",
        key=salesperson.code,
        references=REFERENCES,
        parameters={"id": salesperson.id},
        belongings=[_CLEAR_REVOKED_TOKENS.bindparams(id=salesperson.id)],
    )
    audit.record_difference(
        session,
        actor=actor,
        action="delete",
        object_type=THING,
        object_key=before["code"],
        before=before,
        after={},
    )


def describe(session: Session, things: Sequence[Salesperson]) -> list[dict[str, Any]]:
    """Give salespeople their API shape, without statistics."""
    return [{field: getattr(thing, field) for field in STORED} for thing in things]


def statistics_fields(
    session: Session,
    things: Sequence[Salesperson],
    *,
    date_from: date | None = None,
    date_to: date | None = None,
) -> list[dict[str, Any]]:
    """Give the statistics of salespeople (T5) in the order given, ready to be merged into `describe`."""
    return statistics.fields(
        session, by="salesperson", ids=[thing.id for thing in things], date_from=date_from, date_to=date_to
    )


def _stored(session: Session, salesperson: Salesperson) -> dict[str, Any]:
    return describe(session, [salesperson])[0]


def _record(
    session: Session, salesperson: Salesperson, *, actor: Actor, action: str, before: Mapping[str, Any]
) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=salesperson.code,
        before=before,
        after=_stored(session, salesperson),
    )
