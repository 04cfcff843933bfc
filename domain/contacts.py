"""Contacts: companies and people that interactions are had with (C1 to C4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, ForeignKey, Identity, exists, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from domain import audit, contact_links, number_series, records, statistics
from domain import values as v
from domain.actors import Actor
from domain.contact_links import MEMBERSHIPS, ContactAccount
from domain.database import Base
from domain.errors import Faults
from domain.salespeople import Salesperson

THING = "contact"
COMPANY, PERSON = "company", "person"
STORED: tuple[str, ...] = (
    "no",
    "type",
    "name",
    "company_no",
    "email",
    "phone",
    "mobile_phone",
    "address",
    "post_code",
    "city",
    "country_code",
    "territory_code",
    "language_code",
    "salesperson_code",
    "correspondence_type",
    "exclude_from_segment",
    "privacy_blocked",
    "mailing_groups",
    "industry_groups",
    "business_relations",
    "job_responsibilities",
    "accounts",
)
STATISTICS: tuple[str, ...] = (*statistics.FIELDS, "last_interaction_date")
READ_ONLY = ("erased", *STATISTICS)
CHECKS: dict[str, v.Check] = {
    "no": v.code(),
    "type": v.choice(COMPANY, PERSON, required=True),
    "name": v.text(required=True),
    "company_no": v.code(),
    "email": v.email,
    "phone": v.text(),
    "mobile_phone": v.text(),
    "address": v.text(v.SUBJECT_LIMIT),
    "post_code": v.text(),
    "city": v.text(),
    "country_code": v.code(),
    "territory_code": v.code(),
    "language_code": v.code(),
    "salesperson_code": v.code(),
    "correspondence_type": v.choice(*v.CORRESPONDENCE_TYPES),
    "exclude_from_segment": v.flag(),
    "privacy_blocked": v.flag(),
    **dict.fromkeys(MEMBERSHIPS, v.codes()),
    "accounts": v.rows(),
}
REFERENCES = {
    "contact": "SELECT FROM contact WHERE company_id = :id",
    "segment_line": "SELECT FROM segment_line WHERE contact_id = :id",
    "interaction": "SELECT FROM interaction WHERE contact_id = :id"
    " UNION ALL SELECT FROM interaction WHERE company_id = :id AND company_id <> contact_id",
    "logged_segment": "SELECT FROM logged_segment_skip WHERE contact_id = :id",
    "postponed_interaction": "SELECT FROM postponed_interaction WHERE contact_id = :id",
}


class Contact(Base):
    """A company, or a person who may belong to one (C1)."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    no: Mapped[str]
    type: Mapped[str]
    name: Mapped[str] = mapped_column(default="", server_default="")
    company_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("contact.id"))
    email: Mapped[str] = mapped_column(default="", server_default="")
    phone: Mapped[str] = mapped_column(default="", server_default="")
    mobile_phone: Mapped[str] = mapped_column(default="", server_default="")
    address: Mapped[str] = mapped_column(default="", server_default="")
    post_code: Mapped[str] = mapped_column(default="", server_default="")
    city: Mapped[str] = mapped_column(default="", server_default="")
    country_code: Mapped[str] = mapped_column(default="", server_default="")
    territory_code: Mapped[str] = mapped_column(default="", server_default="")
    language_code: Mapped[str | None]
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))
    correspondence_type: Mapped[str | None]
    exclude_from_segment: Mapped[bool] = mapped_column(default=False, server_default="false")
    privacy_blocked: Mapped[bool] = mapped_column(default=False, server_default="false")
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def get(session: Session, key: str, *, lock: bool = False) -> Contact:
    """Find a contact by number, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, Contact, Contact.no, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[Contact]:  # fmt: skip
    """Read a page by number, or as `sort` says.

    Filters: `q` (no, name, e-mail or city contains it, ignoring case), `type`, `company_no`,
    `salesperson_code`, and `account_type` with `account_no`, which hold for one and the same account.
    """
    conditions: list[ColumnElement[bool]] = []
    if "q" in filters:
        # Walks contact_no_key until the page is full: 20 ms where many match, 0.5 s on a million contacts
        # where few do (PostgreSQL 18, two cores). A trigram index would cost every import more than that.
        conditions.append(
            records.contains([Contact.no, Contact.name, Contact.email, Contact.city], filters["q"])
        )
    if "type" in filters:
        conditions.append(Contact.type.in_(filters["type"]))
    if "company_no" in filters:
        company = aliased(Contact)
        conditions.append(
            records.filter_by_code(session, Contact.company_id, company.id, company.no, filters["company_no"])
        )
    if "salesperson_code" in filters:
        conditions.append(
            records.filter_by_code(
                session, Contact.salesperson_id, Salesperson.id, Salesperson.code, filters["salesperson_code"]
            )
        )
    if "account_type" in filters or "account_no" in filters:
        conditions.append(_has_account(filters.get("account_type"), filters.get("account_no")))
    return records.page(
        session, Contact, Contact.no, conditions=conditions, after=after, limit=limit, sort=sort
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Contact:
    """Make a contact, with the next number of its series unless one is given (C1, N1, N2).

    Raises
    ------
    Invalid
        Naming every fault.
    NumberSeriesMissing, NumberSeriesExhausted
        If a number is wanted and there is none.
    """
    faults = Faults()
    taken = v.take({"type": None, "name": None, **values}, CHECKS, faults, read_only=READ_ONLY)
    no = taken.get("no")
    if no is not None:
        number_series.check_manual(session, field="contact_nos", no=no, faults=faults)
        if records.exists_key(session, Contact.no, no):
            faults.add("no", "already_exists", no)
    contact = Contact()
    columns, links = _columns_and_links(session, contact, taken, faults)
    faults.raise_if_any()
    records.assign(contact, columns)
    number_series.add_numbered(session, contact, field="contact_nos", values=values)
    _write_links(session, contact, links)
    _record(session, contact, actor=actor, action="create", before={})
    return contact


def change(session: Session, contact: Contact, *, values: Mapping[str, Any], actor: Actor) -> Contact:
    """Change the given fields; the number stays. Lists given replace the lists there are.

    Raises
    ------
    Invalid
        Naming every fault; an erased contact stays as it is (C4).
    InUse
        If a company with people were to become a person (C1).
    """
    # Who makes a company a person must not overlook somebody joining it now.
    records.lock(
        session, contact, thing=THING, key=contact.no, against_references=values.get("type") == PERSON
    )
    faults = Faults()
    if contact.erased_at is not None:
        faults.add("no", "contact_erased", contact.no)
    rest = records.key_stays(values, "no", contact.no, faults)
    taken = v.take(rest, CHECKS, faults, read_only=READ_ONLY)
    columns, links = _columns_and_links(session, contact, taken, faults)
    faults.raise_if_any()
    if contact.type == COMPANY and columns.get("type") == PERSON and _has_people(session, contact):
        raise records.in_use("type", PERSON, "contact")
    before = _stored(session, contact)
    records.assign(contact, columns)
    session.flush()
    _write_links(session, contact, links)
    _record(session, contact, actor=actor, action="change", before=before)
    return contact


def delete(session: Session, contact: Contact, *, actor: Actor) -> None:
    """Delete a contact nothing refers to, with its links; raise `InUse` else (C1, C4)."""
    before = _stored(session, contact)
    records.remove(
        session,
        contact,
        thing=THING,
        key_field="no",
        key=contact.no,
        references=REFERENCES,
        parameters={"id": contact.id},
    )
    audit.record_difference(
        session,
        actor=actor,
        action="delete",
        object_type=THING,
        object_key=before["no"],
        before=before,
        after={},
    )


def describe(session: Session, things: Sequence[Contact]) -> list[dict[str, Any]]:
    """Give contacts their API shape, without statistics, in four queries however many there are."""
    salespeople = records.keys_of(
        session, Salesperson.id, Salesperson.code, {thing.salesperson_id for thing in things}
    )
    companies = records.keys_of(session, Contact.id, Contact.no, {thing.company_id for thing in things})
    links = contact_links.of(session, [thing.id for thing in things])
    return [
        {
            "no": thing.no,
            "type": thing.type,
            "name": thing.name,
            "company_no": companies.get(thing.company_id),
            "email": thing.email,
            "phone": thing.phone,
            "mobile_phone": thing.mobile_phone,
            "address": thing.address,
            "post_code": thing.post_code,
            "city": thing.city,
            "country_code": thing.country_code or None,
            "territory_code": thing.territory_code or None,
            "language_code": thing.language_code,
            "salesperson_code": salespeople.get(thing.salesperson_id),
            "correspondence_type": thing.correspondence_type,
            "exclude_from_segment": thing.exclude_from_segment,
            "privacy_blocked": thing.privacy_blocked,
            "erased": thing.erased_at is not None,
            **links[thing.id],
        }
        for thing in things
    ]


def statistics_fields(
    session: Session,
    things: Sequence[Contact],
    *,
    date_from: date | None = None,
    date_to: date | None = None,
) -> list[dict[str, Any]]:
    """Give the statistics of contacts (T5) in the order given, ready to be merged into `describe`.

    A company's are over the entries of the company, its people's included; a person's over their own.
    """
    rows: dict[int, tuple[Any, ...]] = {}
    by: statistics.By
    for by, type in (("contact", PERSON), ("company", COMPANY)):
        rows |= statistics.aggregate(
            session,
            by=by,
            ids=[thing.id for thing in things if thing.type == type],
            date_from=date_from,
            date_to=date_to,
            more="max(date)",
        )
    nothing = (*statistics.NOTHING, None)
    return [dict(zip(STATISTICS, rows.get(thing.id, nothing), strict=True)) for thing in things]


def _has_account(types: Sequence[str] | None, nos: Sequence[str] | None) -> ColumnElement[bool]:
    condition = exists().where(ContactAccount.contact_id == Contact.id)
    if types is not None:
        condition = condition.where(ContactAccount.type.in_(types))
    if nos is not None:
        condition = condition.where(
            func.lower(ContactAccount.no).in_([func.lower(no) for no in nos if v.is_text(no)])
        )
    return condition


def _columns_and_links(
    session: Session, contact: Contact, taken: Mapping[str, Any], faults: Faults
) -> tuple[dict[str, Any], dict[str, Any]]:
    columns = dict(taken)
    links = {field: columns.pop(field) for field in (*MEMBERSHIPS, "accounts") if field in columns}
    if "accounts" in links:
        links["accounts"] = contact_links.take_accounts(links["accounts"], faults)
        contact_links.check_accounts(session, links["accounts"], contact_id=contact.id, faults=faults)
    for field in ("country_code", "territory_code"):
        if field in columns:
            columns[field] = columns[field] or ""
    if "salesperson_code" in columns:
        salesperson = records.refer(
            session,
            Salesperson,
            Salesperson.code,
            columns.pop("salesperson_code"),
            field="salesperson_code",
            faults=faults,
        )
        columns["salesperson_id"] = salesperson.id if salesperson else None
    type = columns.get("type", contact.type)
    if "company_no" in columns:
        columns["company_id"] = _company_id(
            session, contact, columns.pop("company_no"), type=type, faults=faults
        )
    elif type == COMPANY and contact.company_id is not None:
        faults.add("company_no", "invalid", None, reason="company_of_company")
    return columns, links


def _company_id(
    session: Session, contact: Contact, company_no: str | None, *, type: str | None, faults: Faults
) -> int | None:
    """Find the company of a person; a company has none, and a person or oneself cannot be one (C1)."""
    company = records.refer(session, Contact, Contact.no, company_no, field="company_no", faults=faults)
    if company is None:
        return None
    if company is not contact:
        session.refresh(company)
    if type == COMPANY:
        faults.add("company_no", "invalid", company_no, reason="company_of_company")
    elif company is contact or company.type != COMPANY:
        faults.add("company_no", "invalid", company_no, reason="not_a_company")
    return company.id


def _has_people(session: Session, contact: Contact) -> bool:
    return bool(session.scalar(select(exists().where(Contact.company_id == contact.id))))


def _write_links(session: Session, contact: Contact, links: Mapping[str, Any]) -> None:
    for field, value in links.items():
        if field == "accounts":
            contact_links.write_accounts(session, contact.id, value)
        else:
            contact_links.write_memberships(session, contact.id, field, value)


def _stored(session: Session, contact: Contact) -> dict[str, Any]:
    shape = describe(session, [contact])[0]
    return {field: shape[field] for field in STORED}


def _record(
    session: Session, contact: Contact, *, actor: Actor, action: str, before: Mapping[str, Any]
) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=contact.no,
        before=before,
        after=_stored(session, contact),
    )
