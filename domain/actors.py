"""Whoever does something: a user, a program with a token, the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Identity, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.database import Base

SYSTEM = "system"


class Role(StrEnum):
    """What somebody may do (U1)."""

    VIEWER = "viewer"  # reads all but users, tokens and audit
    SALESPERSON = "salesperson"  # interactions of their own
    MARKETING = "marketing"  # contacts, campaigns, segments, logging
    ADMIN = "admin"  # master data, setup, users
    SERVICE = "service"  # document events only

    def includes(self, other: Role) -> bool:
        """Tell whether this role may do all that `other` may; service stands apart (U1)."""
        if Role.SERVICE in (self, other):
            return self is other
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Actor:
    """Who is acting now, with the rights and defaults that go with it.

    Parameters
    ----------
    id
        Key in `actor`; entries, jobs and audit carry it.
    salesperson_id
        Own salesperson: default of I3 and S1, and whose entries are one's own (U1).
    timezone
        IANA name of the zone that times are shown in, `None` for that of the setup.
    user_id
        Key in `app_user`, `None` for a token or the system.
    """

    id: int
    name: str
    role: Role
    salesperson_id: int | None = None
    language_code: str | None = None
    timezone: str | None = None
    user_id: int | None = None

    def may_change(self, *, actor_id: int, salesperson_id: int | None) -> bool:
        """Tell whether an entry is theirs to change, cancel and restore: all are for marketing, and for a salesperson
        those whose user is themselves or whose salesperson is their own (U1).

        Parameters
        ----------
        actor_id, salesperson_id
            Those of the entry.
        """
        if self.role.includes(Role.MARKETING):
            return True
        own = actor_id == self.id or (salesperson_id is not None and salesperson_id == self.salesperson_id)
        return self.role.includes(Role.SALESPERSON) and own

    def scope(self) -> dict[str, Any]:
        """Return the parameters of `MAY_CHANGE`; plain values, so that a job can keep them."""
        return {
            "may_change_all": self.role.includes(Role.MARKETING),
            "own_actor_id": self.id if self.role.includes(Role.SALESPERSON) else 0,
            "own_salesperson_id": self.salesperson_id if self.role.includes(Role.SALESPERSON) else None,
        }


# `Actor.may_change` in SQL, for entry `i`; the parameters are those of `Actor.scope`.
MAY_CHANGE = """
    (:may_change_all OR i.actor_id = :own_actor_id
     OR coalesce(i.salesperson_id = CAST(:own_salesperson_id AS integer), false))
"""


class ActorRow(Base):
    """The name under which somebody's deeds are shown."""

    __tablename__ = "actor"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]


def system(session: Session) -> Actor:
    """Return the actor of what nobody asked for: schedules, the first start."""
    row = session.scalars(select(ActorRow).where(ActorRow.name == SYSTEM)).one()
    return Actor(id=row.id, name=row.name, role=Role.ADMIN)


def of(session: Session, id: int) -> Actor:
    """Return the actor behind a deed that was asked for earlier, such as a job; it has no rights of its own."""
    row = session.get_one(ActorRow, id)
    return Actor(id=row.id, name=row.name, role=Role.VIEWER)


def claim_name(session: Session, name: str) -> int:
    """Return the id of the actor called `name`, ignoring case; make one if there is none."""
    session.execute(
        insert(ActorRow).values(name=name).on_conflict_do_nothing(index_elements=[func.lower(ActorRow.name)])
    )
    return session.scalars(select(ActorRow.id).where(func.lower(ActorRow.name) == func.lower(name))).one()


def claim_names(session: Session, wanted: set[str]) -> dict[str, int]:
    """Map each name, in lower case, to the id of the actor called so; make those that are not there."""
    if not wanted:
        return {}
    parameters = {"names": sorted(wanted)}
    session.execute(
        text("""
            INSERT INTO actor (name)
            SELECT DISTINCT ON (lower(g.name)) g.name FROM unnest(CAST(:names AS text[])) g(name)
            WHERE NOT EXISTS (SELECT FROM actor a WHERE lower(a.name) = lower(g.name))
            ORDER BY lower(g.name), g.name
            ON CONFLICT DO NOTHING
        """),
        parameters,
    )
    rows = session.execute(
        text(
            "SELECT lower(a.name), a.id FROM unnest(CAST(:names AS text[])) g(name) "
            "JOIN actor a ON lower(a.name) = lower(g.name)"
        ),
        parameters,
    )
    return dict(rows.all())


def names(session: Session, ids: set[int]) -> dict[int, str]:
    """Map ids of actors to their names, in one query."""
    if not ids:
        return {}
    return dict(session.execute(select(ActorRow.id, ActorRow.name).where(ActorRow.id.in_(ids))).all())
