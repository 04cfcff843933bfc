"""The home page: what is under way and waits for the user, what was done last and how much; else the first steps.

As many queries as there are parts, whatever the size of the log.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import format_date, get_locale, gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import (
    clock_guard,
    contacts,
    document_events,
    interaction_groups,
    jobs,
    logged_segments,
    postponed,
    purge_schedules,
    salespeople,
    segments,
    setup,
    statistics,
    templates,
)
from domain.document_events import Outcome
from domain.users import Role
from web import database, identity
from web.jobs import described
from web.pages import charts, guard, layout
from web.pages import logged_segments as logged_pages
from web.pages import postponed as postponed_pages
from web.pages import segments as segment_pages
from web.pages.lists import Column
from web.pages.records import Answer

blueprint = Blueprint("home", __name__)

SHOWN = 6
# Days that the charts reach back, today included; groups that are told apart.
DAYS, GROUPS = 30, 6
# Failed jobs are shown for so many days.
FAILED_DAYS = 7
# Outcomes of document events that somebody can do something about.
ATTENTION = (Outcome.UNRESOLVED, Outcome.IGNORED, Outcome.REJECTED)


def _some(columns: tuple[Column, ...], *names: str) -> list[Column]:
    return [column for column in columns if column.name in names]


SEGMENT_COLUMNS = _some(tuple(segment_pages.NOUN.columns), "no", "description", "date", "lines_count")
LOGGED_COLUMNS = _some(logged_pages.COLUMNS, "no", "description", "date", "interactions_count")
POSTPONED_COLUMNS = _some(postponed_pages.COLUMNS, "entry_no", "contact_name", "description")


@blueprint.get("/")
def show() -> Answer:
    """Show the home page."""
    session, actor = database.session(), identity.required()
    active = segments.describe(session, segments.page(session, filters={}, limit=SHOWN))
    logged = logged_segments.describe(
        session, logged_segments.page(session, filters={}, limit=SHOWN, newest_first=True)
    )
    mine = postponed.page(session, filters={"user": [actor.name]}, limit=SHOWN)
    open_jobs = jobs.open_jobs(session, limit=SHOWN)
    failed = jobs.failed_lately(session, days=FAILED_DAYS, limit=SHOWN)
    return render_template(
        "home.html",
        attention=document_events.counts(session, outcomes=ATTENTION),
        active=active,
        active_columns=SEGMENT_COLUMNS,
        logged=logged,
        logged_columns=LOGGED_COLUMNS,
        postponed=postponed.describe(session, mine),
        postponed_columns=POSTPONED_COLUMNS,
        running=described(session, [*open_jobs, *failed]),
        clock=clock_guard.suspicion(session),
        failed_schedules=purge_schedules.failed(session),
        lately=_lately(session),
        steps=_first_steps(session) if not logged else None,
    )


def _lately(session: Session) -> dict[str, Any] | None:
    """Tell of the entries of the last days: pictures, what they say in words, the numbers as tables."""
    today = setup.today(session)
    counted = statistics.lately(session, last=today, days=DAYS)
    if not counted.by_day:
        return None
    first = today - dt.timedelta(days=DAYS - 1)
    days = [first + dt.timedelta(days=number) for number in range(DAYS)]
    most = max(counted.by_day, key=lambda day: counted.by_day[day])
    total = sum(counted.by_day.values())
    groups = [(code, description or code, count) for code, description, count in counted.by_group[:GROUPS]]
    others = sum(count for _code, _description, count in counted.by_group[GROUPS:])
    rows = [(description, count) for _code, description, count in groups]
    if others:
        rows.append((gettext("Other groups"), others))
    return {
        "first": first,
        "last": today,
        "total": total,
        "by_day": counted.by_day,
        "by_group": groups,
        "others": others,
        "days_pictures": charts.addresses([(_short_day(day), counted.by_day.get(day, 0)) for day in days]),
        "groups_height": charts.row_height(len(rows)),
        "groups_pictures": charts.addresses(rows, horizontal=True),
        "days_words": ngettext(
            "%(entries)s entry in %(days)s days; the most on %(day)s: %(most)s.",
            "%(entries)s entries in %(days)s days; the most on %(day)s: %(most)s.",
            total,
            entries=layout.number(total),
            days=DAYS,
            day=layout.day(most),
            most=layout.number(counted.by_day[most]),
        ),
        "groups_words": "; ".join(f"{description}: {layout.number(count)}" for description, count in rows),
    }


def _short_day(day: dt.date) -> str:
    return str(format_date(day, "dd.MM" if str(get_locale()) == "ru" else "d MMM"))


def _first_steps(session: Session) -> list[dict[str, Any]]:
    """List what a new service needs before its first segment can be logged: what of it is there, where it is done."""
    steps: list[tuple[Any, str, Any, Role]] = [
        (_("Create an interaction group"), "interaction_groups", interaction_groups, Role.ADMIN),
        (_("Create an interaction template"), "interaction_templates", templates, Role.ADMIN),
        (_("Create a salesperson"), "salespeople", salespeople, Role.ADMIN),
        (_("Create or import contacts"), "contacts", contacts, Role.MARKETING),
        (_("Create a segment, add contacts and log it"), "segments", segments, Role.MARKETING),
    ]
    told: list[dict[str, Any]] = []
    for title, name, module, role in steps:
        is_there = bool(module.page(session, filters={}, limit=1))
        # A segment is there, yet not logged: that is done from the list.
        is_done = is_there and module is not segments
        begins = not is_there and guard.may(role)
        told.append(
            {
                "title": title,
                "url": url_for(f"pages.{name}.{'new' if begins else 'index'}"),
                "is_done": is_done,
                "is_next": begins and all(step["is_done"] for step in told),
            }
        )
    return told
