"""Postponed Interactions (P1 to P4): list, resume, finish, delete one or many."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import interactions, postponed
from domain.actors import Role
from domain.errors import NotFound, Refusal
from web import database, identity, messages
from web.forms.base import etag_of
from web.forms.interactions import InteractionForm
from web.pages import guard, interaction_form, lists, records
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("postponed", __name__, url_prefix="/postponed-interactions")

# So many are shown on the card of a contact, a salesperson, an entry.
SHOWN = 5

COLUMNS = (
    Column("entry_no", FIELDS["entry_no"], "number", endpoint="pages.postponed.card", plain=True),
    Column("date", FIELDS["date"], "date"),
    Column("contact_no", FIELDS["contact_no"], "code", endpoint="pages.contacts.card"),
    Column("contact_name", FIELDS["name"]),
    Column("description", FIELDS["description"]),
    Column("template_code", FIELDS["template_code"], "code", endpoint="pages.interaction_templates.card"),
    Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
    Column("user", FIELDS["user"], "code"),
    Column("created_at", _("Postponed"), "instant"),
)
FILTERS = (
    Filter("contact_no", FIELDS["contact_no"], "code", lookup="contact"),
    Filter("salesperson_code", FIELDS["salesperson_code"], "code", lookup="salesperson"),
    Filter("user", FIELDS["user"]),
    Filter("source_entry_no", FIELDS["source_entry_no"], is_more=True),
)


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = postponed.page(session, filters=wanted.filters, **wanted.place)
    return postponed.describe(session, found)


LISTING = lists.register(
    Listing(
        name="postponed",
        columns=COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key="entry_no",
        sorts=lists.NEWEST_FIRST,
        sorted_by={"entry_no": "made"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List the postponed interactions that match the filters."""
    return render_template("postponed/list.html", list=lists.read(LISTING))


def of(session: Session, **filters: Any) -> list[dict[str, Any]]:
    """Read the latest postponed interactions of a contact, a salesperson or an entry, for its card."""
    found = postponed.page(
        session, filters={name: [str(value)] for name, value in filters.items()}, limit=SHOWN
    )
    return postponed.describe(session, found)


@blueprint.route("/<int:key>", methods=["GET", "POST"])
def card(key: int) -> Answer:
    """Resume: show the form as it was left; then finish it, or leave it once more."""
    guard.check_role(Role.SALESPERSON if request.method == "POST" else Role.VIEWER)
    session, actor = database.session(), identity.required()
    try:
        thing = postponed.get(session, key, lock=request.method == "POST")
    except NotFound as gone:
        return _finished(key, gone)
    stored = postponed.describe(session, [thing])[0]
    form = _form_of(stored)
    back = url_for("pages.postponed.index")
    if not guard.may(Role.SALESPERSON):
        records.freeze(form)
    elif request.method == "POST" and request.form.get("do") in (None, "finish", "postpone"):
        tag = etag_of(stored, postponed.STORED)
        if form.etag.data != tag:
            database.undo()
            records.stale(form, tag)
            return interaction_form.show(form, back=back, entry_no=key)

    def finish() -> int:
        return postponed.finish(session, thing, values=form.interaction_values(), actor=actor)

    def postpone() -> int:
        postponed.change(session, thing, values=form.interaction_values(), actor=actor)
        return key

    return interaction_form.answer(form, back=back, finish=finish, postpone=postpone, entry_no=key)


def _finished(key: int, gone: NotFound) -> Answer:
    """Lead to the entry that was made of it meanwhile, if there is one."""
    try:
        interactions.get(database.session(), key)
    except NotFound:
        raise gone from None
    flash(gettext("This interaction has been finished already; here is its entry."), "warn")
    return redirect(url_for("pages.interactions.card", key=key), 303)  # type: ignore[return-value]


def _form_of(stored: dict[str, Any]) -> InteractionForm:
    rows = [{"comment": comment} for comment in stored["comments"]]
    # What came from the source has been filled in; the source itself may be purged by now.
    form = InteractionForm(data={**stored, "comments": rows, "source_entry_no": None})
    if request.method == "GET":
        form.etag.data = etag_of(stored, postponed.STORED)
    return form


@blueprint.post("/delete")
@guard.needs(Role.SALESPERSON)
def delete() -> Answer:
    """Delete the chosen ones."""
    chosen = lists.selected(LISTING, "entry_no").numbers
    back = url_for("pages.postponed.index")
    if not chosen:
        flash(gettext("Choose the postponed interactions that are to be deleted."), "warn")
        return redirect(back, 303)  # type: ignore[return-value]
    if not guard.confirmed():
        return guard.ask(
            ngettext(
                "Delete %(num)d postponed interaction with its comments? This cannot be undone.",
                "Delete %(num)d postponed interactions with their comments? This cannot be undone.",
                len(chosen),
            ),
            title=gettext("Delete"),
            yes=gettext("Delete"),
            back=back,
        )
    session = database.session()
    try:
        things = [postponed.get(session, entry_no) for entry_no in chosen]
        postponed.delete(session, things, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
    else:
        flash(
            ngettext(
                "%(num)d postponed interaction has been deleted.",
                "%(num)d postponed interactions have been deleted.",
                len(chosen),
            ),
            "good",
        )
    return redirect(back, 303)  # type: ignore[return-value]
