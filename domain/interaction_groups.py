"""Interaction groups: how interaction templates and their entries are sorted (T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Identity, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, records, statistics
from domain import values as v
from domain.actors import Actor
from domain.database import Base, constraints_as_faults
from domain.errors import Faults

THING = "interaction_group"
STORED: tuple[str, ...] = ("code", "description")
CHECKS: dict[str, v.Check] = {"code": v.code(required=True), "description": v.text()}
REFERENCES = {
    "interaction_template": "SELECT FROM interaction_template WHERE group_id = :id",
    "interaction": """
        SELECT FROM interaction_template_version v WHERE v.group_id = :id AND (
            EXISTS (SELECT FROM interaction i WHERE i.template_version_id = v.id)
            OR EXISTS (SELECT FROM segment s WHERE s.status = 'logging'))""",
}
_LOCK_TEMPLATES = text("""
    SELECT FROM interaction_template
    WHERE id IN (SELECT template_id FROM interaction_template_version WHERE group_id = :id)
    ORDER BY id FOR UPDATE
""")


class InteractionGroup(Base):
    """A unique code and a description (T1)."""

    __tablename__ = "interaction_group"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")


def get(session: Session, key: str, *, lock: bool = False) -> InteractionGroup:
    """Find a group by code, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, InteractionGroup, InteractionGroup.code, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[InteractionGroup]:  # fmt: skip
    """Read a page by code, or as `sort` says; filter `q` (code, description)."""
    conditions = []
    if "q" in filters:
        conditions.append(
            records.contains([InteractionGroup.code, InteractionGroup.description], filters["q"])
        )
    return records.page(
        session,
        InteractionGroup,
        InteractionGroup.code,
        conditions=conditions,
        after=after,
        limit=limit,
        sort=sort,
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> InteractionGroup:
    """Make a group; raise `Invalid` naming every fault (T1)."""
    faults = Faults()
    taken = v.take({"code": None, **values}, CHECKS, faults, read_only=statistics.FIELDS)
    if "code" in taken and records.exists_key(session, InteractionGroup.code, taken["code"]):
        faults.add("code", "already_exists", taken["code"])
    faults.raise_if_any()
    group = InteractionGroup(**taken)
    with constraints_as_faults(session, dict(values)):
        session.add(group)
    _record(session, group, actor=actor, action="create", before={})
    return group


def change(
    session: Session, group: InteractionGroup, *, values: Mapping[str, Any], actor: Actor
) -> InteractionGroup:
    """Change the given fields; raise `Invalid` naming every fault. The code stays."""
    records.lock(session, group, thing=THING, key=group.code)
    faults = Faults()
    rest = records.key_stays(values, "code", group.code, faults)
    taken = v.take(rest, CHECKS, faults, read_only=statistics.FIELDS)
    faults.raise_if_any()
    before = _stored(session, group)
    records.assign(group, taken)
    session.flush()
    _record(session, group, actor=actor, action="change", before=before)
    return group


def delete(session: Session, group: InteractionGroup, *, actor: Actor) -> None:
    """Delete a group that no template and no entry has; raise `InUse` naming what refers to it (T1).

    Wordings that templates had in this group and no entry was made with go too. The templates are locked
    against interactions being made now from such a wording, and before the group, as who changes a template
    does.
    """
    session.execute(_LOCK_TEMPLATES, {"id": group.id})
    before = _stored(session, group)
    records.remove(
        session,
        group,
        thing=THING,
        key_field="code",
        key=group.code,
        references=REFERENCES,
        parameters={"id": group.id},
        belongings=[
            text("DELETE FROM interaction_template_version WHERE group_id = :id").bindparams(id=group.id)
        ],
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


def describe(session: Session, things: Sequence[InteractionGroup]) -> list[dict[str, Any]]:
    """Give groups their API shape, without statistics."""
    return [{field: getattr(thing, field) for field in STORED} for thing in things]


def statistics_fields(
    session: Session,
    things: Sequence[InteractionGroup],
    *,
    date_from: date | None = None,
    date_to: date | None = None,
) -> list[dict[str, Any]]:
    """Give the statistics of groups (T5) in the order given, ready to be merged into `describe`."""
    return statistics.fields(
        session, by="group", ids=[thing.id for thing in things], date_from=date_from, date_to=date_to
    )


def _stored(session: Session, group: InteractionGroup) -> dict[str, Any]:
    return describe(session, [group])[0]


def _record(
    session: Session, group: InteractionGroup, *, actor: Actor, action: str, before: Mapping[str, Any]
) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=group.code,
        before=before,
        after=_stored(session, group),
    )
