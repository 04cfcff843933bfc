"""Add, reduce and refine with every option; saved criteria, reuse, mailing groups (S4 to S8, C2, C3)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    contacts,
    criteria,
    criteria_actions,
    job_engine,
    job_steps,
    mailing_group_fill,
    saved_criteria,
    segment_lines,
    segment_reuse,
    segments,
)
from domain.errors import Invalid
from domain.jobs import Job
from domain.segments import Segment

from .engine_helpers import drain, sessions_on, state_of, work
from .makers import faults_of, make_campaign, make_company, make_contact, make_salesperson, make_segment
from .worlds import World

# name -> company, excluded, blocked or erased, in group VIP
PEOPLE: dict[str, tuple[str | None, bool, bool, bool]] = {
    "Cane": (None, False, False, False),  # a company with people
    "Ann": ("Cane", False, False, True),
    "Bob": ("Cane", False, False, False),
    "Exc": ("Cane", True, False, True),
    "Blk": ("Cane", False, True, True),
    "Dane": (None, True, False, False),  # an excluded company
    "Dora": ("Dane", False, False, True),
    "Empty": (None, False, False, True),  # a company without people
    "Lone": (None, False, False, True),  # a person without company
    "Gone": ("Cane", False, True, True),  # erased
}
COMPANIES = ("Cane", "Dane", "Empty")


class Town:
    """The people above and a segment."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.actor = actors.system(session)
        numbers: dict[str, str] = {}
        for name, (company, excluded, blocked, member) in PEOPLE.items():
            make = make_company if name in COMPANIES else make_contact
            values: dict[str, Any] = {"company_no": numbers[company]} if company else {}
            made = make(
                session, name, exclude_from_segment=excluded, privacy_blocked=blocked and name != "Gone",
                mailing_groups=["VIP"] if member else [], **values,
            )  # fmt: skip
            numbers[name] = made.no
        session.execute(text("UPDATE contact SET erased_at = now() WHERE name = 'Gone'"))
        self.segment = session.get_one(Segment, make_segment(session))

    def do(self, action: str, filters: dict[str, Any], **options: bool) -> dict[str, Any]:
        values = {"action": action, "filters": filters, **options}
        counted = criteria.count(self.session, self.segment, values=values)
        job = criteria.request(self.session, self.segment, values=values, actor=self.actor)
        assert job_engine.do_if_small(self.session, job)
        assert job.result == counted
        self.session.refresh(self.segment)
        return counted

    def names(self) -> list[str]:
        lines = segment_lines.page(self.session, self.segment, filters={}, limit=1000)
        return [line["contact_name"] for line in lines]


@pytest.fixture
def town(session: Session) -> Town:
    return Town(session)


def expected(options: dict[str, bool], present: set[str]) -> dict[str, set[str]]:
    """What S5 says happens to each contact when the VIPs are added."""
    matched = {name for name, (*_, member) in PEOPLE.items() if member}
    companies = {PEOPLE[name][0] if name not in COMPANIES else name for name in matched} - {None}
    chosen = set(matched)
    if options["expand_companies"]:
        chosen |= {name for name, (company, *_) in PEOPLE.items() if company in companies}
    if options["include_related_companies"]:
        chosen |= {company for company in companies if company}
    found: dict[str, set[str]] = {"added": set(), "existing": set(), "excluded": set(), "blocked": set()}
    for name in chosen:
        _, excluded, blocked, _ = PEOPLE[name]
        if blocked:
            found["blocked"].add(name)
        elif name in present and not options["allow_existing"]:
            found["existing"].add(name)
        elif excluded and not options["ignore_exclusion"]:
            found["excluded"].add(name)
        else:
            found["added"].add(name)
    return found


ADDING = [name for name, actions in criteria.OPTIONS.items() if criteria.ADD in actions]


@pytest.mark.parametrize("chosen", list(itertools.product((False, True), repeat=len(ADDING))))
def test_every_combination_of_options_adds_whom_it_says(town: Town, chosen: tuple[bool, ...]) -> None:
    """S5, C2, C3"""
    town.do("add", {"contact": {"name": ["Ann", "Bob"]}})
    options = dict(zip(ADDING, chosen, strict=True))

    result = town.do("add", {"mailing_groups": "vip"}, **options)

    found = expected(options, {"Ann", "Bob"})
    assert sorted(town.names()[2:]) == sorted(found["added"])
    assert result == {**{name: len(names) for name, names in found.items()}, "removed": 0}
    action = criteria_actions.describe(town.session, criteria_actions.page(town.session, town.segment))[-1]
    assert action["options"] == {name: True for name, is_set in options.items() if is_set}
    assert {name: action[name] for name in result} == result


@pytest.mark.parametrize(
    ("action", "entire", "filters", "left"),
    [
        ("reduce", False, {"contact": {"name": "Ann"}}, ["Lone", "Cane", "Bob", "Dora", "Empty"]),
        ("reduce", True, {"contact": {"name": "Ann"}}, ["Lone", "Dora", "Empty"]),
        ("reduce", True, {"contact": {"name": "Lone"}}, ["Cane", "Ann", "Bob", "Dora", "Empty"]),
        ("reduce", True, {"contact": {"name": "Cane"}}, ["Lone", "Dora", "Empty"]),
        ("refine", False, {"contact": {"name": "Ann"}}, ["Ann"]),
        ("refine", True, {"contact": {"name": "Ann"}}, ["Cane", "Ann", "Bob"]),
        ("refine", True, {"contact": {"name": ["Lone", "Dora"]}}, ["Lone", "Dora"]),
        # Dane itself is not in the segment, so it decides nothing.
        ("reduce", True, {"contact": {"name": "Dane"}}, ["Lone", "Cane", "Ann", "Bob", "Dora", "Empty"]),
        ("reduce", False, {"all": True}, []),
        ("refine", False, {"all": True}, ["Lone", "Cane", "Ann", "Bob", "Dora", "Empty"]),
    ],
)
def test_reduce_removes_the_matching_lines_and_refine_keeps_only_them(
    town: Town, action: str, entire: bool, filters: dict[str, Any], left: list[str]
) -> None:
    """S6, S4"""
    town.do("add", {"all": True})

    result = town.do(action, filters, entire_companies=entire)

    assert town.names() == left
    assert result["removed"] == 6 - len(left)
    assert town.segment.lines_count == len(left)


def test_filters_look_at_the_contact_as_it_is_today(town: Town) -> None:
    """S6"""
    town.do("add", {"mailing_groups": "vip"})
    ann = contacts.page(town.session, filters={"q": ["Ann"]})[0]
    contacts.change(town.session, ann, values={"mailing_groups": ["OUT"]}, actor=town.actor)

    town.do("reduce", {"mailing_groups": "OUT"})

    assert "Ann" not in town.names()


def test_refine_takes_out_lines_whose_contact_is_gone(town: Town) -> None:
    """S6"""
    town.do("add", {"contact": {"name": "Ann"}})
    town.session.execute(text("UPDATE segment_line SET contact_id = 0"))
    assert town.do("refine", {"contact": {"type": "person"}})["removed"] == 1


def test_a_second_line_for_a_contact_is_counted_and_removed_as_well(town: Town) -> None:
    """S4"""
    town.do("add", {"contact": {"name": "Ann"}})
    town.do("add", {"contact": {"name": "Ann"}}, allow_existing=True)
    assert town.names() == ["Ann", "Ann"]
    assert town.do("reduce", {"contact": {"name": "Ann"}})["removed"] == 2


def test_a_job_that_must_wait_or_is_refused_is_left_to_workers(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S10"""
    values = {"action": "add", "filters": {"all": True}}

    def ask() -> Job:
        return criteria.request(town.session, town.segment, values=values, actor=town.actor)

    waiting, second = ask(), ask()
    assert not job_engine.do_if_small(town.session, second)
    assert job_engine.do_if_small(town.session, waiting)
    monkeypatch.setattr(criteria, "SMALL", 3)
    assert not job_engine.do_if_small(town.session, second)
    assert (second.state, town.names().count("Ann")) == ("queued", 1)


def test_what_goes_wrong_at_once_is_left_to_workers_without_a_trace(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(criteria, "INSERT_LINES", text("SELECT 1 / 0"))
    values = {"action": "add", "filters": {"all": True}}
    job = criteria.request(town.session, town.segment, values=values, actor=town.actor)

    assert not job_engine.do_if_small(town.session, job)

    assert (job.state, job.started_at, town.names()) == ("queued", None, [])


# With workers ---------------------------------------------------------------------------------------------


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(criteria, "CHUNK", 2)
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


def ask(world: World, no: str, request: Any = criteria.request, **values: Any) -> dict[str, Any]:
    """Ask for a job on a segment, do it and return how it ended."""
    with world.transaction() as session:
        job = request(session, segments.get(session, no), values=values, actor=actors.system(session))
    drain(world.sessions)
    return state_of(world.sessions, job)


def test_saved_criteria_are_replayed_on_todays_contacts_each_as_an_action_of_its_own(world: World) -> None:
    """S8: somebody came, somebody's salesperson changed, since they were saved."""
    with world.transaction() as session:
        make_salesperson(session, "LT")
    british = world.companies(4, country_code="GB")
    others = world.companies(2, country_code="DE", exclude_from_segment=True)
    first = world.segment()
    ask(
        world, first, action="add", filters={"contact": {"country_code": ["gb", "DE"]}}, ignore_exclusion=True
    )
    ask(world, first, action="refine", filters={"contact": {"salesperson_code": "jo"}})
    ask(world, first, action="reduce", filters={"contact": {"no": british[3]}})
    with world.transaction() as session:
        actor = actors.system(session)
        segment_lines.add(
            session,
            segments.get(session, first),
            contact_no=british[3],
            values={},
            allow_existing=False,
            actor=actor,
        )
        saved = saved_criteria.save(
            session, segments.get(session, first), values={"code": "UK", "description": "Ours"}, actor=actor
        )
        assert saved_criteria.describe(session, [saved])[0]["actions_count"] == 4
        contacts.change(
            session, contacts.get(session, british[0]), values={"salesperson_code": "LT"}, actor=actor
        )
    late = world.companies(1, country_code="GB")
    second = world.segment()

    job = ask(world, second, saved_criteria.apply, code="uk")

    assert job["state"] == "succeeded", job
    assert job["result"] == {"added": 8, "removed": 2, "excluded": 0, "existing": 0, "blocked": 0}
    assert job["total"] == 10
    assert sorted(line["contact_no"] for line in world.lines(second)) == sorted(
        [*british[1:], *others, *late]
    )
    with world.transaction() as session:
        kept = criteria_actions.describe(
            session, criteria_actions.page(session, segments.get(session, second))
        )
    assert [(a["action"], a["manual"], a["added"], a["removed"]) for a in kept] == [
        ("add", False, 7, 0), ("refine", False, 0, 1), ("reduce", False, 0, 1), ("add", False, 1, 0),
    ]  # fmt: skip


def test_saving_needs_a_free_code_and_actions(world: World) -> None:
    no = world.segment()
    with world.transaction() as session, pytest.raises(saved_criteria.NoActions):
        saved_criteria.save(
            session, segments.get(session, no), values={"code": "A"}, actor=actors.system(session)
        )
    ask(world, no, action="add", filters={"all": True})
    with world.transaction() as session:
        saved_criteria.save(
            session, segments.get(session, no), values={"code": "A"}, actor=actors.system(session)
        )
    for values, fault in (
        ({"code": "a"}, ("code", "already_exists")),
        ({}, ("code", "required")),
        ({"code": "B", "x": 1}, ("x", "unknown_field")),
    ):
        with world.transaction() as session, pytest.raises(Invalid) as refused:
            saved_criteria.save(
                session, segments.get(session, no), values=values, actor=actors.system(session)
            )
        assert faults_of(refused) == {fault}
    with pytest.raises(Invalid) as refused:
        ask(world, no, saved_criteria.apply, code="Z")
    assert faults_of(refused) == {("code", "unknown")}


def test_a_logged_segment_is_reused_with_the_campaigns_of_its_entries(world: World) -> None:
    """S8, C3"""
    with world.transaction() as session:
        one, two = make_campaign(session, no="CP1"), make_campaign(session, no="CP2")
    numbers = world.companies(5)
    first = world.segment(numbers[:4], campaign_no="CP1")
    world.override(first, 2, campaign_no="CP2")
    world.override(first, 3, campaign_no="")
    world.log(first)
    drain(world.sessions)
    with world.transaction() as session:
        contacts.change(
            session,
            contacts.get(session, numbers[3]),
            values={"privacy_blocked": True},
            actor=actors.system(session),
        )
        session.execute(text("UPDATE interaction SET canceled_at = now()"))
    second = world.segment([numbers[0], numbers[4]], campaign_no="CP2")

    job = ask(world, second, segment_reuse.request, logged_segment_no=1)

    assert job["result"] == {"added": 2, "removed": 0, "excluded": 0, "existing": 1, "blocked": 1}
    added = world.lines(second)[2:]
    assert [(line["contact_no"], line["effective"]["campaign_no"], line["overrides"]) for line in added] == [
        (numbers[1], "CP2", {}),
        (numbers[2], None, {"campaign_no": ""}),
    ]
    assert (one.no, two.no) == ("CP1", "CP2")
    with pytest.raises(Invalid) as refused:
        ask(world, second, segment_reuse.request, logged_segment_no=99)
    assert faults_of(refused) == {("logged_segment_no", "unknown")}


def members(world: World, code: str) -> set[str]:
    found = world.rows(
        "SELECT c.no FROM contact_membership m JOIN contact c ON c.id = m.contact_id WHERE m.code = :code",
        code=code,
    )
    return {row.no for row in found}


@pytest.mark.parametrize("replace", [False, True])
def test_a_mailing_group_is_filled_from_a_segment(world: World, replace: bool) -> None:
    """S8"""
    numbers = world.companies(4)
    before = world.companies(1, mailing_groups=["Vip"])
    no = world.segment([*numbers, *before])
    ask(world, no, action="reduce", filters={"mailing_groups": "VIP"})

    job = ask(world, no, mailing_group_fill.request, mailing_group="vip", replace=replace)

    assert job["result"] == {"added": 4, "removed": 1 if replace else 0}
    assert members(world, "Vip") == {*numbers, *(() if replace else before)}


def test_a_canceled_fill_leaves_the_group_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """J1"""
    monkeypatch.setattr(mailing_group_fill, "cut", lambda first, last, most: [
        job_steps.Chunk(n, n, 1) for n in range(first, last + 1)
    ])  # fmt: skip
    numbers = world.companies(3)
    (there,) = world.companies(1, mailing_groups=["VIP"])
    no = world.segment([*numbers, there])
    with world.transaction() as session:
        job = mailing_group_fill.request(
            session, segments.get(session, no), values={"mailing_group": "VIP"}, actor=actors.system(session)
        )
    for _ in range(5):
        work(world.sessions)
    assert members(world, "VIP") == {*numbers, there}
    world.cancel(job)
    drain(world.sessions)

    assert members(world, "VIP") == {there}


@pytest.mark.parametrize("entire_companies", [False, True])
@pytest.mark.parametrize("action", ["reduce", "refine"])
def test_lines_go_in_one_pass_in_a_segment_that_the_planner_has_not_heard_of(
    session: Session, action: str, entire_companies: bool
) -> None:
    """S6: it was filled just now; taken for one line, each of its lines was looked up in all contacts that match."""
    known, new = make_segment(session, "KNOWN"), make_segment(session, "NEW", lines_count=8_000)
    session.execute(
        text("""
            INSERT INTO contact (no, type, name)
            SELECT 'C' || n, 'company', 'Company ' || n FROM generate_series(1, 40000) n
        """)
    )
    fill = text("""
        INSERT INTO segment_line (segment_id, line_no, contact_id)
        SELECT :segment_id, row_number() OVER (ORDER BY id), id
        FROM (SELECT id FROM contact ORDER BY id LIMIT :lines) c
    """)
    session.execute(fill, {"segment_id": known, "lines": 40_000})
    for table in ("contact", "segment_line"):
        session.execute(text(f"ANALYZE {table}"))
    session.execute(fill, {"segment_id": new, "lines": 8_000})
    session.execute(text("SET LOCAL statement_timeout = '5s'"))
    options = {"entire_companies": True} if entire_companies else {}
    values = {"action": action, "filters": {"contact": {"name": ["57"]}}, **options}

    counts = criteria.count(session, session.get_one(Segment, new), values=values)

    matching = sum("57" in str(number) for number in range(1, 8_001))
    assert counts["removed"] == (matching if action == "reduce" else 8_000 - matching)
