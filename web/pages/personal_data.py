"""A contact's rights: all that is kept about them as a file, and erasure (C4). For administrators."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from flask_babel import gettext

from domain import contacts, erasure, personal_data
from domain.actors import Role
from web import database, identity
from web.forms.interactions import EraseForm
from web.pages import guard, records
from web.pages.records import Answer
from web.personal_data import download

blueprint = Blueprint("personal_data", __name__, url_prefix="/contacts/<key>")


@blueprint.post("/personal-data")
@guard.needs(Role.ADMIN)
def export(key: str) -> Response:
    """Give all that is kept about a contact as one file."""
    session = database.session()
    contact = contacts.get(session, key)
    personal_data.record_export(session, contact, actor=identity.required())
    return download(contact)


@blueprint.route("/erase", methods=["GET", "POST"])
@guard.needs(Role.ADMIN)
def erase(key: str) -> Answer:
    """Ask for a contact to be erased; its name or number is typed as an answer to "do you mean it"."""
    session = database.session()
    contact = contacts.get(session, key)
    form = EraseForm()
    if form.is_submitted():
        if (form.typed.data or "").casefold() in {contact.no.casefold(), contact.name.strip().casefold()}:
            job = erasure.request(session, contact, actor=identity.required())
            return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]
        form.typed.errors = [gettext("This is neither the name nor the number of the contact.")]
    return records.form_page("contacts/erase.html", form, contact=contact)
