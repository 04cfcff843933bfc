"""Logging a segment (L1-L8): exactly once or not at all, whatever dies on the way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    contacts,
    interactions,
    logged_segments,
    number_series,
    salespeople,
    segment_check,
    segment_lines,
    segment_logging,
    segments,
    setup,
    templates,
)
from domain.errors import Refusal
from domain.segment_logging import LogSegment

from .engine_helpers import drain, sessions_on, state_of, work
from .makers import faults_of, make_campaign, make_salesperson, make_template
from .worlds import World


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which chunks are two lines long."""
    monkeypatch.setattr(segment_logging, "cut", lambda first, last, most: _pairs(first, last))
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


def _pairs(first: int, last: int) -> list[segment_logging.Chunk]:
    return [
        segment_logging.Chunk(start, min(start + 1, last), min(2, last - start + 1))
        for start in range(first, last + 1, 2)
    ]


def log_entries(world: World, **filters: list[str]) -> list[dict[str, Any]]:
    with world.transaction() as session:
        return interactions.page(session, filters=filters, sort="entry_no", limit=1000)


def date_of(world: World) -> date:
    """Today by the database's clock, which S1 goes by."""
    return next(iter(world.rows("SELECT current_date")))[0]


def the_logged_segment(world: World) -> dict[str, Any]:
    with world.transaction() as session:
        return logged_segments.describe(session, logged_segments.page(session, filters={}))[0]


def test_every_line_becomes_an_entry_with_the_values_the_preview_showed(world: World) -> None:
    """L4, S2: the preview cannot differ from what is logged."""
    with world.transaction() as session:
        make_template(session, "VISIT", description="A visit", unit_cost=30, unit_duration_min=60)
        make_campaign(session, no="CP1")
    no = world.segment(world.companies(7), campaign_no="CP1")
    world.override(no, 3, template_code="VISIT", description="Personal", evaluation="positive")
    world.override(no, 5, campaign_no="", cost=1, date=date(2026, 1, 31))
    preview = world.lines(no)

    job = world.log(no)
    drain(world.sessions)

    assert state_of(world.sessions, job)["result"]["interactions"] == 7
    for line, entry in zip(preview, log_entries(world), strict=True):
        shown = {name: value for name, value in line["effective"].items() if name in entry}
        assert shown == {name: entry[name] for name in shown}
        assert entry["contact_no"] == line["contact_no"]
        assert (entry["segment_no"], entry["time"], entry["document_type"]) == (no, None, None)


def test_a_segment_being_logged_is_frozen(world: World) -> None:
    """L1"""
    no = world.segment(world.companies(3))
    world.log(no)

    with pytest.raises(segments.LoggingInProgress):
        world.log(no)
    with pytest.raises(segments.LoggingInProgress):
        world.override(no, 1, description="Too late")
    with world.transaction() as session, pytest.raises(segments.LoggingInProgress):
        segments.delete(session, segments.get(session, no), actor=actors.system(session))


def test_two_who_press_log_at_once_give_one_logged_segment(world: World) -> None:
    """L1"""
    no = world.segment(world.companies(3))

    def press(_: int) -> str:
        try:
            world.log(no)
        except segments.LoggingInProgress:
            return "conflict"
        return "job"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(press, range(4)))
    drain(world.sessions)

    assert answers == ["conflict", "conflict", "conflict", "job"]
    assert world.count("logged_segment") == 1


def test_what_the_segment_itself_lacks_is_said_at_once(world: World) -> None:
    """L2"""
    no = world.segment(description="")

    with pytest.raises(segment_logging.SegmentNotReady) as refused:
        world.log(no)

    assert faults_of(refused) == {("description", "description_missing"), ("lines", "segment_empty")}


def test_a_number_that_was_logged_is_not_used_again(world: World) -> None:
    """L2"""
    no = world.segment(world.companies(1), no="SPRING")
    world.log(no)
    drain(world.sessions)

    with pytest.raises(segments.AlreadyLogged):
        world.segment(no="spring")


def test_a_follow_up_without_a_number_series_is_refused_before_anything(world: World) -> None:
    """L2, L7"""
    no = world.segment(world.companies(2))
    with world.transaction() as session:
        setup.change(session, setup.get(session), values={"segment_nos": None}, actor=actors.system(session))

    with pytest.raises(number_series.NumberSeriesMissing):
        world.log(no, follow_up=True)
    assert world.segment_row(no).status == "open"


@pytest.fixture
def faulty(world: World) -> str:
    """A segment of 12 with two contacts without salesperson and one that is privacy blocked."""
    numbers = world.companies(12)
    with world.transaction() as session:
        actor = actors.system(session)
        for no in numbers[2:4]:
            contacts.change(
                session, contacts.get(session, no), values={"salesperson_code": None}, actor=actor
            )
    no = world.segment(numbers)
    with world.transaction() as session:
        contacts.change(
            session, contacts.get(session, numbers[8]), values={"privacy_blocked": True}, actor=actor
        )
    return no


def test_refuse_names_every_problem_and_logs_nothing(world: World, faulty: str) -> None:
    """L3"""
    before = world.lines(faulty)

    job = world.log(faulty)
    drain(world.sessions)

    described = state_of(world.sessions, job)
    assert described["state"] == "refused"
    assert described["problem"]["code"] == "segment_has_problems"
    assert {p["code"]: [line["line_no"] for line in p["lines"]] for p in described["problem"]["errors"]} == {
        "salesperson_missing": [3, 4],
        "privacy_blocked": [9],
    }
    assert (world.count("interaction"), world.count("logged_segment"), world.count("campaign_entry")) == (
        0,
        0,
        0,
    )
    assert world.lines(faulty) == before


def test_a_segment_opens_though_its_problems_cannot_be_listed(
    world: World, faulty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L3: the check took more than a statement may, in a random run, and left its segment frozen."""

    def never_ending(session: Session, *_: object, **__: object) -> None:
        session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        session.execute(text("SELECT pg_sleep(5)"))

    monkeypatch.setattr(segment_check, "check", never_ending)
    before = world.lines(faulty)

    job = world.log(faulty)
    drain(world.sessions)

    described = state_of(world.sessions, job)
    assert (described["state"], described["problem"]["code"]) == ("refused", "segment_has_problems")
    assert described["problem"]["errors"] == []
    with world.transaction() as session:
        assert segments.get(session, faulty).status == "open"
    assert (world.count("interaction"), world.count("logged_segment")) == (0, 0)
    assert world.lines(faulty) == before


def test_skip_logs_the_good_lines_and_keeps_the_reasons_of_the_others(world: World, faulty: str) -> None:
    """L3, L5"""
    job = world.log(faulty, on_invalid="skip")
    drain(world.sessions)

    result = state_of(world.sessions, job)["result"]
    assert (result["interactions"], result["skipped"]) == (9, 3)
    with world.transaction() as session:
        logged = logged_segments.get(session, result["logged_segment_no"])
        skipped = logged_segments.skipped(session, logged)
    assert [(line["line_no"], line["problems"]) for line in skipped] == [
        (3, ["salesperson_missing"]),
        (4, ["salesperson_missing"]),
        (9, ["privacy_blocked"]),
    ]
    shown = the_logged_segment(world)
    assert (shown["interactions_count"], shown["skipped_count"], shown["status"]) == (9, 3, "logged")


def test_skip_with_no_good_line_is_refused(world: World) -> None:
    """L3"""
    no = world.segment(world.companies(3, salesperson_code=None))

    job = world.log(no, on_invalid="skip")
    drain(world.sessions)

    assert state_of(world.sessions, job)["state"] == "refused"
    assert world.segment_row(no).status == "open"
    assert (world.count("interaction"), world.count("logged_segment_skip")) == (0, 0)


def test_email_without_an_address_is_logged_blank_and_counted(world: World) -> None:
    """L4"""
    no = world.segment(world.companies(1) + world.companies(2, email=""))

    job = world.log(no)
    drain(world.sessions)

    assert state_of(world.sessions, job)["result"]["warnings"] == [{"code": "email_missing", "count": 2}]
    assert [entry["correspondence_type"] for entry in log_entries(world)] == ["email", None, None]


def test_sending_is_refused_while_templates_have_no_content(world: World) -> None:
    """S9"""
    no = world.segment(world.companies(1))

    job = world.log(no, send=True)
    drain(world.sessions)

    assert [error["code"] for error in state_of(world.sessions, job)["problem"]["errors"]] == [
        "content_missing"
    ]


def test_one_campaign_entry_per_campaign_with_date_and_salesperson_of_its_earliest_line(world: World) -> None:
    """L5"""
    with world.transaction() as session:
        make_campaign(session, no="CP1")
        make_campaign(session, no="CP2")
        make_campaign(session, no="CP3")
        make_salesperson(session, "HR")
    no = world.segment(world.companies(6), campaign_no="CP1")
    world.override(no, 4, campaign_no="CP2", date=date(2026, 2, 1), salesperson_code="HR")
    world.override(no, 5, campaign_no="CP2", date=date(2026, 1, 1))
    world.override(no, 6, campaign_no="CP3")
    world.override(no, 6, campaign_no="")

    world.log(no)
    drain(world.sessions)

    assert the_logged_segment(world)["campaign_entries_count"] == 2
    assert [
        tuple(row)
        for row in world.rows("""
            SELECT m.no, e.date, p.code, e.description,
                   (SELECT count(*) FROM interaction i WHERE i.campaign_entry_no = e.entry_no)
            FROM campaign_entry e JOIN campaign m ON m.id = e.campaign_id
            JOIN salesperson p ON p.id = e.salesperson_id ORDER BY m.no""")
    ] == [
        ("CP1", date_of(world), "JO", "Autumn letter", 3),
        ("CP2", date(2026, 2, 1), "HR", "Autumn letter", 2),
    ]


def test_a_logged_segment_is_gone_from_the_active_ones(world: World) -> None:
    """L6"""
    no = world.segment(world.companies(3))
    world.log(no)
    drain(world.sessions)

    with world.transaction() as session:
        assert segments.page(session, filters={}) == []
    assert (world.count("segment"), world.count("segment_line")) == (0, 0)
    assert the_logged_segment(world)["segment_no"] == no


def test_the_lines_of_a_large_segment_are_deleted_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L6"""
    monkeypatch.setattr(segments, "DISCARD_AT_ONCE", 2)
    no = world.segment(world.companies(5))
    job = world.log(no)
    while state_of(world.sessions, job)["state"] != "succeeded":
        work(world.sessions)
    with world.transaction() as session:
        assert segments.page(session, filters={}) == []

    drain(world.sessions)

    assert (world.count("segment"), world.count("segment_line"), world.count("interaction")) == (0, 0, 5)


def test_the_follow_up_has_the_same_contacts_in_the_same_order(world: World, faulty: str) -> None:
    """L7"""
    with world.transaction() as session:
        make_campaign(session, no="CP1")
    world.override(faulty, 2, campaign_no="CP1")
    wanted = [line["contact_no"] for line in world.lines(faulty) if not line["problems"]]

    job = world.log(faulty, on_invalid="skip", follow_up=True)
    drain(world.sessions)

    no = state_of(world.sessions, job)["result"]["follow_up_segment_no"]
    follow_up = world.lines(no)
    assert [line["contact_no"] for line in follow_up] == wanted
    assert [line["effective"]["campaign_no"] for line in follow_up] == [None, "CP1"] + [None] * 7
    with world.transaction() as session:
        described = segments.describe(session, [segments.get(session, no)])[0]
    assert described["description"] == f"Follow-up on segment {faulty}"
    assert (described["template_code"], described["lines_count"], described["actions_count"]) == (None, 9, 1)


def test_a_follow_up_without_a_campaign_overrides_nothing(world: World) -> None:
    """L7, S2: a campaign given to the follow-up later counts for all its lines."""
    job = world.log(world.segment(world.companies(3)), follow_up=True)
    drain(world.sessions)

    no = state_of(world.sessions, job)["result"]["follow_up_segment_no"]
    assert [line["overrides"] for line in world.lines(no)] == [{}] * 3


def test_nobody_sees_an_entry_before_all_are_there(world: World) -> None:
    """L8"""
    no = world.segment(world.companies(6))
    job = world.log(no, follow_up=True)

    while (described := state_of(world.sessions, job))["state"] != "succeeded":
        assert log_entries(world) == []
        assert world.segment_row(no).status == "logging"
        with world.transaction() as session:
            assert [segment.no for segment in segments.page(session, filters={})] == [no]
        assert world.count("interaction") == described["done"]
        work(world.sessions)

    assert len(log_entries(world)) == 6


@pytest.mark.parametrize("step", ["plan", "work", "finish"])
def test_a_death_before_the_commit_changes_nothing_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """L8: the connection breaks after the step wrote everything, on the first three tries."""
    deaths = iter(range(3))
    original = getattr(LogSegment, step)

    def dying(self: LogSegment, session: Any, *arguments: Any) -> Any:
        done = original(self, session, *arguments)
        if next(deaths, None) is not None:
            session.flush()
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return done

    monkeypatch.setattr(LogSegment, step, dying)
    no = world.segment(world.companies(7))

    job = world.log(no, follow_up=True)
    drain(world.sessions)

    assert state_of(world.sessions, job)["state"] == "succeeded"
    assert (world.count("interaction"), world.count("logged_segment"), world.count("segment")) == (7, 1, 1)
    assert len({entry["contact_no"] for entry in log_entries(world)}) == 7


@pytest.mark.parametrize("done", range(6))
def test_canceling_opens_the_segment_as_it_was(world: World, done: int) -> None:
    """L8"""
    with world.transaction() as session:
        make_campaign(session, no="CP1")
    no = world.segment(world.companies(7), campaign_no="CP1")
    world.override(no, 2, description="Personal")
    before = world.lines(no)
    job = world.log(no, follow_up=True)
    for _ in range(done):
        work(world.sessions)

    world.cancel(job)
    drain(world.sessions)

    assert state_of(world.sessions, job)["state"] == "canceled"
    tables = ("interaction", "logged_segment", "campaign_entry", "logged_segment_skip")
    assert [world.count(table) for table in tables] == [0, 0, 0, 0]
    assert (world.lines(no), world.count("segment"), world.count("segment_line")) == (before, 1, 7)

    again = world.log(no)
    drain(world.sessions)
    assert state_of(world.sessions, again)["result"]["interactions"] == 7


def test_a_contact_blocked_while_logging_is_not_logged(world: World) -> None:
    """C3: with "refuse" the job turns round when it meets the line."""
    numbers = world.companies(6)
    no = world.segment(numbers)
    job = world.log(no)
    work(world.sessions)
    work(world.sessions)
    with world.transaction() as session:
        contacts.change(
            session, contacts.get(session, numbers[5]), values={"privacy_blocked": True},
            actor=actors.system(session),
        )  # fmt: skip

    drain(world.sessions)

    assert state_of(world.sessions, job)["state"] == "refused"
    assert world.count("interaction") == 0


def test_the_log_keeps_what_was_logged_when_master_data_changes(world: World) -> None:
    """E1, T3"""
    no = world.segment(world.companies(1))
    world.log(no)
    drain(world.sessions)
    with world.transaction() as session:
        actor = actors.system(session)
        templates.change(
            session, templates.get(session, "LETTER"), values={"description": "Renamed", "unit_cost": 99},
            actor=actor,
        )  # fmt: skip
        contacts.change(session, contacts.get(session, "CT000001"), values={"name": "New name"}, actor=actor)

    entry = log_entries(world)[0]

    assert (entry["template_description"], entry["cost"]) == ("Letter of thanks", 8)
    assert entry["contact_name"] == "New name"


def test_what_the_log_refers_to_cannot_be_deleted(world: World) -> None:
    """T3, C1, C4"""
    no = world.segment(world.companies(1))
    world.log(no)
    drain(world.sessions)
    for module, key in ((contacts, "CT000001"), (salespeople, "JO"), (templates, "LETTER")):
        with pytest.raises(Refusal) as refused, world.transaction() as session:
            module.delete(session, module.get(session, key), actor=actors.system(session))
        assert refused.value.code == "in_use"


def test_lines_with_gaps_are_counted_exactly(world: World) -> None:
    """L8: progress never lies, also where lines were taken out."""
    numbers = world.companies(7)
    no = world.segment(numbers)
    with world.transaction() as session:
        segment = segments.get(session, no)
        for line_no in (1, 2, 6):
            line = segment_lines.get(session, segment, line_no)
            segment_lines.remove(session, segment, line, actor=actors.system(session))

    job = world.log(no)
    drain(world.sessions)

    described = state_of(world.sessions, job)
    assert (described["total"], described["done"], described["state"]) == (4, 4, "succeeded")
    assert [entry["contact_no"] for entry in log_entries(world)] == [numbers[n] for n in (2, 3, 4, 6)]
