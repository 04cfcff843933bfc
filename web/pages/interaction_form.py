"""Create Interaction (I1 to I9): one form, started from a contact, a salesperson, an entry or the log.

The same form resumes a postponed interaction (P3, P4). What its buttons do is the value of `do`: `fill_in` shows what
follows from template and contact (a script does that by itself as the user goes), `leave` asks whether to finish later
or to discard, as a page of its own where there is no script.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain import contacts, interaction_creation, interaction_values, interactions, postponed, setup
from domain.actors import Role
from domain.errors import NotFound
from web import database, identity
from web.forms.interactions import InteractionForm
from web.pages import guard, inheritance, records
from web.pages.records import Answer

blueprint = Blueprint("interaction_form", __name__, url_prefix="/interactions/new")

# Fields whose value, if none is typed, follows from template and contact.
INHERITED = (
    "template_code", "description", "salesperson_code", "subject", "language_code", "correspondence_type", "cost",
    "duration_min", "information_flow", "initiated_by", "campaign_no", "campaign_target", "campaign_response",
)  # fmt: skip


@blueprint.route("/", methods=["GET", "POST"])
def new() -> Answer:
    """Record an interaction, or leave it for later."""
    guard.check_role(Role.SALESPERSON)
    form = InteractionForm() if request.method == "POST" else InteractionForm(data=_start())
    back = guard.safe_next(request.values.get("back") or url_for("pages.interactions.index"))
    session, actor = database.session(), identity.required()

    def create() -> int:
        return interaction_creation.create(session, values=form.interaction_values(), actor=actor)

    def postpone() -> int:
        return postponed.create(session, values=form.interaction_values(), actor=actor).entry_no

    return answer(form, back=back, finish=create, postpone=postpone)


def answer(
    form: InteractionForm,
    *,
    back: str,
    finish: Callable[[], int],
    postpone: Callable[[], int],
    entry_no: int | None = None,
) -> Answer:
    """Do what the pressed button says, or show the form.

    Parameters
    ----------
    back
        Where to go when the form is left.
    finish, postpone
        Record what was typed, or leave it for later; both give the entry number.
    entry_no
        Number of the postponed interaction that is resumed.
    """
    do = request.form.get("do", "finish") if request.method == "POST" else None
    if do == "discard":
        return redirect(back, 303)  # type: ignore[return-value]
    if do == "leave":
        given = [
            (name, value)
            for name, values in request.form.lists()
            if name not in ("csrf_token", "do")
            for value in values
        ]
        return render_template("interactions/leave.html", given=given, entry_no=entry_no)
    if do in ("finish", "postpone"):
        step = finish if do == "finish" else postpone
        made = records.attempt_once(form, step)
        if made is not None:
            return _done(do, made, back=back)
    return show(form, back=back, entry_no=entry_no)


def show(form: InteractionForm, *, back: str, entry_no: int | None) -> Answer:
    """Show the form with what applies where nothing is typed."""
    _fill_in(form)
    form.add_spare_rows()
    return records.form_page("interactions/form.html", form, back=back, entry_no=entry_no)


def _done(do: str, entry_no: str, *, back: str) -> Answer:
    if do == "finish":
        flash(gettext("The interaction has been recorded as entry %(no)s.", no=entry_no), "good")
        return redirect(url_for("pages.interactions.card", key=entry_no), 303)  # type: ignore[return-value]
    flash(gettext("The interaction waits under Postponed Interactions."), "good")
    return redirect(back, 303)  # type: ignore[return-value]


def _fill_in(form: InteractionForm) -> None:
    """Tell each field what applies if nothing is typed into it, and prefill the number of a call."""
    session = database.session()
    values = {name: value for name, value in form.interaction_values().items() if name != "comments"}
    applies = interaction_values.preview(session, values=values, actor=identity.required())
    for name in INHERITED:
        field = form[name]
        typed = None if field.data in (None, "") and not getattr(field, "is_blank", False) else field.data
        value = getattr(applies, name)
        if typed is not None:
            continue
        if hasattr(field, "words"):
            inheritance.tell(field, own=None, applies=value, source=_("Applies"))
        elif value is not None:
            field.render_kw = {**(field.render_kw or {}), "placeholder": inheritance.shown(field, value)}
    if applies.contact_name:
        form.contact_no.inherited = applies.contact_name
    if applies.contact_phone and not form.contact_via.data:
        form.contact_via.inherited = gettext("The contact's phone: %(phone)s", phone=applies.contact_phone)
    database.undo()


def _start() -> dict[str, Any]:
    """Give what a new form begins with, from where it was started (I6)."""
    session = database.session()
    start: dict[str, Any] = {
        "successful": True,
        "date": setup.today(session),
        "phone_call": request.args.get("phone_call") == "yes",
        **{name: request.args.get(name) for name in ("contact_no", "salesperson_code")},
    }
    source = request.args.get("source_entry_no", "")
    if source:
        entry = interactions.get(session, source)
        start |= {"source_entry_no": source} | {
            name: entry[name] for name in ("contact_no", "salesperson_code", "campaign_no", "opportunity_no")
        }
    if start["phone_call"] and start["contact_no"]:
        start["contact_via"] = _phone_of(start["contact_no"])
    return start


def _phone_of(contact_no: str) -> str | None:
    try:
        contact = contacts.get(database.session(), contact_no)
    except NotFound:
        return None
    return contact.phone or contact.mobile_phone or None
