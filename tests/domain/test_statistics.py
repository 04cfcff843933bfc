"""Statistics of interactions (T5)."""

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from domain import interaction_groups, statistics, templates
from domain.actors import Actor
from tests.domain.makers import (
    make_contact,
    make_entry,
    make_group,
    make_logged_segment,
    make_template,
)


def test_only_entries_that_exist_for_everybody_and_are_not_canceled_count(
    session: Session,
) -> None:  # T5, L8, E3
    contact, template = make_contact(session), make_template(session)
    logged = make_logged_segment(session, "SM1")
    canceled = make_logged_segment(session, "SM2", canceled_at="2026-03-11")
    unfinished = make_logged_segment(session, "SM3", status="logging")
    for columns in (
        {},
        {"logged_segment_no": logged},
        {"logged_segment_no": logged, "canceled_at": "2026-03-11"},
        {"logged_segment_no": canceled},
        {"logged_segment_no": unfinished},
    ):
        make_entry(session, contact, template, cost="1.25", duration_min=10, **columns)

    found = statistics.of(session, by="contact", ids=[contact.id, 999_999])
    assert found == {contact.id: (2, Decimal("2.50"), 20), 999_999: (0, Decimal("0.00"), 0)}


def test_the_date_range_includes_both_its_ends(session: Session) -> None:  # T5
    contact, template = make_contact(session), make_template(session)
    for day in ("2026-03-09", "2026-03-10", "2026-03-11"):
        make_entry(session, contact, template, date=day)

    def count(date_from: date | None, date_to: date | None) -> int:
        found = statistics.of(session, by="template", ids=[template.id], date_from=date_from, date_to=date_to)
        return found[template.id].interactions_count

    day = date(2026, 3, 10)
    assert [count(None, None), count(day, None), count(None, day), count(day, day)] == [3, 2, 2, 1]


def test_entries_count_for_the_group_they_were_logged_with(session: Session, actor: Actor) -> None:  # T3, T5
    old, new = make_group(session, "OLD"), make_group(session, "NEW")
    contact, template = make_contact(session), make_template(session, group_code="OLD")
    make_entry(session, contact, template, cost=1)
    templates.change(session, template, values={"group_code": "NEW"}, actor=actor)
    make_entry(session, contact, template, cost=2)
    make_entry(session, contact, template, cost=4)

    of_groups = interaction_groups.statistics_fields(session, [new, old])
    assert [(row["interactions_count"], row["cost_total"]) for row in of_groups] == [(2, 6), (1, 1)]
    assert templates.statistics_fields(session, [template])[0]["interactions_count"] == 3


def test_nothing_asked_nothing_answered(session: Session) -> None:
    assert statistics.of(session, by="contact", ids=[]) == {}


def test_the_latest_entries_are_counted_by_day_and_by_group(session: Session) -> None:  # T5
    contact = make_contact(session)
    letter = make_template(
        session, "LETTER", group_code=make_group(session, "LETTERS", description="Letters").code
    )
    call = make_template(session, "CALL", group_code=make_group(session, "CALLS").code)
    for day, template, columns in (
        ("2026-03-07", letter, {}),
        ("2026-03-08", letter, {}),
        ("2026-03-10", letter, {}),
        ("2026-03-10", call, {}),
        ("2026-03-10", call, {"canceled_at": "2026-03-11"}),
        ("2026-03-11", call, {}),
    ):
        make_entry(session, contact, template, date=day, **columns)
    assert statistics.lately(session, last=date(2026, 3, 10), days=3) == (
        {date(2026, 3, 8): 1, date(2026, 3, 10): 2},
        [("LETTERS", "Letters", 2), ("CALLS", "", 1)],
    )
