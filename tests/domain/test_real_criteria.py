"""Criteria on real contacts: organisations of the Research Organization Registry and those of CRONUS (S5 to S8)."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, criteria, job_engine, saved_criteria, segment_lines, segments, undo
from domain.segments import Segment

from .makers import make_segment

DATA = Path(__file__).parents[3] / "shared" / "data"
ORGANISATIONS, CRONUS = DATA / "organisations_ror.csv.gz", DATA / "cronus_contacts.csv"

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the folder ../shared/data with real data is not there"
)

COUNTRIES = ("DE", "FI", "TH")
Row = dict[str, str]


@pytest.fixture(scope="module")
def organisations() -> list[Row]:
    with gzip.open(ORGANISATIONS, "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["country_code"] in COUNTRIES]


@pytest.fixture(scope="module")
def cronus() -> list[Row]:
    with CRONUS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def put(session: Session, rows: list[Row]) -> None:
    """Put contacts in, without their links."""
    session.execute(
        text("""
            INSERT INTO contact (no, type, name, city, country_code)
            VALUES (:no, :type, :name, :city, :country_code) ON CONFLICT DO NOTHING
        """),
        rows,
    )


def of_organisation(row: Row) -> Row:
    return {
        "no": row["ror_id"],
        "type": "company",
        **{name: row[name] for name in ("name", "city", "country_code")},
    }


def of_cronus(row: Row) -> Row:
    kept = {name: row[name] for name in ("no", "name", "city", "country_code")}
    return {**kept, "type": row["type"].lower()}


@pytest.fixture
def segment(session: Session) -> Segment:
    return session.get_one(Segment, make_segment(session))


def do(session: Session, job: Any) -> dict[str, int]:
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(criteria, "SMALL", 1_000_000)
        assert job_engine.do_if_small(session, job), job.problem
    return job.result


def act(session: Session, segment: Segment, action: str, **contact: Any) -> dict[str, int]:
    values = {"action": action, "filters": {"contact": contact}}
    return do(session, criteria.request(session, segment, values=values, actor=actors.system(session)))


def numbers(session: Session, segment: Segment) -> list[str]:
    query = text(
        "SELECT c.no FROM segment_line l JOIN contact c ON c.id = l.contact_id WHERE segment_id = :id ORDER BY line_no"
    )
    return list(session.scalars(query, {"id": segment.id}))


def test_companies_of_three_countries_refined_reduced_undone_saved_and_replayed(
    session: Session, organisations: list[Row], cronus: list[Row], segment: Segment
) -> None:
    """S5 to S8: replayed after the rest has come."""
    actor = actors.system(session)
    half = len(organisations) // 2
    put(session, [of_organisation(row) for row in organisations[:half]])
    put(session, [of_cronus(row) for row in cronus])
    here = [*map(of_organisation, organisations[:half]), *map(of_cronus, cronus)]
    chosen = [row for row in here if row["country_code"] in COUNTRIES]
    companies = [row for row in chosen if row["type"] == "company"]
    elsewhere = [row for row in companies if row["city"].lower() != "berlin"]
    assert len(companies) > len(elsewhere) > 1000

    added = act(session, segment, "add", country_code=["de", "FI", "th"])
    assert added["added"] == len(chosen)
    assert sorted(numbers(session, segment)) == sorted(row["no"] for row in chosen)
    whole = numbers(session, segment)

    refined = act(session, segment, "refine", type="company")
    assert refined["removed"] == len(chosen) - len(companies)
    line = segment_lines.page(session, segment, filters={}, limit=1)[0]["line_no"]
    segment_lines.change(
        session,
        segment,
        segment_lines.get(session, segment, line),
        values={"description": "Ours"},
        actor=actor,
    )
    reduced = act(session, segment, "reduce", city="BERLIN")
    assert sorted(numbers(session, segment)) == sorted(row["no"] for row in elsewhere)
    saved_criteria.save(session, segment, values={"code": "THREE"}, actor=actor)

    for result in (reduced, refined):
        assert do(session, undo.request(session, segment, actor=actor)) == {
            "added": result["removed"],
            "removed": 0,
        }
    assert numbers(session, segment) == whole
    assert segment_lines.page(session, segment, filters={"overridden": ["true"]})[0]["line_no"] == line

    put(session, [of_organisation(row) for row in organisations[half:]])
    second = session.get_one(Segment, make_segment(session, "SM2"))
    do(session, saved_criteria.apply(session, second, values={"code": "three"}, actor=actor))
    everybody = [*map(of_organisation, organisations), *map(of_cronus, cronus)]
    assert sorted(numbers(session, second)) == sorted(
        row["no"]
        for row in everybody
        if row["country_code"] in COUNTRIES and row["type"] == "company" and row["city"].lower() != "berlin"
    )
    segments.delete(session, second, actor=actor)
