"""What every page shares: language, theme, and how values are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Flask, g, request
from flask_babel import format_datetime, format_time, get_locale
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from domain import setup
from web import assets, database, help, i18n, identity, vocabulary
from web.pages import guard, places

THEME_COOKIE = "theme"
THEMES = {"auto": _("As the system"), "light": _("Light"), "dark": _("Dark")}


def init_app(app: Flask) -> None:
    """Give the templates of `app` their filters and names."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        amount=amount,
        number=number,
        code_number=code_number,
        day=day,
        clock=clock,
        instant=instant,
        decimal=decimal,
    )
    app.jinja_env.globals.update(
        asset=assets.asset, word=word, may=guard.may, csrf_input=csrf_input, here=here, vocabulary=vocabulary
    )
    app.before_request(_remember_timezone)

    @app.context_processor
    def names() -> dict[str, Any]:
        theme = request.cookies.get(THEME_COOKIE, "auto")
        return {
            "actor": g.get("actor"),
            "language": str(get_locale()),
            "languages": i18n.LANGUAGES,
            "theme": theme if theme in THEMES else "auto",
            "help": help.of(request.endpoint) if g.get("actor") else None,
            "themes": THEMES,
            "navigation": places.navigation() if g.get("actor") else None,
        }


def csrf_input() -> Markup:
    """Return the hidden field that every form with POST carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def here() -> str:
    """Return the path of this page with its query, to come back to."""
    if request.method != "GET":
        return request.path
    return request.full_path.rstrip("?")


def word(vocabulary_name: str, value: Any) -> Any:
    """Return the word for a code, such as `word("role", "admin")`."""
    words: Mapping[str, Any] = _WORDS[vocabulary_name]
    return words.get(value, value)


_WORDS: dict[str, Mapping[str, Any]] = {
    "role": vocabulary.ROLES,
    "job_state": vocabulary.JOB_STATES,
    "job_kind": vocabulary.JOB_KINDS,
    "contact_type": vocabulary.CONTACT_TYPES,
    "correspondence_type": vocabulary.CORRESPONDENCE_TYPES,
    "information_flow": vocabulary.INFORMATION_FLOWS,
    "initiated_by": vocabulary.INITIATED_BY,
    "evaluation": vocabulary.EVALUATIONS,
    "document_type": vocabulary.DOCUMENT_TYPES,
    "origin": vocabulary.ORIGINS,
    "field": vocabulary.FIELDS,
    "problem": {**vocabulary.LINE_PROBLEMS, **vocabulary.LINE_WARNINGS, **vocabulary.SEGMENT_PROBLEMS},
    "criteria_action": vocabulary.CRITERIA_ACTIONS,
    "effect": vocabulary.EFFECTS,
    "timeline_kind": vocabulary.TIMELINE_KINDS,
    "audit_action": vocabulary.AUDIT_ACTIONS,
    "event_outcome": vocabulary.EVENT_OUTCOMES,
    "event_door": vocabulary.EVENT_DOORS,
    "event_type": vocabulary.EVENT_TYPES,
    "account_type": vocabulary.ACCOUNT_TYPES,
}


def amount(value: Decimal | None) -> str:
    """Write an amount of money."""
    return "" if value is None else _number(value, "#,##0.00", _language())


def number(value: int | None) -> str:
    """Write a quantity."""
    return "" if value is None else _number(value, None, _language())


def decimal(value: float, places: int) -> str:
    """Write a number with so many decimals."""
    return _number(value, "#,##0." + "0" * places, _language())


def code_number(value: int | None) -> str:
    """Write a number that is a name, such as an entry number: without separators."""
    return "" if value is None else str(value)


def day(value: date | None) -> str:
    """Write a date."""
    return "" if value is None else _date(value, _language())


def clock(value: time | None) -> str:
    """Write a time of day."""
    return (
        "" if value is None else format_time(datetime.combine(date(2000, 1, 1), value), "HH:mm", rebase=False)
    )


def instant(value: datetime | None) -> str:
    """Write an instant in the time zone of the reader."""
    if value is None:
        return ""
    return str(format_datetime(value, f"{_DAYS[_language()]} HH:mm"))


# The same numbers and dates stand in one row after another, and in one page after another.
@lru_cache(maxsize=10_000)
def _number(value: Decimal | float, form: str | None, language: str) -> str:
    return format_decimal(value, format=form, locale=language)


@lru_cache(maxsize=10_000)
def _date(value: date, language: str) -> str:
    return format_date(value, _DAYS[language], locale=language)


def _language() -> str:
    return str(get_locale())


_DAYS = {"en": "d MMM y", "ru": "dd.MM.y"}


def _remember_timezone() -> None:
    def read() -> str:
        actor = identity.actor()
        if actor is None:
            return "UTC"
        return actor.timezone or setup.get(database.session()).timezone

    g.read_timezone = read
