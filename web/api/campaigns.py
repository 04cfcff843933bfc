"""Campaigns and their entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Response
from pydantic import BaseModel

from domain import campaign_entries, campaigns, canceling
from domain.actors import Role
from web import database, identity
from web.api import nouns
from web.api.fields import Code, Day, Name, QueryText
from web.api.models import (
    Body,
    NoFields,
    NumberedQuery,
    Path,
    PeriodQuery,
    Shown,
    Statistics,
    StatisticsQuery,
    needs,
)
from web.api.replies import listing, shown
from web.api.routing import Api
from web.identity import allow

api = Api("campaigns", tag="Campaigns")
SHOW = "api.campaigns.show"


class CampaignFields(BaseModel):
    """What is stored of a campaign."""

    no: Code | None
    description: Name | None
    starting_date: Day | None
    ending_date: Day | None
    salesperson_code: Code | None


class Campaign(Statistics, CampaignFields):
    """A campaign."""

    target_contacts: int = 0
    responses: int = 0


class CampaignList(Shown):
    """A page of campaigns."""

    items: list[Campaign]
    next: str | None


class NewCampaign(Body, CampaignFields):
    """A campaign to be made; without a number it takes the next of its series."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = Campaign


class CampaignChange(NewCampaign):
    """Fields of a campaign to be changed."""


class CampaignPath(Path):
    """Which campaign."""

    thing: ClassVar[str] = campaigns.THING
    no: str


class CampaignQuery(StatisticsQuery):
    """Which campaigns."""

    q: list[QueryText] | None = None
    salesperson_code: list[QueryText] | None = None


class CampaignEntry(Shown):
    """What one logged segment or one document type brought to a campaign."""

    entry_no: int
    campaign_no: str
    segment_no: str | None
    logged_segment_no: int | None
    document_type: str | None
    description: str
    date: Day | None
    salesperson_code: str | None
    canceled: bool
    interactions_count: int


class CampaignEntryList(Shown):
    """A page of campaign entries."""

    items: list[CampaignEntry]
    next: str | None


class CampaignEntryPath(Path):
    """Which campaign entry."""

    thing: ClassVar[str] = campaign_entries.THING
    entry_no: int


class CampaignEntryQuery(NumberedQuery):
    """Which page of campaign entries."""


@api.get("/campaigns", responses={200: CampaignList})
@allow(Role.VIEWER)
def index(query: CampaignQuery) -> Response:
    """List campaigns."""
    return nouns.index(campaigns, query, key="no")


@api.post("/campaigns", responses={201: Campaign})
@allow(Role.MARKETING)
def create(body: NewCampaign) -> Response:
    """Make a campaign."""
    return nouns.create(campaigns, body, endpoint=SHOW, key="no")


@api.get("/campaigns/<no>", responses={200: Campaign})
@allow(Role.VIEWER)
def show(path: CampaignPath, query: PeriodQuery) -> Response:
    """Show a campaign with statistics."""
    return nouns.show(campaigns, path.no, query)


@api.patch("/campaigns/<no>", responses={200: Campaign})
@allow(Role.MARKETING)
def change(path: CampaignPath, body: CampaignChange) -> Response:
    """Change a campaign."""
    return nouns.change(campaigns, path.no, body)


@api.delete("/campaigns/<no>", responses={204: None})
@allow(Role.MARKETING)
def delete(path: CampaignPath) -> Response:
    """Delete a campaign that nothing refers to."""
    return nouns.delete(campaigns, path.no)


@api.get("/campaigns/<no>/entries", responses={200: CampaignEntryList})
@allow(Role.VIEWER)
def entries(path: CampaignPath, query: CampaignEntryQuery) -> Response:
    """List a campaign's entries."""
    session = database.session()
    campaign = campaigns.get(session, path.no)
    return listing(
        query,
        fetch=lambda filters, after, limit: campaign_entries.of_campaign(
            session, campaign, after=after, limit=limit
        ),
        describe=lambda rows: campaign_entries.describe(session, rows),
        key=lambda entry: entry.entry_no,
    )


@api.get("/campaign-entries/<int:entry_no>", responses={200: CampaignEntry})
@allow(Role.VIEWER)
def entry(path: CampaignEntryPath) -> Response:
    """Show a campaign entry."""
    session = database.session()
    found = campaign_entries.get(session, path.entry_no)
    return shown(campaign_entries.describe(session, [found])[0])


@api.post("/campaign-entries/<int:entry_no>/cancel", responses={200: CampaignEntry})
@allow(Role.MARKETING)
def cancel_entry(path: CampaignEntryPath, body: NoFields) -> Response:
    """Cancel a campaign entry and with it its interactions."""
    return _change_entry(path, body, canceling.cancel_campaign_entry)


@api.post("/campaign-entries/<int:entry_no>/restore", responses={200: CampaignEntry})
@allow(Role.MARKETING)
def restore_entry(path: CampaignEntryPath, body: NoFields) -> Response:
    """Restore a campaign entry; not below a canceled logged segment."""
    return _change_entry(path, body, canceling.restore_campaign_entry)


def _change_entry(path: CampaignEntryPath, body: Body, change: Callable[..., Any]) -> Response:
    body.refuse_faults()
    session = database.session()
    changed = change(session, campaign_entries.get(session, path.entry_no), actor=identity.required())
    return shown(campaign_entries.describe(session, [changed])[0])
