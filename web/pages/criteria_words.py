"""Criteria in plain words: the same meaning as the SQL of `domain.contact_filters`, for the trail of a segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain import contact_filters, criteria
from web import vocabulary
from web.pages import layout
from web.vocabulary import FIELDS

OPTIONS = {
    "allow_existing": _("also contacts that are already there"),
    "expand_companies": _("with all colleagues"),
    "include_related_companies": _("with their companies"),
    "ignore_exclusion": _("also contacts that are excluded from segments"),
    "entire_companies": _("entire companies"),
}
# What is said of actions that are no filter of contacts.
SOURCES = {
    criteria.REUSE_OF: _("contacts of logged segment %(of)s"),
    "follow_up_of": _("contacts with an active entry of logged segment %(of)s"),
    "skipped_of": _("skipped lines of logged segment %(of)s"),
    "copy_of": _("lines of segment %(of)s"),
}
VALUE_WORDS: dict[str, Mapping[str, Any]] = {
    "type": vocabulary.CONTACT_TYPES,
    "evaluation": vocabulary.EVALUATIONS,
    "problem": {**vocabulary.LINE_PROBLEMS, "any": _("any")},
    "warning": vocabulary.LINE_WARNINGS,
}
MOST_VALUES = 5


def condition(filters: Mapping[str, Any]) -> str:
    """Say filters in one line; parts that must hold together are separated by semicolons."""
    for name, words in SOURCES.items():
        if name in filters:
            return str(words) % {"of": filters[name]}
    if criteria.LINES in filters:
        return _of_lines(filters[criteria.LINES])
    parts = _fields(filters.get("contact", {}), contact_filters.CONTACT)
    parts += _fields(filters, contact_filters.GROUPS)
    entry = _fields(filters.get("interactions", {}), contact_filters.INTERACTIONS)
    if entry:
        parts.append(gettext("with an interaction: %(fields)s", fields=", ".join(entry)))
    return "; ".join(parts) or str(gettext("all"))


def options(given: Mapping[str, Any]) -> str:
    """Say the options that are set."""
    return ", ".join(str(words) for name, words in OPTIONS.items() if given.get(name))


def _of_lines(lines: Mapping[str, Any]) -> str:
    if "line_nos" in lines:
        return str(
            gettext("lines %(numbers)s", numbers=_listed([str(number) for number in lines["line_nos"]]))
        )
    parts = [_field(name, values) for name, values in lines.items() if name != "overridden"]
    if "overridden" in lines:
        parts.append(gettext("lines with own values"))
    return "; ".join(parts) or str(gettext("all lines"))


def _fields(given: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return [_field(name, given[name]) for name in names if name in given]


def _field(name: str, values: list[Any]) -> str:
    label = _LABELS.get(name) or FIELDS.get(name, name)
    return f"{label}: {_listed([_value(name, value) for value in values])}"


def _value(name: str, value: Any) -> str:
    if name in ("date_from", "date_to"):
        return layout.day(date.fromisoformat(value))
    if name in ("name", "q"):
        return f"“{value}”"
    return str(VALUE_WORDS.get(name, {}).get(value, value))


def _listed(values: list[str], between: str | None = None) -> str:
    """List alternatives, the first few of them."""
    more = len(values) - MOST_VALUES
    shown = (between or f" {gettext('or')} ").join(values[:MOST_VALUES])
    return f"{shown} {gettext('and %(count)s more', count=layout.number(more))}" if more > 0 else shown


_LABELS = {
    "name": _("Name contains"),
    "q": _("Contact contains"),
    "date_from": _("From"),
    "date_to": _("To"),
    "problem": _("Problem"),
    "warning": _("Warning"),
}
