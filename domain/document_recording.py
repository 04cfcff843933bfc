"""The recorder: makes entries of the document events that wait (D2-D6), a batch in one transaction.

What must never happen: two entries for what is one print run of a document (D6), an event that is recorded twice or
left waiting, one bad event that stops the others. So documents are spread over lanes, one recorder at a time is in a
lane (an advisory lock that ends with the transaction), takes the oldest events that wait there, whose rows it locks,
and commits entries and outcomes together. The end state is computed anew from all prints of the documents concerned,
in order of the events' time, so that the order in which they came leaves no trace. Campaign entries, which lanes share,
have a lock of their own. Whoever needs all recorders to stand still takes exclusively what each of them holds shared
(`records.RECORDING`): deletions of master data, because the log has no foreign keys; erasure; replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from domain import records, sql
from domain.database import is_infrastructure, transaction

log = structlog.get_logger()

# Events recorded in one transaction.
BATCH = 1_000
# As many as the function recording_lane knows.
LANES = 4

OLDEST = """
    SELECT position FROM document_event WHERE outcome = 'received' AND recording_lane(document_no) = lane
    ORDER BY position LIMIT :limit
"""
WAITING_LANES = text(f"""
    SELECT lane
    FROM generate_series(0, :lanes - 1) lane
    CROSS JOIN LATERAL ({OLDEST}) oldest
    ORDER BY position
""")
# All is looked up by keys, for one event or a thousand, so a plan is made once and kept: planning took a seventh of the
# time of settling 500 events. It must not read whole tables, however small they were when it was made.
PLAN_ONCE = text("""
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)
""")
STAND_BY = text(f"SELECT pg_try_advisory_xact_lock_shared({records.RECORDING})")
ENTER = text("SELECT pg_try_advisory_xact_lock(hashtextextended('interlog recording lane', :lane))")
CLAIM = text(f"""
    SELECT array_agg(position)
    FROM (SELECT CAST(:lane AS integer) AS lane) entered
    CROSS JOIN LATERAL ({OLDEST} FOR UPDATE SKIP LOCKED) oldest
""")
LOCK_CAMPAIGN_ENTRIES = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('interlog recording campaign entries', 0))"
)
CAMPAIGN_ENTRIES = text("""
    SELECT DISTINCT i.campaign_entry_no
    FROM document_prints(CAST(:positions AS bigint[])) e
    JOIN interaction i ON i.entry_no = e.entry_no
    WHERE i.campaign_entry_no IS NOT NULL
""")


def is_waiting(session: Session) -> bool:
    """Tell whether any event waits to be recorded, for beat's sweep. Index: document_event_received_idx."""
    return session.execute(WAITING_LANES, {"lanes": LANES, "limit": 1}).first() is not None


def work(sessions: sessionmaker[Session]) -> int:
    """Record one batch; return how many events it had, 0 as well while others are in all lanes with events.

    A batch that fails by its own fault is tried again by halves, so that an event the database cannot take is found
    and set aside, and the others go on (D8).
    """
    limit = BATCH
    while True:
        try:
            with transaction(sessions) as session:
                return record_waiting(session, limit=limit)
        except Exception as error:
            if is_infrastructure(error) or limit == 1:
                raise
            log.exception("recording_failed", events=limit)
            limit //= 2


def record_waiting(session: Session, *, limit: int = BATCH) -> int:
    """Record the oldest events of lanes that nobody else is in, `limit` at most; return how many there were.

    With a `limit` of 1, an event that cannot be recorded is set aside.
    """
    positions = _claim(session, limit=limit)
    if not positions:
        return 0
    if limit > 1:
        record(session, positions)
        return len(positions)
    try:
        with session.begin_nested():
            record(session, positions)
    except DBAPIError as error:
        if is_infrastructure(error) or isinstance(error.orig, psycopg.errors.QueryCanceled):
            raise
        _set_aside(session, positions[0], error)
    return len(positions)


def _claim(session: Session, *, limit: int) -> list[int]:
    """Enter lanes, the one with the oldest event first, until there is enough for a batch; return what waits there.

    So few events are one batch, and many are left for whoever comes next. Index: document_event_received_idx.
    """
    session.execute(PLAN_ONCE)
    lanes = session.scalars(WAITING_LANES, {"lanes": LANES, "limit": 1}).all()
    if not lanes or not session.execute(STAND_BY).scalar_one():
        return []
    claimed: list[int] = []
    for lane in lanes:
        if len(claimed) < limit and session.execute(ENTER, {"lane": lane}).scalar_one():
            claimed += session.scalar(CLAIM, {"lane": lane, "limit": limit - len(claimed)}) or []
    return claimed


def record(session: Session, positions: Sequence[int]) -> None:
    """Give events their outcomes, and entries to those that can have one. The caller is alone with their documents: in
    their lanes, or with all recorders kept out.

    Parameters
    ----------
    positions
        Events that are received, or not recorded so far.
    """
    if not positions:
        return
    session.execute(text("SELECT FROM template_setup FOR SHARE"))
    # As text: psycopg looks at each element of a list by itself.
    array = f"{{{','.join(map(str, positions))}}}"
    settled = session.execute(sql.load("settle_events"), {"positions": array}).one()
    if settled.prints:
        _write_entries(session, settled)


# For this transaction, the trigger that counts entries leaves that to the statement that writes them.
COUNTED_TOGETHER = text("SET LOCAL interlog.counts_entries_itself = 'on'")
# Larger than any entry number: nothing is new.
NONE_NEW = 2**63 - 1


def _write_entries(session: Session, settled: Row[Any]) -> None:
    """Write the entries that the prints of a batch open or change; most batches open new ones and that is all.

    Recorders that concern campaign entries take turns until they commit: each is opened once, and settled by all that
    stands on it.
    """
    if settled.has_older or settled.has_campaigns:
        session.execute(LOCK_CAMPAIGN_ENTRIES)
    parameters = {"positions": settled.prints, "first_entry_no": settled.first_entry_no or NONE_NEW}
    concerned: set[int] = set()
    if settled.has_older:
        concerned |= set(session.scalars(CAMPAIGN_ENTRIES, parameters))
    if settled.has_campaigns:
        session.execute(sql.load("open_campaign_entries"), parameters)
    if settled.first_entry_no:
        session.execute(COUNTED_TOGETHER)
        session.execute(sql.load("record_entries"), parameters)
    if settled.has_older:
        session.execute(sql.load("correct_entries"), parameters)
    if settled.has_older or settled.has_campaigns:
        concerned |= set(session.scalars(CAMPAIGN_ENTRIES, parameters))
    if concerned:
        session.execute(sql.load("settle_campaign_entries"), {"entry_nos": sorted(concerned)})


def _set_aside(session: Session, position: int, error: DBAPIError) -> None:
    """Mark an event that cannot be recorded for a reason nobody foresaw; it can be replayed."""
    session.execute(
        text("""
            UPDATE document_event SET
                outcome = 'unresolved', attempts = attempts + 1,
                reasons = jsonb_build_array(
                    jsonb_build_object('code', 'recording_failed', 'error', CAST(:error AS text)))
            WHERE position = :position
        """),
        {"position": position, "error": str(error.orig).strip()[:500]},
    )
