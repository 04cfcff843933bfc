"""Deleting canceled logged segments (E6)."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from domain import (
    actors,
    campaign_entries,
    canceling,
    interactions,
    job_steps,
    logged_segment_deletion,
    logged_segments,
)
from domain.errors import Invalid, NotFound
from domain.jobs import Job

from .engine_helpers import drain, sessions_on, state_of, work
from .log_world import LogWorld
from .makers import faults_of


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogWorld]:
    monkeypatch.setattr(logged_segment_deletion, "CHUNK", 2)
    with sessions_on(fresh_db) as sessions:
        yield LogWorld(sessions)


def ask(world: LogWorld, **values: Any) -> Job:
    with world.transaction() as session:
        return logged_segment_deletion.request(session, values=values, actor=actors.system(session))


def delete(world: LogWorld, **values: Any) -> Mapping[str, Any]:
    job = ask(world, **values)
    drain(world.sessions)
    result: Mapping[str, Any] = state_of(world.sessions, job)["result"]
    return result


def test_the_entries_stay_canceled_without_the_link_and_the_number_is_free(world: LogWorld) -> None:
    no = world.logged(5, no="SM1", campaign_no=world.campaign())
    entries = world.entry_nos(no)
    world.cancel_entry(entries[0])
    world.cancel_segment(no)
    (at,) = [row.canceled_at for row in world.rows("SELECT canceled_at FROM logged_segment")]
    assert delete(world, nos=[no]) == {"deleted": 1, "refused": 0}

    with world.transaction() as session:
        shown = interactions.page(session, filters={}, limit=10)
        assert [(entry["canceled"], entry["segment_no"]) for entry in shown] == [(True, None)] * 5
        assert {entry["canceled_at"] == at for entry in shown} == {True, False}
        with pytest.raises(NotFound):
            logged_segments.get(session, no)
        entry = campaign_entries.describe(session, [campaign_entries.get(session, 1)])[0]
        assert (entry["canceled"], entry["logged_segment_no"], entry["interactions_count"]) == (True, None, 5)
    assert world.wrong() == {}
    again = world.logged(1, no="SM1")
    assert world.active() == world.entry_nos(again)

    world.restore_campaign_entry(1)
    world.restore_entry(entries[1])  # its own cancel now, so it can be restored on its own
    assert world.active() == [entries[1], *world.entry_nos(again)]
    assert world.totals().interactions_count == 2


def test_one_that_is_not_canceled_is_refused(world: LogWorld) -> None:
    active, canceled = world.logged(1), world.logged(1)
    world.cancel_segment(canceled)
    assert delete(world, nos=[active, canceled]) == {"deleted": 1, "refused": 1}
    assert delete(world, all=True) == {"deleted": 0, "refused": 0}
    assert world.active() == world.entry_nos(active)
    for values, fault in (({}, ("nos", "filter_missing")), ({"nos": [99]}, ("nos.0", "unknown"))):
        with pytest.raises(Invalid) as refused:
            ask(world, **values)
        assert faults_of(refused) == {fault}


def test_a_segment_that_is_being_deleted_cannot_be_restored(world: LogWorld) -> None:
    no = world.logged(3)
    world.cancel_segment(no)
    ask(world, all=True)
    work(world.sessions)
    with pytest.raises(logged_segments.LoggedSegmentBusy):
        world.restore_segment(no)
    with pytest.raises(canceling.AboveCanceled):
        world.restore_entry(world.entry_nos(no)[0])


@pytest.mark.parametrize("chunks", [0, 1, 2, 3, 4])
def test_a_deletion_that_is_stopped_leaves_everything_as_it_was(world: LogWorld, chunks: int) -> None:
    no = world.logged(5)
    first, *rest = world.entry_nos(no)
    world.cancel_entry(first)
    world.cancel_segment(no)
    job = ask(world, nos=[no])
    for _ in range(chunks):
        work(world.sessions)
    world.cancel(job)
    drain(world.sessions)
    assert state_of(world.sessions, job)["state"] == "canceled"
    world.restore_segment(no)
    assert world.active() == rest
    assert world.wrong() == {}


@pytest.mark.parametrize("step", ["plan", "work", "finish"])
def test_a_death_before_the_commit_changes_nothing_in_the_end(
    world: LogWorld, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no = world.logged(5)
    world.cancel_segment(no)
    kind, deaths = job_steps.KINDS["delete_logged_segments"], []
    real = getattr(kind, step)

    def dies_once(*arguments: object) -> object:
        done = real(*arguments)
        if not deaths:
            deaths.append(step)
            raise RuntimeError("killed")
        return done

    monkeypatch.setattr(kind, step, dies_once)
    assert delete(world, all=True) == {"deleted": 1, "refused": 0}
    own = next(world.rows("SELECT count(*) AS n FROM interaction WHERE canceled_at IS NOT NULL")).n
    assert own == 5
    assert world.wrong() == {}
