"""Marketing setup: number series in use, time zone, windows."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext

from domain import setup
from domain.users import Role
from web import database
from web.forms.base import etag_of
from web.forms.master_data import SetupForm
from web.pages import audit, guard, records
from web.pages.records import Answer

blueprint = Blueprint("setup", __name__, url_prefix="/marketing-setup")


@blueprint.route("/", methods=["GET", "POST"])
def show() -> Answer:
    """Show the setup; an administrator can change it."""
    session = database.session()
    if request.method == "POST":
        guard.check_role(Role.ADMIN)
    current = setup.get(session, lock=request.method == "POST")
    stored = setup.describe(session, current)
    tag = etag_of(stored, setup.STORED)
    form = SetupForm(data=stored)
    if request.method == "GET":
        form.etag.data = tag
    elif records.save_once(
        form,
        tag,
        lambda: setup.change(session, current, values=form.values(), actor=guard.check_role(Role.ADMIN)),
    ):
        flash(gettext("Saved."), "good")
        return redirect(url_for("pages.setup.show"), 303)  # type: ignore[return-value]
    if not guard.may(Role.ADMIN):
        records.freeze(form)
    return records.form_page("setup.html", form, history=audit.history(session, setup.THING, setup.THING))
