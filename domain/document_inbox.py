"""The inbox of document events: stored first, each once, and only then answered (D1, D8).

What must never happen: an event that was answered with "accepted" and is not there, or is there twice. So every door
calls `receive` in one transaction, commits it, and answers or acknowledges afterwards; whoever dies in between leaves
either nothing, or an event that the sender's next attempt finds as a duplicate. Uniqueness is the database's
(document_event_id_key); the hash tells a duplicate from a conflict.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, hints, sql, strict_json
from domain import values as v
from domain.actors import Actor
from domain.document_events import Door
from domain.errors import Fault, Faults
from domain.template_setup import DOCUMENT_TYPES

TYPES = ("document.printed", "document.sent")
ACCOUNT_TYPES = ("customer", "vendor", "contact")
SPEC_VERSION = "1.0"
MOST_AT_ONCE = 1_000

ID_LIMIT = 255
# Characters of what an event may have besides its data, and of the raw text kept of a rejected one.
ATTRIBUTES_LIMIT = 16_384
RAW_LIMIT = 100_000
# Digits of a number that is kept as a number.
MOST_DIGITS = 300
# What a sender's clock may be ahead of ours.
AHEAD = dt.timedelta(days=1)
EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)

_ATTRIBUTE = re.compile(r"[a-z0-9_]{1,40}")
_WHOLE, _NAME = v.whole(), v.text(v.NAME_LIMIT)


def _identifier(value: object) -> str:
    """Check an id or source: 1 to 255 printable characters."""
    if not isinstance(value, str) or not value.strip():
        raise v.Bad("required" if value in (None, "") else "invalid")
    if len(value) > ID_LIMIT:
        raise v.Bad("too_long", limit=ID_LIMIT)
    if not value.isprintable():
        raise v.Bad("invalid")
    return value


def _optional(check: v.Check) -> v.Check:
    return lambda value: None if value is None else check(value)


def _whole(value: object) -> int:
    """Check a whole number; one that was written with a fraction of nothing is one as well."""
    if isinstance(value, (Decimal, float)) and -1 < value < v.LARGEST_INTEGER + 1 and value == int(value):
        value = int(value)
    number: int = _WHOLE(value)
    return number


def _name(value: object) -> str | None:
    name: str = _NAME(value)
    return name.strip() or None


CHECKS: dict[str, v.Check] = {
    "id": _identifier,
    "source": _identifier,
    "type": v.choice(*TYPES, required=True),
    "time": _optional(v.parse_instant),
    "specversion": v.choice(SPEC_VERSION, required=True),
}
# Codes of ours are as other systems write them here: one that does not exist is an outcome, no fault (D3).
DATA_CHECKS: dict[str, v.Check] = {
    "document_type": v.choice(*DOCUMENT_TYPES, required=True),
    "document_no": v.foreign_no,
    "document_version": _whole,
    "document_occurrence": _whole,
    "account_type": v.choice(*ACCOUNT_TYPES),
    "account_no": _optional(v.foreign_no),
    "contact_no": _optional(v.foreign_no),
    "salesperson_code": _optional(v.foreign_no),
    "campaign_no": _optional(v.foreign_no),
    "description": v.text(),
    "opportunity_no": _optional(v.foreign_no),
    "user": _name,
}
# Fields that can be written in more than one way and are kept in one, so that equal events have equal hashes.
NUMBERS = ("document_version", "document_occurrence")


class Incoming(NamedTuple):
    """One event as it came.

    Parameters
    ----------
    value
        The parsed JSON; None if it could not be read.
    raw
        Its text, kept if it is rejected and the sender gets no answer.
    unreadable
        Why it could not be read, or None.
    """

    value: object
    raw: str
    unreadable: str | None = None


@dataclass(frozen=True)
class Rejection:
    """An event that was not taken: its place in the batch, its code, and what is wrong with it."""

    index: int
    source: str | None
    id: str | None
    code: str
    faults: list[Fault]


@dataclass(frozen=True)
class Receipt:
    """What became of a batch: how many are new, how many were there already, and which were not taken."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]


@dataclass(frozen=True)
class _Event:
    """A valid event, ready to be stored: its data as the JSON text that it is known by, everything else as a row."""

    index: int
    source: str
    id: str
    hash: str
    user: str | None
    data: str
    row: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.id


def of_text(raw: bytes | str) -> Incoming:
    """Read an event from its JSON text."""
    shown = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        return Incoming(strict_json.loads(raw), shown)
    except strict_json.NotJson as error:
        return Incoming(None, shown, str(error))


def of_value(value: object) -> Incoming:
    """Take an event that somebody else has parsed already."""
    return Incoming(value, "")


def receive(session: Session, *, events: Sequence[Incoming], door: Door, actor: Actor) -> Receipt:
    """Store events, each once for its source and id (D1). The caller commits, then answers or acknowledges.

    Parameters
    ----------
    events
        In the order they came; the first of two with one id stands.
    door
        Rejected events are kept in the ledger unless the sender gets an answer, which is so by HTTP (D8).
    actor
        Who sent them; entries are theirs unless an event names its user.
    """
    now: dt.datetime = session.execute(text("SELECT now()")).scalar_one()
    valid: list[_Event] = []
    rejected: list[Rejection] = []
    for index, incoming in enumerate(events):
        read = _read(index, incoming, now=now)
        (valid if isinstance(read, _Event) else rejected).append(read)  # type: ignore[arg-type]
    first: dict[tuple[str, str], _Event] = {}
    for event in valid:
        first.setdefault(event.key, event)
    accepted, hashes = _store(session, first, door=door, actor=actor)
    conflicts = [event for event in valid if hashes[event.key] != event.hash]
    _keep_conflicts(session, conflicts, door=door)
    rejected += [
        Rejection(
            event.index, event.source, event.id, "event_conflict", [Fault("id", "event_conflict", event.id)]
        )
        for event in conflicts
    ]
    if door is not Door.HTTP:
        _keep_rejected(session, [events[r.index] for r in rejected], rejected, door=door, actor=actor)
    if accepted:
        hints.want(session)
    return Receipt(
        accepted, len(valid) - len(conflicts) - accepted, sorted(rejected, key=lambda each: each.index)
    )


def _read(index: int, incoming: Incoming, *, now: dt.datetime) -> _Event | Rejection:
    """Check everything about one event and note all faults at once."""
    value = incoming.value
    if incoming.unreadable is not None or not isinstance(value, Mapping):
        return Rejection(index, None, None, "malformed", [Fault("event", "malformed", v.shown(incoming.raw))])
    faults = Faults()
    given = {"id": None, "source": None, "type": None, "specversion": None, **value}
    data = given.pop("data", None)
    attributes = {name: given.pop(name) for name in list(given) if name not in CHECKS}
    taken = v.take(given, CHECKS, faults)
    _check_attributes(attributes, faults)
    _check_time(taken.get("time"), now, faults)
    taken_data = _take_data(data, faults)
    if faults:
        return Rejection(
            index, _text_or_none(value.get("source")), _text_or_none(value.get("id")), "invalid", faults.noted
        )
    time = taken["time"].isoformat() if taken.get("time") else None
    written = _json({**data, **{name: taken_data[name] for name in NUMBERS if data.get(name) is not None}})
    known_by = '["{}",{},{}]'.format(taken["type"], f'"{time}"' if time else "null", written)
    hash = hashlib.sha256(known_by.encode()).hexdigest()
    row = {
        "source": taken["source"],
        "event_id": taken["id"],
        "hash": hash,
        "type": taken["type"],
        "time": time,
        "envelope": attributes or None,
        "document_type": taken_data["document_type"],
        "document_no": taken_data["document_no"],
        "document_version": taken_data.get("document_version", 0),
        "document_occurrence": taken_data.get("document_occurrence", 0),
    }
    return _Event(index, taken["source"], taken["id"], hash, taken_data.get("user"), written, row)


def _text_or_none(value: object) -> str | None:
    """Return an id or source so that its sender knows it again, if the database can keep it."""
    return str(value)[:ID_LIMIT] if v.is_text(value) else None


def _take_data(data: object, faults: Faults) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        faults.add("data", "required" if data is None else "invalid")
        return {}
    taken = v.take({"document_type": None, "document_no": None, **data}, DATA_CHECKS, faults, prefix="data.")
    if data.get("account_no") is None and data.get("contact_no") is None:
        faults.add("data.account_no", "required")
    return taken


def _check_attributes(attributes: Mapping[str, object], faults: Faults) -> None:
    """Attributes nobody here knows are kept, if they are of a decent size and the database can hold them."""
    if not attributes:
        return
    if attributes.get("datacontenttype") not in (None, "application/json"):
        faults.add(
            "datacontenttype",
            "not_a_choice",
            v.shown(attributes["datacontenttype"]),
            choices=["application/json"],
        )
    for name in attributes:
        if not _ATTRIBUTE.fullmatch(name):
            faults.add("event", "invalid", v.shown(name))
            return
    try:
        written = _json(attributes)
    except ValueError:  # NaN, which a door that does not read JSON itself may let through
        faults.add("event", "invalid")
        return
    if len(written) > ATTRIBUTES_LIMIT:
        faults.add("event", "too_long", limit=ATTRIBUTES_LIMIT)
    elif "\\u0000" in written or not v.is_text(written):
        faults.add("event", "invalid")


def _check_time(time: dt.datetime | None, now: dt.datetime, faults: Faults) -> None:
    if time is not None and not EARLIEST <= time <= now + AHEAD:
        faults.add("time", "invalid", time.isoformat(), reason="time_out_of_range")


def _json(value: object) -> str:
    """Write a JSON value in the one way in which equal values are equal texts."""
    return _ENCODER.encode(value)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        if abs(value.adjusted()) > MOST_DIGITS:  # written out it would not end
            return str(value)
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
)


def _store(
    session: Session, events: Mapping[tuple[str, str], _Event], *, door: Door, actor: Actor
) -> tuple[int, dict[tuple[str, str], str]]:
    """Insert the events that are not there yet, in order of their keys: two at once wait and do not deadlock. Return
    how many are new, and the hash under which each stands in the inbox."""
    if not events:
        return 0, {}
    ordered = [event for _, event in sorted(events.items())]
    users = actors.claim_names(session, {event.user for event in ordered if event.user})
    rows = [
        {**event.row, "actor_id": users[event.user.lower()] if event.user else actor.id} for event in ordered
    ]
    inserted: Any = session.execute(
        sql.load("receive_events"),
        {"rows": _json(rows), "data": _data_of(ordered), "door": door.value, "sender_id": actor.id},
    )
    hashes = {key: event.hash for key, event in events.items()}
    if inserted.rowcount < len(rows):
        there = session.execute(
            HASHES, {"sources": [event.source for event in ordered], "ids": [event.id for event in ordered]}
        )
        hashes |= {(row.source, row.event_id): row.hash for row in there}
    return inserted.rowcount, hashes


# Index: document_event_id_key.
HASHES = text("""
    SELECT e.source, e.event_id, encode(e.hash, 'hex') AS hash
    FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) g(source, event_id)
    JOIN document_event e ON e.event_id = g.event_id AND e.source = g.source AND e.outcome <> 'rejected'
""")
KEEP_CONFLICTS = text("""
    INSERT INTO document_event_conflict (position, hash, door, type, time, data)
    SELECT e.position, decode(g.hash, 'hex'), :door, g.type, g.time, g.data
    FROM ROWS FROM (
        jsonb_to_recordset(CAST(:rows AS jsonb))
            AS (source text, event_id text, hash text, type text, time timestamptz),
        jsonb_array_elements(CAST(:data AS jsonb))
    ) g(source, event_id, hash, type, time, data)
    JOIN document_event e ON e.event_id = g.event_id AND e.source = g.source AND e.outcome <> 'rejected'
    ON CONFLICT DO NOTHING
""")
KEEP_REJECTED = text("""
    INSERT INTO document_event (source, event_id, hash, door, actor_id, raw, window_hours, outcome, reasons)
    SELECT g.source, g.event_id, decode(g.hash, 'hex'), :door, :actor_id, g.raw, 0, 'rejected', g.reasons
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) g(source text, event_id text, hash text, raw text, reasons jsonb)
    ON CONFLICT (hash) WHERE outcome = 'rejected' DO NOTHING
""")


def _keep_conflicts(session: Session, conflicts: Sequence[_Event], *, door: Door) -> None:
    if conflicts:
        rows = [event.row for event in conflicts]
        session.execute(
            KEEP_CONFLICTS, {"rows": _json(rows), "data": _data_of(conflicts), "door": door.value}
        )


def _data_of(events: Sequence[_Event]) -> str:
    """Write the data of events as one JSON array of what is written already."""
    return f"[{','.join(event.data for event in events)}]"


def _keep_rejected(
    session: Session, events: Sequence[Incoming], rejected: Sequence[Rejection], *, door: Door, actor: Actor
) -> None:
    """Keep what could not be taken, with its text, so that somebody can look into it; the same text is kept once."""
    rows = []
    for incoming, rejection in zip(events, rejected, strict=True):
        if rejection.code == "event_conflict":
            continue
        raw = incoming.raw or json.dumps(incoming.value, ensure_ascii=False, default=str)
        rows.append(
            {
                "source": rejection.source,
                "event_id": rejection.id,
                "hash": hashlib.sha256(raw.encode("utf-8", "replace")).hexdigest(),
                "raw": _storable(raw[:RAW_LIMIT]),
                "reasons": [_reason(fault) for fault in rejection.faults],
            }
        )
    if rows:
        session.execute(KEEP_REJECTED, {"rows": _json(rows), "door": door.value, "actor_id": actor.id})


def _reason(fault: Fault) -> dict[str, Any]:
    value = _storable(str(v.shown(fault.value))) if fault.value is not None else None
    return {"code": fault.code, "field": _storable(fault.field), "value": value}


def _storable(value: str) -> str:
    """Make a text one that the database can keep: signs it cannot hold are replaced."""
    return value.encode("utf-8", "replace").decode().replace("\0", "␀")
