"""Contacts."""

from __future__ import annotations

from typing import ClassVar, Literal

from flask import Response
from pydantic import BaseModel

from domain import contacts
from domain.actors import Role
from web.api import nouns
from web.api.fields import Code, Day, Email, Flag, ForeignNo, Name, QueryText, Subject
from web.api.models import Body, Item, Path, PeriodQuery, Shown, Statistics, StatisticsQuery, needs
from web.api.routing import Api
from web.identity import allow

api = Api("contacts", tag="Contacts")
SHOW = "api.contacts.show"

ContactType = Literal["company", "person"]
AccountType = Literal["customer", "vendor"]


class Account(Item):
    """A customer or vendor account; it belongs to one contact at most."""

    type: AccountType | None
    no: ForeignNo | None


class ContactFields(BaseModel):
    """What is stored of a contact."""

    no: Code | None
    type: ContactType | None
    name: Name | None
    company_no: Code | None
    email: Email | None
    phone: Name | None
    mobile_phone: Name | None
    address: Subject | None
    post_code: Name | None
    city: Name | None
    country_code: Code | None
    territory_code: Code | None
    language_code: Code | None
    salesperson_code: Code | None
    correspondence_type: Literal["hard_copy", "email", "fax"] | None
    exclude_from_segment: Flag | None
    privacy_blocked: Flag | None
    mailing_groups: list[Code] | None
    industry_groups: list[Code] | None
    business_relations: list[Code] | None
    job_responsibilities: list[Code] | None
    accounts: list[Account] | None


class Contact(Statistics, ContactFields):
    """A contact. A company's statistics include its people's."""

    erased: bool
    last_interaction_date: Day | None = None


class ContactList(Shown):
    """A page of contacts."""

    items: list[Contact]
    next: str | None


class NewContact(Body, ContactFields):
    """A contact to be made; without a number it takes the next of its series."""

    model_config = needs("type", "name")
    shows: ClassVar[type[Shown] | None] = Contact


class ContactChange(Body, ContactFields):
    """Fields of a contact to be changed; a list given replaces the list there is."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = Contact


class ContactPath(Path):
    """Which contact."""

    thing: ClassVar[str] = contacts.THING
    no: str


class ContactQuery(StatisticsQuery):
    """Which contacts."""

    q: list[QueryText] | None = None
    type: list[ContactType] | None = None
    company_no: list[QueryText] | None = None
    salesperson_code: list[QueryText] | None = None
    account_type: list[AccountType] | None = None
    account_no: list[QueryText] | None = None


@api.get("/contacts", responses={200: ContactList})
@allow(Role.VIEWER)
def index(query: ContactQuery) -> Response:
    """List contacts."""
    return nouns.index(contacts, query, key="no")


@api.post("/contacts", responses={201: Contact})
@allow(Role.MARKETING)
def create(body: NewContact) -> Response:
    """Make a contact."""
    return nouns.create(contacts, body, endpoint=SHOW, key="no")


@api.get("/contacts/<no>", responses={200: Contact})
@allow(Role.VIEWER)
def show(path: ContactPath, query: PeriodQuery) -> Response:
    """Show a contact with statistics."""
    return nouns.show(contacts, path.no, query)


@api.patch("/contacts/<no>", responses={200: Contact})
@allow(Role.MARKETING)
def change(path: ContactPath, body: ContactChange) -> Response:
    """Change a contact."""
    return nouns.change(contacts, path.no, body)


@api.delete("/contacts/<no>", responses={204: None})
@allow(Role.MARKETING)
def delete(path: ContactPath) -> Response:
    """Delete a contact that nothing refers to."""
    return nouns.delete(contacts, path.no)
