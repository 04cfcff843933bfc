"""Finding a page of the log among millions of entries without an index for every filter (docs/decisions/0011).

An index on salesperson, template, campaign, date … would each slow logging down. Instead, the sums beside the log
tell which logged segments have entries that match, on which dates and how many: a page is found by looking into the
newest of those ranges of entry numbers, as many as it takes (`interactions_in_segments`), and merging what was recorded
without a segment (`interactions_outside`).

A contact, a company and a document are found by their own indexes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import interactions_in_segments, interactions_outside
from domain.interaction_filters import Filters
from domain.interaction_question import Found, Order, Question

# Found by an index of their own, and few: whatever the order, all of them are read and sorted.
FEW = frozenset({"contact_no", "company_no", "document_no"})
# What keeps a search within the ranges that have what matches: the sums, and the texts of segments and templates.
RANGED = frozenset({*interactions_in_segments.SUMMED_WITH_SEGMENT, "q", "canceled", "document_type"})


def find(session: Session, filters: Filters, *, order: Order, limit: int, company: bool = True) -> list[int]:
    """Find the entry numbers of a page, in order.

    Parameters
    ----------
    filters
        As `interaction_filters.take` returns them.
    company
        Whether `contact_no` of a company includes its people's entries.
    """
    session.execute(_TUNING)
    question = Question(session, filters, order, limit, company=company)
    if FEW & set(filters):
        found = _direct(question, "MATERIALIZED")
    elif not set(filters) & RANGED and (not order.by_date or question.asks_only("evaluation")):
        found = _direct(question, "NOT MATERIALIZED")
    else:
        every = {
            *interactions_in_segments.find(question),
            *interactions_in_segments.find_personal(question),
            *interactions_outside.find(question),
        }
        found = sorted(every, key=order.key, reverse=order.descending)
    return [entry_no for entry_no, _day in found[:limit]]


def _direct(question: Question, materialized: str) -> list[Found]:
    """Look at the whole log; materialized if the filter leads to few entries, else in order until it is enough."""
    unfinished = ""
    parameters: dict[str, Any] = {}
    for position, (first, last) in enumerate(question.session.execute(_UNFINISHED).all()):
        # A scan in order of entry numbers stays out of what is being logged right now.
        parameters |= {f"first{position}": first, f"last{position}": last}
        unfinished += f" AND i.entry_no NOT BETWEEN :first{position} AND :last{position}"
    return question.find(
        f"WITH i AS {materialized} (SELECT i.entry_no, i.date FROM interaction_visible i"
        f" WHERE true {question.conditions}{unfinished})"
        f" SELECT entry_no, date FROM i ORDER BY {question.order.sql} LIMIT :limit",
        **parameters,
    )


# The planner takes entries that match for spread evenly, and would rather walk along the log for them, past a million
# newer ones, than read theirs by an index from all over it.
_TUNING = text("SET LOCAL random_page_cost = 0.3")
_UNFINISHED = text("SELECT first_entry_no, last_entry_no FROM logged_segment WHERE status = 'logging'")
