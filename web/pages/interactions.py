"""Interaction Log Entries (E1, E2): list with filters, changes of many; card of an entry."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext as _p
from sqlalchemy.orm import Session

from domain import bulk_changes, interactions
from domain.errors import Refusal
from domain.users import Role
from web import database, identity, messages, vocabulary
from web.pages import guard, interaction_card, layout, lists
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("interactions", __name__, url_prefix="/interactions")

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
SORTS = {
    "-entry_no": _("Newest first"),
    "entry_no": _("Oldest first"),
    "-date": _("Latest date first"),
    "date": _("Earliest date first"),
}
FILTERS = (
    Filter("q", _("Search"), "search", hint=_("Description or subject")),
    Filter("contact_no", FIELDS["contact_no"], "code", lookup="contact"),
    Filter("template_code", FIELDS["template_code"], "code", lookup="template"),
    Filter("salesperson_code", FIELDS["salesperson_code"], "code", lookup="salesperson", is_more=True),
    Filter("date_from", _("From Date"), "date"),
    Filter("date_to", _("To Date"), "date"),
    Filter("company_no", FIELDS["company_no"], "code", lookup="company", is_more=True),
    Filter("campaign_no", FIELDS["campaign_no"], "code", lookup="campaign", is_more=True),
    Filter("campaign_entry_no", _("Campaign Entry"), "code", is_more=True),
    Filter("group_code", FIELDS["group_code"], "code", lookup="group", is_more=True),
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


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    return interactions.page(
        session, filters=wanted.filters, after=wanted.after, limit=wanted.limit, sort=wanted.sort
    )


LISTING = lists.register(
    Listing(
        name="interactions",
        columns=COLUMNS,
        more_columns=MORE_COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key=lambda entry, sort: interactions.cursor(entry, sort=sort),
        sorts=SORTS,
        sorted_by={"entry_no": "entry_no", "date": "date"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List the entries that match the filters, newest first unless another order is chosen."""
    return render_template("interactions/list.html", list=lists.read(LISTING))


@blueprint.post("/change")
@guard.needs(Role.SALESPERSON)
def change() -> Answer:
    """Cancel, restore or evaluate the selected entries, or all that match, in a job; asks first."""
    kind: Any = request.form.get("change")
    chosen = lists.selected(LISTING, "entry_no")
    filters: dict[str, Any] = chosen.given
    back = url_for("pages.interactions.index", **filters)
    if kind not in CHANGES or not (chosen.is_all or chosen.numbers):
        flash(gettext("Select entries first, or choose all that match."), "warn")
        return redirect(back, 303)  # type: ignore[return-value]
    if not guard.confirmed():
        title, yes = CHANGES[kind]
        return guard.ask(_question(chosen), title=title, yes=yes, back=back)
    values: dict[str, Any] = {"entry_nos": chosen.numbers}
    if chosen.is_all:
        values = {"filter": chosen.given} if chosen.given else {"all": True}
    if kind == "evaluate":
        values["evaluation"] = request.form.get("evaluation_given") or None
    try:
        job = bulk_changes.request(database.session(), change=kind, values=values, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(back, 303)  # type: ignore[return-value]
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]


def _question(chosen: lists.Selection) -> str:
    if not chosen.is_all:
        count = len(chosen.numbers)
        return str(
            ngettext(
                "This concerns %(n)s entry.", "This concerns %(n)s entries.", count, n=layout.number(count)
            )
        )
    if not chosen.given:
        return str(gettext("This concerns every entry of the log."))
    return str(gettext("This concerns every entry that matches: %(filters)s.", filters=chosen.said))


@blueprint.get("/<int:key>")
def card(key: int) -> Answer:
    """Show an entry with everything that was recorded."""
    session = database.session()
    entry = interactions.get(session, key)
    return render_template("interactions/card.html", **interaction_card.shown(session, entry))
