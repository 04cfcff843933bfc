"""S3: the SQL definition of effective values against the table of the rules, read row by row in Python."""

import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from domain import actors, contacts, segment_lines, segment_logging, segments, sql, templates
from domain.database import transaction

from .engine_helpers import drain, sessions_on
from .makers import make_campaign, make_company, make_contact, make_salesperson, make_template
from .worlds import World

LANGUAGES = [None, "en", "de", "ru", "fr"]
TYPES = [None, "hard_copy", "email", "fax"]
FLOWS = [None, "outbound", "inbound"]
SIDES = [None, "us", "them"]
# Each line as both views have it; a line that only one has is beside NULL.
BOTH_VIEWS = """
    SELECT to_jsonb(e) AS there, to_jsonb(b) AS by_contact
    FROM segment_line_effective e FULL JOIN segment_line_effective_by_contact b USING (segment_id, line_no)
"""
BLANKABLE = ("campaign_no", "correspondence_type", "language_code", "information_flow", "initiated_by")


@pytest.fixture
def world(fresh_db: str) -> Iterator[World]:
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


def first(*values: Any) -> Any:
    """The first value that is given; "" is given, and blank."""
    return next((None if value == "" else value for value in values if value is not None), None)


def expected(
    line: dict[str, Any], header: dict[str, Any], own: dict[str, Any], contact: dict[str, Any]
) -> Any:
    """S3, word for word; `own` is the template of the line, else of the header."""
    t = own
    s = {} if line.get("template_code") else header
    has = {item["language_code"]: item["subject"] or None for item in t["languages"]}
    language = first(
        line.get("language_code"),
        contact["language_code"] if contact["language_code"] in has else None,
        "" if header.get("language_code") == "" else None,
        header.get("language_code") if header.get("language_code") in has else None,
        t["language_code"],
    )
    description = first(line.get("description"), header["description"])
    return {
        "template_code": t["code"],
        "group_code": t["group_code"],
        "description": description,
        "salesperson_code": first(
            line.get("salesperson_code"), header.get("salesperson_code"), contact["salesperson_code"]
        ),
        "campaign_no": first(line.get("campaign_no"), header.get("campaign_no"), t["campaign_no"]),
        "cost": first(line.get("cost"), s.get("unit_cost"), t["unit_cost"]),
        "duration_min": first(line.get("duration_min"), s.get("unit_duration_min"), t["unit_duration_min"]),
        "information_flow": first(
            line.get("information_flow"), s.get("information_flow"), t["information_flow"]
        ),
        "initiated_by": first(line.get("initiated_by"), s.get("initiated_by"), t["initiated_by"]),
        "campaign_target": first(line.get("campaign_target"), s.get("campaign_target"), t["campaign_target"]),
        "campaign_response": first(
            line.get("campaign_response"), s.get("campaign_response"), t["campaign_response"]
        ),
        "correspondence_type": first(
            line.get("correspondence_type"),
            header.get("correspondence_type") if header.get("ignore_contact_correspondence_type") else None,
            (t["correspondence_type"] or "") if t["ignore_contact_correspondence_type"] else None,
            contact["correspondence_type"],
            header.get("correspondence_type"),
            t["correspondence_type"],
        ),
        "language_code": language,
        "subject": first(line.get("subject"), header.get("subject"), has.get(language), description),
        "date": first(line.get("date"), header["date"]),
        "evaluation": line.get("evaluation"),
    }


def maybe(rng: random.Random, chance: float, make: Any) -> Any:
    return make() if rng.random() < chance else None


def random_line(rng: random.Random) -> dict[str, Any]:
    """Overrides of a line: most are not given, some are blank on purpose."""
    choices: dict[str, list[Any]] = {
        "template_code": ["T0", "T1", "T2", "T3"],
        "description": ["Personal"],
        "subject": ["A subject of its own"],
        "salesperson_code": ["S0", "S1"],
        "campaign_no": ["CP0", "CP1"],
        "correspondence_type": TYPES[1:],
        "language_code": LANGUAGES[1:],
        "date": [date(2026, 5, 1)],
        "cost": [Decimal("0.00"), Decimal("7.25")],
        "duration_min": [0, 45],
        "information_flow": FLOWS[1:],
        "initiated_by": SIDES[1:],
        "campaign_target": [True, False],
        "campaign_response": [True, False],
        "evaluation": ["positive"],
    }
    given = {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.25}
    for name in BLANKABLE:
        if rng.random() < 0.08:
            given[name] = ""
    return given


def random_header(rng: random.Random) -> dict[str, Any]:
    header = {
        "unit_cost": maybe(rng, 0.4, lambda: Decimal("5.50")),
        "unit_duration_min": maybe(rng, 0.4, lambda: 15),
        "ignore_contact_correspondence_type": maybe(rng, 0.6, lambda: rng.random() < 0.5),
        **{
            name: value
            for name, value in random_line(rng).items()
            if name not in ("cost", "duration_min", "evaluation")
        },
    }
    header |= {
        "description": "The header's",
        "date": date(2026, 3, 10),
        "template_code": rng.choice(["T0", "T1"]),
    }
    return {name: value for name, value in header.items() if value is not None}


def make_master_data(world: World, rng: random.Random) -> list[str]:
    with world.transaction() as session:
        for code in ("S0", "S1"):
            make_salesperson(session, code)
        for no in ("CP0", "CP1"):
            make_campaign(session, no=no)
        for number in range(4):
            languages = rng.sample(LANGUAGES[1:], rng.randint(0, 3))
            make_template(
                session,
                f"T{number}",
                description=f"Template {number}",
                unit_cost=Decimal(number),
                unit_duration_min=number,
                information_flow=rng.choice(FLOWS),
                initiated_by=rng.choice(SIDES),
                correspondence_type=rng.choice(TYPES),
                ignore_contact_correspondence_type=rng.random() < 0.4,
                campaign_no=rng.choice([None, "CP0"]),
                campaign_target=rng.random() < 0.5,
                campaign_response=rng.random() < 0.5,
                languages=[
                    {"language_code": code, "subject": rng.choice(["", f"Subject {code}"])}
                    for code in languages
                ],
                language_code=rng.choice(languages) if languages else None,
            )
        company = make_company(session, "A company", salesperson_code="S0").no
        return [company] + [
            make_contact(
                session,
                f"Person {n:02}",
                company_no=rng.choice([None, company]),
                language_code=rng.choice(LANGUAGES),
                correspondence_type=rng.choice(TYPES),
                salesperson_code=rng.choice([None, "S0", "S1"]),
            ).no
            for n in range(25)
        ]


@pytest.mark.parametrize("seed", range(6))
def test_effective_values_are_those_of_the_rules(world: World, seed: int) -> None:
    rng = random.Random(seed)
    numbers = make_master_data(world, rng)
    with world.transaction() as session:
        people = {
            c["no"]: c for c in contacts.describe(session, [contacts.get(session, no) for no in numbers])
        }
        models = {
            t["code"]: t
            for t in templates.describe(session, [templates.get(session, f"T{n}") for n in range(4)])
        }
    for _ in range(4):
        header = random_header(rng)
        no = world.segment(numbers, **header)
        overrides = {line_no: random_line(rng) for line_no in range(1, len(numbers) + 1)}
        with world.transaction() as session:
            segment = segments.get(session, no)
            for line_no, values in overrides.items():
                line = segment_lines.get(session, segment, line_no)
                segment_lines.change(session, segment, line, values=values, actor=actors.system(session))

        for line in world.lines(no):
            own = overrides[line["line_no"]]
            model = models[own.get("template_code") or header["template_code"]]
            assert line["overrides"] == own
            assert line["effective"] == expected(own, header, model, people[line["contact_no"]])
    assert all(row.there == row.by_contact for row in world.rows(BOTH_VIEWS))


@pytest.mark.parametrize("seed", range(3))
def test_entries_say_what_their_lines_said(world: World, seed: int) -> None:
    """L4; texts that many entries share are kept once, and stay when templates change (T3)."""
    rng = random.Random(seed)
    numbers = make_master_data(world, rng)
    said = {}
    for _ in range(3):
        no = world.segment(numbers, **random_header(rng))
        for line_no in range(1, len(numbers) + 1, 2):
            world.override(no, line_no, **random_line(rng))
        for line in world.lines(no):
            said[no, line["line_no"]] = (line["effective"]["description"], line["effective"]["subject"] or "")
        world.log(no, on_invalid="skip")
        drain(world.sessions)
    with world.transaction() as session:
        for n in range(4):
            template = templates.get(session, f"T{n}")
            values = {"languages": [{"language_code": "en", "subject": "Later"}], "language_code": "en"}
            templates.change(session, template, values=values, actor=actors.system(session))

    entries = world.rows("""
        SELECT s.segment_no, (v.entry_no - s.first_entry_no + 1)::integer AS line_no, v.description, v.subject,
               i.subject AS own_subject, coalesce(s.subject, l.subject, v.description) AS common
        FROM interaction_visible v
        JOIN interaction i USING (entry_no)
        JOIN logged_segment s ON s.no = v.logged_segment_no
        LEFT JOIN interaction_template_version_language l
            ON l.version_id = i.template_version_id AND l.language_code = lower(i.language_code)
    """)
    shown = [(row, said[row.segment_no, row.line_no]) for row in entries]
    assert len(shown) > len(numbers)
    assert [(row.description, row.subject) for row, _ in shown] == [texts for _, texts in shown]
    assert not [row for row, _ in shown if row.own_subject is not None and row.own_subject == row.common]


def test_totals_of_a_segment_are_those_of_its_effective_lines(world: World) -> None:
    rng = random.Random(1)
    numbers = make_master_data(world, rng)
    no = world.segment(numbers, template_code="T3", unit_cost=Decimal("2.50"))
    for line_no in (2, 5, 9):
        world.override(no, line_no, **{"cost": Decimal("10"), **random_line(rng)})

    lines = world.lines(no)
    with world.transaction() as session:
        described = segments.describe(session, [segments.get(session, no)])[0]

    assert described["cost_total"] == sum(line["effective"]["cost"] for line in lines)
    assert described["duration_total_min"] == sum(line["effective"]["duration_min"] for line in lines)


def test_editing_the_header_touches_no_line(world: World) -> None:
    """S2: at no cost per line."""
    no = world.segment(world.companies(5))
    world.override(no, 2, description="Personal")
    before = list(world.rows("SELECT xmin::text, line_no FROM segment_line ORDER BY line_no"))

    with world.transaction() as session:
        segments.change(
            session, segments.get(session, no), values={"description": "New"}, actor=actors.system(session)
        )

    assert [line["effective"]["description"] for line in world.lines(no)] == [
        "New",
        "Personal",
        "New",
        "New",
        "New",
    ]
    assert list(world.rows("SELECT xmin::text, line_no FROM segment_line ORDER BY line_no")) == before


def test_the_overridden_lines_are_found_by_their_index(world: World) -> None:
    """The view's `overridden` must stay the very expression of the partial index."""
    no = world.segment(world.companies(3))
    with transaction(world.sessions) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = "\n".join(
            session.scalars(
                text(
                    "EXPLAIN SELECT line_no FROM segment_line_effective "
                    "WHERE segment_id = (SELECT id FROM segment WHERE no = :no) AND overridden"
                ),
                {"no": no},
            )
        )
    assert "segment_line_overridden_idx" in plan


def test_logging_reads_only_the_lines_of_its_range_and_sorts_them_before_anything_is_looked_up(
    world: World,
) -> None:
    values = {
        **dict.fromkeys(("first_entry_no", "logged_segment_no", "actor_id", "range_from"), 1),
        **dict.fromkeys(("campaign_id", "follow_up_id"), 0),
        **{"segment_id": 1, "range_to": 100_000, "description": "", "subject": None, "send": False},
    }
    with transaction(world.sessions) as session:
        for setting in segment_logging.TUNING:
            session.execute(setting)
        plan = list(session.scalars(text(f"EXPLAIN {sql.load('log_lines')}"), values))
    at, *others = (no for no, line in enumerate(plan) if "Sort Key: segment_line.contact_id" in line)
    assert not others
    (scan,) = (no for no, line in enumerate(plan) if "on segment_line" in line and "Scan" in line)
    assert at < scan
    assert "Index Cond" in plan[scan + 1], plan
    assert "(line_no >= " in plan[scan + 1], plan


def test_a_check_groups_repeated_contacts_once(world: World) -> None:
    """The statistics know nothing of a new segment: as a join, its contacts were grouped again for each line."""
    with transaction(world.sessions) as session:
        explain = text(f"EXPLAIN {sql.load('check_lines')}")
        plan = "\n".join(session.scalars(explain, {"segment_id": 2**31 - 1, "send": False, "days": 7}))
    repeated = [line for line in plan.splitlines() if "IS TRUE" in line]
    assert repeated
    assert all("hashed SubPlan" in line for line in repeated), plan
