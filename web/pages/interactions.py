"""Interaction Log Entries (E1): list with filters, newest first; card of an entry."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _

from domain import interactions
from web import database, vocabulary
from web.pages import interaction_card, lists, options
from web.pages.lists import Column, Filter
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
FILTERS = (
    Filter("q", _("Search"), "search", hint=_("Description or subject")),
    Filter("contact_no", FIELDS["contact_no"], "code"),
    Filter("template_code", FIELDS["template_code"], "code", listed=options.interaction_templates),
    Filter("salesperson_code", FIELDS["salesperson_code"], "code", listed=options.salespeople, is_more=True),
    Filter("date_from", _("From Date"), "date"),
    Filter("date_to", _("To Date"), "date"),
    Filter("company_no", FIELDS["company_no"], "code", is_more=True),
    Filter("campaign_no", FIELDS["campaign_no"], "code", listed=options.campaigns, is_more=True),
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


@blueprint.get("/")
def index() -> Answer:
    """List the entries that match the filters, newest first."""
    session = database.session()

    def fetch(filters: dict[str, list[str]], after: str | None, limit: int) -> list[dict[str, Any]]:
        return interactions.page(session, filters=filters, after=after, limit=limit, sort="-entry_no")

    shown = lists.read(columns=COLUMNS, filters=FILTERS, fetch=fetch, key="entry_no")
    return render_template("interactions/list.html", list=shown)


@blueprint.get("/<int:key>")
def card(key: int) -> Answer:
    """Show an entry with everything that was recorded."""
    session = database.session()
    entry = interactions.get(session, key)
    return render_template("interactions/card.html", **interaction_card.shown(session, entry))
