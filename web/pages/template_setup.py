"""Interaction template setup (T4): which template records which document."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain import template_setup
from domain.users import Role
from web import database
from web.forms.base import RecordForm, etag_of
from web.forms.fields import CodeField
from web.pages import audit, guard, records
from web.pages.records import Answer
from web.vocabulary import DOCUMENT_TYPES

blueprint = Blueprint("template_setup", __name__, url_prefix="/template-setup")


class TemplateSetupForm(RecordForm):
    """A template code for each document type; blank is "do not record"."""

    groups = (
        (_("Sales"), tuple(key for key in template_setup.KEYS if key.startswith(("sales_", "finance_")))),
        (_("Service"), tuple(key for key in template_setup.KEYS if key.startswith("service_"))),
        (_("Purchases"), tuple(key for key in template_setup.KEYS if key.startswith("purchase_"))),
        (_("General"), ("cover_sheet", *template_setup.WITHOUT_DOCUMENT)),
    )


for _key in template_setup.KEYS:
    setattr(TemplateSetupForm, _key, CodeField(DOCUMENT_TYPES[_key], lookup="template"))


@blueprint.route("/", methods=["GET", "POST"])
def show() -> Answer:
    """Show the template setup; an administrator can change it."""
    session = database.session()
    if request.method == "POST":
        guard.check_role(Role.ADMIN)
    stored = template_setup.describe(session)
    tag = etag_of(stored, template_setup.STORED)
    form = TemplateSetupForm(data=stored)
    if request.method == "GET":
        form.etag.data = tag
    elif records.save_once(
        form,
        tag,
        lambda: template_setup.change(session, values=form.values(), actor=guard.check_role(Role.ADMIN)),
    ):
        flash(gettext("Saved."), "good")
        return redirect(url_for("pages.template_setup.show"), 303)  # type: ignore[return-value]
    if not guard.may(Role.ADMIN):
        records.freeze(form)
    return records.form_page(
        "template_setup.html",
        form,
        history=audit.history(session, template_setup.THING, template_setup.THING),
    )
