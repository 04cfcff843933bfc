"""Campaigns: list, card with statistics and campaign entries."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import campaigns
from domain.users import Role
from web.forms.master_data import CampaignForm
from web.pages import options, records
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS


def _extra(session: Session, campaign: Any, stored: records.Stored) -> dict[str, Any]:
    return {
        "statistics": campaigns.statistics_fields(session, [campaign])[0],
        "statistics_filter": {"campaign_no": stored["no"]},
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
        Filter("salesperson_code", FIELDS["salesperson_code"], "code", listed=options.salespeople),
    ),
    writes=Role.MARKETING,
    extra=_extra,
)
blueprint = records.blueprint(NOUN, __name__)
