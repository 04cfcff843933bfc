"""The marketing setup."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import audit, setup
from domain.actors import Actor
from domain.errors import Invalid
from tests.domain.makers import faults_of, make_series


def test_a_fresh_setup(session: Session) -> None:  # N1
    assert setup.describe(session, setup.get(session)) == {
        "segment_nos": "SEGMENT",
        "contact_nos": "CONTACT",
        "campaign_nos": "CAMPAIGN",
        "timezone": "UTC",
        "reprint_window_hours": 24,
        "contact_pressure_days": 0,
        "company_name": "",
    }


def test_given_fields_are_changed_and_recorded(session: Session, actor: Actor) -> None:  # U2
    make_series(session, "Seg-26")
    values = {
        "segment_nos": "SEG-26",
        "timezone": "Europe/Moscow",
        "reprint_window_hours": 0,
        "campaign_nos": None,
    }

    changed = setup.change(session, setup.get(session), values=values, actor=actor)
    assert setup.describe(session, changed)["segment_nos"] == "Seg-26"
    assert audit.page(session, filters={"object_type": ["setup"]})[0].changes == {
        "segment_nos": ["SEGMENT", "Seg-26"],
        "campaign_nos": ["CAMPAIGN", None],
        "timezone": ["UTC", "Europe/Moscow"],
        "reprint_window_hours": [24, 0],
    }


def test_all_faults_are_told_at_once(session: Session, actor: Actor) -> None:
    values = {
        "segment_nos": "NONE",
        "timezone": "Mars/Olympus",
        "reprint_window_hours": -1,
        "contact_pressure_days": 10_000,
        "company_name": "x" * 101,
        "colour": 1,
    }

    with pytest.raises(Invalid) as refused:
        setup.change(session, setup.get(session), values=values, actor=actor)
    assert faults_of(refused) == {
        ("segment_nos", "unknown"),
        ("timezone", "unknown"),
        ("reprint_window_hours", "negative"),
        ("contact_pressure_days", "too_large"),
        ("company_name", "too_long"),
        ("colour", "unknown_field"),
    }


@pytest.mark.parametrize(
    "timezone", ["localtime", "posix/UTC", "europe/moscow", "../etc/passwd", "MSK+3", ""]
)
def test_a_time_zone_is_one_of_iana(session: Session, actor: Actor, timezone: str) -> None:
    with pytest.raises(Invalid):
        setup.change(session, setup.get(session), values={"timezone": timezone}, actor=actor)


def test_today_is_todays_date_in_the_time_zone_of_the_setup(session: Session, actor: Actor) -> None:  # I4
    days = set()
    for timezone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        setup.change(session, setup.get(session), values={"timezone": timezone}, actor=actor)
        days.add(setup.today(session))
        here = session.scalar(text("SELECT (now() AT TIME ZONE :zone)::date"), {"zone": timezone})
        assert setup.today(session) == here
    # 26 hours lie between the two.
    assert len(days) == 2
