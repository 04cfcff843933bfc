"""Schedules and the clock they trust (E5, E7; RELIABILITY 3, cases 13, 25): due once, made up for once, never early."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain import actors, clock_guard, cron, purge_schedules, purging
from domain.clock_guard import ClockSuspect

from .engine_helpers import drain
from .purge_world import LONG_AGO, PurgeWorld

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def world(purge_world: PurgeWorld) -> Iterator[PurgeWorld]:
    yield purge_world
    purge_world.tidy()


def make(world: PurgeWorld, **values: Any) -> None:
    values = {"name": "Nightly", "cron": "* * * * *", **values}
    with world.transaction() as session:
        purge_schedules.create(session, values=values, actor=actors.system(session))


def make_due(world: PurgeWorld, ago: str = "1 second") -> None:
    world.execute(f"UPDATE purge_schedule SET next_run_at = now() - interval '{ago}' WHERE work = 'purge'")


def start_due(world: PurgeWorld) -> int:
    """Start what is due, as a beat does; return how many there were."""
    started = 0
    while True:
        with world.transaction() as session:
            if not purge_schedules.start_due(session):
                return started
        started += 1


def described(world: PurgeWorld) -> dict[str, Any]:
    with world.transaction() as session:
        return purge_schedules.describe(session, [purge_schedules.get(session, "nightly")])[0]


def test_a_due_schedule_runs_once_however_many_beats_look(world: PurgeWorld) -> None:
    """Case 13."""
    world.entries(1, 2, canceled=True)
    make(world, filters={"entry_no_to": 1})
    for _ in range(5):
        make_due(world)
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(lambda _: start_due(world), range(4))) == 1
    drain(world.sessions)
    records = world.rows("SELECT schedule, state, deleted FROM purge_record ORDER BY id")
    assert records == [("Nightly", "succeeded", 1), *[("Nightly", "succeeded", 0)] * 4]
    assert world.left() == [2]


def test_what_was_missed_is_made_up_for_once(world: PurgeWorld) -> None:
    make(world)
    make_due(world, "3 days")
    assert start_due(world) == 1
    assert described(world)["next_run_at"] > dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)


def test_a_schedule_that_is_not_enabled_or_not_due_does_not_run(world: PurgeWorld) -> None:
    make(world, cron="0 0 1 1 *")
    assert start_due(world) == 0
    make_due(world)
    with world.transaction() as session:
        schedule = purge_schedules.get(session, "NIGHTLY", lock=True)
        purge_schedules.change(session, schedule, values={"enabled": False}, actor=actors.system(session))
    assert start_due(world) == 0
    assert described(world)["next_run_at"] is None


def test_a_run_that_is_refused_is_told_and_the_next_one_comes(world: PurgeWorld) -> None:
    """Issue 5: shown on the home page."""
    make(world, filters={"contact_no": world.contacts[0].no})
    world.execute("UPDATE purge_schedule SET filters = '{\"contact_no\": \"GONE\"}' WHERE work = 'purge'")
    make_due(world)
    assert start_due(world) == 1
    last = described(world)["last_run"]
    assert (last["state"], last["problem"]["errors"][0]["field"]) == ("refused", "filters.contact_no")
    assert described(world)["next_run_at"] is not None
    with world.transaction() as session:
        assert [schedule.name for schedule in purge_schedules.failed(session)] == ["Nightly"]


def test_more_than_the_setup_allows_is_refused_to_a_schedule(world: PurgeWorld) -> None:
    world.entries(1, 2, canceled=True)
    world.execute("UPDATE purge_setup SET purge_rows_limit = 1")
    make(world)
    make_due(world)
    start_due(world)
    drain(world.sessions)
    assert described(world)["last_run"]["state"] == "refused"
    assert world.left() == [1, 2]


@pytest.mark.parametrize(
    ("ahead", "passed", "believed"),
    [
        (2 * HOUR, dt.timedelta(seconds=1), False),
        (2 * HOUR, 2 * HOUR, True),
        (HOUR / 2, dt.timedelta(seconds=1), True),
        (48 * HOUR, None, True),
        (100 * HOUR, None, False),
        (100 * HOUR, 100 * HOUR, False),
        (24 * 3652 * HOUR, dt.timedelta(seconds=1), False),
        (-2 * HOUR, dt.timedelta(seconds=1), True),
    ],
)
def test_time_passes_as_fast_as_on_a_clock_that_nobody_sets(
    world: PurgeWorld, ahead: dt.timedelta, passed: dt.timedelta | None, believed: bool
) -> None:
    """E7: what is further ahead is not believed, and the mark stays."""
    world.execute("UPDATE clock_mark SET at = clock_timestamp() - CAST(:ahead AS interval)", ahead=ahead)
    with world.transaction() as session:
        assert clock_guard.observe(session, passed=passed) is believed
        assert (clock_guard.suspicion(session) is None) is believed


def test_with_a_clock_ten_years_ahead_nothing_starts_until_it_is_right_again(world: PurgeWorld) -> None:
    """Case 25: refused, told, nothing deleted; and the due time waits."""
    world.entries(1, canceled=True)
    make(world)
    make_due(world)
    world.execute("UPDATE clock_mark SET at = at - interval '10 years'")
    with world.transaction() as session:
        assert not clock_guard.observe(session, passed=dt.timedelta(seconds=1))
    assert start_due(world) == 0
    with pytest.raises(ClockSuspect):
        world.ask()
    with world.transaction() as session:
        assert clock_guard.suspicion(session) is not None
    drain(world.sessions)
    assert world.left() == [1]

    world.execute("UPDATE clock_mark SET at = at + interval '10 years'")
    with world.transaction() as session:
        assert clock_guard.observe(session, passed=dt.timedelta(seconds=1))
    assert start_due(world) == 1
    drain(world.sessions)
    assert world.left() == []


def test_a_clock_that_an_operator_confirms_is_believed(world: PurgeWorld) -> None:
    world.entries(1, canceled=True)
    world.execute("UPDATE clock_mark SET at = at - interval '10 years', seen_ahead = now()")
    with world.transaction() as session:
        clock_guard.confirm(session, actor=actors.system(session))
    assert world.purge()["result"]["deleted"] == 1
    assert world.rows("SELECT action FROM audit WHERE object_type = 'clock'") == [("confirm",)]


def test_a_clock_that_jumps_before_a_beat_has_seen_it_purges_nothing_early(world: PurgeWorld) -> None:
    """E7: cutoffs follow the mark."""
    world.entries(1, canceled=True)
    world.execute("UPDATE clock_mark SET at = at - interval '50 hours'")
    world.execute("UPDATE interaction SET canceled_at = now() - interval '49 hours'")
    assert world.purge(filters={"canceled_for_days": 2})["result"]["deleted"] == 0


def test_a_clock_that_jumps_between_request_and_plan_stops_the_purge(world: PurgeWorld) -> None:
    world.entries(1, canceled=True)
    world.ask()
    world.execute("UPDATE clock_mark SET at = at - interval '10 years'")
    drain(world.sessions)
    assert (world.record().state, world.left()) == ("refused", [1])


ZONE = "Europe/Berlin"
NIGHT_BEFORE_SPRING = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)
NIGHT_BEFORE_AUTUMN = dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("expression", "after", "runs"),
    [
        ("30 2 * * *", NIGHT_BEFORE_SPRING, ["03-29 01:30", "03-30 00:30"]),
        ("30 2 * * *", NIGHT_BEFORE_AUTUMN, ["10-25 00:30", "10-26 01:30"]),
        (
            "30 * * * *",
            dt.datetime(2026, 10, 24, 23, 45, tzinfo=dt.UTC),
            ["10-25 00:30", "10-25 01:30", "10-25 02:30"],
        ),
        ("30 * * * *", dt.datetime(2026, 3, 29, 0, 10, tzinfo=dt.UTC), ["03-29 00:30", "03-29 01:30"]),
        ("0 8 * * mon-fri", NIGHT_BEFORE_SPRING, ["03-30 06:00", "03-31 06:00"]),
    ],
)
def test_times_are_those_of_the_zone_when_clocks_are_changed(
    expression: str, after: dt.datetime, runs: list[str]
) -> None:
    """Issue 5: skipped times come an hour later, times that come twice count once unless it runs every hour."""
    found = cron.following(expression, ZONE, after, count=len(runs))
    assert [f"{run:%m-%d %H:%M}" for run in found] == runs


ENTRY = st.fixed_dictionaries(
    {
        "canceled": st.booleans(),
        "which": st.integers(0, 1),
        "date": st.dates(dt.date(2026, 3, 1), dt.date(2026, 3, 9)),
        "above": st.sampled_from(["", "segment", "canceled segment", "entry", "canceled entry"]),
    }
)
CHOICES: dict[str, Any] = {
    "entry_no_from": st.integers(0, 30),
    "entry_no_to": st.integers(0, 30),
    "contact_no": st.integers(0, 1),
    "date_from": st.dates(dt.date(2026, 3, 1), dt.date(2026, 3, 9)),
    "date_to": st.dates(dt.date(2026, 3, 1), dt.date(2026, 3, 9)),
    "campaign_no": st.integers(0, 1),
    "group_code": st.sampled_from(["G-T1", "G-T2"]),
    "template_code": st.sampled_from(["T1", "T2"]),
    "salesperson_code": st.sampled_from(["P1", "P2"]),
    "canceled_for_days": st.integers(0, 40),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRY, min_size=1, max_size=12), filters=st.fixed_dictionaries({}, optional=CHOICES))
@example(entries=[{"canceled": False, "which": 0, "date": dt.date(2026, 3, 1), "above": ""}], filters={})
def test_active_entries_survive_every_combination_of_filters(
    world: PurgeWorld, entries: list[dict[str, Any]], filters: dict[str, Any]
) -> None:
    """Issue 5: what the log shows as active stays, and what goes matches the filters."""
    world.tidy()
    filters = {
        **filters,
        **{name: world.contacts[filters[name]].no for name in ("contact_no",) if name in filters},
        **{name: world.campaigns[filters[name]].no for name in ("campaign_no",) if name in filters},
    }
    above: dict[tuple[str, int], int] = {}
    with world.transaction() as session:
        for no, entry in enumerate(entries, start=1):
            canceled = entry["above"].startswith("canceled")
            columns: dict[str, Any] = {}
            if "entry" in entry["above"]:
                key = (entry["above"], entry["which"])
                if key not in above:
                    above[key] = _campaign_entry(world, session, canceled=canceled, which=entry["which"])
                columns["campaign_entry_no"] = above[key]
            elif "segment" in entry["above"]:
                columns["logged_segment_no"] = _segment(session, no * 2, canceled=canceled)
            world.make(
                session,
                no * 2,
                canceled=entry["canceled"],
                which=entry["which"],
                date=entry["date"],
                **columns,
            )
    visible = "SELECT entry_no FROM interaction_visible WHERE canceled = :canceled ORDER BY 1"
    active = [row[0] for row in world.rows(visible, canceled=False)]
    with world.transaction() as session:
        counted = purging.preview(session, filters=filters)["matching"]
    before = len(world.left())

    job = world.purge(filters=filters)

    left = world.left()
    assert [no for no in left if no in active] == active
    assert before - len(left) == job["result"]["deleted"] == counted


def _campaign_entry(world: PurgeWorld, session: Any, *, canceled: bool, which: int) -> int:
    from .makers import make_campaign_entry

    cancel = {"canceled_at": LONG_AGO} if canceled else {}
    return make_campaign_entry(session, world.campaigns[which], **cancel)


def _segment(session: Any, entry_no: int, *, canceled: bool) -> int:
    from .makers import make_logged_segment

    cancel = {"canceled_at": LONG_AGO} if canceled else {}
    return make_logged_segment(
        session,
        f"SM{entry_no}",
        first_entry_no=entry_no,
        last_entry_no=entry_no,
        interactions_count=1,
        **cancel,
    )
