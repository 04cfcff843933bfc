"""Housekeeping: how long things are kept, when it is done, how it went last."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext

from domain import purge_schedules, purge_setup
from domain.errors import Refusal
from domain.users import Role
from web import database, messages, vocabulary
from web.forms.base import etag_of
from web.forms.purges import HousekeepingForm
from web.pages import guard, records
from web.pages.purge_schedules import runs_of
from web.pages.records import Answer

blueprint = Blueprint("housekeeping", __name__, url_prefix="/housekeeping")

WHEN = ("cron", "timezone", "enabled")


@blueprint.route("/", methods=["GET", "POST"])
def show() -> Answer:
    """Show it; an administrator can change it."""
    session = database.session()
    if request.method == "POST":
        guard.check_role(Role.ADMIN)
    lock = request.method == "POST"
    kept = purge_setup.get(session, lock=lock)
    schedule = purge_schedules.of_housekeeping(session, lock=lock)
    described = purge_schedules.describe(session, [schedule])[0]
    stored = {**purge_setup.describe(kept), **{name: described[name] for name in WHEN}}
    form = HousekeepingForm(data=stored)
    tag = etag_of(stored, stored)
    if request.method == "GET":
        form.etag.data = tag
    elif records.save_once(form, tag, lambda: _change(form)):
        flash(gettext("Saved."), "good")
        return redirect(url_for("pages.housekeeping.show"), 303)  # type: ignore[return-value]
    if not guard.may(Role.ADMIN):
        records.freeze(form)
    return records.form_page(
        "purges/housekeeping.html",
        form,
        runs=runs_of(session, stored["cron"], stored["timezone"]) if stored["enabled"] else [],
        last_run=described["last_run"],
        job_states=vocabulary.JOB_STATES,
    )


def _change(form: HousekeepingForm) -> bool:
    session, actor, values = database.session(), guard.check_role(Role.ADMIN), form.values()
    kept = {name: value for name, value in values.items() if name not in WHEN}
    purge_setup.change(session, values=kept, actor=actor)
    schedule = purge_schedules.of_housekeeping(session, lock=True)
    when = {name: value for name, value in values.items() if name in WHEN}
    purge_schedules.change(session, schedule, values=when, actor=actor)
    return True


@blueprint.post("/run")
@guard.needs(Role.ADMIN)
def run() -> Answer:
    """Do it now."""
    session = database.session()
    schedule = purge_schedules.of_housekeeping(session, lock=True)
    try:
        job = purge_schedules.run(session, schedule, actor=guard.check_role(Role.ADMIN))
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(url_for("pages.housekeeping.show"), 303)  # type: ignore[return-value]
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]
