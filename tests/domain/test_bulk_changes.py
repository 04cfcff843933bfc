"""Cancel, restore and evaluate many entries in a job (E2, E3, E4, U1; docs/decisions/0012)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain import bulk_changes, job_steps
from domain.actors import Role
from domain.contacts import Contact
from domain.errors import Invalid
from domain.templates import InteractionTemplate

from .engine_helpers import drain, sessions_on, state_of, work
from .log_world import LogWorld
from .makers import faults_of, make_entry


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogWorld]:
    monkeypatch.setattr(bulk_changes, "CHUNK", 2)
    with sessions_on(fresh_db) as sessions:
        yield LogWorld(sessions)


def test_the_result_counts_what_was_changed_unchanged_and_refused(world: LogWorld) -> None:
    no = world.logged(5)
    first, second, third, fourth, fifth = entries = world.entry_nos(no)
    world.cancel_entry(second)
    assert world.bulk("cancel", entry_nos=[first, second, third]) == {
        "changed": 2, "unchanged": 1, "refused": 0, "refused_entries": [],
    }  # fmt: skip
    assert world.active() == [fourth, fifth]
    assert world.bulk("restore", all=True)["changed"] == 3
    assert world.active() == entries

    world.cancel_segment(no)
    refused = world.bulk("restore", filter={"logged_segment_no": no})  # E4
    assert refused == {
        "changed": 0, "unchanged": 0, "refused": 5,
        "refused_entries": [{"entry_no": each, "code": "above_canceled"} for each in entries],
    }  # fmt: skip
    assert world.wrong() == {}


def test_entries_are_evaluated_and_each_is_recorded(world: LogWorld) -> None:  # I5, U2
    no = world.logged(3)
    entries = world.entry_nos(no)
    assert world.bulk("evaluate", entry_nos=entries[:2], evaluation="positive")["changed"] == 2
    assert world.bulk("evaluate", filter={"evaluation": ["positive", "none"]}, evaluation="negative") == {
        "changed": 3, "unchanged": 0, "refused": 0, "refused_entries": [],
    }  # fmt: skip
    assert world.bulk("evaluate", all=True, evaluation="negative")["unchanged"] == 3
    assert world.bulk("evaluate", all=True, evaluation=None)["changed"] == 3
    history = world.rows(
        "SELECT changes->'evaluation' AS changed FROM audit WHERE object_type = 'interaction' AND object_key = :no"
        " ORDER BY id",
        no=str(entries[0]),
    )
    assert [row.changed for row in history] == [
        [None, "positive"],
        ["positive", "negative"],
        ["negative", None],
    ]


def test_a_salesperson_changes_their_own_and_the_others_are_refused(world: LogWorld) -> None:  # U1
    no = world.logged(2)
    with world.transaction() as session:
        contact, template = session.query(Contact).first(), session.query(InteractionTemplate).one()
        assert contact is not None
        nobodys = make_entry(session, contact, template)
    own = world.bulk("cancel", all=True, actor=world.actor("jo", Role.SALESPERSON, "JO"))
    assert (own["changed"], own["refused"]) == (2, 1)
    assert own["refused_entries"] == [{"entry_no": nobodys, "code": "forbidden"}]
    assert world.active() == [nobodys]
    stranger = world.bulk("restore", all=True, actor=world.actor("ed", Role.SALESPERSON))
    assert (stranger["changed"], stranger["refused"]) == (0, 3)
    assert world.entry_nos(no) != []


def test_what_comes_after_the_request_is_not_touched(world: LogWorld) -> None:
    """Entries made later, and segments that were being logged at that moment, whose numbers are lower."""
    before = world.entry_nos(world.logged(3))
    logging = world.log(world.segment(world.companies(2)))
    work(world.sessions)  # its entry numbers are given out
    with world.transaction() as session:
        contact, template = session.query(Contact).first(), session.query(InteractionTemplate).one()
        assert contact is not None
        make_entry(session, contact, template)
    job = world.ask("cancel", all=True)
    drain(world.sessions)
    later = world.logged(2)

    assert state_of(world.sessions, logging)["state"] == "succeeded"
    assert state_of(world.sessions, job)["result"]["changed"] == 4
    assert len(world.active()) == 4
    assert set(world.entry_nos(later)) < set(world.active())
    assert not set(before) & set(world.active())


@pytest.mark.parametrize("step", ["plan", "work", "finish"])
def test_a_death_before_the_commit_changes_no_count(
    world: LogWorld, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.logged(5)
    kind, deaths = job_steps.KINDS["cancel_interactions"], []
    real = getattr(kind, step)

    def dies_once(*arguments: object) -> object:
        done = real(*arguments)
        if len(deaths) < 2:
            deaths.append(step)
            raise RuntimeError("killed")
        return done

    monkeypatch.setattr(kind, step, dies_once)
    result = world.bulk("cancel", all=True)
    assert deaths == [step, step]
    assert result == {"changed": 5, "unchanged": 0, "refused": 0, "refused_entries": []}
    assert world.active() == []
    recorded = world.rows("SELECT count(*) AS n FROM audit WHERE object_type = 'interaction'")
    assert next(recorded).n == 5
    assert world.wrong() == {}


def test_many_workers_at_once_count_each_entry_once(world: LogWorld) -> None:
    world.logged(21)
    job = world.ask("cancel", all=True)
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(drain, world.sessions) for _ in range(4)]:
            done.result()
    described = state_of(world.sessions, job)
    assert (described["total"], described["done"], described["result"]["changed"]) == (21, 21, 21)


def test_a_job_that_is_canceled_keeps_what_it_did_and_says_so(world: LogWorld) -> None:
    world.logged(6)
    job = world.ask("cancel", all=True)
    work(world.sessions)
    work(world.sessions)
    world.cancel(job)
    drain(world.sessions)
    described = state_of(world.sessions, job)
    assert (described["state"], described["result"]["changed"]) == ("canceled", 2)
    assert len(world.active()) == 4
    assert world.wrong() == {}


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({}, {("filter", "filter_missing")}),
        ({"filter": {}}, {("filter", "filter_missing")}),
        ({"filter": {"contact_no": []}}, {("filter", "filter_missing")}),
        ({"all": False}, {("filter", "filter_missing")}),
        ({"entry_nos": [1, 99]}, {("entry_nos.0", "unknown"), ("entry_nos.1", "unknown")}),
        ({"entry_nos": [1], "all": True}, {("all", "invalid")}),
        ({"filter": {"colour": "red"}}, {("filter.colour", "unknown_field")}),
        (
            {"filter": {"date_from": "tomorrow", "evaluation": ["fine"]}},
            {("filter.date_from", "invalid"), ("filter.evaluation", "not_a_choice")},
        ),
    ],
)
def test_a_request_that_selects_nothing_is_refused(
    world: LogWorld, values: dict[str, object], faults: set[object]
) -> None:
    with pytest.raises(Invalid) as refused:
        world.ask("cancel", **values)
    assert faults_of(refused) == faults


def test_an_evaluation_must_be_given(world: LogWorld) -> None:
    with pytest.raises(Invalid) as refused:
        world.ask("evaluate", all=True)
    assert faults_of(refused) == {("evaluation", "required")}
