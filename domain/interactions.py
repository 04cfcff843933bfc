"""The log: interactions as they were recorded (E1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, records
from domain import values as v
from domain.campaigns import Campaign
from domain.contacts import Contact
from domain.errors import Faults, NotFound
from domain.interaction_groups import InteractionGroup
from domain.salespeople import Salesperson
from domain.templates import InteractionTemplate

THING = "interaction"

SORTS = {
    "-entry_no": ("i.entry_no", "DESC"),
    "entry_no": ("i.entry_no", "ASC"),
    "-date": ("i.date", "DESC"),
    "date": ("i.date", "ASC"),
}
# A page is chosen on the visible log alone; names and codes are joined to its rows only.
PAGE = """
    SELECT i.*, k.no AS contact_no, k.name AS contact_name, o.no AS company_no, o.name AS company_name,
           t.code AS template_code, g.code AS group_code, p.code AS salesperson_code, m.no AS campaign_no,
           a.name AS user_name, b.name AS canceled_by_name,
           (SELECT count(*) FROM interaction_comment c WHERE c.entry_no = i.entry_no) AS comments_count
    FROM (
        SELECT i.* FROM interaction_visible i
        WHERE true {conditions}
        ORDER BY {order}
        LIMIT :limit
    ) i
    LEFT JOIN contact k ON k.id = i.contact_id
    LEFT JOIN contact o ON o.id = i.company_id
    LEFT JOIN interaction_template t ON t.id = i.template_id
    LEFT JOIN interaction_group g ON g.id = i.group_id
    LEFT JOIN salesperson p ON p.id = i.salesperson_id
    LEFT JOIN campaign m ON m.id = i.campaign_id
    LEFT JOIN actor a ON a.id = i.actor_id
    LEFT JOIN actor b ON b.id = i.canceled_by
    ORDER BY {order}
"""
# Filters answered by a reference: name of the filter -> column of the view, and where codes become ids.
REFERENCES: dict[str, tuple[str, Any, Any]] = {
    "contact_no": ("contact_id", Contact.id, Contact.no),
    "company_no": ("company_id", Contact.id, Contact.no),
    "salesperson_code": ("salesperson_id", Salesperson.id, Salesperson.code),
    "campaign_no": ("campaign_id", Campaign.id, Campaign.no),
    "template_code": ("template_id", InteractionTemplate.id, InteractionTemplate.code),
    "group_code": ("group_id", InteractionGroup.id, InteractionGroup.code),
    "user": ("actor_id", actors.ActorRow.id, actors.ActorRow.name),
}
NUMBERS = ("campaign_entry_no", "logged_segment_no")
TEXTS = ("segment_no", "document_type", "document_no", "evaluation", "origin")
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
    conditions, parameters = _conditions(session, filters, faults, company=company)
    column, direction = SORTS[sort]
    order = f"{column} {direction}" + ("" if column == "i.entry_no" else f", i.entry_no {direction}")
    if after is not None:
        conditions.append(_beyond(after, sort, parameters, faults))
    faults.raise_if_any()
    if column == "i.entry_no":
        conditions.append(_outside_unfinished(session, parameters))
    rows = session.execute(
        text(PAGE.format(conditions=" ".join(conditions), order=order)), {**parameters, "limit": limit}
    )
    return [_describe(row) for row in rows]


def _outside_unfinished(session: Session, parameters: dict[str, Any]) -> str:
    """Keep a scan by entry number out of the number ranges of segments that are being logged right now."""
    ranges = session.execute(
        text("SELECT first_entry_no, last_entry_no FROM logged_segment WHERE status = 'logging'")
    ).all()
    conditions = []
    for position, (first, last) in enumerate(ranges):
        parameters[f"first{position}"], parameters[f"last{position}"] = first, last
        conditions.append(f"AND i.entry_no NOT BETWEEN :first{position} AND :last{position}")
    return " ".join(conditions)


def cursor(entry: Mapping[str, Any], *, sort: str = "-entry_no") -> str:
    """Return where the page after `entry` begins."""
    if "date" in sort:
        return f"{entry['date'].isoformat()}~{entry['entry_no']}"
    return str(entry["entry_no"])


def _beyond(after: str, sort: str, parameters: dict[str, Any], faults: Faults) -> str:
    day, _, entry_no = after.rpartition("~")
    comparison = "<" if sort.startswith("-") else ">"
    try:
        parameters["after_entry_no"] = int(entry_no)
        if "date" not in sort:
            return f"AND i.entry_no {comparison} :after_entry_no"
        parameters["after_date"] = dt.date.fromisoformat(day)
    except ValueError:
        faults.add("query.after", "invalid", after)
        return ""
    return f"AND (i.date, i.entry_no) {comparison} (:after_date, :after_entry_no)"


def _conditions(
    session: Session, filters: Mapping[str, Sequence[str]], faults: Faults, *, company: bool
) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    parameters: dict[str, Any] = {}

    def add(condition: str, name: str, value: Any) -> None:
        parameters[name] = value
        conditions.append(f"AND ({condition})")

    for name, given in filters.items():
        if not given:
            continue
        blank = " OR i.{column} IS NULL" if records.BLANK in given else ""
        values = [value for value in given if value != records.BLANK and v.is_text(value)]
        if name in REFERENCES:
            column, id_column, key_column = REFERENCES[name]
            ids = list(records.ids_of(session, id_column, key_column, values).values())
            own = f"i.{column} = ANY(CAST(:{name} AS bigint[]))"
            if name == "contact_no" and company:
                own += f" OR i.company_id = ANY(CAST(:{name} AS bigint[])) AND i.company_id <> i.contact_id"
            add(own + blank.format(column=column), name, ids)
        elif name in NUMBERS:
            numbers = [
                int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 10
            ]
            add(f"i.{name} = ANY(CAST(:{name} AS bigint[]))" + blank.format(column=name), name, numbers)
        elif name in TEXTS:
            add(
                f"lower(i.{name}) = ANY(CAST(:{name} AS text[]))" + blank.format(column=name),
                name,
                [value.lower() for value in values],
            )
        elif name in ("date_from", "date_to"):
            day = _day(name, values, faults)
            add(f"i.date {'>=' if name == 'date_from' else '<='} :{name}", name, day)
        elif name == "canceled":
            add("i.canceled = ANY(:canceled)", name, [value == "true" for value in values])
        elif name == "q":
            patterns = [records.pattern(value) for value in values]
            add("i.description ILIKE ANY(:q) OR i.subject ILIKE ANY(:q)", name, patterns)
    return conditions, parameters


def _day(name: str, values: Sequence[str], faults: Faults) -> dt.date | None:
    try:
        return dt.date.fromisoformat(values[0])
    except (IndexError, ValueError):
        faults.add(f"query.{name}", "invalid", values[0] if values else None)
        return None


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
    rows = session.execute(
        text(PAGE.format(conditions="AND i.entry_no = :entry_no", order="i.entry_no")),
        {"entry_no": int(entry_no), "limit": 1},
    )
    found = [_describe(row) for row in rows]
    if not found:
        raise NotFound(THING, entry_no)
    return found[0]
