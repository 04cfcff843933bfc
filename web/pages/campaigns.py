"""Campaigns: list, card with statistics and campaign entries."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import campaign_entries, campaigns
from domain.users import Role
from web import vocabulary
from web.forms.master_data import CampaignForm
from web.pages import lists, records, statistics
from web.pages.lists import Column, Filter, Listing
from web.vocabulary import FIELDS

ENTRY_COLUMNS = (
    Column("entry_no", FIELDS["entry_no"], "number", plain=True),
    Column("description", FIELDS["description"]),
    Column("date", FIELDS["date"], "date"),
    Column(
        "segment_no",
        FIELDS["segment_no"],
        "code",
        endpoint="pages.logged_segments.card",
        key="logged_segment_no",
    ),
    Column("document_type", FIELDS["document_type"], "choice", words=vocabulary.DOCUMENT_TYPES),
    Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
    Column("interactions_count", _("Interactions"), "number"),
    Column("canceled", FIELDS["canceled"], "flag"),
)


def _fetch_entries(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    campaign = campaigns.get(session, wanted.of or "")
    found = campaign_entries.of_campaign(session, campaign, **wanted.place)
    return [
        {**shown, "canceled_itself": entry.canceled_at is not None}
        for entry, shown in zip(found, campaign_entries.describe(session, found), strict=True)
    ]


ENTRIES = lists.register(
    Listing(
        name="campaign_entries",
        columns=ENTRY_COLUMNS,
        filters=(),
        fetch=_fetch_entries,
        key="entry_no",
        sorts=lists.OLDEST_FIRST,
        sorted_by={"entry_no": "made"},
        after_name="after_entry",
    )
)


def _extra(session: Session, campaign: Any, stored: records.Stored) -> dict[str, Any]:
    return {
        **statistics.of(session, "campaign", campaign, {"campaign_no": stored["no"]}),
        "entries": lists.read(ENTRIES, of=stored["no"]),
    }


NOUN = records.Noun(
    name="campaigns",
    module=campaigns,
    key="no",
    form=CampaignForm,
    plural=_("Campaigns"),
    singular=_("Campaign"),
    new=_("New campaign"),
    lead=_("Marketing efforts that segments and interactions are made for, with what they cost and brought."),
    empty=_("Create a campaign to see what its interactions cost and who responded."),
    columns=(
        Column("no", FIELDS["no"], "code", endpoint="pages.campaigns.card"),
        Column("description", FIELDS["description"]),
        Column("starting_date", FIELDS["starting_date"], "date"),
        Column("ending_date", FIELDS["ending_date"], "date"),
        Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=_("No. or description")),
        Filter("salesperson_code", FIELDS["salesperson_code"], "code", lookup="salesperson"),
    ),
    writes=Role.MARKETING,
    card="campaigns/card.html",
    extra=_extra,
)
blueprint = records.blueprint(NOUN, __name__)
