"""What stands against logging a segment, by kind, with counts and lines (S9)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from domain import segment_lines, sql
from domain.segments import Segment


def check(session: Session, segment: Segment, *, send: bool = False) -> dict[str, Any]:
    """Count and list problems and warnings per line, and the segment's own faults with no lines.

    Parameters
    ----------
    send
        Also look for what hinders sending: addresses and content.

    Returns
    -------
    `{lines, ready, problems, warnings}`; each problem or warning is `{code, count, lines}` with the first 20
    lines as `{line_no, contact_no}`.
    """
    rows = session.execute(
        sql.load("check_lines"),
        {"segment_id": segment.id, "send": send, "days": segment_lines.pressure_days(session)},
    ).all()
    found = [(row.severity, {"code": row.code, "count": row.count, "lines": row.lines}) for row in rows]
    stopped = rows[0].stopped if rows else 0
    own = [{"code": code, "count": 1, "lines": []} for code in own_faults(segment)]
    return {
        "lines": segment.lines_count,
        "ready": segment.lines_count - stopped,
        "problems": own + [entry for severity, entry in found if severity == "problem"],
        "warnings": [entry for severity, entry in found if severity == "warning"],
    }


def own_faults(segment: Segment) -> list[str]:
    """Name what is wrong with the segment itself rather than with a line (L2)."""
    faults = []
    if not segment.description.strip():
        faults.append("description_missing")
    if segment.lines_count == 0:
        faults.append("segment_empty")
    return faults
