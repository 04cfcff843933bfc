"""Follow-up segments by outcome (L7)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from domain import actors, follow_ups, logged_segments, segment_lines
from domain.contacts import Contact
from domain.errors import Invalid
from domain.templates import InteractionTemplate

from .engine_helpers import drain, sessions_on, state_of
from .log_world import LogWorld
from .makers import faults_of, make_entry


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogWorld]:
    monkeypatch.setattr(follow_ups, "CHUNK", 2)
    with sessions_on(fresh_db) as sessions:
        yield LogWorld(sessions)


def follow(world: LogWorld, no: int, **values: Any) -> list[str]:
    """Make a follow-up segment; return its contacts' numbers in order. The count says the same before."""
    with world.transaction() as session:
        logged = logged_segments.get(session, no)
        counted = follow_ups.count(session, logged, values=values)
        job = follow_ups.request(session, logged, values=values, actor=actors.system(session))
    drain(world.sessions)
    described = state_of(world.sessions, job)
    if described["state"] == "refused":
        assert described["problem"]["code"] == "segment_empty"
        assert counted["contacts"] == 0
        return []
    assert counted == {name: described["result"][name] for name in ("contacts", "left_out")}
    return [line["contact_no"] for line in world.lines(described["result"]["segment_no"])]


def lines_expected(world: LogWorld) -> int:
    """Return how many lines the planner believes there are; -1 before it has been told."""
    with world.transaction() as session:
        return int(
            session.execute(
                text("SELECT reltuples FROM pg_class WHERE oid = 'segment_line'::regclass")
            ).scalar_one()
        )


def test_a_follow_up_by_outcome_takes_the_entries_that_fit_all_conditions(world: LogWorld) -> None:
    nos = world.companies(5)
    job = world.log(world.segment(nos))
    drain(world.sessions)
    no = state_of(world.sessions, job)["result"]["logged_segment_no"]
    first, second, third, _fourth, fifth = world.entry_nos(no)
    world.bulk("evaluate", entry_nos=[first, second], evaluation="positive")
    world.bulk("evaluate", entry_nos=[third], evaluation="negative")
    world.execute(
        "UPDATE interaction SET attempt_failed = true WHERE entry_no IN (:a, :b)", a=second, b=third
    )
    world.cancel_entry(fifth)

    assert follow(world, no) == nos[:4]
    assert follow(world, no, canceled=True) == [nos[4]]
    assert follow(world, no, evaluations=["positive", "negative"]) == nos[:3]
    assert follow(world, no, evaluations=["positive"], attempt_failed=False) == [nos[0]]
    assert follow(world, no, attempt_failed=True) == nos[1:3]
    assert follow(world, no, evaluations=["very_negative"]) == []


def test_the_planner_knows_of_the_lines_of_a_big_follow_up(
    world: LogWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after the job: a page of its lines must not read all of them until autovacuum has come by."""
    no = world.logged(3)
    follow(world, no)
    assert lines_expected(world) == -1, "somebody has analyzed already"
    monkeypatch.setattr(segment_lines, "MANY", 3)
    follow(world, no)
    assert lines_expected(world) == 6


def test_contacts_that_answered_since_are_left_out(world: LogWorld) -> None:
    nos = world.companies(3)
    job = world.log(world.segment(nos, date=date(2026, 3, 10)))
    drain(world.sessions)
    no = state_of(world.sessions, job)["result"]["logged_segment_no"]
    with world.transaction() as session:
        template = session.query(InteractionTemplate).one()
        for contact_no, columns in (
            (nos[0], {"date": "2026-03-12"}),
            (nos[1], {"date": "2026-03-12", "canceled_at": "2026-03-13"}),
            (nos[2], {"date": "2026-03-09"}),
        ):
            contact = session.query(Contact).filter_by(no=contact_no).one()
            make_entry(session, contact, template, information_flow="inbound", **columns)

    assert follow(world, no, no_inbound_since=True) == nos[1:]
    assert follow(world, no, no_inbound_since=date(2026, 3, 9)) == [nos[1]]
    assert follow(world, no, no_inbound_since=date(2026, 3, 13)) == nos


def test_outcomes_that_are_none_are_refused(world: LogWorld) -> None:
    no = world.logged(1)
    values = {"evaluations": ["fine"], "attempt_failed": 3, "no_inbound_since": "x", "colour": 1}
    with pytest.raises(Invalid) as refused:
        follow(world, no, **values)
    assert faults_of(refused) == {
        ("evaluations", "not_a_choice"),
        ("attempt_failed", "invalid"),
        ("no_inbound_since", "invalid"),
        ("colour", "unknown_field"),
    }
