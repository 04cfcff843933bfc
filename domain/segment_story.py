"""Why a contact is in a segment, or not: what each action did with it (S7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import contact_filters, criteria, criteria_actions
from domain.contacts import Contact
from domain.criteria_actions import CriteriaAction
from domain.segments import Segment

MOST_ACTIONS = 1000

# Lines the contact has or had. Index: segment_line_contact_id_idx; segment_line_removed_pkey.
LINES = text("""
    SELECT line_no, NULL AS removed_by FROM segment_line WHERE contact_id = :contact_id AND segment_id = :segment_id
    UNION ALL
    SELECT line_no, action_no FROM segment_line_removed WHERE contact_id = :contact_id AND segment_id = :segment_id
    ORDER BY line_no
""")


def of_contact(session: Session, segment: Segment, contact: Contact) -> dict[str, Any]:
    """Tell what brought a contact in, took it out or kept it away.

    Returns
    -------
    `lines`: numbers of its lines now; `actions`: those of the segment, each described, with `effects`, a list of
    `{code, line_no}`. Codes: `added`, `removed`; and of an add that did not bring it, as the contact is today:
    `blocked`, `excluded`, `existing`, `matches` (today, but not then), `no_match`.
    """
    rows = session.execute(LINES, {"contact_id": contact.id, "segment_id": segment.id}).all()
    actions = criteria_actions.page(session, segment, limit=MOST_ACTIONS)
    described = criteria_actions.describe(session, actions)
    told = []
    for action, shown in zip(actions, described, strict=True):
        effects = [{"code": "added", "line_no": row.line_no} for row in rows if _brought(action, row.line_no)]
        effects += [
            {"code": "removed", "line_no": row.line_no} for row in rows if row.removed_by == action.no
        ]
        there = any(row.line_no < (action.first_line_no or segment.last_line_no + 1) for row in rows)
        if not effects and action.action == criteria.ADD:
            effects = [
                {"code": _why_not(session, contact, action.filters, action.options, there), "line_no": None}
            ]
        told.append({**shown, "effects": effects})
    return {"lines": [row.line_no for row in rows if row.removed_by is None], "actions": told}


def _brought(action: CriteriaAction, line_no: int) -> bool:
    return action.first_line_no is not None and action.first_line_no <= line_no <= (action.last_line_no or 0)


def _why_not(
    session: Session, contact: Contact, filters: Mapping[str, Any], options: Mapping[str, Any], there: bool
) -> str:
    if set(filters) - {"contact", "interactions", contact_filters.ALL, *contact_filters.GROUPS}:
        return "no_match"
    condition, parameters = contact_filters.condition(filters)
    matches = session.scalar(
        text(f"SELECT EXISTS (SELECT FROM contact c WHERE c.id = :contact_id AND {condition})"),
        {"contact_id": contact.id, **parameters},
    )
    if not matches:
        return "no_match"
    if contact.privacy_blocked or contact.erased_at is not None:
        return "blocked"
    if there:
        return "existing"
    return "excluded" if contact.exclude_from_segment and not options.get("ignore_exclusion") else "matches"
