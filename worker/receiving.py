"""What the stream and the Celery door have in common: put events into the inbox and commit (D1, D8)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, document_inbox, hints
from domain.database import transaction
from domain.document_events import Door
from domain.document_inbox import MOST_AT_ONCE, Incoming

log = structlog.get_logger()

# What something in an event can bring about and no waiting mends; anything else is the surroundings' fault.
OF_CONTENT = (
    DataError, IntegrityError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


def receive(sessions: sessionmaker[Session], events: Sequence[Incoming], *, door: Door) -> bool:
    """Store events, at most `MOST_AT_ONCE` in a transaction. All are committed when this returns, and only then may
    whoever brought them be told so; after an interruption they may be brought again.

    Returns
    -------
    bool
        Whether workers are to be told that there is work.

    Raises
    ------
    Exception
        What the surroundings are at fault for; some of the events may be stored by then.
    """
    is_work = False
    for start in range(0, len(events), MOST_AT_ONCE):
        is_work |= _receive_together(sessions, events[start : start + MOST_AT_ONCE], door)
    return is_work


def _receive_together(sessions: sessionmaker[Session], events: Sequence[Incoming], door: Door) -> bool:
    """Store events in one transaction; if something in them fails it, by halves, so that one stops no others."""
    try:
        return _commit(sessions, events, door)
    except OF_CONTENT as error:
        log.exception("receiving_failed", door=door.value, events=len(events))
        if len(events) == 1:
            return _commit(sessions, [Incoming(None, events[0].raw, str(error))], door)
        middle = len(events) // 2
        is_work = _receive_together(sessions, events[:middle], door)
        return _receive_together(sessions, events[middle:], door) or is_work


def _commit(sessions: sessionmaker[Session], events: Sequence[Incoming], door: Door) -> bool:
    with transaction(sessions) as session:
        receipt = document_inbox.receive(session, events=events, door=door, actor=actors.system(session))
        wanted = hints.wanted(session)
    if receipt.rejected:
        log.warning("events_rejected", door=door.value, events=len(events), rejected=len(receipt.rejected))
    return wanted
