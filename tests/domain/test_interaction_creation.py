"""Interactions with one contact (I1 to I9), and what may change of one (I5, U1)."""

from __future__ import annotations

import itertools
import random
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    audit,
    campaign_entries,
    comments,
    contacts,
    interaction_creation,
    interactions,
    template_setup,
    templates,
)
from domain.actors import Actor, Role
from domain.contacts import Contact
from domain.errors import Forbidden, Invalid, NotFound
from tests.domain.makers import (
    faults_of,
    make_campaign,
    make_campaign_entry,
    make_company,
    make_contact,
    make_entry,
    make_logged_segment,
    make_salesperson,
    make_template,
)
from tests.domain.test_effective_lines import FLOWS, LANGUAGES, SIDES, TYPES, expected


@pytest.fixture
def contact(session: Session) -> Contact:
    """A person of a company with a salesperson."""
    make_salesperson(session, "JO")
    company = make_company(session)
    return make_contact(session, company_no=company.no, salesperson_code="JO", phone="030 1")


def create(session: Session, actor: Actor, **values: Any) -> dict[str, Any]:
    """Record an interaction and read it."""
    return interactions.get(session, interaction_creation.create(session, values=values, actor=actor))


def faults(session: Session, actor: Actor, **values: Any) -> set[tuple[str, str]]:
    """Say what is wrong with an interaction that cannot be recorded."""
    with pytest.raises(Invalid) as refused:
        create(session, actor, **values)
    return faults_of(refused)


def test_all_that_is_missing_after_the_defaults_is_reported_at_once(session: Session, actor: Actor) -> None:
    """I1"""
    assert faults(session, actor) == {
        ("contact_no", "required"),
        ("template_code", "required"),
        ("salesperson_code", "required"),
        ("description", "required"),
    }
    assert session.scalar(text("SELECT count(*) FROM interaction")) == 0


def test_what_is_unknown_is_not_reported_as_missing_too(session: Session, actor: Actor) -> None:
    assert faults(
        session, actor, contact_no="X", template_code="X", salesperson_code="X", description="d", colour=1,
        source_entry_no=7, contact_via="x" * 101, opportunity_no="", comments=["", "x" * 2001],
    ) == {
        ("contact_no", "unknown"), ("template_code", "unknown"), ("salesperson_code", "unknown"),
        ("colour", "unknown_field"), ("source_entry_no", "unknown"), ("contact_via", "too_long"),
        ("opportunity_no", "required"), ("comments", "required"),
    }  # fmt: skip


def test_the_template_gives_what_was_not_typed(session: Session, actor: Actor, contact: Contact) -> None:
    """I2"""
    campaign = make_campaign(session)
    make_template(
        session, "VISIT", description="Visit", unit_cost=Decimal("12.50"), unit_duration_min=60,
        information_flow="outbound", initiated_by="us", campaign_no=campaign.no, campaign_target=True,
        campaign_response=True,
    )  # fmt: skip
    entry = create(session, actor, contact_no=contact.no, template_code="visit")
    assert {name: entry[name] for name in (
        "template_code", "template_description", "group_code", "description", "cost", "duration_min",
        "information_flow", "initiated_by", "campaign_no", "campaign_target", "campaign_response", "subject",
        "company_no",
    )} == {
        "template_code": "VISIT", "template_description": "Visit", "group_code": "G-VISIT", "description": "Visit",
        "cost": Decimal("12.50"), "duration_min": 60, "information_flow": "outbound", "initiated_by": "us",
        "campaign_no": campaign.no, "campaign_target": True, "campaign_response": True, "subject": "Visit",
        "company_no": session.get_one(Contact, contact.company_id).no,
    }  # fmt: skip
    typed = {
        "description": "Dinner", "cost": Decimal("0.00"), "duration_min": 0, "information_flow": "inbound",
        "initiated_by": "them", "campaign_target": False, "campaign_response": False, "subject": "Food",
    }  # fmt: skip
    entry = create(session, actor, contact_no=contact.no, template_code="VISIT", campaign_no="", **typed)
    assert {name: entry[name] for name in typed} == typed
    assert (entry["campaign_no"], entry["campaign_entry_no"]) == (None, None)
    blank = create(
        session, actor, contact_no=contact.no, template_code="VISIT", information_flow="", initiated_by="",
        correspondence_type="", language_code="",
    )  # fmt: skip
    for name in ("information_flow", "initiated_by", "correspondence_type", "language_code"):
        assert blank[name] is None, name


def test_values_without_a_segment_are_those_of_s3(session: Session, actor: Actor) -> None:
    """I2, S3: the rules read row by row in Python, with a header that says nothing."""
    chance = random.Random(4)
    make_salesperson(session, "JO")
    campaign = make_campaign(session)
    header: dict[str, Any] = {"description": None, "date": None}
    made = []
    for number, (ignores, type_, own) in enumerate(
        itertools.product([False, True], TYPES, [[], ["en"], ["de", "ru"]])
    ):
        values = {
            "description": f"Template {number}",
            "unit_cost": number,
            "unit_duration_min": number,
            "correspondence_type": type_,
            "ignore_contact_correspondence_type": ignores,
            "information_flow": chance.choice(FLOWS),
            "initiated_by": chance.choice(SIDES),
            "campaign_no": chance.choice([None, campaign.no]),
            "campaign_target": chance.choice([True, False]),
            "language_code": own[0] if own else None,
            "languages": [
                {"language_code": code, "subject": chance.choice(["", f"In {code}"])} for code in own
            ],
        }
        made.append(make_template(session, f"T{number}", **values))
    people = [
        make_contact(session, salesperson_code="JO", language_code=language, correspondence_type=type_)
        for language, type_ in itertools.product(LANGUAGES, TYPES)
    ]
    pairs = list(itertools.product(templates.describe(session, made), contacts.describe(session, people)))
    for template, shape in chance.sample(pairs, 150):
        line = {
            name: chance.choice([None, None, *choices])
            for name, choices in {
                "description": ["Own words"],
                "subject": ["Own subject"],
                "campaign_no": ["", campaign.no],
                "cost": [Decimal("3.25")],
                "correspondence_type": ["", "fax"],
                "language_code": ["", "ru", "fr"],
                "information_flow": ["", "inbound"],
                "campaign_response": [True],
            }.items()
        }
        wanted = expected(
            {**line, "template_code": template["code"]},
            {**header, "description": template["description"]},
            template,
            shape,
        )
        entry = create(session, actor, contact_no=shape["no"], template_code=template["code"], **line)
        names = set(wanted) & set(entry) - {"date", "evaluation"}
        assert {name: entry[name] for name in names} == {name: wanted[name] for name in names}, (line, shape)


def test_the_salesperson_is_the_typed_the_sources_the_users_or_the_contacts(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """I3"""
    for code in ("TYPED", "SOURCE", "USER"):
        make_salesperson(session, code)
    source = make_entry(
        session, contact, make_template(session), salesperson_id=_id_of(session, "salesperson", "SOURCE")
    )
    user = Actor(
        id=actor.id, name="u", role=Role.SALESPERSON, salesperson_id=_id_of(session, "salesperson", "USER")
    )

    def salesperson(actor: Actor, **values: Any) -> str:
        values = {"contact_no": contact.no, "template_code": "BUS", "description": "x", **values}
        return str(create(session, actor, **values)["salesperson_code"])

    assert salesperson(user, source_entry_no=source, salesperson_code="TYPED") == "TYPED"
    assert salesperson(user, source_entry_no=source) == "SOURCE"
    assert salesperson(user) == "USER"
    assert salesperson(actor) == "JO"
    session.execute(text("UPDATE salesperson SET blocked = true WHERE code IN ('TYPED', 'JO')"))
    session.expire_all()
    for values in ({"salesperson_code": "typed"}, {}):
        refused = faults(
            session, actor, contact_no=contact.no, template_code="BUS", description="x", **values
        )
        assert refused == {("salesperson_code", "salesperson_blocked")}


def _id_of(session: Session, table: str, code: str) -> int:
    return int(session.scalar(text(f"SELECT id FROM {table} WHERE code = :code"), {"code": code}))


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ("2026-03-10 14:23:00+00", (date(2026, 3, 10), time(17, 23))),
        ("2026-03-10 14:23:00.4+00", (date(2026, 3, 10), time(17, 24))),
        ("2026-03-10 21:00:01+00", (date(2026, 3, 11), time(0, 1))),
        ("2026-03-10 20:59:30+00", (date(2026, 3, 10), time(23, 59))),
    ],
)
def test_the_date_is_today_and_the_time_the_next_full_minute(
    session: Session, actor: Actor, contact: Contact, now: str, moment: tuple[date, time]
) -> None:
    """I4, in the time zone of the setup; the last minute of a day is not rounded into the next."""
    make_template(session)
    session.execute(text("UPDATE setup SET timezone = 'Europe/Moscow'"))
    session.execute(text("CREATE SCHEMA clock"))
    session.execute(
        text(f"CREATE FUNCTION clock.now() RETURNS timestamptz RETURN CAST('{now}' AS timestamptz)")
    )
    session.execute(text("SET LOCAL search_path = clock, public, pg_catalog"))
    entry = create(session, actor, contact_no=contact.no, template_code="BUS", description="x")
    assert ((entry["date"], entry["time"]), entry["attempt_failed"]) == (moment, False)
    given = create(
        session, actor, contact_no=contact.no, template_code="BUS", description="x", date=date(2026, 1, 1),
        time=time(8, 30), successful=False,
    )  # fmt: skip
    assert (given["date"], given["time"], given["attempt_failed"]) == (date(2026, 1, 1), time(8, 30), True)


def test_it_is_evaluated_in_five_steps(session: Session, actor: Actor, contact: Contact) -> None:
    """I5"""
    make_template(session)
    values = {"contact_no": contact.no, "template_code": "BUS", "description": "x"}
    for evaluation in ("very_positive", "positive", "neutral", "negative", "very_negative", None):
        assert create(session, actor, **values, evaluation=evaluation)["evaluation"] == evaluation
    assert faults(session, actor, **values, evaluation="good") == {("evaluation", "not_a_choice")}


def test_from_an_entry_contact_campaign_and_opportunity_are_filled_in(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """I6"""
    campaign = make_campaign(session)
    source = make_entry(
        session, contact, make_template(session), opportunity_no="OP/1",
        campaign_entry_no=make_campaign_entry(session, campaign),
    )  # fmt: skip
    entry = create(session, actor, source_entry_no=source, template_code="BUS", description="Again")
    assert (entry["contact_no"], entry["campaign_no"], entry["opportunity_no"]) == (
        contact.no,
        campaign.no,
        "OP/1",
    )
    hidden = make_entry(
        session, contact, make_template(session, "T2"),
        logged_segment_no=make_logged_segment(session, status="logging"),
    )  # fmt: skip
    assert faults(session, actor, source_entry_no=hidden, template_code="BUS", description="x") == {
        ("source_entry_no", "unknown"),
        ("contact_no", "required"),
        ("salesperson_code", "required"),
    }


def test_comments_are_kept_in_order_with_author_and_time(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """I7"""
    make_template(session)
    other = actors.of(session, actors.claim_name(session, "olga"))
    entry = create(
        session, actor, contact_no=contact.no, template_code="BUS", description="x", comments=["One", "Two"]
    )
    no = entry["entry_no"]
    assert entry["comments_count"] == 2
    added = comments.add(session, no, values={"comment": "x" * 2000}, actor=other)
    assert (added["user"], added["date"].tzinfo is not None) == ("olga", True)
    assert [(each["comment"][:3], each["user"]) for each in comments.of(session, no)] == [
        ("One", "system"),
        ("Two", "system"),
        ("xxx", "olga"),
    ]
    for comment, code in (("x" * 2001, "too_long"), ("  ", "required"), (None, "required"), (5, "invalid")):
        with pytest.raises(Invalid) as refused:
            comments.add(session, no, values={"comment": comment}, actor=actor)
        assert faults_of(refused) == {("comment", code)}
    with pytest.raises(NotFound):
        comments.add(session, no + 1, values={"comment": "x"}, actor=actor)


def test_a_phone_call_has_a_number_and_the_template_of_the_setup(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """I8"""
    make_template(session, "CALL", description="Call")
    make_template(session, "OWN", description="Own")
    call = {"contact_no": contact.no, "phone_call": True}
    assert faults(session, actor, **call) == {
        ("template_code", "outgoing_call_template_missing"),
        ("contact_via", "required"),
        ("description", "required"),
    }
    template_setup.change(session, values={"outgoing_call": "CALL"}, actor=actor)
    assert faults(session, actor, **call, contact_via=" ") == {("contact_via", "required")}
    entry = create(session, actor, **call, contact_via="030 1")
    assert (entry["template_code"], entry["description"], entry["contact_via"]) == ("CALL", "Call", "030 1")
    assert create(session, actor, **call, contact_via="030 1", template_code="OWN")["template_code"] == "OWN"


def test_one_campaign_entry_collects_what_people_record(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """I9"""
    make_template(session)
    campaign = make_campaign(session)
    canceled = make_campaign_entry(session, campaign, canceled_at="2026-03-11")
    values = {"contact_no": contact.no, "template_code": "BUS", "campaign_no": campaign.no}
    first, second = (create(session, actor, **values, description=each) for each in ("Calls", "Visit"))
    assert first["campaign_entry_no"] == second["campaign_entry_no"] != canceled
    shape = campaign_entries.describe(session, [campaign_entries.get(session, first["campaign_entry_no"])])[0]
    assert (shape["description"], shape["salesperson_code"], shape["interactions_count"]) == (
        "Calls",
        "JO",
        2,
    )
    assert (shape["segment_no"], shape["document_type"]) == (None, None)


def test_blocked_and_erased_contacts_and_retired_templates_are_refused(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """C3, C4, T3"""
    make_template(session)
    values = {"contact_no": contact.no, "template_code": "BUS", "description": "x"}
    session.execute(text("UPDATE contact SET privacy_blocked = true"))
    assert faults(session, actor, **values) == {("contact_no", "privacy_blocked")}
    session.execute(text("UPDATE contact SET erased_at = now()"))
    assert faults(session, actor, **values) == {("contact_no", "contact_erased")}
    session.execute(text("UPDATE contact SET erased_at = NULL, privacy_blocked = false"))
    session.execute(text("UPDATE interaction_template SET retired = true"))
    session.expire_all()
    assert faults(session, actor, **values) == {("template_code", "template_retired")}


def test_a_recorded_interaction_is_audited(session: Session, actor: Actor, contact: Contact) -> None:
    """U2"""
    make_template(session)
    entry = create(session, actor, contact_no=contact.no, template_code="BUS", description="Visit")
    row = audit.of(session, object_type="interaction", object_key=str(entry["entry_no"]))[0]
    assert (row.action, row.changes["description"], row.changes["contact_no"]) == (
        "create",
        [None, "Visit"],
        [None, contact.no],
    )


def test_evaluation_and_failure_are_changed_by_those_whose_entry_it_is(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """I5, U1, U2"""
    make_template(session)
    no = create(session, actor, contact_no=contact.no, template_code="BUS", description="x")["entry_no"]
    stranger = Actor(id=actors.claim_name(session, "s"), name="s", role=Role.SALESPERSON)
    own = Actor(
        id=stranger.id, name="s", role=Role.SALESPERSON, salesperson_id=_id_of(session, "salesperson", "JO")
    )
    with pytest.raises(Forbidden):
        interaction_creation.change(session, no, values={"attempt_failed": True}, actor=stranger)
    interaction_creation.change(
        session, no, values={"attempt_failed": True, "evaluation": "negative"}, actor=own
    )
    entry = interaction_creation.lock(session, no)
    assert (entry["attempt_failed"], entry["evaluation"]) == (True, "negative")
    assert audit.of(session, object_type="interaction", object_key=str(no))[0].changes == {
        "attempt_failed": [False, True],
        "evaluation": [None, "negative"],
    }
    with pytest.raises(Invalid) as refused:
        interaction_creation.change(session, no, values={"cost": 1, "colour": 2}, actor=own)
    assert faults_of(refused) == {("cost", "read_only"), ("colour", "unknown_field")}
