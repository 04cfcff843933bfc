"""The log: interactions as they were recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import Field, WithJsonSchema

from domain import bulk_changes, canceling, contacts, interactions
from domain.actors import Role
from web import database, downloads, identity
from web.api.contacts import ContactPath
from web.api.fields import (
    LARGEST_BIGINT,
    Amount,
    Day,
    Flag,
    Instant,
    Number,
    QueryDay,
    QueryFlag,
    QueryText,
    TimeOfDay,
)
from web.api.interaction_values import CorrespondenceType, Evaluation, InformationFlow, InitiatedBy
from web.api.jobs import Job
from web.api.models import Body, ListQuery, NoFields, Path, Query, Shown, needs
from web.api.replies import accepted, listing, shown
from web.api.routing import Api, answers_with
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


class EntryFilters(Query):
    """Which entries, whoever they are with, and in which order."""

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


class EntryQuery(EntryFilters, ListQuery):
    """Which page of the log."""

    others: ClassVar[frozenset[str]] = frozenset({"limit", "after", "sort", "company"})

    after: Annotated[QueryText, Field(pattern=r"^(\d{4}-\d{2}-\d{2}~)?[0-9]{1,18}$")] | None = None


class InteractionQuery(EntryQuery):
    """Which entries of the log."""

    contact_no: list[QueryText] | None = None


class ContactInteractionQuery(EntryQuery):
    """Which entries of a contact; `company=false` leaves out those of a company's people."""

    company: QueryFlag = True


class ExportQuery(EntryFilters):
    """Which entries are exported."""

    others: ClassVar[frozenset[str]] = frozenset({"sort"})

    contact_no: list[QueryText] | None = None


def _filter_schema() -> dict[str, Any]:
    one = [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}]
    one_or_many = {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}}]}
    names = sorted(set(InteractionQuery.model_fields) - InteractionQuery.others)
    return {"type": "object", "properties": dict.fromkeys(names, one_or_many)}


class Selection(Body):
    """Which entries are changed: some by number, those that match a filter of the list, or all."""

    model_config = needs()
    entry_nos: list[Number] | None
    filter: Annotated[dict[str, Any], WithJsonSchema(_filter_schema())] | None
    all: Flag | None


class EvaluatedSelection(Selection):
    """Which entries get an evaluation; null takes it away."""

    model_config = needs("evaluation")
    evaluation: Evaluation | None


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


@api.post("/interactions/<int:entry_no>/cancel", responses={200: Interaction})
@allow(Role.SALESPERSON)
def cancel(path: InteractionPath, body: NoFields) -> Response:
    """Cancel an entry by itself; one that is canceled already stays as it is."""
    return _change(path, body, canceling.cancel)


@api.post("/interactions/<int:entry_no>/restore", responses={200: Interaction})
@allow(Role.SALESPERSON)
def restore(path: InteractionPath, body: NoFields) -> Response:
    """Restore an entry; not below a canceled logged segment or campaign entry."""
    return _change(path, body, canceling.restore)


@api.post("/interactions/cancel", responses={200: Job, 202: Job})
@allow(Role.SALESPERSON)
def cancel_many(body: Selection) -> Response:
    """Cancel many entries; those of others count as refused where only one's own may be changed."""
    return _change_many("cancel", body)


@api.post("/interactions/restore", responses={200: Job, 202: Job})
@allow(Role.SALESPERSON)
def restore_many(body: Selection) -> Response:
    """Restore many entries."""
    return _change_many("restore", body)


@api.post("/interactions/evaluate", responses={200: Job, 202: Job})
@allow(Role.SALESPERSON)
def evaluate_many(body: EvaluatedSelection) -> Response:
    """Give many entries an evaluation, or take it away."""
    return _change_many("evaluate", body)


@api.get(
    "/interactions.csv",
    responses={
        200: {"description": "The entries", "content": {downloads.CSV: {"schema": {"type": "string"}}}}
    },
)
@allow(Role.VIEWER)
@answers_with(downloads.CSV)
def export(query: ExportQuery) -> Response:
    """Export interaction log entries as CSV, streamed; the filters are those of the list."""
    pages = interactions.every_page(database.transaction, filters=query.filters(), sort=query.sort)
    return downloads.csv(
        pages, columns={name: name for name in Interaction.model_fields}, name="interactions.csv"
    )


def _change(path: InteractionPath, body: Body, change: Callable[..., None]) -> Response:
    body.refuse_faults()
    session = database.session()
    change(session, path.entry_no, actor=identity.required())
    return shown(interactions.get(session, path.entry_no), stored=STORED)


def _change_many(change: bulk_changes.Change, body: Body) -> Response:
    body.refuse_faults()  # a selection that is read in part selects something else
    job = bulk_changes.request(
        database.session(), change=change, values=body.given(), actor=identity.required()
    )
    return accepted(job)


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
