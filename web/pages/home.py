"""The home page: what is under way, what was done last; for an empty service the first steps."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import (
    clock_guard,
    contacts,
    document_events,
    interaction_groups,
    jobs,
    logged_segments,
    purge_schedules,
    salespeople,
    segments,
    templates,
)
from domain.document_events import Outcome
from domain.users import Role
from web import database
from web.pages import logged_segments as logged_pages
from web.pages import segments as segment_pages
from web.pages.jobs import UNFINISHED
from web.pages.lists import Column
from web.pages.records import Answer

blueprint = Blueprint("home", __name__)

SHOWN = 8
# Outcomes of document events that somebody can do something about.
ATTENTION = (Outcome.UNRESOLVED, Outcome.IGNORED, Outcome.REJECTED)


def _some(columns: tuple[Column, ...], *names: str) -> list[Column]:
    return [column for column in columns if column.name in names]


SEGMENT_COLUMNS = _some(
    tuple(segment_pages.NOUN.columns), "no", "description", "date", "lines_count", "status"
)
LOGGED_COLUMNS = _some(
    logged_pages.COLUMNS, "no", "description", "date", "interactions_count", "skipped_count"
)


@blueprint.get("/")
def show() -> Answer:
    """Show the home page."""
    session = database.session()
    active = segments.describe(session, segments.page(session, filters={}, limit=SHOWN))
    logged = logged_segments.describe(
        session, logged_segments.page(session, filters={}, limit=SHOWN, newest_first=True)
    )
    under_way = jobs.page(session, filters={"state": UNFINISHED}, limit=SHOWN)
    return render_template(
        "home.html",
        attention=document_events.counts(session, outcomes=ATTENTION),
        active=active,
        active_columns=SEGMENT_COLUMNS,
        logged=logged,
        logged_columns=LOGGED_COLUMNS,
        running=jobs.describe(session, under_way),
        clock=clock_guard.suspicion(session),
        failed_schedules=purge_schedules.failed(session),
        steps=_first_steps(session) if not logged else None,
    )


def _first_steps(session: Session) -> list[dict[str, Any]]:
    """List what a new service needs before the first segment can be logged, and what of it is there."""
    steps: list[tuple[Any, str, Any, Role]] = [
        (_("Create an interaction group"), "interaction_groups", interaction_groups, Role.ADMIN),
        (_("Create an interaction template"), "interaction_templates", templates, Role.ADMIN),
        (_("Create a salesperson"), "salespeople", salespeople, Role.ADMIN),
        (_("Create or import contacts"), "contacts", contacts, Role.MARKETING),
        (_("Create a segment, add contacts and log it"), "segments", None, Role.MARKETING),
    ]
    return [
        {
            "title": title,
            "url": url_for(f"pages.{name}.index"),
            "role": role,
            "is_done": module is not None and bool(module.page(session, filters={}, limit=1)),
        }
        for title, name, module, role in steps
    ]
