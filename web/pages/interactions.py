"""Interaction Log Entries (E1, E2): list with filters, files of it, changes of many; card of an entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext as _p

from domain import bulk_changes, interactions, list_settings
from domain.errors import Refusal
from domain.users import Role
from web import database, downloads, identity, messages, vocabulary
from web.pages import guard, interaction_card, lists, options
from web.pages.lists import Column, Filter
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("interactions", __name__, url_prefix="/interactions")

LIST = "interactions"
YES_NO = {"true": _("Yes"), "false": _("No")}
COLUMNS = (
    Column("entry_no", FIELDS["entry_no"], "number", endpoint="pages.interactions.card", plain=True),
    Column("date", FIELDS["date"], "date"),
    Column("contact_no", FIELDS["contact_no"], "code", endpoint="pages.contacts.card"),
    Column("contact_name", FIELDS["name"]),
    Column("description", FIELDS["description"]),
    Column("template_code", FIELDS["template_code"], "code", endpoint="pages.interaction_templates.card"),
    Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
    Column("campaign_no", FIELDS["campaign_no"], "code", endpoint="pages.campaigns.card"),
    Column(
        "segment_no",
        FIELDS["segment_no"],
        "code",
        endpoint="pages.logged_segments.card",
        key="logged_segment_no",
    ),
    Column("cost", FIELDS["cost"], "amount"),
    Column("duration_min", FIELDS["duration_min"], "number"),
    Column("evaluation", FIELDS["evaluation"], "choice", words=vocabulary.EVALUATIONS),
    Column("canceled", FIELDS["canceled"], "flag"),
)
# What can be shown besides.
MORE_COLUMNS = (
    Column("company_no", FIELDS["company_no"], "code", endpoint="pages.contacts.card"),
    Column("company_name", FIELDS["company_name"]),
    Column("subject", FIELDS["subject"]),
    Column("group_code", FIELDS["group_code"], "code", endpoint="pages.interaction_groups.card"),
    Column("information_flow", FIELDS["information_flow"], "choice", words=vocabulary.INFORMATION_FLOWS),
    Column("initiated_by", FIELDS["initiated_by"], "choice", words=vocabulary.INITIATED_BY),
    Column(
        "correspondence_type", FIELDS["correspondence_type"], "choice", words=vocabulary.CORRESPONDENCE_TYPES
    ),
    Column("language_code", FIELDS["language_code"], "code"),
    Column("campaign_target", FIELDS["campaign_target"], "flag"),
    Column("campaign_response", FIELDS["campaign_response"], "flag"),
    Column("attempt_failed", FIELDS["attempt_failed"], "flag"),
    Column("document_type", FIELDS["document_type"], "choice", words=vocabulary.DOCUMENT_TYPES),
    Column("document_no", FIELDS["document_no"], "code"),
    Column("origin", _("Origin"), "choice", words=vocabulary.ORIGINS),
    Column("user", FIELDS["user"], "code"),
    Column("comments_count", _("Comments"), "number"),
    Column("created_at", _("Recorded"), "instant"),
)
ALL_COLUMNS = {column.name: column for column in (*COLUMNS, *MORE_COLUMNS)}
SORTS = {
    "-entry_no": _("Newest first"),
    "entry_no": _("Oldest first"),
    "-date": _("Latest date first"),
    "date": _("Earliest date first"),
}
FILTERS = (
    Filter("q", _("Search"), "search", hint=_("Description or subject")),
    Filter("contact_no", FIELDS["contact_no"], "code"),
    Filter("template_code", FIELDS["template_code"], "code", listed=options.interaction_templates),
    Filter("salesperson_code", FIELDS["salesperson_code"], "code", listed=options.salespeople, is_more=True),
    Filter("date_from", _("From Date"), "date"),
    Filter("date_to", _("To Date"), "date"),
    Filter("sort", _("Order"), words=SORTS, is_option=True),
    Filter("company_no", FIELDS["company_no"], "code", is_more=True),
    Filter("campaign_no", FIELDS["campaign_no"], "code", listed=options.campaigns, is_more=True),
    Filter("campaign_entry_no", _("Campaign Entry"), "code", is_more=True),
    Filter("group_code", FIELDS["group_code"], "code", listed=options.groups, is_more=True),
    Filter("segment_no", FIELDS["segment_no"], "code", is_more=True),
    Filter("logged_segment_no", FIELDS["logged_segment_no"], "code", is_more=True),
    Filter("document_type", FIELDS["document_type"], words=vocabulary.DOCUMENT_TYPES, is_more=True),
    Filter("document_no", FIELDS["document_no"], is_more=True),
    Filter("evaluation", FIELDS["evaluation"], words=vocabulary.EVALUATIONS, is_more=True),
    Filter("origin", _("Origin"), words=vocabulary.ORIGINS, is_more=True),
    Filter("user", FIELDS["user"], is_more=True),
    Filter("canceled", FIELDS["canceled"], words=YES_NO, is_more=True),
)
CHANGES = {
    "cancel": (_("Cancel interactions"), _p("entry", "Cancel")),
    "restore": (_("Restore interactions"), _("Restore")),
    "evaluate": (_("Evaluate interactions"), _("Evaluate")),
}


@blueprint.get("/")
def index() -> Answer:
    """List the entries that match the filters, newest first unless another order is chosen."""
    session, actor, sort = database.session(), identity.required(), _sort()

    def fetch(filters: dict[str, list[str]], after: str | None, limit: int) -> list[dict[str, Any]]:
        return interactions.page(session, filters=filters, after=after, limit=limit, sort=sort)

    def fetch_back(filters: dict[str, list[str]], before: str | None, limit: int) -> list[dict[str, Any]]:
        back = interactions.OPPOSITE[sort]
        return interactions.page(session, filters=filters, after=before, limit=limit, sort=back)

    columns = _columns()
    shown = lists.read(
        columns=columns,
        filters=FILTERS,
        fetch=fetch,
        fetch_back=fetch_back,
        key=lambda entry: interactions.cursor(entry, sort=sort),
    )
    return render_template(
        "interactions/list.html",
        list=shown,
        given=lists.given(shown.filters),
        all_columns=ALL_COLUMNS,
        chosen_columns={column.name for column in columns},
        saved_filters=list_settings.saved_filters(session, actor=actor, list=LIST),
        sort=sort,
    )


def _sort() -> str:
    sort = request.args.get("sort", "")
    return sort if sort in SORTS else "-entry_no"


def _columns() -> list[Column]:
    chosen = list_settings.columns(database.session(), actor=identity.required(), list=LIST)
    return [ALL_COLUMNS[name] for name in chosen or () if name in ALL_COLUMNS] or list(COLUMNS)


def _back(filters: Mapping[str, Any]) -> Any:
    return redirect(url_for("pages.interactions.index", **filters), 303)


@blueprint.get("/export.<any(csv, xlsx):form>")
def export(form: str) -> Answer:
    """Give the entries that match as a file with the columns that are shown; codes are in words."""
    columns = _columns()
    pages = interactions.every_page(
        database.transaction, filters=lists.given(lists.filled(FILTERS)), sort=_sort()
    )
    write = downloads.csv if form == "csv" else downloads.xlsx
    database.rest()
    return write(
        ([_in_words(columns, entry) for entry in page] for page in pages),
        columns={column.name: column.label for column in columns},
        name=f"interactions.{form}",
    )


def _in_words(columns: list[Column], entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        column.name: str(column.words.get(entry[column.name], entry[column.name]))
        if column.words and entry[column.name] is not None
        else entry[column.name]
        for column in columns
    }


@blueprint.post("/columns")
def choose_columns() -> Answer:
    """Keep which columns the user wants to see."""
    chosen = [name for name in ALL_COLUMNS if name in request.form.getlist("column")]
    usual = [column.name for column in COLUMNS]
    list_settings.choose_columns(
        database.session(),
        actor=identity.required(),
        list=LIST,
        chosen=[] if chosen == usual or "usual" in request.form else chosen,
    )
    return redirect(guard.safe_next(request.form.get("next")), 303)  # type: ignore[return-value]


@blueprint.post("/filters")
def save_filter() -> Answer:
    """Save the filters under a name."""
    filters = {each.name: request.form[each.name] for each in FILTERS if request.form.get(each.name)}
    try:
        list_settings.save_filter(
            database.session(),
            actor=identity.required(),
            list=LIST,
            name=request.form.get("filter_name", ""),
            filters=filters,
        )
        flash(gettext("The filters have been saved."), "good")
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
    return _back(filters)  # type: ignore[no-any-return]


@blueprint.post("/filters/forget")
def forget_filter() -> Answer:
    """Forget saved filters."""
    name = request.form.get("filter_name", "")
    list_settings.forget_filter(database.session(), actor=identity.required(), list=LIST, name=name)
    flash(gettext("The saved filters “%(name)s” have been deleted.", name=name), "good")
    return redirect(guard.safe_next(request.form.get("next")), 303)  # type: ignore[return-value]


@blueprint.post("/change")
@guard.needs(Role.SALESPERSON)
def change() -> Answer:
    """Cancel, restore or evaluate the selected entries, or all that match, in a job; asks first."""
    kind: Any = request.form.get("change")
    filters: dict[str, Any] = {
        each.name: [request.form[each.name]]
        for each in FILTERS
        if request.form.get(each.name) and not each.is_option
    }
    back = url_for("pages.interactions.index", **filters)
    entry_nos = [int(no) for no in request.form.getlist("entry_no") if no.isascii() and no.isdecimal()]
    is_all = request.form.get("scope") == "matching"
    if kind not in CHANGES or not (is_all or entry_nos):
        flash(gettext("Select entries first, or choose all that match."), "warn")
        return redirect(back, 303)  # type: ignore[return-value]
    if not guard.confirmed():
        title, yes = CHANGES[kind]
        return guard.ask(_question(entry_nos, filters, is_all), title=title, yes=yes, back=back)
    values: dict[str, Any] = {"entry_nos": entry_nos}
    if is_all:
        values = {"filter": filters} if filters else {"all": True}
    if kind == "evaluate":
        values["evaluation"] = request.form.get("evaluation_given") or None
    try:
        job = bulk_changes.request(database.session(), change=kind, values=values, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(back, 303)  # type: ignore[return-value]
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]


def _question(entry_nos: list[int], filters: Mapping[str, list[str]], is_all: bool) -> str:
    if not is_all:
        return str(ngettext("This concerns %(num)d entry.", "This concerns %(num)d entries.", len(entry_nos)))
    if not filters:
        return str(gettext("This concerns every entry of the log."))
    filled = [replace(each, value=filters[each.name][0]) for each in FILTERS if each.name in filters]
    words = "; ".join(f"{each.label}: {each.words.get(each.value, each.value)}" for each in filled)
    return str(gettext("This concerns every entry that matches: %(filters)s.", filters=words))


@blueprint.get("/<int:key>")
def card(key: int) -> Answer:
    """Show an entry with everything that was recorded."""
    session = database.session()
    entry = interactions.get(session, key)
    return render_template("interactions/card.html", **interaction_card.shown(session, entry))
