"""Contacts, their companies, links and lists (C1 to C4, T5)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from domain import audit, contacts
from domain.actors import Actor
from domain.contacts import Contact
from domain.errors import InUse, Invalid, NotFound
from tests.domain.makers import (
    faults_of,
    insert,
    make_company,
    make_contact,
    make_entry,
    make_line,
    make_logged_segment,
    make_salesperson,
    make_segment,
    make_template,
)


def shape(session: Session, contact: Contact) -> dict[str, Any]:
    return contacts.describe(session, [contact])[0]


def listed(session: Session, **filters: list[str]) -> list[str]:
    return [contact.name for contact in contacts.page(session, filters=filters)]


def test_a_contact_keeps_what_was_given(session: Session) -> None:  # C1
    make_salesperson(session, "HR")
    make_company(session, no="C1")
    values: dict[str, Any] = {
        "no": "p.1-Ж",
        "type": "person",
        "name": "Анна Жукова",
        "email": "anna@пример.рф",
        "phone": "+7 495 000",
        "mobile_phone": "2",
        "address": "Ringwood Road",
        "post_code": "M61 2YG",
        "city": "Manchester",
        "country_code": "GB",
        "territory_code": "S",
        "language_code": "ENG",
        "correspondence_type": "fax",
        "exclude_from_segment": True,
        "privacy_blocked": False,
        "mailing_groups": ["X-CARD", "NEWS"],
        "industry_groups": ["RET"],
        "business_relations": ["PRESS"],
        "job_responsibilities": ["PURCHASE"],
        "accounts": [{"type": "vendor", "no": "V 4"}, {"type": "customer", "no": "C100"}],
    }
    contact = make_contact(session, **values, company_no="c1", salesperson_code="hr")

    assert shape(session, contact) == {
        **values,
        "company_no": "C1",
        "salesperson_code": "HR",
        "mailing_groups": ["NEWS", "X-CARD"],
        "accounts": [{"type": "customer", "no": "C100"}, {"type": "vendor", "no": "V 4"}],
        "erased": False,
    }
    assert contacts.get(session, "P.1-ж") is contact


def test_all_faults_are_told_at_once(session: Session, actor: Actor) -> None:
    make_contact(session, no="TAKEN")
    values = {
        "no": "taken",
        "type": "robot",
        "name": " ",
        "email": "a@b@c",
        "phone": "x\0",
        "city": "x" * 5000,
        "address": "\ud800",
        "country_code": "G B",
        "language_code": "x" * 21,
        "salesperson_code": "NOBODY",
        "company_no": "NOTHING",
        "correspondence_type": "",
        "privacy_blocked": "yes",
        "mailing_groups": ["A", ""],
        "industry_groups": "RET",
        "accounts": [{"type": "customer", "no": ""}, {"type": "bank", "no": "1", "iban": "x"}],
        "erased": True,
        "colour": "red",
    }

    with pytest.raises(Invalid) as refused:
        contacts.create(session, values=values, actor=actor)
    assert faults_of(refused) == {
        ("no", "already_exists"),
        ("type", "not_a_choice"),
        ("name", "required"),
        ("email", "invalid"),
        ("phone", "invalid"),
        ("city", "too_long"),
        ("address", "invalid"),
        ("country_code", "invalid"),
        ("language_code", "too_long"),
        ("salesperson_code", "unknown"),
        ("company_no", "unknown"),
        ("correspondence_type", "not_a_choice"),
        ("privacy_blocked", "invalid"),
        ("mailing_groups", "required"),
        ("industry_groups", "invalid"),
        ("accounts.0.no", "required"),
        ("accounts.1.type", "not_a_choice"),
        ("accounts.1.iban", "unknown_field"),
        ("erased", "read_only"),
        ("colour", "unknown_field"),
    }


@pytest.mark.parametrize(
    "email", ["anna", "@b.c", "a@", "a b@c.d", "a@.c", "a@b..c", "a@b.", "a@b,c", "<a@b.c>"]
)
def test_an_email_address_must_be_plausible(session: Session, email: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_contact(session, email=email)
    assert faults_of(refused) == {("email", "invalid")}


def test_type_and_name_are_required(session: Session, actor: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        contacts.create(session, values={}, actor=actor)
    assert faults_of(refused) == {("type", "required"), ("name", "required")}


def test_an_account_belongs_to_one_contact(session: Session) -> None:  # C1
    holder = make_contact(session, accounts=[{"type": "customer", "no": "c100"}])
    make_contact(session, accounts=[{"type": "vendor", "no": "C100"}])

    with pytest.raises(Invalid) as refused:
        make_contact(session, accounts=[{"type": "vendor", "no": "1"}, {"type": "customer", "no": "C100"}])
    assert faults_of(refused) == {("accounts.1.no", "account_taken")}
    fault = refused.value.faults[0]
    assert (fault.value, fault.params["contact_no"]) == ("C100", holder.no)


def test_a_contact_may_name_its_own_accounts_again(session: Session, actor: Actor) -> None:  # C1
    contact = make_contact(session, accounts=[{"type": "customer", "no": "C1"}])
    accounts = [
        {"type": "customer", "no": "c1"},
        {"type": "customer", "no": "C1"},
        {"type": "vendor", "no": "2"},
    ]

    contacts.change(session, contact, values={"accounts": accounts}, actor=actor)
    assert shape(session, contact)["accounts"] == [
        {"type": "customer", "no": "c1"},
        {"type": "vendor", "no": "2"},
    ]


def test_lists_given_replace_lists_not_given_stay(session: Session, actor: Actor) -> None:
    contact = make_contact(session, mailing_groups=["A", "B"], industry_groups=["RET"])

    contacts.change(session, contact, values={"mailing_groups": ["b", "B", "C"]}, actor=actor)
    assert shape(session, contact)["mailing_groups"] == ["b", "C"]
    assert shape(session, contact)["industry_groups"] == ["RET"]

    contacts.change(session, contact, values={"mailing_groups": None}, actor=actor)
    assert shape(session, contact)["mailing_groups"] == []


def test_null_clears(session: Session, actor: Actor) -> None:
    make_salesperson(session, "HR")
    company = make_company(session)
    contact = make_contact(
        session,
        company_no=company.no,
        salesperson_code="HR",
        country_code="GB",
        email="a@b.c",
        privacy_blocked=True,
    )
    cleared = ("company_no", "salesperson_code", "country_code", "email", "privacy_blocked", "city")

    contacts.change(session, contact, values=dict.fromkeys(cleared), actor=actor)
    after = shape(session, contact)
    assert [after[field] for field in cleared] == [None, None, None, "", False, ""]


def test_the_number_stays(session: Session, actor: Actor) -> None:
    contact = make_contact(session, no="A1")

    contacts.change(session, contact, values={"no": "a1", "name": "New"}, actor=actor)
    assert (contact.no, contact.name) == ("A1", "New")
    with pytest.raises(Invalid) as refused:
        contacts.change(session, contact, values={"no": "A2", "name": "Newer"}, actor=actor)
    assert faults_of(refused) == {("no", "read_only")}
    assert contact.name == "New"


def test_a_company_has_no_company(session: Session, actor: Actor) -> None:  # C1
    company = make_company(session)
    with pytest.raises(Invalid) as refused:
        make_company(session, company_no=company.no)
    assert faults_of(refused) == {("company_no", "invalid")}

    person = make_contact(session, company_no=company.no)
    with pytest.raises(Invalid) as refused:
        contacts.change(session, person, values={"type": "company"}, actor=actor)
    assert faults_of(refused) == {("company_no", "invalid")}
    contacts.change(session, person, values={"type": "company", "company_no": None}, actor=actor)
    assert (person.type, person.company_id) == ("company", None)


def test_the_company_of_a_person_is_a_company(session: Session, actor: Actor) -> None:  # C1
    person, other = make_contact(session), make_contact(session)

    for company_no in (other.no, person.no):
        with pytest.raises(Invalid) as refused:
            contacts.change(session, person, values={"company_no": company_no}, actor=actor)
        assert faults_of(refused) == {("company_no", "invalid")}


def test_a_company_with_people_cannot_become_a_person(session: Session, actor: Actor) -> None:  # C1
    company = make_company(session)
    person = make_contact(session, company_no=company.no)

    with pytest.raises(InUse) as refused:
        contacts.change(session, company, values={"type": "person"}, actor=actor)
    assert faults_of(refused) == {("type", "in_use")}

    contacts.change(session, person, values={"company_no": None}, actor=actor)
    contacts.change(session, company, values={"type": "person"}, actor=actor)
    assert company.type == "person"


def test_a_blocked_salesperson_can_look_after_a_contact(
    session: Session,
) -> None:  # I3 and S9 refuse the work
    make_salesperson(session, "HR", blocked=True)

    assert shape(session, make_contact(session, salesperson_code="HR"))["salesperson_code"] == "HR"


def test_a_contact_nothing_refers_to_is_deleted_with_its_links(session: Session, actor: Actor) -> None:  # C1
    contact = make_contact(session, mailing_groups=["A"], accounts=[{"type": "customer", "no": "1"}])
    contacts.delete(session, contact, actor=actor)

    with pytest.raises(NotFound):
        contacts.get(session, contact.no)
    assert session.scalar(text("SELECT count(*) FROM contact_account")) == 0
    assert session.scalar(text("SELECT count(*) FROM contact_membership")) == 0


def test_a_contact_something_refers_to_stays(session: Session, actor: Actor) -> None:  # C1, C4
    company, on_line, skipped = make_company(session), make_contact(session), make_contact(session)
    person = make_contact(session, company_no=company.no)
    template = make_template(session)
    make_line(session, make_segment(session), 1, on_line.id)
    make_entry(session, person, template)
    insert(
        session,
        "logged_segment_skip",
        {
            "logged_segment_no": make_logged_segment(session, "SM9"),
            "line_no": 1,
            "contact_id": skipped.id,
            "problems": ["date_missing"],
        },
    )

    for contact, used_by in (
        (company, "contact"),
        (on_line, "segment_line"),
        (person, "interaction"),
        (skipped, "logged_segment"),
    ):
        with pytest.raises(InUse) as refused:
            contacts.delete(session, contact, actor=actor)
        assert refused.value.faults[0].params["used_by"] == used_by

    # The entry keeps the company it was logged with, also when the person has left it.
    contacts.change(session, person, values={"company_no": None}, actor=actor)
    with pytest.raises(InUse) as refused:
        contacts.delete(session, company, actor=actor)
    assert refused.value.faults[0].params["used_by"] == "interaction"


def test_q_finds_number_name_email_and_city_by_what_they_contain(session: Session) -> None:
    make_contact(session, "Анна", no="A-1", email="first@example.com", city="Leeds")
    make_contact(session, "Boris", no="B-1", email="second@example.com", city="York")
    make_contact(session, "100% _sure", no="C-1")

    assert listed(session, q=["аНН"]) == ["Анна"]
    assert listed(session, q=["b-"]) == ["Boris"]
    assert listed(session, q=["SECOND@"]) == ["Boris"]
    assert listed(session, q=["eed", "york"]) == ["Анна", "Boris"]
    assert listed(session, q=["%"]) == ["100% _sure"]
    assert listed(session, q=["_s"]) == ["100% _sure"]
    assert listed(session, q=["nothing"]) == []
    assert listed(session, q=["a\0"]) == []


def test_filters_are_anded_their_values_ored(session: Session) -> None:
    make_salesperson(session, "HR")
    make_salesperson(session, "OF")
    company = make_company(session, "Company", salesperson_code="HR")
    make_contact(session, "Person", company_no=company.no, salesperson_code="OF")
    make_contact(
        session, "Nobody's", accounts=[{"type": "customer", "no": "C1"}, {"type": "vendor", "no": "V1"}]
    )

    assert listed(session, type=["company"]) == ["Company"]
    assert listed(session, company_no=[company.no.lower()]) == ["Person"]
    assert listed(session, company_no=["none"], type=["person"]) == ["Nobody's"]
    assert listed(session, salesperson_code=["hr", "OF"]) == ["Company", "Person"]
    assert listed(session, salesperson_code=["hr", "none"]) == ["Company", "Nobody's"]
    assert listed(session, salesperson_code=["UNKNOWN"]) == []
    assert listed(session, salesperson_code=["none"]) == ["Nobody's"]
    assert listed(session, account_type=["customer"], account_no=["c1"]) == ["Nobody's"]
    assert listed(session, account_type=["customer"], account_no=["V1"]) == []


def test_pages_follow_each_other_by_number_ignoring_case(session: Session) -> None:
    for no in ("b2", "A1", "c3", "B1"):
        make_contact(session, no, no=no)

    first = contacts.page(session, filters={}, limit=2)
    assert [contact.no for contact in first] == ["A1", "B1"]
    assert [c.no for c in contacts.page(session, filters={}, after="B1", limit=2)] == ["b2", "c3"]
    assert contacts.page(session, filters={}, after="C3") == []


def test_describing_takes_as_many_queries_for_a_thousand_as_for_one(session: Session) -> None:
    make_salesperson(session, "HR")
    company = make_company(session)
    for number in range(100):
        make_contact(
            session,
            str(number),
            company_no=company.no,
            salesperson_code="HR",
            mailing_groups=["A"],
            accounts=[{"type": "customer", "no": str(number)}],
        )
    things = contacts.page(session, filters={}, limit=1000)
    statements: list[str] = []
    event.listen(
        session.connection(), "before_cursor_execute", lambda *args: statements.append(args[2]), named=False
    )

    shapes = contacts.describe(session, things)
    assert (len(shapes), len(statements)) == (101, 4)
    contacts.statistics_fields(session, things)
    assert len(statements) == 6


def test_statistics_of_a_company_are_over_its_entries_a_persons_over_their_own(
    session: Session, actor: Actor
) -> None:  # T5
    company, template = make_company(session), make_template(session)
    person = make_contact(session, company_no=company.no)
    make_entry(session, company, template, cost=1, duration_min=10, date="2026-01-01")
    make_entry(session, person, template, cost=Decimal("2.50"), duration_min=20, date="2026-02-01")
    make_entry(session, person, template, cost=100, canceled_at="2026-02-02", date="2026-03-01")
    contacts.change(session, person, values={"company_no": None}, actor=actor)
    make_entry(session, person, template, cost=4, date="2026-04-01")

    assert contacts.statistics_fields(session, [person, company]) == [
        {
            "interactions_count": 2,
            "cost_total": Decimal("6.50"),
            "duration_total_min": 20,
            "last_interaction_date": date(2026, 4, 1),
        },
        {
            "interactions_count": 2,
            "cost_total": Decimal("3.50"),
            "duration_total_min": 30,
            "last_interaction_date": date(2026, 2, 1),
        },
    ]
    january = contacts.statistics_fields(
        session, [company], date_from=date(2026, 1, 1), date_to=date(2026, 1, 31)
    )
    assert january[0]["interactions_count"] == 1


def test_changes_are_recorded_by_the_names_of_the_api(session: Session, actor: Actor) -> None:  # U2
    make_salesperson(session, "HR")
    contact = make_contact(session, "Anna", no="A1")
    contacts.change(
        session,
        contact,
        values={"salesperson_code": "hr", "name": "Anna", "mailing_groups": ["X"]},
        actor=actor,
    )
    contacts.change(session, contact, values={"name": "Anna"}, actor=actor)
    contacts.delete(session, contact, actor=actor)

    rows = audit.describe(
        session, audit.page(session, filters={"object_type": ["contact"], "object_key": ["a1"]})
    )
    assert [(row["action"], row["user"], row["object"]) for row in rows] == [
        ("delete", "system", "contact A1"),
        ("change", "system", "contact A1"),
        ("create", "system", "contact A1"),
    ]
    assert rows[1]["changes"] == {"salesperson_code": [None, "HR"], "mailing_groups": [[], ["X"]]}
    assert rows[2]["changes"] == {
        "no": [None, "A1"],
        "type": [None, "person"],
        "name": [None, "Anna"],
    }
