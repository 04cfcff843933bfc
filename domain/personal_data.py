"""All that is kept about a contact, to be handed to that person (C4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import audit, contacts, interactions, postponed
from domain.actors import Actor
from domain.contacts import THING, Contact

# Rows read at once; memory does not grow with what there is.
PAGE = 500

Part = tuple[str, Iterator[Any]]


def record_export(session: Session, contact: Contact, *, actor: Actor) -> None:
    """Write down who took the data out."""
    audit.record(session, actor=actor, action="export", object_type=THING, object_key=contact.no)


def parts(session: Session, contact: Contact) -> Iterator[Part]:
    """Give everything, part by part, each a name and rows in API shape that are read as they are taken.

    The caller holds one snapshot (REPEATABLE READ), so that the parts agree.
    """
    own = {"contact_id": contact.id}
    yield "contact", iter([{**contacts.describe(session, [contact])[0], "created_at": contact.created_at}])
    yield "interactions", _paged(lambda after: _entries(session, contact, after), "entry_no")
    yield "postponed_interactions", _paged(lambda after: _postponed(session, contact, after), "entry_no")
    yield "comments", _paged(lambda after: _rows(session, COMMENTS, {**own, "after": after or 0}), "id")
    yield "segment_lines", iter(_rows(session, LINES, own))
    yield "skipped_lines", iter(_rows(session, SKIPPED, own))
    yield (
        "document_events",
        _paged(lambda after: _rows(session, EVENTS, {**own, "after": after or 0}), "position"),
    )
    yield "changes", _paged(lambda after: _changes(session, contact, after), "id")


def _paged(read: Callable[[Any], Sequence[dict[str, Any]]], key: str) -> Iterator[dict[str, Any]]:
    after = None
    while rows := read(after):
        after = rows[-1][key]
        yield from rows


def _entries(session: Session, contact: Contact, after: int | None) -> list[dict[str, Any]]:
    return interactions.page(
        session,
        filters={"contact_no": [contact.no]},
        after=str(after) if after else None,
        limit=PAGE,
        sort="entry_no",
        company=False,
    )


def _postponed(session: Session, contact: Contact, after: int | None) -> list[dict[str, Any]]:
    things = postponed.page(
        session, filters={"contact_no": [contact.no]}, after=after, limit=PAGE, company=False
    )
    return postponed.describe(session, things)


def _changes(session: Session, contact: Contact, after: int | None) -> list[dict[str, Any]]:
    things = audit.of(session, object_type=THING, object_key=contact.no, before=after, limit=PAGE)
    return audit.describe(session, things)


def _rows(session: Session, statement: Any, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in session.execute(statement, {**parameters, "limit": PAGE})]


COMMENTS = text("""
    SELECT c.id, c.entry_no, c.comment, c.created_at AS date, a.name AS user
    FROM interaction i
    JOIN interaction_comment c ON c.entry_no = i.entry_no
    JOIN actor a ON a.id = c.actor_id
    WHERE i.contact_id = :contact_id AND c.id > :after
    ORDER BY c.id LIMIT :limit
""")
EVENTS = text("""
    SELECT position, source, event_id AS id, type, time, data, received_at, outcome, entry_no
    FROM document_event WHERE contact_id = :contact_id AND contact_id > 0 AND position > :after
    ORDER BY position LIMIT :limit
""")
LINES = text("""
    SELECT s.no AS segment_no, l.line_no, l.description, l.subject, l.evaluation
    FROM segment_line l JOIN segment s ON s.id = l.segment_id
    WHERE l.contact_id = :contact_id AND s.status <> 'hidden'
    UNION ALL
    SELECT s.no, l.line_no, l.description, l.subject, l.evaluation
    FROM segment_line_removed l JOIN segment s ON s.id = l.segment_id
    WHERE l.contact_id = :contact_id AND s.status <> 'hidden' ORDER BY segment_no, line_no
""")
SKIPPED = text("""
    SELECT s.no AS logged_segment_no, s.segment_no, k.line_no, k.problems
    FROM logged_segment_skip k JOIN logged_segment s ON s.no = k.logged_segment_no
    WHERE k.contact_id = :contact_id ORDER BY s.no, k.line_no
""")
