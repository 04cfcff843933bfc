"""Logged Segments (L5, L6): list, card with the lines that were skipped, follow-up, segment of the skipped."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import follow_ups, logged_segments
from domain.users import Role
from web import database, identity, vocabulary
from web.forms.follow_ups import FollowUpForm
from web.pages import guard, lists, records
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("logged_segments", __name__, url_prefix="/logged-segments")

COLUMNS = (
    Column("no", FIELDS["no"], "number", endpoint="pages.logged_segments.card", plain=True),
    Column("segment_no", FIELDS["segment_no"], "code"),
    Column("description", FIELDS["description"]),
    Column("date", FIELDS["date"], "date"),
    Column("interactions_count", _("Interactions"), "number"),
    Column("active_interactions_count", _("of these active"), "number"),
    Column("skipped_count", _("Skipped Lines"), "number"),
    Column("campaign_entries_count", _("Campaign Entries"), "number"),
    Column("user", FIELDS["user"], "code"),
    Column("canceled", FIELDS["canceled"], "flag"),
)
MORE_COLUMNS = (
    Column("status", _("Status"), "choice", words=vocabulary.LOGGED_SEGMENT_STATES),
    Column("canceled_at", _("Canceled at"), "instant"),
    Column("canceled_by", _("Canceled by"), "code"),
)
FILTERS = (
    Filter("q", _("Search"), "search", hint=_("Segment No. or description")),
    Filter("segment_no", FIELDS["segment_no"], "code"),
    Filter("canceled", FIELDS["canceled"], words={"true": _("Yes"), "false": _("No")}),
)
SKIPPED_COLUMNS = (
    Column("line_no", _("Line"), "number"),
    Column("contact_no", FIELDS["contact_no"], "code", endpoint="pages.contacts.card"),
    Column("contact_name", FIELDS["name"]),
    Column("reasons", _("Why it was not logged")),
)


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = logged_segments.page(session, filters=wanted.filters, **wanted.place)
    return logged_segments.describe(session, found)


def _fetch_skipped(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    logged = logged_segments.get(session, wanted.of or "")
    rows = logged_segments.skipped(session, logged, **wanted.place)
    return [{**row, "reasons": reasons(row["problems"])} for row in rows]


LISTING = lists.register(
    Listing(
        name="logged_segments",
        columns=COLUMNS,
        more_columns=MORE_COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key="no",
        sorts=lists.NEWEST_FIRST,
        sorted_by={"no": "made"},
    )
)
SKIPPED = lists.register(
    Listing(
        name="skipped_lines",
        columns=SKIPPED_COLUMNS,
        filters=(),
        fetch=_fetch_skipped,
        key="line_no",
        sorts=lists.BY_LINE,
        sorted_by={"line_no": "made"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List logged segments, the latest first unless the other order is chosen."""
    return render_template("logged_segments/list.html", list=lists.read(LISTING))


@blueprint.get("/<key>")
def card(key: str) -> Answer:
    """Show a logged segment and the lines that were not logged."""
    session = database.session()
    logged = logged_segments.get(session, key)
    return render_template(
        "logged_segments/card.html",
        logged=logged_segments.describe(session, [logged])[0],
        list=lists.read(SKIPPED, of=str(logged.no)),
    )


@blueprint.route("/<key>/follow-up", methods=["GET", "POST"])
@guard.needs(Role.MARKETING)
def follow_up(key: str) -> Answer:
    """Choose the entries of a follow-up segment by outcome (L7); "Count" tells how many there would be."""
    session = database.session()
    logged = logged_segments.get(session, key)
    form = FollowUpForm() if request.method == "POST" else FollowUpForm(data={"canceled": "false"})
    counted = None
    if request.method == "POST":
        values = form.request_values()
        if "count" in request.form:
            counted = records.attempt(form, lambda: follow_ups.count(session, logged, values=values))
        else:
            actor = identity.required()
            job = records.attempt_once(
                form, lambda: follow_ups.request(session, logged, values=values, actor=actor).id
            )
            if job is not None:
                return redirect(url_for("pages.jobs.card", key=job), 303)  # type: ignore[return-value]
    return records.form_page("logged_segments/follow_up.html", form, logged=logged, counted=counted)


@blueprint.post("/<key>/skipped-segment")
@guard.needs(Role.MARKETING)
def skipped_segment(key: str) -> Answer:
    """Ask for a segment of the lines that were skipped (L3)."""
    session = database.session()
    logged = logged_segments.get(session, key)
    job = follow_ups.request(session, logged, values={}, of_skipped=True, actor=identity.required())
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]


def reasons(problems: list[str]) -> str:
    """Put the problems of a line into words."""
    words = vocabulary.LINE_PROBLEMS
    return "; ".join(str(words.get(problem, problem)) for problem in problems) or gettext("Unknown")
