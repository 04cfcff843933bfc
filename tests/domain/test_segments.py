"""Segments and their lines (S1, S2, S4, S5, S7, S9, S10)."""

from collections.abc import Iterator
from datetime import date

import pytest

from domain import (
    actors,
    contacts,
    criteria,
    criteria_actions,
    number_series,
    segment_check,
    segment_lines,
    segments,
    setup,
    templates,
)
from domain.actors import Actor, Role
from domain.errors import Invalid, NotFound

from .engine_helpers import drain, sessions_on, state_of, work
from .makers import faults_of, make_company, make_contact, make_salesperson
from .worlds import World


@pytest.fixture
def world(fresh_db: str) -> Iterator[World]:
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


def test_a_new_segment_takes_number_date_and_salesperson_by_default(world: World) -> None:
    """N1, S1"""
    with world.transaction() as session:
        system = actors.system(session)
        owner = make_salesperson(session, "HR")
        mine = Actor(id=system.id, name="hr", role=Role.MARKETING, salesperson_id=owner.id)
        segment = segments.create(session, values={"description": "Event"}, actor=mine)
        described = segments.describe(session, [segment])[0]
        today = setup.today(session)

    assert (described["no"], described["date"], described["salesperson_code"]) == ("SM00001", today, "HR")


def test_a_date_that_is_given_is_honoured_and_a_blank_one_stays_blank(world: World) -> None:
    """S1"""
    given = world.segment(date=date(2030, 1, 1))
    blank = world.segment(date=None)

    assert world.segment_row(given).date == date(2030, 1, 1)
    assert world.segment_row(blank).date is None


def test_every_fault_of_a_header_is_told_at_once(world: World) -> None:
    with world.transaction() as session, pytest.raises(Invalid) as refused:
        segments.create(
            session,
            values={
                "no": "bad no",
                "template_code": "NONE",
                "campaign_no": "NONE",
                "salesperson_code": "NONE",
                "correspondence_type": "pigeon",
                "unit_cost": -1,
                "subject": "",
                "colour": "red",
            },
            actor=actors.system(session),
        )

    assert faults_of(refused) == {
        ("no", "invalid"),
        ("template_code", "unknown"),
        ("campaign_no", "unknown"),
        ("salesperson_code", "unknown"),
        ("correspondence_type", "not_a_choice"),
        ("unit_cost", "negative"),
        ("subject", "invalid"),
        ("colour", "unknown_field"),
    }


def test_a_missing_number_series_is_refused_naming_the_setup_field(world: World) -> None:
    """N1"""
    with world.transaction() as session:
        setup.change(session, setup.get(session), values={"segment_nos": None}, actor=actors.system(session))
    with pytest.raises(number_series.NumberSeriesMissing) as refused:
        world.segment()
    assert faults_of(refused) == {("segment_nos", "number_series_missing")}


def test_a_number_is_unique_among_active_segments_ignoring_case(world: World) -> None:
    world.segment(no="Spring")
    with pytest.raises(Invalid) as refused:
        world.segment(no="SPRING")
    assert faults_of(refused) == {("no", "already_exists")}


def test_a_deleted_segment_is_gone_with_its_lines_and_its_number_is_free(world: World) -> None:
    """S10, N3"""
    no = world.segment(world.companies(3), no="SPRING")
    with world.transaction() as session:
        segments.delete(session, segments.get(session, no), actor=actors.system(session))

    assert (world.count("segment"), world.count("segment_line"), world.count("interaction")) == (0, 0, 0)
    assert world.segment(no="SPRING") == "SPRING"


def test_a_large_deleted_segment_is_gone_at_once_and_cleared_by_a_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "DISCARD_AT_ONCE", 2)
    no = world.segment(world.companies(3), no="SPRING")
    with world.transaction() as session:
        segments.delete(session, segments.get(session, no), actor=actors.system(session))
    with world.transaction() as session, pytest.raises(NotFound):
        segments.get(session, no)
    assert world.segment(no="SPRING") == "SPRING"

    drain(world.sessions)

    assert (world.count("segment"), world.count("segment_line")) == (1, 0)


def test_new_lines_follow_the_order_of_companies(world: World) -> None:
    """S4: no company first, company name, company number, the company before its people, name."""
    with world.transaction() as session:
        beta = make_company(session, "Beta").no
        alpha = make_company(session, "alpha").no
        second_alpha = make_company(session, "alpha").no
        for name, company in (
            ("Zoe", None),
            ("Ann", beta),
            ("Bob", alpha),
            ("Al", alpha),
            ("Cy", second_alpha),
        ):
            make_contact(session, name, company_no=company)
    no = world.segment()

    world.add(no, filters={"all": True})

    assert [(line["line_no"], line["contact_name"]) for line in world.lines(no)] == [
        (1, "Zoe"),
        (2, "alpha"),
        (3, "Al"),
        (4, "Bob"),
        (5, "alpha"),
        (6, "Cy"),
        (7, "Beta"),
        (8, "Ann"),
    ]


def test_numbers_of_lines_are_stable_and_go_on_after_the_last(world: World) -> None:
    """S4"""
    numbers = world.companies(4)
    no = world.segment(numbers[:3])
    with world.transaction() as session:
        segment = segments.get(session, no)
        segment_lines.remove(
            session, segment, segment_lines.get(session, segment, 2), actor=actors.system(session)
        )
    with world.transaction() as session:
        segment_lines.add(
            session, segments.get(session, no), contact_no=numbers[3], values={}, allow_existing=False,
            actor=actors.system(session),
        )  # fmt: skip

    assert [line["line_no"] for line in world.lines(no)] == [1, 3, 4]


def test_a_contact_is_on_several_lines_only_if_asked_for(world: World) -> None:
    """S4"""
    numbers = world.companies(1)
    no = world.segment(numbers)
    with world.transaction() as session, pytest.raises(segment_lines.ContactInSegment):
        segment_lines.add(
            session, segments.get(session, no), contact_no=numbers[0], values={}, allow_existing=False,
            actor=actors.system(session),
        )  # fmt: skip
    with world.transaction() as session:
        segment_lines.add(
            session, segments.get(session, no), contact_no=numbers[0], values={}, allow_existing=True,
            actor=actors.system(session),
        )  # fmt: skip

    assert [line["warnings"] for line in world.lines(no)] == [["duplicate_contact"], ["duplicate_contact"]]


def test_adding_many_names_every_unknown_number_and_adds_nothing(world: World) -> None:
    numbers = world.companies(2)
    no = world.segment()
    with world.transaction() as session, pytest.raises(Invalid) as refused:
        segment_lines.add_many(
            session, segments.get(session, no), contact_nos=[numbers[0], "X1", numbers[1], "X2"],
            allow_existing=False, actor=actors.system(session),
        )  # fmt: skip
    assert faults_of(refused) == {("contact_nos.1", "unknown"), ("contact_nos.3", "unknown")}
    assert world.lines(no) == []


def test_adding_many_counts_existing_blocked_and_excluded(world: World) -> None:
    """C2, C3"""
    plain, there = world.companies(2)
    (blocked,) = world.companies(1, privacy_blocked=True)
    (excluded,) = world.companies(1, exclude_from_segment=True)
    no = world.segment([there])
    with world.transaction() as session:
        added = segment_lines.add_many(
            session, segments.get(session, no), contact_nos=[plain, there, blocked, excluded, plain.lower()],
            allow_existing=False, actor=actors.system(session),
        )  # fmt: skip

    assert (added.added, added.existing, added.blocked, added.excluded) == (2, 1, 1, 1)
    assert [line["contact_no"] for line in world.lines(no)] == [there, plain, excluded]


def test_a_blocked_contact_is_refused_by_hand(world: World) -> None:
    """C3"""
    (blocked,) = world.companies(1, privacy_blocked=True)
    no = world.segment()
    with world.transaction() as session, pytest.raises(Invalid) as refused:
        segment_lines.add(
            session, segments.get(session, no), contact_no=blocked, values={}, allow_existing=False,
            actor=actors.system(session),
        )  # fmt: skip
    assert faults_of(refused) == {("contact_no", "privacy_blocked")}


def test_adding_by_filter_leaves_out_and_counts(world: World) -> None:
    """S5, C2, C3"""
    there, _ = world.companies(2, country_code="GB")
    world.companies(3, country_code="DE")
    world.companies(1, country_code="GB", privacy_blocked=True)
    world.companies(1, country_code="gb", exclude_from_segment=True)
    no = world.segment([there])
    asked = {"filters": {"contact": {"country_code": "Gb"}}}
    with world.transaction() as session:
        counted = criteria.count(session, segments.get(session, no), values=asked)

    job = world.add(no, **asked)

    result = {"added": 1, "removed": 0, "existing": 1, "excluded": 1, "blocked": 1}
    assert counted == result
    assert state_of(world.sessions, job)["result"] == result
    assert len(world.lines(no)) == 2
    assert world.segment_row(no).lines_count == 2


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"contact": {"type": "person"}}, {"Ann", "Bob"}),
        ({"contact": {"type": ["person", "company"]}}, {"Ann", "Bob", "Cane"}),
        ({"contact": {"name": "AN"}}, {"Ann", "Cane"}),
        ({"contact": {"name": "%"}}, set()),
        ({"contact": {"city": "PARIS"}}, {"Bob"}),
        ({"contact": {"city": "Par"}}, set()),
        ({"contact": {"salesperson_code": "hr"}}, {"Bob"}),
        ({"contact": {"type": "person", "city": "Paris"}}, {"Bob"}),
        ({"mailing_groups": ["vip"]}, {"Ann"}),
        ({"industry_groups": "retail"}, {"Cane", "Ann"}),
        ({"business_relations": "press"}, {"Cane", "Ann"}),
        ({"job_responsibilities": "buyer"}, {"Bob"}),
        ({"mailing_groups": "vip", "contact": {"city": "Paris"}}, set()),
        ({"contact": {"no": ["ct000001", "CT000003"]}}, {"Cane", "Bob"}),
        ({"all": True}, {"Ann", "Bob", "Cane"}),
    ],
)
def test_filters_mean_what_they_say(world: World, filters: dict[str, object], found: set[str]) -> None:
    """S5"""
    with world.transaction() as session:
        make_salesperson(session, "HR")
        cane = make_company(session, "Cane", industry_groups=["RETAIL"], business_relations=["Press"])
        make_contact(session, "Ann", company_no=cane.no, mailing_groups=["VIP"])
        make_contact(
            session, "Bob", city="Paris", salesperson_code="HR", job_responsibilities=["BUYER"],
            industry_groups=["FOOD"],
        )  # fmt: skip
    no = world.segment()

    world.add(no, filters=filters)

    assert {line["contact_name"] for line in world.lines(no)} == found


def test_no_filter_at_all_needs_an_explicit_all(world: World) -> None:
    """S5"""
    no = world.segment()
    with pytest.raises(Invalid) as refused:
        world.add(no, filters={})
    assert faults_of(refused) == {("filters", "filter_missing")}


def test_adding_in_chunks_by_two_keeps_the_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criteria, "CHUNK", 2)
    numbers = world.companies(7)
    no = world.segment(numbers[:1])

    job = world.add(no, filters={"all": True})

    assert [line["contact_no"] for line in world.lines(no)] == numbers
    assert (state_of(world.sessions, job)["total"], world.segment_row(no).last_line_no) == (6, 7)


def test_while_an_action_is_under_way_edits_are_refused(world: World) -> None:
    """S10"""
    no = world.segment(world.companies(3))
    with world.transaction() as session:
        criteria.request(
            session,
            segments.get(session, no),
            values={"filters": {"all": True}},
            actor=actors.system(session),
        )

    for attempt in (lambda: world.log(no), lambda: world.override(no, 1, description="x")):
        with pytest.raises(segments.SegmentBusy):
            attempt()
    drain(world.sessions)
    world.override(no, 1, description="now")


def test_a_canceled_action_takes_its_lines_out_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criteria, "CHUNK", 2)
    numbers = world.companies(7)
    no = world.segment(numbers[:1])
    with world.transaction() as session:
        job = criteria.request(
            session,
            segments.get(session, no),
            values={"filters": {"all": True}},
            actor=actors.system(session),
        )
    for _ in range(3):
        work(world.sessions)
    assert len(world.lines(no)) == 5

    world.cancel(job)
    drain(world.sessions)

    assert [line["contact_no"] for line in world.lines(no)] == numbers[:1]


def test_every_action_is_kept_manual_ones_too(world: World) -> None:
    """S7"""
    numbers = world.companies(3)
    no = world.segment(numbers[:1])
    world.add(no, filters={"all": True})
    with world.transaction() as session:
        segment = segments.get(session, no)
        segment_lines.remove(
            session, segment, segment_lines.get(session, segment, 2), actor=actors.system(session)
        )
    with world.transaction() as session:
        kept = criteria_actions.describe(session, criteria_actions.page(session, segments.get(session, no)))

    assert [(a["no"], a["action"], a["manual"], a["added"], a["removed"], a["user"]) for a in kept] == [
        (1, "add", True, 1, 0, "system"),
        (2, "add", False, 2, 0, "system"),
        (3, "reduce", True, 0, 1, "system"),
    ]


def test_the_check_counts_and_lists_by_kind(world: World) -> None:
    """S9"""
    numbers = world.companies(2) + world.companies(2, salesperson_code=None) + world.companies(1, email="")
    numbers += world.companies(1, exclude_from_segment=True)
    with world.transaction() as session:
        make_salesperson(session, "LEFT", blocked=False)
    no = world.segment(numbers)
    with world.transaction() as session:
        actor = actors.system(session)
        contacts.change(
            session, contacts.get(session, numbers[0]), values={"privacy_blocked": True}, actor=actor
        )
        templates.create(session, values={"code": "OLD", "group_code": "G-LETTER"}, actor=actor)
    world.override(no, 2, template_code="OLD")
    with world.transaction() as session:
        actor = actors.system(session)
        templates.change(session, templates.get(session, "OLD"), values={"retired": True}, actor=actor)
        checked = segment_check.check(session, segments.get(session, no))

    assert (checked["lines"], checked["ready"]) == (6, 2)
    assert {
        p["code"]: (p["count"], [line["line_no"] for line in p["lines"]]) for p in checked["problems"]
    } == {
        "privacy_blocked": (1, [1]),
        "template_retired": (1, [2]),
        "salesperson_missing": (2, [3, 4]),
    }
    assert {w["code"]: w["count"] for w in checked["warnings"]} == {"email_missing": 1, "excluded": 1}
    assert [line["line_no"] for line in world.lines(no, problem=["salesperson_missing"])] == [3, 4]
    assert [line["line_no"] for line in world.lines(no, problem=["any"])] == [1, 2, 3, 4]


def test_the_check_names_what_the_segment_itself_lacks(world: World) -> None:
    """S9"""
    no = world.segment(description="")
    with world.transaction() as session:
        checked = segment_check.check(session, segments.get(session, no))
    assert checked["problems"] == [
        {"code": "description_missing", "count": 1, "lines": []},
        {"code": "segment_empty", "count": 1, "lines": []},
    ]


def test_only_the_first_twenty_lines_of_a_problem_are_listed(world: World) -> None:
    no = world.segment(world.companies(25, salesperson_code=None))
    with world.transaction() as session:
        checked = segment_check.check(session, segments.get(session, no))
    (problem,) = checked["problems"]
    assert (problem["count"], [line["line_no"] for line in problem["lines"]]) == (25, list(range(1, 21)))


def test_an_active_entry_around_the_date_is_a_warning(world: World) -> None:
    """S9"""
    numbers = world.companies(2)
    world.log(world.segment(numbers[:1], date=date(2026, 3, 1)))
    drain(world.sessions)
    with world.transaction() as session:
        setup.change(
            session, setup.get(session), values={"contact_pressure_days": 10}, actor=actors.system(session)
        )
    near = world.segment(numbers, date=date(2026, 3, 11))
    far = world.segment(numbers, date=date(2026, 3, 12))

    assert [line["warnings"] for line in world.lines(near)] == [["contacted_recently"], []]
    assert [line["warnings"] for line in world.lines(far)] == [[], []]


def test_lines_are_paged_and_filtered(world: World) -> None:
    numbers = world.companies(5)
    no = world.segment(numbers)
    world.override(no, 4, description="Personal")
    with world.transaction() as session:
        segment = segments.get(session, no)
        page = segment_lines.page(session, segment, filters={}, after=2, limit=2)
    assert [line["line_no"] for line in page] == [3, 4]
    assert [line["line_no"] for line in world.lines(no, overridden=["true"])] == [4]
    assert [line["line_no"] for line in world.lines(no, contact_no=[numbers[1].lower()])] == [2]
    assert world.lines(no, contact_no=["NOBODY"]) == []


def test_a_retired_template_is_not_taken_for_new_work(world: World) -> None:
    """T3"""
    with world.transaction() as session:
        templates.change(
            session, templates.get(session, "LETTER"), values={"retired": True}, actor=actors.system(session)
        )
    with pytest.raises(Invalid) as refused:
        world.segment()
    assert faults_of(refused) == {("template_code", "template_retired")}
