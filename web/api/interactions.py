"""The log: interactions as they were recorded."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import Field

from domain import contacts, interactions
from domain.actors import Role
from web import database
from web.api.contacts import ContactPath
from web.api.fields import LARGEST_BIGINT, Amount, Day, Instant, QueryDay, QueryFlag, QueryText, TimeOfDay
from web.api.interaction_values import CorrespondenceType, Evaluation, InformationFlow, InitiatedBy
from web.api.models import ListQuery, Path, Shown
from web.api.replies import listing, shown
from web.api.routing import Api
from web.identity import allow

api = Api("interactions", tag="Interactions")

STORED = ("entry_no", "evaluation", "attempt_failed")


class Interaction(Shown):
    """An entry of the log. Codes, descriptions, cost and company are as they were; names are today's."""

    entry_no: int
    contact_no: str | None
    contact_name: str | None
    company_no: str | None
    company_name: str | None
    date: Day
    time: TimeOfDay | None
    description: str
    subject: str | None
    information_flow: InformationFlow | None
    initiated_by: InitiatedBy | None
    template_code: str | None
    template_description: str
    group_code: str | None
    language_code: str | None
    cost: Amount
    duration_min: int
    user: str
    salesperson_code: str | None
    campaign_no: str | None
    campaign_entry_no: int | None
    campaign_target: bool
    campaign_response: bool
    segment_no: str | None
    logged_segment_no: int | None
    evaluation: Evaluation | None
    attempt_failed: bool
    correspondence_type: CorrespondenceType | None
    contact_via: str | None
    opportunity_no: str | None
    document_type: str | None
    document_no: str | None
    document_version: int | None
    document_occurrence: int | None
    times_printed: int | None
    delivery_status: str | None
    origin: Literal["manual", "segment", "document"]
    canceled: bool
    canceled_at: Instant | None
    canceled_by: str | None
    comments_count: int
    created_at: Instant


class InteractionList(Shown):
    """A page of the log, newest first unless sorted otherwise."""

    items: list[Interaction]
    next: str | None


class InteractionPath(Path):
    """Which entry."""

    thing: ClassVar[str] = interactions.THING
    entry_no: Annotated[int, Field(le=LARGEST_BIGINT)]


class EntryQuery(ListQuery):
    """Which entries of the log, whoever they are with."""

    others: ClassVar[frozenset[str]] = frozenset({"limit", "after", "sort", "company"})

    after: Annotated[QueryText, Field(pattern=r"^(\d{4}-\d{2}-\d{2}~)?[0-9]{1,18}$")] | None = None
    sort: Literal["-entry_no", "entry_no", "-date", "date"] = "-entry_no"
    company_no: list[QueryText] | None = None
    salesperson_code: list[QueryText] | None = None
    campaign_no: list[QueryText] | None = None
    campaign_entry_no: list[QueryText] | None = None
    template_code: list[QueryText] | None = None
    group_code: list[QueryText] | None = None
    segment_no: list[QueryText] | None = None
    logged_segment_no: list[QueryText] | None = None
    document_type: list[QueryText] | None = None
    document_no: list[QueryText] | None = None
    date_from: QueryDay | None = None
    date_to: QueryDay | None = None
    canceled: QueryFlag | None = None
    evaluation: list[Evaluation | Literal["none"]] | None = None
    user: list[QueryText] | None = None
    origin: list[Literal["manual", "segment", "document"]] | None = None
    q: list[QueryText] | None = None


class InteractionQuery(EntryQuery):
    """Which entries of the log."""

    contact_no: list[QueryText] | None = None


class ContactInteractionQuery(EntryQuery):
    """Which entries of a contact; `company=false` leaves out those of a company's people."""

    company: QueryFlag = True


@api.get("/interactions", responses={200: InteractionList})
@allow(Role.VIEWER)
def index(query: InteractionQuery) -> Response:
    """List interaction log entries."""
    return _page(query, {})


@api.get("/contacts/<no>/interactions", responses={200: InteractionList})
@allow(Role.VIEWER)
def index_of_contact(path: ContactPath, query: ContactInteractionQuery) -> Response:
    """List the entries of a contact; a company's include its people's."""
    contact = contacts.get(database.session(), path.no)
    return _page(query, {"contact_no": [contact.no]}, company=query.company)


@api.get("/interactions/<int:entry_no>", responses={200: Interaction})
@allow(Role.VIEWER)
def show(path: InteractionPath) -> Response:
    """Show an interaction log entry."""
    return shown(interactions.get(database.session(), path.entry_no), stored=STORED)


def _page(query: EntryQuery, fixed: dict[str, list[str]], **options: Any) -> Response:
    session = database.session()
    return listing(
        query,
        fetch=lambda filters, after, limit: interactions.page(
            session, filters={**filters, **fixed}, after=after, limit=limit, sort=query.sort, **options
        ),
        describe=lambda rows: rows,
        key=lambda entry: interactions.cursor(entry, sort=query.sort),
    )
