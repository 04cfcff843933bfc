"""Delete Canceled Interaction Log Entries (E5, E7, E8): filters, preview, the job; records of what was deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import clock_guard, purge_records, purging
from domain.errors import Fault, Invalid
from domain.purging import PurgeTooLarge
from domain.users import Role
from web import database, identity, vocabulary
from web.forms.purges import PurgeForm
from web.pages import guard, interactions, lists, records
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

T = TypeVar("T")

blueprint = Blueprint("purges", __name__, url_prefix="/purges")

SAMPLE = 10
COLUMNS = (
    Column("id", FIELDS["no"], "number", endpoint="pages.jobs.card", key="job_id", plain=True),
    Column("started_at", _("Started"), "instant"),
    Column("user", FIELDS["user"], "code"),
    Column("schedule", FIELDS["schedule"]),
    Column("filters_text", _("Filters")),
    Column("state", _("Status"), "choice", words=vocabulary.JOB_STATES),
    Column("deleted", _("Deleted"), "number"),
    Column("duration_seconds", _("Seconds"), "amount"),
    Column("archive_file", FIELDS["archive_file"], "code"),
    Column("archive_sha256", FIELDS["archive_sha256"], "code"),
)
FILTERS = (
    Filter("schedule", FIELDS["schedule"]),
    Filter(
        "state",
        _("Status"),
        words={
            state: vocabulary.JOB_STATES[state] for state in ("succeeded", "refused", "failed", "canceled")
        },
    ),
)
_SAMPLED = ("entry_no", "date", "contact_no", "contact_name", "description", "template_code")
SAMPLE_COLUMNS = (
    *(column for column in interactions.COLUMNS if column.name in _SAMPLED),
    Column("canceled_at", FIELDS["canceled"], "instant"),
)


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = purge_records.page(session, filters=wanted.filters, **wanted.place)
    return [
        {**row, "filters_text": filters_text(row["filters"])}
        for row in purge_records.describe(session, found)
    ]


LISTING = lists.register(
    Listing(
        name="purges",
        columns=COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key="id",
        sorts=lists.NEWEST_FIRST,
        sorted_by={"id": "made"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List what was deleted, newest first unless the other order is chosen."""
    return render_template("purges/list.html", list=lists.read(LISTING))


@blueprint.route("/new", methods=["GET", "POST"])
@guard.needs(Role.ADMIN)
def new() -> Answer:
    """Ask which canceled entries, show how many and some of them, then delete them."""
    session = database.session()
    form = PurgeForm()
    if request.method == "GET":
        return records.form_page("purges/new.html", form)
    found = records.attempt(
        form,
        lambda: in_form(lambda: purging.preview(session, filters=form.nested()["filters"], sample=SAMPLE)),
    )
    if found is None or not guard.confirmed():
        return records.form_page("purges/new.html", form, found=found, columns=SAMPLE_COLUMNS)
    values = {**form.nested(), "confirm": request.form.get("however_many") == "yes"}
    try:
        job = purging.request(session, values=values, actor=identity.required())
    except PurgeTooLarge as refusal:
        numbers = {name: format_decimal(refusal.params[name]) for name in ("count", "limit")}
        question = gettext(
            "%(count)s entries would be deleted, more than the %(limit)s that need no second question. "
            "This cannot be undone. Delete them all?",
            **numbers,
        )
        return records.form_page(
            "purges/new.html", form, found=found, columns=SAMPLE_COLUMNS, second_question=question
        )
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]


@blueprint.post("/confirm-clock")
@guard.needs(Role.ADMIN)
def confirm_clock() -> Answer:
    """Believe PostgreSQL's clock as it is (E7)."""
    if not guard.confirmed():
        return guard.ask(
            gettext("Is the time that the database shows right? Entries may be deleted by it from now on."),
            title=gettext("Confirm the clock"),
            yes=gettext("It is right"),
            back=url_for("pages.home.show"),
        )
    clock_guard.confirm(database.session(), actor=identity.required())
    flash(gettext("The clock is confirmed."), "good")
    return redirect(url_for("pages.home.show"), 303)  # type: ignore[return-value]


def in_form(step: Callable[[], T]) -> T:
    """Do `step`; faults of filters are named as the fields of the form are."""
    try:
        return step()
    except Invalid as invalid:
        raise Invalid(
            Fault(fault.field.removeprefix("filters."), fault.code, fault.value, fault.params)
            for fault in invalid.faults
        ) from invalid


def filters_text(filters: dict[str, Any]) -> str:
    """Say filters in words."""
    said = (f"{FIELDS.get(name, name)}: {value}" for name, value in filters.items())
    return "; ".join(said) or gettext("all canceled entries")
