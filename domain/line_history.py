"""Lines that actions took out of a segment, kept as they were until the action is undone or the segment goes (S7).

Lines move between `segment_line` and `segment_line_removed` by one statement, so a number is always in exactly one of
them. The history is as long as what was removed, never as long as what was added: lines that came are known by their
range of numbers.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

COLUMNS = (
    "segment_id, line_no, contact_id, template_id, salesperson_id, campaign_id, date, duration_min, campaign_target, "
    "campaign_response, cost, description, subject, correspondence_type, language_code, information_flow, "
    "initiated_by, evaluation"
)

# Index: segment_line_pkey, a look-up for each number.
TAKE_OUT = """
    WITH gone AS (
        DELETE FROM segment_line l USING ({numbers}) n(line_no)
        WHERE l.segment_id = :segment_id AND l.line_no = n.line_no
        RETURNING l.*
    )
    INSERT INTO segment_line_removed ({columns}, action_no)
    SELECT {columns}, :action_no FROM gone
"""
TAKE_OUT_CHUNK = text(
    TAKE_OUT.format(
        numbers="SELECT unnest(line_nos) FROM job_chunk WHERE job_id = :job_id AND no = :no", columns=COLUMNS
    )
)
TAKE_OUT_NUMBERS = text(
    TAKE_OUT.format(numbers="SELECT unnest(CAST(:line_nos AS integer[]))", columns=COLUMNS)
)
# Index: segment_line_removed_pkey.
BRING_BACK = text(f"""
    INSERT INTO segment_line ({COLUMNS})
    SELECT {COLUMNS} FROM segment_line_removed
    WHERE segment_id = :segment_id AND action_no = :action_no AND line_no BETWEEN :first AND :last
""")
# A job that ends otherwise: its lines come back unless the job had added them itself.
REVERT = text(f"""
    WITH back AS (
        DELETE FROM segment_line_removed
        WHERE segment_id = :segment_id AND action_no >= :action_no AND line_no BETWEEN :first AND :last
        RETURNING *
    )
    INSERT INTO segment_line ({COLUMNS}) SELECT {COLUMNS} FROM back WHERE line_no <= :last_line_no
""")
TAKE_OUT_AGAIN = text("""
    DELETE FROM segment_line l USING segment_line_removed r
    WHERE r.segment_id = :segment_id AND r.action_no = :action_no AND r.line_no BETWEEN :first AND :last
      AND l.segment_id = r.segment_id AND l.line_no = r.line_no
""")
FORGET = text("DELETE FROM segment_line_removed WHERE segment_id = :segment_id AND action_no = :action_no")
DISCARD = text(
    "DELETE FROM segment_line_removed WHERE segment_id = :segment_id AND line_no BETWEEN :first AND :last"
)


def take_out_chunk(session: Session, segment_id: int, *, action_no: int, job_id: uuid.UUID, no: int) -> int:
    """Take out the lines whose numbers a chunk carries; return how many there were."""
    parameters = {"segment_id": segment_id, "action_no": action_no, "job_id": job_id, "no": no}
    return _rows(session, TAKE_OUT_CHUNK, **parameters)


def take_out(session: Session, segment_id: int, *, action_no: int, line_nos: Sequence[int]) -> int:
    """Take out the lines with these numbers; return how many there were."""
    return _rows(
        session, TAKE_OUT_NUMBERS, segment_id=segment_id, action_no=action_no, line_nos=list(line_nos)
    )


def bring_back(session: Session, segment_id: int, *, action_no: int, first: int, last: int) -> int:
    """Put the lines of an action within a range of numbers back, with their overrides; the history stays."""
    return _rows(session, BRING_BACK, segment_id=segment_id, action_no=action_no, first=first, last=last)


def take_out_again(session: Session, segment_id: int, *, action_no: int, first: int, last: int) -> int:
    """Take back what `bring_back` did."""
    return _rows(session, TAKE_OUT_AGAIN, segment_id=segment_id, action_no=action_no, first=first, last=last)


def forget(session: Session, segment_id: int, *, action_no: int) -> int:
    """Drop the history of an action that is undone."""
    return _rows(session, FORGET, segment_id=segment_id, action_no=action_no)


def revert(
    session: Session, segment_id: int, *, action_no: int, first: int, last: int, last_line_no: int
) -> None:
    """Put back, within a range of numbers, what a job took out that is to leave no trace.

    Parameters
    ----------
    action_no
        The first action of the job.
    last_line_no
        The last number before the job; lines after it were the job's own and are gone.
    """
    _rows(
        session, REVERT, segment_id=segment_id, action_no=action_no, first=first, last=last, last_line_no=last_line_no
    )  # fmt: skip


def discard(session: Session, segment_id: int, *, first: int, last: int) -> None:
    """Drop the history of a range of numbers, with a segment that goes."""
    _rows(session, DISCARD, segment_id=segment_id, first=first, last=last)


def _rows(session: Session, statement: object, **parameters: object) -> int:
    return int(session.execute(statement, parameters).rowcount)  # type: ignore[call-overload]
