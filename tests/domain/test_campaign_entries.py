"""Campaign entries (L5, L8, E3, E6, I9, D5)."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from domain import campaign_entries
from domain.errors import NotFound
from tests.domain.makers import (
    make_campaign,
    make_campaign_entry,
    make_contact,
    make_entry,
    make_logged_segment,
    make_template,
)


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

    entries = campaign_entries.of_campaign(session, campaign)
    assert campaign_entries.describe(session, entries) == [
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

    shape = campaign_entries.describe(session, campaign_entries.of_campaign(session, campaign))[0]
    assert (shape["canceled"], shape["logged_segment_no"]) == (True, logged)


def test_an_entry_of_a_deleted_logged_segment_has_lost_the_link(session: Session) -> None:  # E6
    campaign = make_campaign(session)
    logged = make_logged_segment(session, "SM1", canceled_at="2026-03-11", deleted_at="2026-03-12")
    make_campaign_entry(session, campaign, logged_segment_no=logged, segment_no="SM1")

    shape = campaign_entries.describe(session, campaign_entries.of_campaign(session, campaign))[0]
    assert (shape["segment_no"], shape["logged_segment_no"], shape["canceled"]) == (None, None, True)


def test_entries_of_a_segment_being_logged_exist_for_nobody(session: Session) -> None:  # L8
    campaign = make_campaign(session)
    logged = make_logged_segment(session, "SM1", status="logging")
    entry_no = make_campaign_entry(session, campaign, logged_segment_no=logged, segment_no="SM1")

    assert campaign_entries.of_campaign(session, campaign) == []
    with pytest.raises(NotFound):
        campaign_entries.get(session, entry_no)


def test_entries_are_paged_by_number(session: Session) -> None:
    campaign = make_campaign(session)
    first, second = make_campaign_entry(session, campaign), make_campaign_entry(session, campaign)

    assert [entry.entry_no for entry in campaign_entries.of_campaign(session, campaign, limit=1)] == [first]
    assert [entry.entry_no for entry in campaign_entries.of_campaign(session, campaign, after=first)] == [
        second
    ]
    assert campaign_entries.get(session, second).entry_no == second
    with pytest.raises(NotFound):
        campaign_entries.get(session, 2**40)


def test_what_is_recorded_without_a_segment_shares_one_active_entry(session: Session) -> None:  # I9, D5
    campaign = make_campaign(session)

    def opened(document_type: str | None = None, description: str = "Calls") -> int:
        return campaign_entries.open_entry(
            session, campaign_id=campaign.id, description=description, date=date(2026, 3, 10),
            salesperson_id=None, document_type=document_type,
        )  # fmt: skip

    by_hand, of_invoices = opened(), opened("sales_invoice")
    assert by_hand != of_invoices
    assert (opened(description="Other"), opened("sales_invoice")) == (by_hand, of_invoices)
    assert campaign_entries.get(session, by_hand).description == "Calls"


def test_a_canceled_entry_is_never_used_again(session: Session) -> None:  # I9
    campaign = make_campaign(session)
    canceled = make_campaign_entry(session, campaign, canceled_at="2026-03-11")
    of_segment = make_campaign_entry(session, campaign, logged_segment_no=make_logged_segment(session))

    made = campaign_entries.open_entry(
        session, campaign_id=campaign.id, description="Calls", date=date(2026, 3, 10), salesperson_id=None
    )
    assert made not in (canceled, of_segment)
