"""A line of a segment: its effective values, and what it says of its own (S2, S3)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import jobs, segment_lines, segments
from domain.actors import Actor, Role
from domain.errors import Refusal
from domain.segment_lines import SegmentLine
from domain.segments import Segment
from web import database, identity, messages
from web.forms.base import etag_of
from web.forms.segments import LineForm
from web.pages import audit, guard, inheritance, records
from web.pages.records import Answer, Stored

blueprint = Blueprint(
    "segment_lines", __name__, url_prefix="/segments/<key>/lines/<int(max=2000000000):line_no>"
)


@blueprint.route("/", methods=["GET", "POST"])
def card(key: str, line_no: int) -> Answer:
    """Show a line; saving personalises it."""
    actor = guard.check_role(Role.MARKETING if request.method == "POST" else Role.VIEWER)
    session = database.session()
    segment = segments.get(session, key)
    line = segment_lines.get(session, segment, line_no)
    shown = segment_lines.describe(session, segment, line)
    form = _form_of(shown)
    if request.method == "POST":
        if _save(session, segment, line, shown=shown, form=form, actor=actor):
            flash(gettext("Line %(no)s has been saved.", no=line_no), "good")
            return redirect(url_for("pages.segments.card", key=segment.no) + "#lines", 303)  # type: ignore[return-value]
        segment = segments.get(session, key)
    busy = segment.status == segments.Status.LOGGING or (
        jobs.open_job(session, segments.serial_key(segment)) is not None
    )
    if busy or not guard.may(Role.MARKETING):
        records.freeze(form)
    history = audit.history(session, segment_lines.THING, f"{segment.no}/{line_no}")
    return records.form_page("segments/line.html", form, segment=segment, line=shown, history=history)


@blueprint.post("/remove")
@guard.needs(Role.MARKETING)
def remove(key: str, line_no: int) -> Answer:
    """Take a line out of its segment."""
    session = database.session()
    segment = segments.get(session, key)
    line = segment_lines.get(session, segment, line_no)
    back = url_for("pages.segments.card", key=segment.no)
    if not guard.confirmed():
        return guard.ask(
            gettext("Remove line %(no)s from the segment? Its own values are lost.", no=line_no),
            title=gettext("Remove line"),
            yes=gettext("Remove"),
            back=back,
        )
    try:
        segment_lines.remove(session, segment, line, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
    else:
        flash(gettext("Line %(no)s has been removed.", no=line_no), "good")
    return redirect(back + "#lines", 303)  # type: ignore[return-value]


def _form_of(line: Stored) -> LineForm:
    own = line["overrides"]
    form = LineForm(data=own)
    if request.method == "GET":
        form.etag.data = etag_of(own, sorted(own))
    for field in form.value_fields():
        name = field.short_name
        if name != "evaluation":
            inheritance.tell(
                field, own=own.get(name), applies=line["effective"].get(name), source=_("Inherited")
            )
    return form


def _save(
    session: Session, segment: Segment, line: SegmentLine, *, shown: Stored, form: LineForm, actor: Actor
) -> bool:
    own = shown["overrides"]
    return records.save_once(
        form,
        etag_of(own, sorted(own)),
        lambda: segment_lines.change(session, segment, line, values=form.changes(own), actor=actor),
    )
