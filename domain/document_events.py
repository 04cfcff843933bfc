"""Document events: what billing and quoting systems said was printed or sent, and what became of it (D1-D9).

How they come in is `domain.document_inbox`, how entries are made of them `domain.document_recording`; here is the
ledger.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import records
from domain import values as v
from domain.actors import Actor, Role
from domain.contacts import Contact
from domain.errors import Faults, NotFound

THING = "document_event"


class Door(StrEnum):
    """How an event came in."""

    HTTP = "http"
    STREAM = "stream"  # Redis Stream, read by the consumer
    TASK = "task"  # Celery task documents.receive


class Outcome(StrEnum):
    """What became of an event (D7)."""

    RECEIVED = "received"  # stored; a worker will take it in a moment
    RECORDED = "recorded"  # it opened an entry
    REPRINT = "reprint"  # it counts on the entry that an earlier print opened (D6)
    IGNORED = "ignored"  # the template setup has no template for the document type (D2)
    UNRESOLVED = "unresolved"  # nobody knows which contact it is about (D3)
    SUPPRESSED = "suppressed"  # the contact is blocked for privacy, or erased (C3)
    REJECTED = "rejected"  # it could not be read; kept with its raw text (D8)


# What replay tries again: master data may have been mended since.
REPLAYABLE = (Outcome.IGNORED, Outcome.UNRESOLVED, Outcome.SUPPRESSED)
FILTERS = (
    "outcome",
    "document_type",
    "document_no",
    "contact_no",
    "source",
    "id",
    "door",
    "conflicts",
    "from",
    "to",
)

# A page is chosen on the events alone; names are joined to its rows only. An entry that was purged is no longer shown
# (E5), although the event still knows its number.
PAGE = """
    SELECT e.*, c.no AS contact_no, c.name AS contact_name, a.name AS user_name, i.entry_no AS present_entry_no,
           (SELECT jsonb_agg(jsonb_build_object('received_at', k.received_at, 'door', k.door, 'data', k.data)
                             ORDER BY k.received_at, k.hash)
            FROM document_event_conflict k WHERE k.position = e.position) AS conflicts
    FROM (
        SELECT e.* FROM document_event e
        WHERE true {conditions}
        ORDER BY e.position {direction}
        LIMIT :limit
    ) e
    LEFT JOIN contact c ON c.id = e.contact_id
    LEFT JOIN actor a ON a.id = e.actor_id
    LEFT JOIN interaction i ON i.entry_no = e.entry_no
    ORDER BY e.position {direction}
"""


CONFLICTS = "AND {} e.position IN (SELECT position FROM document_event_conflict)"
# Said in two, so that each has its index: document_event_id_key, document_event_outcome_idx.
BY_ID = """
    AND (e.event_id = ANY(CAST(:ids AS text[])) AND e.outcome <> 'rejected'
         OR e.event_id = ANY(CAST(:ids AS text[])) AND e.outcome = 'rejected')
"""


def page(
    session: Session,
    *,
    filters: Mapping[str, Sequence[str]],
    reader: Actor,
    after: str | None = None,
    limit: int = 50,
    newest_first: bool = True,
) -> list[dict[str, Any]]:
    """Read a page of the ledger, in the order in which events came, in API shape.

    Parameters
    ----------
    filters
        Names of API.md, each with values that are ORed: `from` and `to` are instants of the event's time (`to` not
        included), `conflicts` is `true` or `false`.
    reader
        A service sees the events of the sources it sent, others see all (U1).
    after
        `position` of the last event of the page before.

    Raises
    ------
    Invalid
        For an instant or cursor that is none.
    """
    faults = Faults()
    conditions, parameters = conditions_of(session, filters, faults)
    if after is not None:
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            faults.add("query.after", "invalid", v.shown(after))
        else:
            conditions.append(f"AND e.position {'<' if newest_first else '>'} :after")
            parameters["after"] = int(after)
    faults.raise_if_any()
    if reader.role is Role.SERVICE:
        conditions.append("AND e.source IN (SELECT source FROM document_source WHERE actor_id = :reader)")
        parameters["reader"] = reader.id
    statement = PAGE.format(conditions=" ".join(conditions), direction="DESC" if newest_first else "ASC")
    rows = session.execute(text(statement), {**parameters, "limit": limit})
    return [_describe(row) for row in rows]


def get(session: Session, position: int) -> dict[str, Any]:
    """Read one event of the ledger, in the shape of `page`, by its place in the inbox.

    Raises
    ------
    NotFound
        If there is none.
    """
    found = None
    if 0 < position < 2**63:
        found = session.execute(
            text(PAGE.format(conditions="AND e.position = :position", direction="ASC")),
            {"position": position, "limit": 1},
        ).one_or_none()
    if found is None:
        raise NotFound(THING, position)
    return _describe(found)


def conditions_of(
    session: Session, filters: Mapping[str, Sequence[str]], faults: Faults
) -> tuple[list[str], dict[str, Any]]:
    """Say filters of the ledger as conditions on `document_event e`, with their parameters.

    Numbers of documents and ids are other systems' and compared exactly; an unknown contact gives an empty list.
    """
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    columns = {
        "outcome": "outcome",
        "document_type": "document_type",
        "document_no": "document_no",
        "source": "source",
        "door": "door",
    }
    for name, column in columns.items():
        if filters.get(name):
            conditions.append(f"AND e.{column} = ANY(CAST(:{name} AS text[]))")
            parameters[name] = [value for value in filters[name] if v.is_text(value)]
    if filters.get("door") and Door.HTTP not in filters["door"]:
        conditions.append("AND e.door <> 'http'")  # the condition of document_event_door_idx
    if filters.get("id"):
        conditions.append(BY_ID)
        parameters["ids"] = [value for value in filters["id"] if v.is_text(value)]
    if filters.get("contact_no"):
        conditions.append("AND e.contact_id = ANY(CAST(:contact_ids AS bigint[])) AND e.contact_id > 0")
        parameters["contact_ids"] = list(
            records.ids_of(session, Contact.id, Contact.no, filters["contact_no"]).values()
        )
    if filters.get("position"):
        conditions.append("AND e.position = ANY(CAST(:positions AS bigint[]))")
        parameters["positions"] = [int(value) for value in filters["position"]]
    if filters.get("conflicts"):
        wanted = [value == "true" for value in filters["conflicts"]]
        conditions += [CONFLICTS.format("" if is_wanted else "NOT") for is_wanted in set(wanted)]
    for name, comparison in (("from", ">="), ("to", "<")):
        if filters.get(name):
            conditions.append(f"AND e.time {comparison} :time_{name}")
            parameters[f"time_{name}"] = _instant(name, filters[name][0], faults)
    return conditions, parameters


def _instant(name: str, value: str, faults: Faults) -> dt.datetime | None:
    try:
        return v.parse_instant(value)
    except v.Bad as bad:
        faults.add(f"query.{name}", bad.code, v.shown(value))
        return None


def _describe(row: Any) -> dict[str, Any]:
    return {
        "position": row.position,
        "source": row.source,
        "id": row.event_id,
        "type": row.type,
        "time": row.time,
        "data": row.data,
        "attributes": row.envelope or {},
        "raw": row.raw,
        "received_at": row.received_at,
        "door": row.door,
        "user": row.user_name,
        "outcome": row.outcome,
        "reasons": row.reasons or [],
        "contact_no": row.contact_no,
        "contact_name": row.contact_name,
        "entry_no": row.present_entry_no,
        "attempts": row.attempts,
        "conflicts": [
            {**conflict, "received_at": dt.datetime.fromisoformat(conflict["received_at"])}
            for conflict in row.conflicts or ()
        ],
    }


MISSING = text("""
    SELECT g.id FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY g(id, position)
    WHERE NOT EXISTS (
        SELECT FROM document_event e WHERE e.event_id = g.id AND e.source = :source AND e.outcome <> 'rejected')
    ORDER BY g.position
""")


def missing(session: Session, *, source: str, ids: Sequence[str]) -> list[str]:
    """Say which of a producer's ids have not arrived, in the order given (D9). Index: document_event_id_key."""
    asked = [id for id in dict.fromkeys(ids) if v.is_text(id)]
    return list(session.scalars(MISSING, {"source": source, "ids": asked}))


COUNTS = text("""
    SELECT o.outcome, c.count
    FROM unnest(CAST(:outcomes AS text[])) o(outcome)
    CROSS JOIN LATERAL (
        SELECT count(*) FROM (
            SELECT FROM document_event e
            WHERE e.outcome = o.outcome AND e.outcome NOT IN ('received', 'recorded')
            LIMIT :most
        ) e
    ) c
    WHERE c.count > 0
""")


def counts(session: Session, *, outcomes: Iterable[Outcome], most: int = 10_000) -> dict[Outcome, int]:
    """Count the events with these outcomes, neither `received` nor `recorded`; nobody needs to know by how much there
    are more than `most`. Index: document_event_outcome_idx."""
    rows = session.execute(COUNTS, {"outcomes": [outcome.value for outcome in outcomes], "most": most})
    return {Outcome(outcome): count for outcome, count in rows}
