"""Campaigns, their statistics and their entries (C1, T5, E3, E6, L8)."""

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
    make_logged_segment,
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


def test_an_entry_counts_active_interactions_and_all_while_it_is_canceled(session: Session) -> None:
    campaign, template, contact = make_campaign(session), make_template(session), make_contact(session)
    logged = make_logged_segment(session, "SM1")
    of_segment = make_campaign_entry(
        session, campaign, logged_segment_no=logged, segment_no="SM1", description="Event", date="2026-03-10"
    )
    of_documents = make_campaign_entry(
        session, campaign, document_type="sales_invoice", canceled_at="2026-03-12"
    )
    for columns in ({}, {"canceled_at": "2026-03-11"}):
        make_entry(
            session, contact, template, logged_segment_no=logged, campaign_entry_no=of_segment, **columns
        )
        make_entry(session, contact, template, campaign_entry_no=of_documents, **columns)

    entries = campaigns.entries(session, campaign)
    assert campaigns.describe_entries(session, entries) == [
        {
            "entry_no": of_segment,
            "campaign_no": campaign.no,
            "segment_no": "SM1",
            "logged_segment_no": logged,
            "document_type": None,
            "description": "Event",
            "date": date(2026, 3, 10),
            "salesperson_code": None,
            "canceled": False,
            "interactions_count": 1,
        },
        {
            "entry_no": of_documents,
            "campaign_no": campaign.no,
            "segment_no": None,
            "logged_segment_no": None,
            "document_type": "sales_invoice",
            "description": "",
            "date": None,
            "salesperson_code": None,
            "canceled": True,
            "interactions_count": 2,
        },
    ]


def test_an_entry_below_a_canceled_logged_segment_is_canceled(session: Session) -> None:  # E3
    campaign = make_campaign(session)
    logged = make_logged_segment(session, "SM1", canceled_at="2026-03-11")
    make_campaign_entry(session, campaign, logged_segment_no=logged, segment_no="SM1")

    shape = campaigns.describe_entries(session, campaigns.entries(session, campaign))[0]
    assert (shape["canceled"], shape["logged_segment_no"]) == (True, logged)


def test_an_entry_of_a_deleted_logged_segment_has_lost_the_link(session: Session) -> None:  # E6
    campaign = make_campaign(session)
    logged = make_logged_segment(session, "SM1", canceled_at="2026-03-11", deleted_at="2026-03-12")
    make_campaign_entry(session, campaign, logged_segment_no=logged, segment_no="SM1")

    shape = campaigns.describe_entries(session, campaigns.entries(session, campaign))[0]
    assert (shape["segment_no"], shape["logged_segment_no"], shape["canceled"]) == (None, None, True)


def test_entries_of_a_segment_being_logged_exist_for_nobody(session: Session) -> None:  # L8
    campaign = make_campaign(session)
    logged = make_logged_segment(session, "SM1", status="logging")
    entry_no = make_campaign_entry(session, campaign, logged_segment_no=logged, segment_no="SM1")

    assert campaigns.entries(session, campaign) == []
    with pytest.raises(NotFound):
        campaigns.get_entry(session, entry_no)


def test_entries_are_paged_by_number(session: Session) -> None:
    campaign = make_campaign(session)
    first, second = make_campaign_entry(session, campaign), make_campaign_entry(session, campaign)

    assert [entry.entry_no for entry in campaigns.entries(session, campaign, limit=1)] == [first]
    assert [entry.entry_no for entry in campaigns.entries(session, campaign, after=first)] == [second]
    assert campaigns.get_entry(session, second).entry_no == second
    with pytest.raises(NotFound):
        campaigns.get_entry(session, 2**40)
