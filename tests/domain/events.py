"""Makers of document events for tests."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, document_inbox, document_recording, template_setup
from domain.document_events import Door
from domain.document_inbox import Receipt

from .makers import make_template

_IDS = itertools.count(1)


def make_event(**values: Any) -> dict[str, Any]:
    """Make an event that is valid; what is said of data goes there, the rest to the envelope."""
    envelope = {
        "specversion": "1.0",
        "id": f"E{next(_IDS)}",
        "source": "billing",
        "type": "document.printed",
        "time": "2026-03-10T12:00:00Z",
    }
    data = {"document_type": "sales_invoice", "document_no": "INV-1", "account_no": "C100"}
    for name, value in values.items():
        (envelope if name in envelope or name in ("extra", "subject") else data)[name] = value
    return {**envelope, "data": {name: value for name, value in data.items() if value is not ...}}


def receive(session: Session, *events: Any, door: Door = Door.HTTP) -> Receipt:
    """Put events into the inbox; texts are read as they came."""
    incoming = [
        document_inbox.of_text(event) if isinstance(event, str | bytes) else document_inbox.of_value(event)
        for event in events
    ]
    return document_inbox.receive(session, events=incoming, door=door, actor=actors.system(session))


def record(session: Session) -> None:
    """Record all that waits."""
    while document_recording.record_waiting(session):
        pass


def print_document(session: Session, **values: Any) -> None:
    """Receive and record one event."""
    receipt = receive(session, make_event(**values))
    assert receipt.accepted == 1, receipt
    record(session)


def record_documents(session: Session, *document_types: str, **values: Any) -> None:
    """Have documents of these types recorded with the template DOC, made with `values`."""
    make_template(session, "DOC", **{"description": "Printed document", **values})
    template_setup.change(
        session,
        values=dict.fromkeys(document_types or ("sales_invoice",), "DOC"),
        actor=actors.system(session),
    )


def set_window(session: Session, hours: int) -> None:
    """Set the reprint window."""
    session.execute(text("UPDATE setup SET reprint_window_hours = :hours"), {"hours": hours})


def entries(session: Session, *columns: str) -> list[tuple[Any, ...]]:
    """Read columns of the entries of documents, in order of document and time."""
    rows = session.execute(
        text(
            f"SELECT {', '.join(columns)} FROM interaction WHERE document_type IS NOT NULL "
            "ORDER BY document_no, document_version, date, time_of_day"
        )
    )
    return [tuple(row) for row in rows]


def outcomes(session: Session) -> dict[str, str]:
    """Map the id of each event to its outcome."""
    return dict(session.execute(text("SELECT event_id, outcome FROM document_event")).all())


def reasons(session: Session, event_id: str) -> list[dict[str, Any]]:
    """Read the reasons of one event."""
    found: list[dict[str, Any]] = session.execute(
        text("SELECT coalesce(reasons, '[]') FROM document_event WHERE event_id = :id"), {"id": event_id}
    ).scalar_one()
    return found


def as_text(event: dict[str, Any]) -> str:
    """Write an event as its structured JSON."""
    return json.dumps(event)


def codes(receipt: Receipt) -> list[Sequence[str]]:
    """Say of each rejected event which fields have which faults."""
    return [sorted(f"{fault.field} {fault.code}" for fault in each.faults) for each in receipt.rejected]
