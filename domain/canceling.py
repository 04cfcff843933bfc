"""Cancel and restore: three facts kept apart and shown as one (E2, E3, E4).

An entry is canceled by itself, through its logged segment or through its campaign entry; each of the three says for
itself when and by whom. Canceling one is writing one row, however many entries lie below, and restoring it takes back
exactly that: what was canceled by itself before stays so. What lies below something canceled cannot be restored on its
own, but it can be canceled by itself, which then outlives the other's restore.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import audit, campaign_entries, interactions, logged_segments
from domain.actors import Actor
from domain.campaign_entries import CampaignEntry
from domain.errors import Conflict, Forbidden, NotFound
from domain.logged_segments import LoggedSegment, LoggedSegmentBusy, LoggedSegmentIncomplete

# Recorded as one field, whatever carries the fact.
CANCELED = {"canceled": (False, True)}
RESTORED = {"canceled": (True, False)}


class AboveCanceled(Conflict):
    """What it belongs to is canceled, so it cannot be restored on its own (E4)."""

    code: ClassVar[str] = "above_canceled"


class Facts(NamedTuple):
    """What is canceled of an entry: itself, its logged segment, its campaign entry; and whose it is (U1)."""

    itself: bool
    logged_segment: bool
    campaign_entry: bool
    actor_id: int
    salesperson_id: int | None

    @property
    def above(self) -> bool:
        """Whether something above it is canceled."""
        return self.logged_segment or self.campaign_entry


_FACTS = """
    SELECT i.canceled_at IS NOT NULL, s.canceled_at IS NOT NULL, c.canceled_at IS NOT NULL, i.actor_id, i.salesperson_id
    FROM interaction i
    LEFT JOIN logged_segment s ON s.no = i.logged_segment_no
    LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
    WHERE i.entry_no = :entry_no AND (s.no IS NULL OR s.logged_at IS NOT NULL)
"""
_CANCEL = text(
    "UPDATE interaction SET canceled_at = clock_timestamp(), canceled_by = :actor_id WHERE entry_no = :entry_no"
)
_RESTORE = text("UPDATE interaction SET canceled_at = NULL, canceled_by = NULL WHERE entry_no = :entry_no")


def facts(session: Session, entry_no: int, *, lock: bool = False) -> Facts:
    """Tell what is canceled of an entry; raise `NotFound` if there is none or its segment is still being logged."""
    row = session.execute(text(_FACTS + (" FOR UPDATE OF i" if lock else "")), {"entry_no": entry_no}).first()
    if row is None:
        raise NotFound(interactions.THING, entry_no)
    return Facts(*row)


def cancel(session: Session, entry_no: int, *, actor: Actor) -> None:
    """Cancel an entry by itself; one that is changes nothing (E3).

    Raises
    ------
    NotFound
        If there is no such entry.
    Forbidden
        If it is not theirs to change (U1).
    """
    found = _own(session, entry_no, actor=actor)
    if not found.itself:
        session.execute(_CANCEL, {"entry_no": entry_no, "actor_id": actor.id})
        _record(session, actor, "cancel", interactions.THING, entry_no)


def restore(session: Session, entry_no: int, *, actor: Actor) -> None:
    """Restore an entry that was canceled by itself; one that is active changes nothing.

    Raises
    ------
    NotFound
        If there is no such entry.
    Forbidden
        If it is not theirs to change (U1).
    AboveCanceled
        If its logged segment or campaign entry is canceled (E4).
    """
    found = _own(session, entry_no, actor=actor)
    if found.above:
        raise AboveCanceled()
    if found.itself:
        session.execute(_RESTORE, {"entry_no": entry_no})
        _record(session, actor, "restore", interactions.THING, entry_no)


def cancel_logged_segment(session: Session, logged: LoggedSegment, *, actor: Actor) -> LoggedSegment:
    """Cancel a logged segment and with it its entries and campaign entries (E3).

    Raises
    ------
    LoggedSegmentIncomplete
        If it is still being logged; its job can be canceled instead.
    """
    locked = _lock(session, logged)
    if locked.canceled_at is None:
        _mark(session, locked, actor)
        _record(session, actor, "cancel", logged_segments.THING, locked.no)
    return locked


def restore_logged_segment(session: Session, logged: LoggedSegment, *, actor: Actor) -> LoggedSegment:
    """Take back the cancel of a logged segment, and nothing else (E3).

    Raises
    ------
    LoggedSegmentIncomplete
        If it is still being logged.
    LoggedSegmentBusy
        If it is being deleted.
    """
    locked = _lock(session, logged)
    if locked.deleting_job_id is not None:
        raise LoggedSegmentBusy()
    if locked.canceled_at is not None:
        _unmark(session, locked)
        _record(session, actor, "restore", logged_segments.THING, locked.no)
    return locked


def cancel_campaign_entry(session: Session, entry: CampaignEntry, *, actor: Actor) -> CampaignEntry:
    """Cancel a campaign entry by itself and with it its interactions."""
    locked = campaign_entries.get(session, entry.entry_no, lock=True)
    if locked.canceled_at is None:
        _mark(session, locked, actor)
        _record(session, actor, "cancel", campaign_entries.THING, locked.entry_no)
    return locked


def restore_campaign_entry(session: Session, entry: CampaignEntry, *, actor: Actor) -> CampaignEntry:
    """Take back the cancel of a campaign entry, and nothing else.

    Raises
    ------
    AboveCanceled
        If its logged segment is canceled (E4).
    """
    locked = campaign_entries.get(session, entry.entry_no, lock=True)
    above = session.get(LoggedSegment, locked.logged_segment_no) if locked.logged_segment_no else None
    if above is not None and above.canceled_at is not None:
        raise AboveCanceled()
    if locked.canceled_at is not None:
        _unmark(session, locked)
        _record(session, actor, "restore", campaign_entries.THING, locked.entry_no)
    return locked


def _own(session: Session, entry_no: int, *, actor: Actor) -> Facts:
    found = facts(session, entry_no, lock=True)
    if not actor.may_change(actor_id=found.actor_id, salesperson_id=found.salesperson_id):
        raise Forbidden()
    return found


def _lock(session: Session, logged: LoggedSegment) -> LoggedSegment:
    locked = logged_segments.get(session, logged.no, lock=True)
    if locked.status != "logged":
        raise LoggedSegmentIncomplete(no=locked.no)
    return locked


def _mark(session: Session, thing: LoggedSegment | CampaignEntry, actor: Actor) -> None:
    thing.canceled_at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    thing.canceled_by = actor.id
    session.flush()


def _unmark(session: Session, thing: LoggedSegment | CampaignEntry) -> None:
    thing.canceled_at = thing.canceled_by = None
    session.flush()


def _record(session: Session, actor: Actor, action: str, thing: str, key: Any) -> None:
    changes = CANCELED if action == "cancel" else RESTORED
    audit.record(session, actor=actor, action=action, object_type=thing, object_key=str(key), changes=changes)
