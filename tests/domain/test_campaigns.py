"""Campaigns and their statistics (C1, T5)."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from domain import campaigns
from domain.actors import Actor
from domain.errors import InUse, Invalid, NotFound
from tests.domain.makers import (
    faults_of,
    make_campaign,
    make_campaign_entry,
    make_contact,
    make_entry,
    make_line,
    make_salesperson,
    make_segment,
    make_template,
)


def test_a_campaign_is_made_found_changed_and_deleted(session: Session, actor: Actor) -> None:
    make_salesperson(session, "HR")
    made = make_campaign(session, description="Event", starting_date=date(2026, 1, 18), salesperson_code="hr")
    campaigns.change(
        session, made, values={"ending_date": date(2026, 1, 21), "no": made.no.lower()}, actor=actor
    )

    found = campaigns.get(session, "cp0001")
    assert campaigns.describe(session, [found]) == [
        {
            "no": "CP0001",
            "description": "Event",
            "starting_date": date(2026, 1, 18),
            "ending_date": date(2026, 1, 21),
            "salesperson_code": "HR",
        }
    ]
    campaigns.delete(session, found, actor=actor)
    with pytest.raises(NotFound):
        campaigns.get(session, "CP0001")


def test_all_faults_are_told_at_once(session: Session) -> None:
    make_campaign(session, no="A")
    with pytest.raises(Invalid) as refused:
        make_campaign(
            session,
            no="a",
            starting_date=date(2026, 2, 1),
            ending_date=date(2026, 1, 1),
            salesperson_code="NOBODY",
            responses=1,
        )
    assert faults_of(refused) == {
        ("no", "already_exists"),
        ("ending_date", "invalid"),
        ("salesperson_code", "unknown"),
        ("responses", "read_only"),
    }


def test_a_refused_change_changes_nothing(session: Session, actor: Actor) -> None:
    campaign = make_campaign(session, description="Event", starting_date=date(2026, 2, 1))

    with pytest.raises(Invalid):
        campaigns.change(
            session, campaign, values={"description": "X", "ending_date": date(2026, 1, 1)}, actor=actor
        )
    session.flush()
    session.refresh(campaign)
    assert campaign.description == "Event"


def test_a_campaign_something_refers_to_stays(session: Session, actor: Actor) -> None:  # C1
    by_template, by_segment, by_line, by_entry = (make_campaign(session) for _ in range(4))
    make_template(session, campaign_no=by_template.no)
    make_segment(session, "SM1", campaign_id=by_segment.id)
    make_line(session, make_segment(session, "SM2"), 1, make_contact(session).id, campaign_id=by_line.id)
    make_campaign_entry(session, by_entry)

    for campaign, used_by in (
        (by_template, "interaction_template"),
        (by_segment, "segment"),
        (by_line, "segment_line"),
        (by_entry, "campaign_entry"),
    ):
        with pytest.raises(InUse) as refused:
            campaigns.delete(session, campaign, actor=actor)
        assert refused.value.faults[0].params["used_by"] == used_by


def test_lists_are_filtered(session: Session) -> None:
    make_salesperson(session, "HR")
    make_campaign(session, no="A", description="Event", salesperson_code="HR")
    make_campaign(session, no="B")

    assert [c.no for c in campaigns.page(session, filters={"salesperson_code": ["hr"]})] == ["A"]
    assert [c.no for c in campaigns.page(session, filters={"q": ["event"]})] == ["A"]


def test_statistics_count_targets_and_responses_of_active_entries(session: Session) -> None:  # T5
    campaign, template, contact = make_campaign(session), make_template(session), make_contact(session)
    active = make_campaign_entry(session, campaign)
    canceled = make_campaign_entry(session, campaign, canceled_at="2026-03-11")
    make_entry(session, contact, template, campaign_entry_no=active, cost=8, campaign_target=True)
    make_entry(session, contact, template, campaign_entry_no=active, duration_min=5, campaign_response=True)
    make_entry(session, contact, template, campaign_entry_no=canceled, campaign_target=True)

    assert campaigns.statistics_fields(session, [campaign]) == [
        {
            "interactions_count": 2,
            "cost_total": Decimal("8.00"),
            "duration_total_min": 5,
            "target_contacts": 1,
            "responses": 1,
        }
    ]
