"""What the stream and the Celery door have in common: put events into the inbox, commit, tell the workers (D1, D8)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, document_inbox, hints
from domain.database import transaction
from domain.document_events import Door
from domain.document_inbox import MOST_AT_ONCE, Incoming
from worker.app import send_hint

log = structlog.get_logger()

# What something in an event can bring about and no waiting mends; anything else is the surroundings' fault.
OF_CONTENT = (
    DataError, IntegrityError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


def receive(sessions: sessionmaker[Session], events: Sequence[Incoming], *, door: Door) -> None:
    """Store events, at most `MOST_AT_ONCE` in a transaction. All are committed when this returns, and only then may
    whoever brought them be told so; after an interruption they may be brought again.

    Raises
    ------
    Exception
        What the surroundings are at fault for; some of the events may be stored by then.
    """
    for start in range(0, len(events), MOST_AT_ONCE):
        _receive_together(sessions, events[start : start + MOST_AT_ONCE], door)


def _receive_together(sessions: sessionmaker[Session], events: Sequence[Incoming], door: Door) -> None:
    """Store events in one transaction; if something in them fails it, by halves, so that one stops no others."""
    try:
        _commit(sessions, events, door)
    except OF_CONTENT as error:
        log.exception("receiving_failed", door=door.value, events=len(events))
        if len(events) == 1:
            _commit(sessions, [Incoming(None, events[0].raw, str(error))], door)
            return
        middle = len(events) // 2
        _receive_together(sessions, events[:middle], door)
        _receive_together(sessions, events[middle:], door)


def _commit(sessions: sessionmaker[Session], events: Sequence[Incoming], door: Door) -> None:
    with transaction(sessions) as session:
        receipt = document_inbox.receive(session, events=events, door=door, actor=actors.system(session))
        wanted = hints.wanted(session)
    if receipt.rejected:
        log.warning("events_rejected", door=door.value, events=len(events), rejected=len(receipt.rejected))
    if wanted:
        send_hint()
