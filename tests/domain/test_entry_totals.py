"""Sums beside the log (T5, docs/decisions/0011): exact at every moment."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from domain import document_recording, entry_totals, statistics
from domain.contacts import Contact
from domain.templates import InteractionTemplate

from .engine_helpers import drain, sessions_on, work
from .events import make_event, receive, record_documents
from .log_world import LogWorld
from .makers import make_entry


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogWorld]:
    """All segments are summed up by the job here."""
    monkeypatch.setattr(entry_totals, "SMALL", 0)
    with sessions_on(fresh_db) as sessions:
        yield LogWorld(sessions)


def record(world: LogWorld, **columns: object) -> int:
    """Record an entry without a segment."""
    with world.transaction() as session:
        contact = session.query(Contact).first()
        template = session.query(InteractionTemplate).one()
        assert contact is not None
        return make_entry(session, contact, template, cost="1.25", duration_min=3, **columns)


@pytest.mark.parametrize("summed_up", [False, True])
def test_statistics_are_exact_whatever_is_canceled_and_restored(world: LogWorld, summed_up: bool) -> None:
    no = world.logged(4, campaign_no=world.campaign())  # 4 x 8.00, 10 min
    first, second, *_ = world.entry_nos(no)
    (campaign_entry,) = world.campaign_entry_nos()
    by_hand = record(world)
    if summed_up:
        world.sum_up()

    def counts() -> tuple[int, Decimal, int]:
        assert world.totals("group") == world.totals("template")
        assert world.wrong() == {}
        return world.totals("template")

    assert counts() == (5, Decimal("33.25"), 43)
    world.cancel_entry(first)
    world.cancel_entry(by_hand)
    assert counts() == (3, Decimal("24.00"), 30)
    world.cancel_segment(no)
    assert counts() == (0, Decimal("0.00"), 0)
    world.cancel_entry(second)
    world.restore_segment(no)
    assert counts() == (2, Decimal("16.00"), 20)
    world.cancel_campaign_entry(campaign_entry)
    assert counts() == (0, Decimal("0.00"), 0)
    world.restore_campaign_entry(campaign_entry)
    world.restore_entry(first)
    world.restore_entry(second)
    world.restore_entry(by_hand)
    assert counts() == (5, Decimal("33.25"), 43)


def test_an_update_moves_an_entry_from_sum_to_sum_and_a_deletion_takes_it_away(
    world: LogWorld,
) -> None:  # D6, E5
    world.companies(1)
    entry = record(world, date="2026-03-10")
    other = record(world, date="2026-03-10")
    march, april = date(2026, 3, 31), date(2026, 4, 1)
    assert world.totals(date_to=march).interactions_count == 2
    world.execute("UPDATE interaction SET date = '2026-04-02', cost = 2 WHERE entry_no = :no", no=entry)
    assert world.totals(date_to=march) == (1, Decimal("1.25"), 3)
    assert world.totals(date_from=april) == (1, Decimal("2.00"), 3)
    world.sum_up()
    world.execute("DELETE FROM interaction WHERE entry_no = :no", no=other)
    assert world.totals() == (1, Decimal("2.00"), 3)
    world.execute("UPDATE interaction SET evaluation = 'positive'")  # says nothing of sums, so it adds none
    world.sum_up()
    assert [row.entries for row in world.rows("SELECT entries FROM interaction_total ORDER BY id")] == [
        1,
        1,
        -1,
    ]
    assert world.wrong() == {}


def test_a_small_segment_is_summed_up_as_its_logging_ends(
    world: LogWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_totals, "SMALL", 3)
    small = world.logged(3, campaign_no=world.campaign())
    monkeypatch.setattr(entry_totals, "SECONDS_AFTER_LOGGING", 0)
    with world.transaction() as session:
        assert entry_totals.request_if_due(session) is None
    assert [row.n for row in world.rows("SELECT sum(entries) AS n FROM interaction_total")] == [3]
    large = world.logged(4)
    assert [row.no for row in world.rows("SELECT no FROM logged_segment WHERE summed_up_at IS NULL")] == [
        large
    ]
    assert world.totals().interactions_count == 7
    world.cancel_entry(world.entry_nos(small)[0])
    world.cancel_segment(large)
    assert world.totals().interactions_count == 2
    assert world.wrong() == {}


def test_summing_up_is_asked_for_when_it_is_due_and_once(
    world: LogWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask() -> bool:
        with world.transaction() as session:
            return entry_totals.request_if_due(session) is not None

    no = world.logged(3)
    assert not ask()  # it was logged a moment ago
    monkeypatch.setattr(entry_totals, "SECONDS_AFTER_LOGGING", 0)
    assert [ask(), ask()] == [True, False]
    drain(world.sessions)
    assert not ask()
    assert next(world.rows("SELECT sum(entries) AS n FROM interaction_total")).n == 3

    monkeypatch.setattr(entry_totals, "MOST_LOOSE", 2)
    first, second, _ = world.entry_nos(no)
    world.cancel_entry(first)
    assert not ask()
    world.cancel_entry(second)
    assert ask()
    drain(world.sessions)
    assert [row.n for row in world.rows("SELECT count(*) AS n FROM interaction_total WHERE is_loose")] == [0]
    assert world.totals().interactions_count == 1
    assert world.wrong() == {}


def test_a_change_while_a_segment_is_summed_up_is_counted_once(world: LogWorld) -> None:
    no = world.logged(3)
    first, second, _ = world.entry_nos(no)
    world.cancel_entry(first)  # its loose row goes with the summing up, which sees it canceled
    with world.transaction() as session:
        entry_totals.request(session)
    work(world.sessions)  # the plan
    with world.sessions() as summing, summing.begin():
        summing.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for statement in entry_totals.SUM_UP[:2]:
            summing.execute(statement, {"no": no})
        world.cancel_entry(second)  # commits beside it, and its loose row stays
        summing.execute(entry_totals.SUM_UP[2], {"no": no})
    assert world.totals().interactions_count == 1
    drain(world.sessions)
    assert world.totals().interactions_count == 1
    assert world.wrong() == {}


def test_verify_notices_sums_that_are_wrong(world: LogWorld) -> None:
    world.logged(2)
    world.sum_up()
    world.execute("UPDATE interaction_total SET cost = cost + 1")
    assert list(world.wrong()) == ["entry_totals"]


def test_months_are_told_apart(world: LogWorld) -> None:  # T5
    world.companies(1)
    for day in ("2026-03-10", "2026-03-31", "2026-05-01"):
        record(world, date=day)
    canceled = record(world, date="2026-06-01")
    world.cancel_entry(canceled)
    with world.transaction() as session:
        id = session.query(InteractionTemplate).one().id
        assert statistics.by_month(session, by="template", id=id) == [
            (date(2026, 3, 1), 2, Decimal("2.50"), 6),
            (date(2026, 5, 1), 1, Decimal("1.25"), 3),
        ]


def test_documents_of_a_batch_are_counted_together(world: LogWorld) -> None:
    world.companies(2)
    with world.transaction() as session:
        record_documents(session, unit_cost=Decimal("1.25"), unit_duration_min=3)
        first, second = session.query(Contact)
        receive(
            session,
            *(make_event(document_no=f"INV-{n}", contact_no=first.no) for n in range(3)),
            make_event(document_no="INV-3", contact_no=second.no, time="2026-03-11T12:00:00Z"),
        )
        assert document_recording.record_waiting(session) == 4
    counted = world.rows(
        "SELECT date, entries, interactions, cost, duration_min FROM interaction_total ORDER BY 1"
    )
    assert [tuple(row) for row in counted] == [
        (date(2026, 3, 10), 3, 3, Decimal("3.75"), 9),
        (date(2026, 3, 11), 1, 1, Decimal("1.25"), 3),
    ]
    assert world.wrong() == {}
