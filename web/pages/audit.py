"""Who changed what and when (U2): the list for administrators, and the history shown on the things themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import audit
from domain.actors import Role
from web import vocabulary
from web.pages import guard, job_words, layout, lists
from web.pages.lists import Column, Filter, Listing
from web.vocabulary import FIELDS

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

# Deeds shown on a thing's own card.
SHOWN = 10
LONGEST = 80

FILTERS = (
    Filter("user", FIELDS["user"]),
    Filter("object_type", _("Object"), words=vocabulary.AUDIT_THINGS),
    Filter("object_key", FIELDS["no"]),
    Filter("action", _("Action"), words=vocabulary.AUDIT_ACTIONS),
    Filter("date_from", _("From Date"), "date"),
    Filter("date_to", _("To Date"), "date"),
)
COLUMNS = (
    Column("at", _("When"), "instant"),
    Column("user", FIELDS["user"], "code"),
    Column("action", _("Action"), "choice", words=vocabulary.AUDIT_ACTIONS),
    Column("object", _("Object")),
    Column("said", _("Changes")),
)
# Things with a page of their own, by the key the audit has.
PAGES = {
    "contact": "pages.contacts.card",
    "salesperson": "pages.salespeople.card",
    "campaign": "pages.campaigns.card",
    "interaction_group": "pages.interaction_groups.card",
    "interaction_template": "pages.interaction_templates.card",
    "number_series": "pages.number_series.card",
    "segment": "pages.segments.card",
    "logged_segment": "pages.logged_segments.card",
    "interaction": "pages.interactions.card",
    "postponed_interaction": "pages.postponed.card",
    "user": "pages.users.card",
    "job": "pages.jobs.card",
}
CHOICES: dict[str, Mapping[str, Any]] = {
    "correspondence_type": vocabulary.CORRESPONDENCE_TYPES,
    "evaluation": vocabulary.EVALUATIONS,
    "information_flow": vocabulary.INFORMATION_FLOWS,
    "initiated_by": vocabulary.INITIATED_BY,
    "role": vocabulary.ROLES,
    "state": vocabulary.JOB_STATES,
    "type": vocabulary.CONTACT_TYPES,
}


@dataclass(frozen=True)
class Change:
    """One field of a deed, in words."""

    label: str
    old: str
    new: str


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = audit.page(session, filters=wanted.filters, **wanted.place)
    return [
        {**deed, "object": f"{deed['thing']} {deed['object_key']}", "said": _said(deed["told"])}
        for deed in _told(session, found)
    ]


def _said(told: Iterable[Change]) -> str:
    return "; ".join(f"{change.label}: {change.old} → {change.new}" for change in told)


LISTING = lists.register(
    Listing(
        name="audit",
        columns=COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key="id",
        sorts=lists.NEWEST_FIRST,
        sorted_by={"at": "made"},
        reads=Role.ADMIN,
    )
)


@blueprint.get("/")
@guard.needs(Role.ADMIN)
def index() -> str:
    """List what everybody changed, newest first unless the other order is chosen."""
    return render_template("audit/list.html", list=lists.read(LISTING))


def history(session: Session, object_type: str, object_key: object) -> list[dict[str, Any]] | None:
    """Read what was done to one thing last; None for those who may not see it (U1)."""
    if not guard.may(Role.ADMIN):
        return None
    return _told(session, audit.of(session, object_type=object_type, object_key=str(object_key), limit=SHOWN))


def _told(session: Session, rows: list[audit.Audit]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "thing": vocabulary.AUDIT_THINGS.get(row["object_type"], row["object_type"]),
            "url": url_for(PAGES[row["object_type"]], key=row["object_key"])
            if row["object_type"] in PAGES
            else None,
            "told": list(_changes(row["changes"])),
        }
        for row in audit.describe(session, rows)
    ]


def _changes(changes: Mapping[str, list[Any]]) -> Iterable[Change]:
    labels = {name: _label(name) for name in changes}
    for name, (old, new) in sorted(changes.items(), key=lambda change: labels[change[0]]):
        yield Change(labels[name], _value(name, old), _value(name, new))


def _label(name: str) -> str:
    words = FIELDS.get(name) or vocabulary.DOCUMENT_TYPES.get(name) or job_words.RESULT_WORDS.get(name)
    return str(words or name)


def _value(name: str, value: Any) -> str:
    """Put a value into words: lists separated, long texts cut."""
    match value:
        case None | "":
            return ""
        case list():
            return ", ".join(_value(name, item) for item in value)
        case dict() if name == "filters":
            return "; ".join(f"{_label(key)}: {_value(key, item)}" for key, item in value.items())
        case dict():
            return " ".join(_value(key, item) for key, item in value.items() if item not in (None, ""))
    written = _word(name, value)
    return written if len(written) <= LONGEST else written[: LONGEST - 1] + "…"


def _word(name: str, value: Any) -> str:
    """Write a single value as the page of the thing would."""
    if isinstance(value, bool):
        return str(gettext("Yes") if value else gettext("No"))
    if name in ("date", "starting_date", "ending_date"):
        return layout.day(date.fromisoformat(value))
    if name in ("cost", "unit_cost"):
        return layout.amount(Decimal(value))
    return str(CHOICES.get(name, {}).get(value, value))
