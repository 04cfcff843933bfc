"""The log: interactions as they were recorded (E1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import interaction_filters, interaction_search
from domain.errors import Faults, NotFound
from domain.interaction_question import Order

THING = "interaction"

SORTS = ("-entry_no", "entry_no", "-date", "date")
OPPOSITE = {"-entry_no": "entry_no", "entry_no": "-entry_no", "-date": "date", "date": "-date"}
# Names and codes are joined to the rows of a page only.
PAGE = """
    SELECT i.*, k.no AS contact_no, k.name AS contact_name, o.no AS company_no, o.name AS company_name,
           t.code AS template_code, g.code AS group_code, p.code AS salesperson_code, m.no AS campaign_no,
           a.name AS user_name, b.name AS canceled_by_name,
           (SELECT count(*) FROM interaction_comment c WHERE c.entry_no = i.entry_no) AS comments_count
    FROM interaction_visible i
    LEFT JOIN contact k ON k.id = i.contact_id
    LEFT JOIN contact o ON o.id = i.company_id
    LEFT JOIN interaction_template t ON t.id = i.template_id
    LEFT JOIN interaction_group g ON g.id = i.group_id
    LEFT JOIN salesperson p ON p.id = i.salesperson_id
    LEFT JOIN campaign m ON m.id = i.campaign_id
    LEFT JOIN actor a ON a.id = i.actor_id
    LEFT JOIN actor b ON b.id = i.canceled_by
    WHERE i.entry_no = ANY(CAST(:entry_nos AS bigint[]))
"""
FIELDS = (
    "entry_no", "contact_no", "contact_name", "company_no", "company_name", "date", "description", "subject",
    "information_flow", "initiated_by", "template_code", "template_description", "group_code", "language_code",
    "cost", "duration_min", "salesperson_code", "campaign_no", "campaign_entry_no", "campaign_target",
    "campaign_response", "segment_no", "logged_segment_no", "evaluation", "attempt_failed", "correspondence_type",
    "contact_via", "opportunity_no", "document_type", "document_no", "document_version", "document_occurrence",
    "times_printed", "origin", "canceled", "canceled_at", "comments_count", "created_at",
)  # fmt: skip


def page(
    session: Session,
    *,
    filters: Mapping[str, Sequence[str]],
    after: str | None = None,
    limit: int = 50,
    sort: str = "-entry_no",
    company: bool = True,
) -> list[dict[str, Any]]:
    """Read a page of the log in API shape.

    Parameters
    ----------
    filters
        Names of API.md, each with values that are ORed; `none` is blank. `contact_no` of a company includes its
        people's entries by the entry's company, unless `company` is false.
    after
        `cursor` of the last entry of the page before.
    sort
        `-entry_no` (newest first), `entry_no`, `-date` or `date`.

    Raises
    ------
    Invalid
        For a date, number or cursor that is none.
    """
    faults = Faults()
    taken = interaction_filters.take(filters, faults, prefix="query.")
    order = _order(sort, after, faults)
    faults.raise_if_any()
    entry_nos = interaction_search.find(session, taken, order=order, limit=limit, company=company)
    found = {entry["entry_no"]: entry for entry in _read(session, entry_nos)}
    return [found[entry_no] for entry_no in entry_nos if entry_no in found]


def _read(session: Session, entry_nos: Sequence[int]) -> list[dict[str, Any]]:
    return [_describe(row) for row in session.execute(text(PAGE), {"entry_nos": list(entry_nos)})]


def every_page(
    transaction: Callable[[], AbstractContextManager[Session]],
    *,
    filters: Mapping[str, Sequence[str]],
    sort: str = "-entry_no",
    limit: int = 5_000,
) -> Iterator[list[dict[str, Any]]]:
    """Read the whole log, or what of it matches, in API shape: a page at a time, each in a transaction of its own.

    However slow the reader, no transaction stays open and no more than a page is in memory.

    Parameters
    ----------
    transaction
        Opens a transaction, such as `web.database.transaction`.
    limit
        Entries of a page; with 5,000 the cost of a page is that of its rows.
    """
    after = None
    while True:
        with transaction() as session:
            rows = page(session, filters=filters, after=after, limit=limit, sort=sort)
        yield rows
        if not rows:
            return
        after = cursor(rows[-1], sort=sort)


def cursor(entry: Mapping[str, Any], *, sort: str = "-entry_no") -> str:
    """Return where the page after `entry` begins."""
    if "date" in sort:
        return f"{entry['date'].isoformat()}~{entry['entry_no']}"
    return str(entry["entry_no"])


def _order(sort: str, after: str | None, faults: Faults) -> Order:
    order = Order(by_date="date" in sort, descending=sort.startswith("-"))
    if after is None:
        return order
    day, _, entry_no = after.rpartition("~")
    try:
        return order._replace(
            after_entry_no=int(entry_no), after_date=dt.date.fromisoformat(day) if order.by_date else None
        )
    except ValueError:
        faults.add("query.after", "invalid", after)
        return order


def _describe(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS} | {
        "time": row.time_of_day,
        "user": row.user_name,
        "canceled_by": row.canceled_by_name,
        "delivery_status": None,
    }


def get(session: Session, entry_no: int | str) -> dict[str, Any]:
    """Return one entry in API shape; raise `NotFound` if there is none or its segment is still being logged."""
    if not (str(entry_no).isascii() and str(entry_no).isdigit() and len(str(entry_no)) < 19):
        raise NotFound(THING, entry_no)
    found = _read(session, [int(entry_no)])
    if not found:
        raise NotFound(THING, entry_no)
    return found[0]


def of_numbers(session: Session, entry_nos: Sequence[int]) -> list[dict[str, Any]]:
    """Return the entries with these numbers, by number, in API shape; those that are not there are left out."""
    rows = session.execute(
        text(PAGE.format(conditions="AND i.entry_no = ANY(:entry_nos)", order="i.entry_no")),
        {"entry_nos": list(entry_nos), "limit": len(entry_nos)},
    )
    return [_describe(row) for row in rows]
