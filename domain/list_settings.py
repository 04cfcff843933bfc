"""How somebody likes to see a list: filters saved under a name, the columns shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import audit
from domain import values as v
from domain.actors import Actor
from domain.database import json_param
from domain.errors import Faults, Forbidden

SAVED_FILTER = "saved_filter"
COLUMNS = "chosen_columns"


def saved_filters(session: Session, *, actor: Actor, list: str) -> dict[str, dict[str, Any]]:
    """Give the filters that a user has saved for a list, by name in order."""
    rows = session.execute(
        text(
            "SELECT name, filters FROM saved_filter WHERE user_id = :user AND list = :list ORDER BY lower(name)"
        ),
        {"user": actor.user_id, "list": list},
    )
    return {row.name: row.filters for row in rows}


def save_filter(
    session: Session, *, actor: Actor, list: str, name: object, filters: Mapping[str, Any]
) -> None:
    """Save filters of a list under a name, in place of those that had it.

    Raises
    ------
    Invalid
        If the name is blank or too long.
    """
    _must_be_a_user(actor)
    faults = Faults()
    taken = v.take({"name": name}, {"name": v.text(required=True)}, faults)
    faults.raise_if_any()
    session.execute(
        text("""
            INSERT INTO saved_filter (user_id, list, name, filters) VALUES (:user, :list, :name, :filters)
            ON CONFLICT (user_id, list, name) DO UPDATE SET filters = excluded.filters
        """).bindparams(json_param("filters", dict(filters))),
        {"user": actor.user_id, "list": list, "name": taken["name"].strip()},
    )
    _record(session, actor, SAVED_FILTER, list, **{taken["name"]: (None, dict(filters))})


def forget_filter(session: Session, *, actor: Actor, list: str, name: str) -> None:
    """Forget filters; a name that is not there is forgotten already."""
    gone = session.execute(
        text(
            "DELETE FROM saved_filter WHERE user_id = :user AND list = :list AND name = :name RETURNING filters"
        ),
        {"user": actor.user_id, "list": list, "name": name},
    ).first()
    if gone is not None:
        _record(session, actor, SAVED_FILTER, list, **{name: (gone.filters, None)})


def columns(session: Session, *, actor: Actor, list: str) -> Sequence[str] | None:
    """Give the columns that a user has chosen for a list, or None."""
    found: Sequence[str] | None = session.execute(
        text("SELECT columns FROM chosen_columns WHERE user_id = :user AND list = :list"),
        {"user": actor.user_id, "list": list},
    ).scalar()
    return found


def choose_columns(session: Session, *, actor: Actor, list: str, chosen: Sequence[str]) -> None:
    """Keep the columns a user wants to see; none chosen brings the usual ones back."""
    _must_be_a_user(actor)
    before = columns(session, actor=actor, list=list)
    session.execute(
        text(
            "INSERT INTO chosen_columns (user_id, list, columns) VALUES (:user, :list, :columns)"
            " ON CONFLICT (user_id, list) DO UPDATE SET columns = excluded.columns"
            if chosen
            else "DELETE FROM chosen_columns WHERE user_id = :user AND list = :list"
        ),
        {"user": actor.user_id, "list": list, "columns": [*chosen]},
    )
    _record(session, actor, COLUMNS, list, columns=(before, [*chosen]))


def _must_be_a_user(actor: Actor) -> None:
    """A token looks at no list; raise `Forbidden`."""
    if actor.user_id is None:
        raise Forbidden()


def _record(session: Session, actor: Actor, thing: str, list: str, **changes: Any) -> None:
    """Record what was changed of a user's own settings."""
    audit.record(session, actor=actor, action="change", object_type=thing, object_key=list, changes=changes)
