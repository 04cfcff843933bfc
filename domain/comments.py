"""Comments on interactions: free text in the order it was written, each with author and time (I7).

Those of a postponed interaction are there under its number from the beginning, so finishing it leaves them alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain import audit
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults, NotFound
from domain.interactions import THING

_one = v.text(v.COMMENT_LIMIT, required=True)


def check(value: object) -> list[str]:
    """Check a list of comments, none of them blank."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise v.Bad("invalid")
    return [_one(comment) for comment in value]


def of(session: Session, entry_no: int) -> list[dict[str, Any]]:
    """Read the comments on an interaction, recorded or postponed, in the order they were written."""
    return [
        {"comment": row.comment, "date": row.created_at, "user": row.name} for row in _rows(session, entry_no)
    ]


def _rows(session: Session, entry_no: int) -> Sequence[Row[Any]]:
    return session.execute(
        text("""
            SELECT c.id, c.comment, c.created_at, a.name
            FROM interaction_comment c JOIN actor a ON a.id = c.actor_id
            WHERE c.entry_no = :entry_no ORDER BY c.id
        """),
        {"entry_no": entry_no},
    ).all()


_LOCK_CONTACT = text("""
    SELECT k.no, k.erased_at FROM interaction_visible i JOIN contact k ON k.id = i.contact_id
    WHERE i.entry_no = :entry_no FOR SHARE OF k
""")


def add(session: Session, entry_no: int, *, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Comment on a recorded interaction; return the comment in API shape.

    Raises
    ------
    NotFound
        If there is no such entry.
    Invalid
        If the comment is blank or too long, or the contact has been erased (C4).
    """
    contact = session.execute(_LOCK_CONTACT, {"entry_no": entry_no}).one_or_none()
    if contact is None:
        raise NotFound(THING, entry_no)
    faults = Faults()
    taken = v.take({"comment": None, **values}, {"comment": _one}, faults)
    if contact.erased_at is not None:
        faults.add("contact_no", "contact_erased", contact.no)
    faults.raise_if_any()
    _insert(session, entry_no, [taken["comment"]], actor=actor)
    written = of(session, entry_no)[-1]
    audit.record(
        session, actor=actor, action="comment", object_type=THING, object_key=str(entry_no),
        changes={"comments": [None, taken["comment"]]},
    )  # fmt: skip
    return written


def write(session: Session, entry_no: int, wanted: Sequence[str], *, actor: Actor) -> None:
    """Make these the comments on an interaction (P4); what stays as it was keeps its author and time."""
    there = _rows(session, entry_no)
    same = 0
    while same < min(len(there), len(wanted)) and there[same].comment == wanted[same]:
        same += 1
    if gone := [row.id for row in there[same:]]:
        session.execute(text("DELETE FROM interaction_comment WHERE id = ANY(:ids)"), {"ids": gone})
    _insert(session, entry_no, wanted[same:], actor=actor)


def _insert(session: Session, entry_no: int, wanted: Sequence[str], *, actor: Actor) -> None:
    if wanted:
        session.execute(
            text("""
                INSERT INTO interaction_comment (entry_no, comment, actor_id, created_at)
                SELECT :entry_no, comment, :actor_id, clock_timestamp()
                FROM unnest(CAST(:comments AS text[])) WITH ORDINALITY AS given (comment, position)
                ORDER BY position
            """),
            {"entry_no": entry_no, "comments": list(wanted), "actor_id": actor.id},
        )
