"""Undo (S7): every state before an action comes back exactly, whatever was done and whoever dies on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    audit,
    criteria,
    job_engine,
    saved_criteria,
    segment_lines,
    segment_reuse,
    segments,
    undo,
)
from domain.errors import Refusal
from domain.job_steps import Chunk, Kind
from domain.jobs import Job
from domain.segments import Segment, SegmentBusy

from .engine_helpers import drain, sessions_on, state_of, work
from .makers import (
    make_campaign,
    make_company,
    make_contact,
    make_entry,
    make_logged_segment,
    make_salesperson,
    make_segment,
    make_template,
)
from .worlds import World

Row = dict[str, Any]
State = tuple[dict[int, Row], int, int, list[Any]]


@pytest.fixture(autouse=True)
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criteria, "CHUNK", 2)
    monkeypatch.setattr(undo, "cut", lambda first, last, most: [
        Chunk(start, min(start + 1, last), 2) for start in range(first, last + 1, 2)
    ])  # fmt: skip


# A sequence of random actions -----------------------------------------------------------------------------

CITIES = ("Paris", "Bonn", "")


class Playground:
    """Companies and people of every sort, and a segment that things are done to."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.actor = actors.system(session)
        make_salesperson(session, "JO")
        template = make_template(session, "LETTER")
        self.campaign = make_campaign(session)
        self.contacts: list[str] = []
        for n in range(4):
            company = make_company(
                session, f"Company {n}", city=CITIES[n % 3], mailing_groups=["A"] if n % 2 else []
            )
            self.contacts.append(company.no)
            for m in range(n):
                person = make_contact(
                    session, f"Person {m}", company_no=company.no, city=CITIES[m % 3], mailing_groups=["B"],
                    exclude_from_segment=m == 2,
                )  # fmt: skip
                self.contacts.append(person.no)
        loners = [make_contact(session, f"Loner {n}", city=CITIES[n]) for n in range(3)]
        make_contact(session, "Blocked", city="Paris", privacy_blocked=True)
        self.contacts += [person.no for person in loners]
        self.logged = make_logged_segment(session, "SM0", first_entry_no=1, last_entry_no=2)
        for at, person in enumerate(loners[:2]):
            make_entry(session, person, template, entry_no=at + 1, logged_segment_no=self.logged)
        self.segment = session.get_one(Segment, make_segment(session, "SM1"))

    def state(self) -> State:
        """Everything that an undo must bring back: all lines with all columns, the numbers, the actions."""
        self.session.flush()
        lines = self.session.execute(
            text("SELECT * FROM segment_line WHERE segment_id = :id ORDER BY line_no"),
            {"id": self.segment.id},
        )
        actions = self.session.execute(
            text("SELECT no, action, added, removed, filters FROM criteria_action ORDER BY no")
        )
        self.session.refresh(self.segment)
        rows = {line.line_no: dict(line._mapping) for line in lines}
        assert self.segment.lines_count == len(rows)
        return rows, self.segment.lines_count, self.segment.last_line_no, [tuple(row) for row in actions]

    def done(self, job: Job) -> Row:
        """Do a job at once and return its result."""
        assert job_engine.do_if_small(self.session, job)
        assert job.result is not None
        return job.result

    def act(self, action: str, filters: Row, options: Row) -> None:
        values = {"action": action, "filters": filters, **options}
        counted = criteria.count(self.session, self.segment, values=values)
        job = criteria.request(self.session, self.segment, values=values, actor=self.actor)
        assert self.done(job) == counted

    def add_by_hand(self, at: int, allow_existing: bool) -> bool:
        try:
            segment_lines.add(
                self.session, self.segment, contact_no=self.contacts[at % len(self.contacts)],
                values={"description": "By hand"}, allow_existing=allow_existing, actor=self.actor,
            )  # fmt: skip
        except Refusal:
            return False
        return True

    def line(self, at: int) -> segment_lines.SegmentLine | None:
        lines = segment_lines.page(self.session, self.segment, filters={}, limit=1000)
        if not lines:
            return None
        return segment_lines.get(self.session, self.segment, lines[at % len(lines)]["line_no"])


filters = st.sampled_from(
    [
        {"all": True},
        {"contact": {"city": ["Paris"]}},
        {"contact": {"type": "person"}},
        {"contact": {"name": ["Company 2", "Loner"]}},
        {"mailing_groups": "a"},
        {"mailing_groups": ["B"], "contact": {"city": "bonn"}},
        {"interactions": {"template_code": "letter"}},
    ]
)
adding = st.fixed_dictionaries(
    {name: st.booleans() for name, actions in criteria.OPTIONS.items() if "add" in actions}
)
removing = st.fixed_dictionaries({"entire_companies": st.booleans()})
steps = st.one_of(
    st.tuples(st.just("add"), filters, adding),
    st.tuples(st.sampled_from(["reduce", "refine"]), filters, removing),
    st.tuples(st.just("by hand"), st.integers(0, 20), st.booleans()),
    st.tuples(st.just("remove"), st.integers(0, 20)),
    st.tuples(
        st.just("edit"), st.integers(0, 20), st.sampled_from(["", None, "CP"]), st.text("xyz", min_size=1)
    ),
    st.just(("reuse",)),
    st.just(("apply",)),
)


@pytest.fixture
def every_job_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever PostgreSQL's statistics make of the rows that other tests have taken back."""
    monkeypatch.setattr(criteria.CriteriaActionKind, "is_small", lambda *_: True)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
@given(sequence=st.lists(steps, min_size=2, max_size=8))
def test_random_actions_each_undone_give_every_earlier_state_back(
    session: Session, sequence: list[Any], every_job_is_small: None
) -> None:
    """S7: overrides included; edits since then stay on the lines that stay, and go with the lines that go."""
    savepoint = session.begin_nested()
    try:
        play(Playground(session), sequence)
    finally:
        savepoint.rollback()
        session.expire_all()


def play(ground: Playground, sequence: list[Any]) -> None:
    states: list[State] = []
    for step in [("add", {"all": True}, {}), *sequence]:
        if step[0] == "edit":
            edit(ground, states, *step[1:])
        elif step[0] == "apply":
            states += apply(ground)
        else:
            before = ground.state()
            if act(ground, step):
                states.append(before)
    for state in reversed(states):
        ground.done(undo.request(ground.session, ground.segment, actor=ground.actor))
        assert ground.state() == state
    with pytest.raises(undo.NothingToUndo):
        undo.request(ground.session, ground.segment, actor=ground.actor)
    assert ground.session.scalar(text("SELECT count(*) FROM segment_line_removed")) == 0


def act(ground: Playground, step: Any) -> bool:
    """Do one action; tell whether there was anything to do."""
    match step:
        case ("by hand", at, allow_existing):
            return ground.add_by_hand(at, allow_existing)
        case ("remove", at):
            line = ground.line(at)
            if line is None:
                return False
            segment_lines.remove(ground.session, ground.segment, line, actor=ground.actor)
        case ("reuse",):
            values = {"logged_segment_no": ground.logged}
            ground.done(
                segment_reuse.request(ground.session, ground.segment, values=values, actor=ground.actor)
            )
        case (action, wanted, options):
            ground.act(action, wanted, options)
    return True


def edit(ground: Playground, states: list[State], at: int, campaign: str | None, words: str) -> None:
    """Personalise a line; it stays so in every earlier state that has the line."""
    line = ground.line(at)
    if line is None:
        return
    no = line.line_no
    values = {"description": words, "campaign_no": ground.campaign.no if campaign == "CP" else campaign}
    segment_lines.change(ground.session, ground.segment, line, values=values, actor=ground.actor)
    edited = ground.state()[0][no]
    for rows, *_ in states:
        if no in rows:
            rows[no] = edited


def apply(ground: Playground) -> list[State]:
    """Do saved criteria twice: as one job that is undone at once, and step by step for the states between."""
    before = ground.state()
    code = f"C{before[3][-1][0]}-{ground.session.scalar(text('SELECT count(*) FROM saved_criteria'))}"
    saved = saved_criteria.save(ground.session, ground.segment, values={"code": code}, actor=ground.actor)
    ground.done(
        saved_criteria.apply(ground.session, ground.segment, values={"code": code}, actor=ground.actor)
    )
    after = ground.state()
    for _ in saved.actions:
        ground.done(undo.request(ground.session, ground.segment, actor=ground.actor))
    assert ground.state() == before
    states = []
    for each in saved.actions:
        states.append(ground.state())
        job = criteria.enqueue(
            ground.session,
            ground.segment,
            kind="apply_criteria",
            parameters={},
            acts=[each],
            actor=ground.actor,
        )
        ground.done(job)
    assert ground.state() == after
    return states


# As jobs of workers ---------------------------------------------------------------------------------------


@pytest.fixture
def world(fresh_db: str) -> Iterator[World]:
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


def rows_of(world: World) -> list[Any]:
    return list(world.rows("SELECT * FROM segment_line ORDER BY line_no"))


def ask(world: World, no: str, **values: Any) -> Job:
    with world.transaction() as session:
        return criteria.request(
            session, segments.get(session, no), values=values, actor=actors.system(session)
        )


def ask_undo(world: World, no: str) -> Job:
    with world.transaction() as session:
        return undo.request(session, segments.get(session, no), actor=actors.system(session))


def test_lines_come_back_at_their_place_with_their_overrides(world: World) -> None:
    """S7"""
    numbers = world.companies(7)
    no = world.segment(numbers)
    world.override(no, 3, description="Personal", cost=7, campaign_no="")
    before = rows_of(world)
    ask(world, no, action="reduce", filters={"contact": {"no": numbers[1:6]}})
    drain(world.sessions)
    assert [line["line_no"] for line in world.lines(no)] == [1, 7]

    job = ask_undo(world, no)
    drain(world.sessions)

    assert state_of(world.sessions, job)["result"] == {"added": 5, "removed": 0}
    assert rows_of(world) == before
    assert world.count("segment_line_removed") == 0
    with world.transaction() as session:
        (row,) = audit.page(session, filters={"action": ["undo"]})
        assert row.object_key == f"{no}/2"
        assert row.changes["removed"] == [5, None]


def test_lines_that_came_go_and_their_numbers_are_free(world: World) -> None:
    """S7"""
    world.companies(5, country_code="GB")
    no = world.segment(world.companies(2))
    for _ in range(2):
        ask(world, no, action="add", filters={"contact": {"country_code": "gb"}})
        drain(world.sessions)
        world.override(no, 4, description="Edited since")
        job = ask_undo(world, no)
        drain(world.sessions)

        assert state_of(world.sessions, job)["result"] == {"added": 0, "removed": 5}
        assert [line["line_no"] for line in world.lines(no)] == [1, 2]
        assert (world.segment_row(no).lines_count, world.segment_row(no).last_line_no) == (2, 2)


def test_nothing_to_undo_is_refused_at_once_or_when_it_comes_to_it(world: World) -> None:
    no = world.segment()
    with pytest.raises(undo.NothingToUndo):
        ask_undo(world, no)
    ask(world, no, action="add", filters={"all": True})
    first, second = ask_undo(world, no), ask_undo(world, no)
    drain(world.sessions)

    assert state_of(world.sessions, first)["state"] == "succeeded"
    refused = state_of(world.sessions, second)
    assert (refused["state"], refused["problem"]["code"]) == ("refused", "nothing_to_undo")


def test_actions_and_undos_queue_and_edits_are_refused_meanwhile(world: World) -> None:
    """S10"""
    numbers = world.companies(5)
    no = world.segment(numbers[:2])
    before = rows_of(world)
    ask(world, no, action="add", filters={"all": True})
    ask(world, no, action="refine", filters={"contact": {"no": numbers[2:]}})
    ask_undo(world, no)
    ask_undo(world, no)
    for attempt in (lambda: world.log(no), lambda: world.override(no, 1, description="x")):
        with pytest.raises(SegmentBusy):
            attempt()
    drain(world.sessions)

    assert rows_of(world) == before


STEPS = [
    (kind, step) for kind in (criteria.CriteriaActionKind, undo.Undo) for step in ("plan", "work", "finish")
]


@pytest.mark.parametrize(("kind", "step"), STEPS)
def test_a_death_before_the_commit_changes_nothing_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: type[Kind], step: str
) -> None:
    """S7: the connection breaks after the step wrote everything, on the first two tries."""
    deaths = iter(range(2))
    original = getattr(kind, step)

    def dying(self: Kind, session: Any, *arguments: Any) -> Any:
        done = original(self, session, *arguments)
        if next(deaths, None) is not None:
            session.flush()
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return done

    monkeypatch.setattr(kind, step, dying)
    numbers = world.companies(6)
    no = world.segment(numbers)
    world.override(no, 2, description="Personal")
    before = rows_of(world)

    ask(world, no, action="reduce", filters={"contact": {"no": numbers[:5]}})
    job = ask_undo(world, no)
    drain(world.sessions)

    assert state_of(world.sessions, job)["result"] == {"added": 5, "removed": 0}
    assert (rows_of(world), world.count("segment_line_removed")) == (before, 0)


@pytest.mark.parametrize("done", range(9))
def test_a_canceled_job_leaves_the_segment_as_it_was(world: World, done: int) -> None:
    """S7, J1: saved criteria that add and remove, an undo; canceled after so many chunks."""
    numbers = world.companies(6)
    no = world.segment(numbers[:3])
    world.override(no, 2, description="Personal")
    with world.transaction() as session:
        actor, segment = actors.system(session), segments.get(session, no)
        acts = [
            {"action": "add", "filters": {"all": True}, "options": {}},
            {"action": "reduce", "filters": {"contact": {"no": numbers[1:5]}}, "options": {}},
            {"action": "add", "filters": {"all": True}, "options": {}},
        ]
        before = list(session.execute(text("SELECT * FROM segment_line ORDER BY line_no")).all())
        job = criteria.enqueue(session, segment, kind="apply_criteria", parameters={}, acts=acts, actor=actor)
    for _ in range(done):
        work(world.sessions)
    world.cancel(job)
    drain(world.sessions)

    assert state_of(world.sessions, job)["state"] == "canceled"
    assert (rows_of(world), world.count("segment_line_removed"), world.count("criteria_action")) == (
        before,
        0,
        1,
    )

    ask(world, no, action="reduce", filters={"all": True})
    drain(world.sessions)
    job = ask_undo(world, no)
    for _ in range(min(done, 3)):
        work(world.sessions)
    world.cancel(job)
    drain(world.sessions)
    assert (rows_of(world), world.count("segment_line_removed")) == ([], 3)

    ask_undo(world, no)
    drain(world.sessions)
    assert rows_of(world) == before


def test_the_history_goes_with_the_segment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """S10"""
    for most in (10, 1):
        monkeypatch.setattr(segments, "DISCARD_AT_ONCE", most)
        no = world.segment(world.companies(3))
        ask(world, no, action="reduce", filters={"all": True})
        drain(world.sessions)
        with world.transaction() as session:
            segments.delete(session, segments.get(session, no), actor=actors.system(session))
        drain(world.sessions)
        assert [world.count(table) for table in ("segment", "segment_line_removed", "criteria_action")] == [
            0,
            0,
            0,
        ]
