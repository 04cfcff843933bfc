"""The filters of the log (E1): which entries a list, an export or a bulk change is about."""

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
from domain.errors import Faults
from domain.interaction_groups import InteractionGroup
from domain.salespeople import Salesperson
from domain.templates import InteractionTemplate

Filters = Mapping[str, Sequence[str]]

EVALUATIONS = ("very_positive", "positive", "neutral", "negative", "very_negative")
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
# Numbers of other systems are compared as they are, so that interaction_document_idx finds them; choices likewise.
EXACT = ("document_no", "document_type", "evaluation", "origin")
CHOICES = {
    "canceled": ("true", "false"),
    "evaluation": (*EVALUATIONS, records.BLANK),
    "origin": ("manual", "segment", "document"),
}
NAMES = (
    *REFERENCES, *EXACT, "campaign_entry_no", "segment_no", "logged_segment_no", "date_from", "date_to",
    "canceled", "q",
)  # fmt: skip


def take(given: object, faults: Faults, *, prefix: str) -> dict[str, list[str]]:
    """Check filters; return each that has values as the list of them.

    Parameters
    ----------
    given
        By the names of API.md one value or several, which are ORed: texts, numbers, flags, dates; `none` is blank.
    prefix
        Put before the names of fields in faults, such as `query.`.
    """
    if not isinstance(given, Mapping):
        faults.add(prefix.rstrip("."), "invalid", v.shown(given))
        return {}
    taken: dict[str, list[str]] = {}
    for name, value in given.items():
        if name not in NAMES:
            faults.add(f"{prefix}{name}", "unknown_field")
            continue
        listed = [] if value is None else value if isinstance(value, list | tuple) else [value]
        values = [_as_text(name, one, f"{prefix}{name}", faults) for one in listed]
        if values:
            taken[name] = [one for one in values if one is not None]
    return taken


def _as_text(name: str, value: object, path: str, faults: Faults) -> str | None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | dt.date):
        value = str(value)
    if not isinstance(value, str) or not v.is_text(value):
        faults.add(path, "invalid", v.shown(value))
    elif name in CHOICES and value not in CHOICES[name]:
        faults.add(path, "not_a_choice", v.shown(value), choices=CHOICES[name])
    elif name in ("date_from", "date_to") and not _is_day(value):
        faults.add(path, "invalid", v.shown(value))
    else:
        return value
    return None


def _is_day(value: str) -> bool:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def conditions(
    session: Session, filters: Filters, *, company: bool = True
) -> tuple[list[str], dict[str, Any]]:
    """Make the conditions on visible entry `i` that say filters, each beginning with AND, and their parameters.

    Parameters
    ----------
    filters
        As `take` returns them.
    company
        Whether `contact_no` of a company includes its people's entries, by the entry's company.
    """
    made: list[str] = []
    parameters: dict[str, Any] = {}

    def add(condition: str, name: str, value: Any) -> None:
        parameters[name] = value
        made.append(f"AND ({condition})")

    # One value is compared with "=": then an index by it is read in the order of its other columns.
    for name, given in filters.items():
        blank = f" OR i.{_column(name)} IS NULL" if records.BLANK in given else ""
        values = [value for value in given if value != records.BLANK]
        if name in REFERENCES:
            column, id_column, key_column = REFERENCES[name]
            found = list(records.ids_of(session, id_column, key_column, values).values())
            is_theirs = f"= :{name}" if len(found) == 1 else f"= ANY(CAST(:{name} AS bigint[]))"
            own = f"i.{column} {is_theirs}"
            people = f"i.company_id {is_theirs} AND i.company_id <> i.contact_id"
            if name == "contact_no" and company:
                own += f" OR {people}"
            elif (
                name == "company_no"
            ):  # in two parts, as interaction_company_id_idx has its people's entries only
                own = f"{people} OR i.contact_id {is_theirs} AND i.company_id = i.contact_id"
            add(own + blank, name, found[0] if len(found) == 1 else found)
        elif name == "campaign_entry_no":
            add(f"i.campaign_entry_no = ANY(CAST(:{name} AS bigint[]))" + blank, name, _numbers(values))
        elif name in ("logged_segment_no", "segment_no"):
            segments = _segments(session, name, values)
            condition = f"i.logged_segment_no = ANY(CAST(:{name} AS integer[]))"
            if segments and not blank:  # their entries lie in ranges of the log's primary key
                condition += f" AND i.entry_no BETWEEN :{name}_first AND :{name}_last"
                parameters[f"{name}_first"] = min(segment.first_entry_no for segment in segments)
                parameters[f"{name}_last"] = max(segment.last_entry_no for segment in segments)
            add(condition + blank, name, [segment.no for segment in segments])
        elif name in EXACT:
            one = len(values) == 1
            add(
                f"i.{name} = :{name}" + blank if one else f"i.{name} = ANY(CAST(:{name} AS text[]))" + blank,
                name,
                values[0] if one else values,
            )
        elif name in ("date_from", "date_to"):
            days = [dt.date.fromisoformat(value) for value in values]
            add(f"i.date {'>=' if name == 'date_from' else '<='} :{name}", name, days[0])
        elif name == "canceled":
            add("i.canceled = ANY(:canceled)", name, [value == "true" for value in values])
        elif name == "q":
            patterns = [records.pattern(value) for value in values]
            add("i.description ILIKE ANY(:q) OR i.subject ILIKE ANY(:q)", name, patterns)
    return made, parameters


def _column(name: str) -> str:
    if name == "segment_no":
        return "logged_segment_no"
    return REFERENCES[name][0] if name in REFERENCES else name


def _numbers(values: Sequence[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 10]


def _segments(session: Session, name: str, values: Sequence[str]) -> Sequence[Any]:
    """Find the logged segments of these numbers; one that was deleted is nobody's any more (E6)."""
    condition = "no = ANY(:given)" if name == "logged_segment_no" else "lower(segment_no) = ANY(:given)"
    given: Sequence[object] = (
        _numbers(values) if name == "logged_segment_no" else [value.lower() for value in values]
    )
    return session.execute(
        text(
            "SELECT no, first_entry_no, last_entry_no FROM logged_segment "
            f"WHERE {condition} AND deleted_at IS NULL AND logged_at IS NOT NULL"
        ),
        {"given": list(given)},
    ).all()
