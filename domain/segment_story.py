"""Why a contact is in a segment, or not: what each action did with it (S7)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import contact_filters, criteria, criteria_actions
from domain.contacts import Contact
from domain.criteria_actions import CriteriaAction
from domain.segments import Segment

MOST_ACTIONS = 1000
# Filters that one statement asks about: twenty statements at most, each small enough to be planned at once.
ASKED_TOGETHER = 50

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
    effects = [_effects(action, rows) for action in actions]
    unexplained = [
        action
        for action, those in zip(actions, effects, strict=True)
        if not those and action.action == criteria.ADD
    ]
    matching = _matching(session, contact, [action.filters for action in unexplained])
    told = []
    for action, shown, those in zip(actions, described, effects, strict=True):
        if not those and action.action == criteria.ADD:
            there = any(row.line_no < (action.first_line_no or segment.last_line_no + 1) for row in rows)
            code = _why_not(contact, action.options, there) if next(matching) else "no_match"
            told.append({**shown, "effects": [{"code": code, "line_no": None}]})
        else:
            told.append({**shown, "effects": those})
    return {"lines": [row.line_no for row in rows if row.removed_by is None], "actions": told}


def _effects(action: CriteriaAction, rows: Sequence[Any]) -> list[dict[str, Any]]:
    added = [{"code": "added", "line_no": row.line_no} for row in rows if _brought(action, row.line_no)]
    removed = [{"code": "removed", "line_no": row.line_no} for row in rows if row.removed_by == action.no]
    return added + removed


def _brought(action: CriteriaAction, line_no: int) -> bool:
    return action.first_line_no is not None and action.first_line_no <= line_no <= (action.last_line_no or 0)


def _why_not(contact: Contact, options: Mapping[str, Any], there: bool) -> str:
    """Tell why an add that a contact matches did not bring it."""
    if contact.privacy_blocked or contact.erased_at is not None:
        return "blocked"
    if there:
        return "existing"
    return "excluded" if contact.exclude_from_segment and not options.get("ignore_exclusion") else "matches"


def _matching(session: Session, contact: Contact, asked: Sequence[Mapping[str, Any]]) -> Iterator[bool]:
    """Tell of each of several filters whether a contact matches it; the same filter is asked about once."""
    keys = [json.dumps(filters, sort_keys=True) for filters in asked]
    waiting = iter(dict(zip(keys, asked, strict=True)).items())
    answers: dict[str, bool] = {}
    while together := dict(islice(waiting, ASKED_TOGETHER)):
        questions, parameters = [], {"contact_id": contact.id}
        for number, filters in enumerate(together.values()):
            condition, own = _condition(filters, number)
            parameters |= own
            questions.append(f"EXISTS (SELECT FROM contact c WHERE c.id = :contact_id AND {condition})")
        row = session.execute(text(f"SELECT {', '.join(questions)}"), parameters).one()
        answers.update(zip(together, row, strict=True))
    return (answers[key] for key in keys)


def _condition(filters: Mapping[str, Any], number: int) -> tuple[str, dict[str, Any]]:
    """Make the condition of filters with parameters of its own; what is no filter any more matches nobody."""
    if set(filters) - {"contact", "interactions", contact_filters.ALL, *contact_filters.GROUPS}:
        return "false", {}
    condition, parameters = contact_filters.condition(filters)
    for name in parameters:
        condition = re.sub(rf"(?<!:):{name}\b", f":{name}_{number}", condition)
    return condition, {f"{name}_{number}": value for name, value in parameters.items()}
