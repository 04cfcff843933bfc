"""Building a segment: criteria with their count, undo, saved criteria, and the other ways contacts come (S5 to S8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain import (
    contact_lists,
    contacts,
    criteria,
    jobs,
    mailing_group_fill,
    saved_criteria,
    segment_copy,
    segment_lines,
    segment_reuse,
    segment_story,
    segments,
    undo,
)
from domain.errors import NotFound, Refusal
from domain.segments import Segment
from domain.users import Role
from web import database, identity, messages
from web.forms.base import RecordForm
from web.forms.criteria import (
    ApplyCriteriaForm,
    CopyForm,
    CriteriaForm,
    FillForm,
    ListForm,
    ReuseForm,
    SaveCriteriaForm,
)
from web.pages import guard, records
from web.pages.jobs import to_job
from web.pages.records import Answer

blueprint = Blueprint("segment_criteria", __name__, url_prefix="/segments/<key>")

# What asks for the number of matches alone, while a form is being filled.
FRAGMENT = "X-Fragment"
SHOWN_UNKNOWN = 200

TITLES = {
    criteria.ADD: _("Add contacts to segment %(no)s"),
    criteria.REDUCE: _("Reduce contacts of segment %(no)s"),
    criteria.REFINE: _("Refine contacts of segment %(no)s"),
}
LEADS = {
    criteria.ADD: _("Contacts that match come in."),
    criteria.REDUCE: _("Lines whose contact matches go."),
    criteria.REFINE: _("Only lines whose contact matches stay."),
}
BUTTONS = {
    criteria.ADD: _("Add contacts"),
    criteria.REDUCE: _("Reduce contacts"),
    criteria.REFINE: _("Refine contacts"),
}
# Form -> what it asks the domain for, on the page of the other ways.
OTHER_WAYS: dict[str, tuple[type[RecordForm], Callable[..., Any]]] = {
    "apply": (ApplyCriteriaForm, saved_criteria.apply),
    "reuse": (ReuseForm, segment_reuse.request),
    "fill": (FillForm, mailing_group_fill.request),
    "copy": (CopyForm, segment_copy.request),
    "save": (SaveCriteriaForm, saved_criteria.save),
}


@blueprint.route("/<any(add, reduce, refine):action>-contacts", methods=["GET", "POST"])
@guard.needs(Role.MARKETING)
def act(key: str, action: str) -> Answer:
    """Criteria with their options; "Count" tells what would happen, and a script asks for it meanwhile."""
    session = database.session()
    segment = segments.get(session, key)
    form = CriteriaForm().for_action(action)
    counted = None
    if request.method == "POST":
        values = form.request_values(action)
        if "count" in request.form:
            counted = records.attempt(
                form, lambda: form.with_own_names(lambda: criteria.count(session, segment, values=values))
            )
            if FRAGMENT in request.headers:
                # That nothing is filled in is no fault while somebody is about to.
                faults = _faults(form) if values["filters"] or form.unreadable() else []
                return render_template("segments/counted.html", counted=counted, action=action, faults=faults)
        else:
            asked = records.attempt_once(
                form,
                lambda: (
                    form.with_own_names(
                        lambda: criteria.request(session, segment, values=values, actor=identity.required())
                    ).id
                ),
            )
            if asked is not None:
                return to_job(jobs.get(session, asked), segment.no)
    return records.form_page(
        "segments/criteria.html", form, segment=segment, counted=counted, action=action, faults=[],
        title=TITLES[action] % {"no": segment.no}, lead=LEADS[action], button=BUTTONS[action],
    )  # fmt: skip


def _faults(form: CriteriaForm) -> list[str]:
    """Say why there is no number."""
    told = [str(error) for field in form.value_fields() for error in field.errors]
    return told + [str(error) for error in form.form_errors]


@blueprint.post("/undo")
@guard.needs(Role.MARKETING)
def undo_last(key: str) -> Answer:
    """Undo the last action, after a question."""
    session = database.session()
    segment = segments.get(session, key)
    back = url_for("pages.segments.card", key=segment.no)
    if not guard.confirmed():
        return guard.ask(
            gettext(
                "Undo the last action? Lines it added go, with their own values; lines it removed come back."
            ),
            title=gettext("Undo"),
            yes=gettext("Undo"),
            back=back,
        )
    try:
        job = undo.request(session, segment, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(back, 303)  # type: ignore[return-value]
    return to_job(job, segment.no)


@blueprint.get("/other-ways")
@guard.needs(Role.MARKETING)
def other_ways(key: str) -> Answer:
    """Saved criteria, logged segments, lists, mailing groups, copies."""
    return _other_ways(segments.get(database.session(), key))


def _other_ways(segment: Segment, **given: RecordForm) -> Answer:
    forms: dict[str, RecordForm] = {
        name: given.get(name) or form(formdata=None, prefix=f"{name}-")
        for name, (form, _ask) in OTHER_WAYS.items()
    }
    forms["listed"] = given.get("listed") or ListForm(formdata=None, prefix="listed-")
    faulty = next(iter(given.values()), forms["apply"])
    return records.form_page("segments/other_ways.html", faulty, segment=segment, forms=forms)


@blueprint.post("/<any(apply, reuse, fill, copy, save):way>")
@guard.needs(Role.MARKETING)
def go(key: str, way: str) -> Answer:
    """Go one of the other ways."""
    session = database.session()
    segment = segments.get(session, key)
    made, ask = OTHER_WAYS[way]
    form = made(prefix=f"{way}-")
    values = form.values()
    if way == "copy" and not values.get("description"):
        values = {}
    done = records.attempt(form, lambda: ask(session, segment, values=values, actor=identity.required()))
    if done is None:
        return _other_ways(segments.get(session, key), **{way: form})
    if way != "save":
        return to_job(done, segment.no)
    flash(gettext("The actions are kept as “%(code)s”.", code=done.code), "good")
    return redirect(url_for("pages.saved_criteria.card", key=done.code), 303)  # type: ignore[return-value]


@blueprint.post("/list")
@guard.needs(Role.MARKETING)
def add_list(key: str) -> Answer:
    """Add the contacts of a list by hand; entries that nobody has are reported."""
    session = database.session()
    segment = segments.get(session, key)
    form = ListForm(prefix="listed-")
    upload = request.files.get("file")
    if upload and upload.filename:
        form["list"].data = upload.read(contact_lists.MOST_CHARACTERS * 4).decode("utf-8-sig", "replace")
    result = records.attempt(form, lambda: _add_list(segment, form))
    if result is None:
        return _other_ways(segments.get(session, key), listed=form)
    found, added = result
    return render_template(
        "segments/listed.html", segment=segment, added=added, unknown=found.unknown[:SHOWN_UNKNOWN],
        unknown_count=len(found.unknown),
    )  # fmt: skip


def _add_list(segment: Segment, form: ListForm) -> tuple[contact_lists.Found, segment_lines.Added]:
    session = database.session()
    found = contact_lists.find(session, form["list"].data or "")
    if not found.contact_nos:
        return found, segment_lines.Added(0, 0, 0, 0)
    added = segment_lines.add_many(
        session, segment, contact_nos=found.contact_nos, allow_existing=bool(form.allow_existing.data),
        actor=identity.required(),
    )  # fmt: skip
    return found, added


@blueprint.get("/why")
def why(key: str) -> Answer:
    """Say why a contact is in the segment, or not."""
    session = database.session()
    segment = segments.get(session, key)
    no = request.args.get("contact_no", "").strip()
    contact, story, problem = None, None, None
    if no:
        try:
            contact = contacts.get(session, no)
            story = segment_story.of_contact(session, segment, contact)
        except NotFound as missing:
            problem = messages.refusal_message(missing)
    return render_template(
        "segments/why.html", segment=segment, no=no, contact=contact, story=story, problem=problem
    )
