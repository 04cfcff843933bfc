"""Salespeople (C1, T5)."""

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import salespeople, tokens
from domain.actors import Actor
from domain.errors import InUse, Invalid, NotFound
from tests.domain.makers import (
    faults_of,
    make_campaign,
    make_contact,
    make_entry,
    make_line,
    make_salesperson,
    make_segment,
    make_template,
)


def test_a_salesperson_is_made_found_changed_and_deleted(session: Session, actor: Actor) -> None:
    made = make_salesperson(session, "Hr", name="Helena Ray", email="HR@contoso.com")
    salespeople.change(session, made, values={"code": "HR", "blocked": True, "name": None}, actor=actor)

    found = salespeople.get(session, "hr")
    assert salespeople.describe(session, [found]) == [
        {"code": "Hr", "name": "", "email": "HR@contoso.com", "blocked": True}
    ]
    salespeople.delete(session, found, actor=actor)
    with pytest.raises(NotFound):
        salespeople.get(session, "HR")


def test_codes_are_unique_ignoring_case_in_any_script(session: Session) -> None:
    make_salesperson(session, "ЖУК")

    with pytest.raises(Invalid) as refused:
        make_salesperson(session, "жук", email="nowhere")
    assert faults_of(refused) == {("code", "already_exists"), ("email", "invalid")}


@pytest.mark.parametrize("code", ["A B", "A/B", "", "a\n", "x" * 21, "A\0", "Ä!", None, 5])
def test_a_code_is_letters_digits_dot_underscore_and_hyphen(session: Session, code: object) -> None:
    with pytest.raises(Invalid) as refused:
        salespeople.create(session, values={"code": code}, actor=None)  # type: ignore[arg-type]
    assert {field for field, _ in faults_of(refused)} == {"code"}


@pytest.mark.parametrize("key", ["A\0", "\ud800", "x" * 500, ""])
def test_a_key_that_cannot_be_is_not_found(session: Session, key: str) -> None:
    with pytest.raises(NotFound):
        salespeople.get(session, key)


def test_a_salesperson_something_refers_to_stays(session: Session, actor: Actor) -> None:  # C1
    people = {code: make_salesperson(session, code) for code in "ABCDEF"}
    contact = make_contact(session, salesperson_code="A")
    make_campaign(session, salesperson_code="B")
    make_segment(session, "SM1", salesperson_id=people["C"].id)
    make_line(session, make_segment(session, "SM2"), 1, contact.id, salesperson_id=people["D"].id)
    make_entry(session, contact, make_template(session), salesperson_id=people["E"].id)
    tokens.create_token(
        session, values={"name": "billing", "role": "service", "salesperson_code": "F"}, actor=actor
    )

    used_by = {}
    for code, salesperson in people.items():
        with pytest.raises(InUse) as refused:
            salespeople.delete(session, salesperson, actor=actor)
        used_by[code] = refused.value.faults[0].params["used_by"]
    assert used_by == {
        "A": "contact",
        "B": "campaign",
        "C": "segment",
        "D": "segment_line",
        "E": "interaction",
        "F": "token",
    }


def test_what_only_a_foreign_key_knows_of_keeps_a_salesperson_too(session: Session, actor: Actor) -> None:
    salesperson = make_salesperson(session)
    make_segment(session, status="hidden", salesperson_id=salesperson.id)

    with pytest.raises(InUse) as refused:
        salespeople.delete(session, salesperson, actor=actor)
    assert refused.value.faults[0].params["used_by"] == "segment"
    assert salespeople.get(session, "HR") is salesperson


def test_a_revoked_token_does_not_keep_a_salesperson(session: Session, actor: Actor) -> None:
    salesperson = make_salesperson(session)
    token, _ = tokens.create_token(
        session, values={"name": "billing", "role": "service", "salesperson_code": "HR"}, actor=actor
    )
    tokens.revoke_token(session, token, actor=actor)

    salespeople.delete(session, salesperson, actor=actor)
    assert session.scalar(text("SELECT salesperson_id FROM api_token")) is None


def test_lists_are_filtered(session: Session) -> None:
    make_salesperson(session, "A", name="Anna", blocked=True)
    make_salesperson(session, "B", name="Boris")

    def listed(**filters: list[str]) -> list[str]:
        return [salesperson.code for salesperson in salespeople.page(session, filters=filters)]

    assert listed(blocked=["true"]) == ["A"]
    assert listed(blocked=["true", "false"]) == ["A", "B"]
    assert listed(blocked=["maybe"]) == []
    assert listed(q=["BOR"]) == ["B"]


def test_statistics_count_active_entries(session: Session) -> None:  # T5
    salesperson, other = make_salesperson(session), make_salesperson(session, "OF")
    contact, template = make_contact(session), make_template(session)
    make_entry(session, contact, template, salesperson_id=salesperson.id, cost=8, duration_min=90)
    make_entry(session, contact, template, salesperson_id=salesperson.id, cost=8, canceled_at="2026-03-11")
    make_entry(session, contact, template, cost=8)

    assert salespeople.statistics_fields(session, [other, salesperson]) == [
        {"interactions_count": 0, "cost_total": Decimal("0.00"), "duration_total_min": 0},
        {"interactions_count": 1, "cost_total": Decimal("8.00"), "duration_total_min": 90},
    ]
