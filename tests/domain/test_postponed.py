"""Postponed interactions (P1 to P4)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    campaigns,
    comments,
    contacts,
    interactions,
    postponed,
    salespeople,
    statistics,
    templates,
)
from domain.actors import Actor, Role
from domain.contacts import Contact
from domain.database import transaction
from domain.errors import Forbidden, InUse, Invalid, NotFound
from tests.domain.engine_helpers import sessions_on
from tests.domain.makers import (
    faults_of,
    make_campaign,
    make_company,
    make_contact,
    make_entry,
    make_salesperson,
    make_template,
    wait_for_a_lock,
)
from tests.domain.worlds import World


@pytest.fixture
def contact(session: Session) -> Contact:
    """A person with a salesperson."""
    make_salesperson(session, "JO")
    return make_contact(session, salesperson_code="JO")


def postpone(session: Session, actor: Actor, **values: Any) -> postponed.Postponed:
    """Leave an interaction for later."""
    return postponed.create(session, values=values, actor=actor)


def shape(session: Session, thing: postponed.Postponed) -> dict[str, Any]:
    """Read one in API shape."""
    return postponed.describe(session, [thing])[0]


def listed(session: Session, **filters: Any) -> list[int]:
    """List entry numbers."""
    company = filters.pop("company", True)
    return [thing.entry_no for thing in postponed.page(session, filters=filters, company=company)]


def test_only_the_contact_is_needed(session: Session, actor: Actor, contact: Contact) -> None:
    """P1: date, time and salesperson are kept as the form had them."""
    kept = shape(session, postpone(session, actor, contact_no=contact.no))
    assert (kept["contact_no"], kept["salesperson_code"], kept["successful"]) == (contact.no, "JO", True)
    assert kept["date"] is not None
    assert kept["time"] is not None
    for name in ("template_code", "description", "cost", "campaign_no", "evaluation"):
        assert kept[name] is None
    with pytest.raises(Invalid) as refused:
        postpone(session, actor, description="x", template_code="NOWHERE")
    assert faults_of(refused) == {("contact_no", "required"), ("template_code", "unknown")}


def test_it_is_in_its_own_list_and_nowhere_else(session: Session, actor: Actor, contact: Contact) -> None:
    """P2"""
    template = make_template(session)
    campaign = make_campaign(session)
    source = make_entry(session, contact, template)
    thing = postpone(
        session, actor, source_entry_no=source, template_code="BUS", description="x", campaign_no=campaign.no
    )
    with pytest.raises(NotFound):
        interactions.get(session, thing.entry_no)
    assert len(interactions.page(session, filters={})) == 1
    assert statistics.of(session, by="contact", ids=[contact.id])[contact.id].interactions_count == 1
    assert session.scalar(text("SELECT count(*) FROM campaign_entry")) == 0
    no = [thing.entry_no]
    assert listed(session) == no
    assert listed(session, contact_no=[contact.no.lower()]) == no
    assert listed(session, salesperson_code=["jo"], user=["SYSTEM"], source_entry_no=[str(source)]) == no
    for nothing in (
        {"contact_no": ["X"]}, {"salesperson_code": ["none"]}, {"user": ["x"]}, {"source_entry_no": ["x", "1" * 30]},
    ):  # fmt: skip
        assert listed(session, **nothing) == []


def test_a_companys_list_has_its_peoples(session: Session, actor: Actor) -> None:
    company = make_company(session)
    person = make_contact(session, company_no=company.no)
    first, second = (postpone(session, actor, contact_no=each.no) for each in (company, person))
    assert listed(session, contact_no=[company.no]) == [second.entry_no, first.entry_no]
    assert listed(session, contact_no=[company.no], company=False) == [first.entry_no]
    assert [thing.entry_no for thing in postponed.page(session, filters={}, after=second.entry_no)] == [
        first.entry_no
    ]


def test_finishing_keeps_number_date_success_and_comments_and_makes_the_user_the_one_who_finishes(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """P3"""
    make_template(session, description="Letter")
    olga = Actor(id=actors.claim_name(session, "olga"), name="olga", role=Role.SALESPERSON)
    thing = postpone(
        session, actor, contact_no=contact.no, date=date(2026, 1, 2), successful=False, comments=["First"]
    )
    no = thing.entry_no
    with pytest.raises(Invalid) as refused:
        postponed.finish(session, thing, values={}, actor=olga)
    assert faults_of(refused) == {("template_code", "required"), ("description", "required")}
    assert postponed.finish(session, thing, values={"template_code": "BUS"}, actor=olga) == no
    entry = interactions.get(session, no)
    assert (entry["date"], entry["attempt_failed"], entry["user"], entry["description"]) == (
        date(2026, 1, 2),
        True,
        "olga",
        "Letter",
    )
    assert [(each["comment"], each["user"]) for each in comments.of(session, no)] == [("First", "system")]
    assert listed(session) == []
    with pytest.raises(NotFound):
        postponed.finish(session, thing, values={}, actor=olga)


def test_finishing_checks_anew(session: Session, actor: Actor, contact: Contact) -> None:
    """P3, C3, I3, T3"""
    make_template(session)
    values = {"contact_no": contact.no, "template_code": "BUS", "description": "x"}
    thing = postpone(session, actor, **values)
    session.execute(text("UPDATE contact SET privacy_blocked = true"))
    session.execute(text("UPDATE salesperson SET blocked = true"))
    session.execute(text("UPDATE interaction_template SET retired = true"))
    with pytest.raises(Invalid) as refused:
        postponed.finish(session, thing, values={}, actor=actor)
    assert faults_of(refused) == {
        ("contact_no", "privacy_blocked"),
        ("salesperson_code", "salesperson_blocked"),
        ("template_code", "template_retired"),
    }


def test_postponing_again_replaces_values_and_comments(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """P4: what stays as it was keeps its author."""
    olga = Actor(id=actors.claim_name(session, "olga"), name="olga", role=Role.SALESPERSON)
    thing = postpone(session, actor, contact_no=contact.no, description="x", comments=["A", "B", "C"])
    values = {"description": None, "subject": "S", "campaign_no": "", "comments": ["A", "D"]}
    kept = shape(session, postponed.change(session, thing, values=values, actor=olga))
    assert (kept["description"], kept["subject"], kept["campaign_no"], kept["comments"]) == (
        None,
        "S",
        "",
        ["A", "D"],
    )
    assert [each["user"] for each in comments.of(session, thing.entry_no)] == ["system", "olga"]
    with pytest.raises(Invalid) as refused:
        postponed.change(session, thing, values={"contact_no": None, "cost": -1}, actor=olga)
    assert faults_of(refused) == {("contact_no", "required"), ("cost", "negative")}


def test_deleting_takes_the_comments_along_and_salespeople_delete_their_own(
    session: Session, actor: Actor, contact: Contact
) -> None:
    """P4, U1"""
    first, second = (postpone(session, actor, contact_no=contact.no, comments=["A"]) for _ in range(2))
    olga = Actor(id=actors.claim_name(session, "olga"), name="olga", role=Role.SALESPERSON)
    with pytest.raises(Forbidden):
        postponed.delete(session, [first], actor=olga)
    postponed.delete(session, [first, second], actor=actor)
    assert listed(session) == []
    assert session.scalar(text("SELECT count(*) FROM interaction_comment")) == 0
    with pytest.raises(NotFound):
        postponed.delete(session, [first], actor=actor)


def test_what_a_postponed_one_refers_to_is_in_use(session: Session, actor: Actor, contact: Contact) -> None:
    """T3, C1"""
    template = make_template(session)
    campaign = make_campaign(session)
    other = make_salesperson(session, "AH")
    postpone(
        session,
        actor,
        contact_no=contact.no,
        template_code="BUS",
        campaign_no=campaign.no,
        salesperson_code="AH",
    )
    for module, thing in (
        (templates, template),
        (campaigns, campaign),
        (salespeople, other),
        (contacts, contact),
    ):
        with pytest.raises(InUse):
            module.delete(session, thing, actor=actor)


@pytest.fixture
def world(fresh_db: str) -> Iterator[World]:
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


@pytest.mark.parametrize("second", ["finish", "change", "delete"])
def test_of_two_at_once_the_second_finds_it_gone(world: World, second: str) -> None:
    """P3: the second waits for the first, whatever it wants."""
    with world.transaction() as session:
        actor = actors.system(session)
        person = make_contact(session, salesperson_code="JO")
        thing = postpone(session, actor, contact_no=person.no, template_code="LETTER", description="x")

    def later() -> None:
        with transaction(world.sessions) as other:
            match second:
                case "finish":
                    postponed.finish(other, thing, values={}, actor=actor)
                case "change":
                    postponed.change(other, thing, values={"description": "y"}, actor=actor)
                case "delete":
                    postponed.delete(other, [thing], actor=actor)

    with ThreadPoolExecutor(1) as pool:
        with world.transaction() as session:
            mine = postponed.get(session, thing.entry_no)
            assert postponed.finish(session, mine, values={}, actor=actor) == thing.entry_no
            waiting = pool.submit(later)
            wait_for_a_lock(session, waiting)
        with pytest.raises(NotFound):
            waiting.result(10)
    assert (world.count("interaction"), world.count("postponed_interaction")) == (1, 0)


def test_an_interrupted_finish_leaves_it_postponed(world: World) -> None:
    """P3: one row moves in one transaction."""
    with world.transaction() as session:
        actor = actors.system(session)
        person = make_contact(session, salesperson_code="JO")
        thing = postpone(session, actor, contact_no=person.no, template_code="LETTER", comments=["A"])
    with world.sessions() as session:
        postponed.finish(session, thing, values={"comments": []}, actor=actor)
        session.rollback()
    assert world.count("interaction") == 0
    with world.transaction() as session:
        again = postponed.get(session, thing.entry_no)
        assert shape(session, again)["comments"] == ["A"]
        assert postponed.finish(session, again, values={}, actor=actor) == thing.entry_no
    assert (world.count("interaction"), world.count("postponed_interaction")) == (1, 0)
