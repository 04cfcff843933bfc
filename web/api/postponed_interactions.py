"""Postponed interactions: forms left to be finished later (P1 to P4)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from flask import Response
from pydantic import Field

from domain import contacts, interactions, postponed
from domain.actors import Role
from web import database, identity
from web.api.contacts import ContactPath
from web.api.fields import (
    LARGEST_BIGINT,
    Code,
    CommentText,
    Flag,
    ForeignNo,
    Instant,
    Name,
    Number,
    QueryFlag,
    QueryText,
    QueryWhole,
    TimeOfDay,
)
from web.api.interaction_values import LineValues
from web.api.interactions import STORED, Interaction
from web.api.models import Body, ListQuery, Path, Shown, needs
from web.api.replies import gone, listing, match, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("postponed_interactions", tag="Interactions")
SHOW = "api.postponed_interactions.show"


class InteractionFields(LineValues):
    """What can be said of an interaction; null is as the defaults say, "" blank on purpose."""

    contact_no: Code | None
    source_entry_no: Number | None
    phone_call: Flag | None
    time: TimeOfDay | None
    successful: Flag | None
    contact_via: Name | None
    opportunity_no: ForeignNo | None
    comments: list[CommentText] | None


class Postponed(Shown, InteractionFields):
    """A postponed interaction, as it was typed."""

    entry_no: int
    contact_name: str
    user: str
    created_at: Instant


class PostponedList(Shown):
    """A page of postponed interactions, the newest first."""

    items: list[Postponed]
    next: str | None


class PostponedChange(Body, InteractionFields):
    """Fields of a postponed interaction to be changed; comments given replace the ones there are."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = Postponed


class PostponedPath(Path):
    """Which postponed interaction."""

    thing: ClassVar[str] = postponed.THING
    entry_no: Annotated[int, Field(le=LARGEST_BIGINT)]


class OthersQuery(ListQuery):
    """Which postponed interactions, whoever they are with."""

    others: ClassVar[frozenset[str]] = frozenset({"limit", "after", "company"})

    after: QueryWhole | None = Field(default=None, description="Where the page before ended")  # type: ignore[assignment]
    salesperson_code: list[QueryText] | None = None
    user: list[QueryText] | None = None
    source_entry_no: list[QueryText] | None = None


class PostponedQuery(OthersQuery):
    """Which postponed interactions."""

    contact_no: list[QueryText] | None = None


class ContactPostponedQuery(OthersQuery):
    """Which postponed interactions of a contact; `company=false` leaves out those of a company's people."""

    company: QueryFlag = True


@api.get("/postponed-interactions", responses={200: PostponedList})
@allow(Role.VIEWER)
def index(query: PostponedQuery) -> Response:
    """List postponed interactions."""
    return _page(query, {})


@api.get("/contacts/<no>/postponed-interactions", responses={200: PostponedList})
@allow(Role.VIEWER)
def index_of_contact(path: ContactPath, query: ContactPostponedQuery) -> Response:
    """List the postponed interactions of a contact; a company's include its people's."""
    contact = contacts.get(database.session(), path.no)
    return _page(query, {"contact_no": [contact.no]}, company=query.company)


def _page(query: OthersQuery, fixed: dict[str, list[str]], *, company: bool = True) -> Response:
    session = database.session()
    return listing(
        query,
        fetch=lambda filters, after, limit: postponed.page(
            session, filters={**filters, **fixed}, after=after, limit=limit, company=company
        ),
        describe=lambda rows: postponed.describe(session, rows),
        key=lambda row: row.entry_no,
    )


@api.get("/postponed-interactions/<int:entry_no>", responses={200: Postponed})
@allow(Role.VIEWER)
def show(path: PostponedPath) -> Response:
    """Show a postponed interaction."""
    session = database.session()
    return _shown(postponed.get(session, path.entry_no))


@api.patch("/postponed-interactions/<int:entry_no>", responses={200: Postponed})
@allow(Role.SALESPERSON)
def change(path: PostponedPath, body: PostponedChange) -> Response:
    """Postpone again: change fields and comments."""
    session = database.session()
    thing = _locked(path)
    thing = with_faults(
        body, lambda values: postponed.change(session, thing, values=values, actor=identity.required())
    )
    return _shown(thing)


@api.delete("/postponed-interactions/<int:entry_no>", responses={204: None})
@allow(Role.SALESPERSON)
def delete(path: PostponedPath) -> Response:
    """Delete a postponed interaction: one's own, or any for marketing."""
    postponed.delete(database.session(), [_locked(path)], actor=identity.required())
    return gone()


@api.post("/postponed-interactions/<int:entry_no>/finish", responses={200: Interaction})
@allow(Role.SALESPERSON)
def finish(path: PostponedPath, body: PostponedChange) -> Response:
    """Finish a postponed interaction, which then is an entry of the log under the same number."""
    session = database.session()
    thing = _locked(path)
    entry_no = with_faults(
        body, lambda values: postponed.finish(session, thing, values=values, actor=identity.required())
    )
    return shown(interactions.get(session, entry_no), stored=STORED)


def _locked(path: PostponedPath) -> postponed.Postponed:
    session = database.session()
    thing = postponed.get(session, path.entry_no, lock=True)
    match(lambda: postponed.describe(session, [thing])[0], postponed.STORED)
    return thing


def _shown(thing: postponed.Postponed) -> Response:
    return shown(postponed.describe(database.session(), [thing])[0], stored=postponed.STORED)
