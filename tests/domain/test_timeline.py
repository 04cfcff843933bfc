"""The timeline of a contact: newest first, a company's people included, fast on a log of any size."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import sql, timeline
from domain.contacts import Contact
from domain.errors import Invalid
from domain.timeline import Place
from tests.domain import plans
from tests.domain.makers import (
    make_company,
    make_contact,
    make_entry,
    make_logged_segment,
    make_template,
)


def read(session: Session, contact: Contact, *, limit: int = 100, **options: Any) -> list[int]:
    """Read a timeline to its end; return the entry numbers."""
    found: list[dict[str, Any]] = []
    after = None
    while page := timeline.page(session, contact, after=after, limit=limit, **options):
        found += page
        after = timeline.place_of(page)
    return [entry["entry_no"] for entry in found]


def test_it_is_read_page_by_page_newest_first(session: Session) -> None:
    company = make_company(session)
    person = make_contact(session, company_no=company.no)
    former = make_contact(session)
    template = make_template(session)
    days = ["2026-03-10", "2026-03-12", "2026-03-10", "2026-03-11"]
    one, four, two, three = (
        make_entry(session, who, template, date=day)
        for who, day in zip((company, person, company, person), days, strict=True)
    )
    left = make_entry(session, former, template, date="2026-03-09", company_id=company.id)
    make_entry(session, make_contact(session, "Somebody else"), template)
    for limit in (1, 2, 3, 100):
        assert read(session, company, limit=limit) == [four, three, two, one, left]
        assert read(session, company, limit=limit, company=False) == [two, one]
        assert read(session, person, limit=limit) == [four, three]
        assert read(session, former, limit=limit) == [left]


def test_kinds_are_told_apart(session: Session) -> None:
    person, template = make_contact(session), make_template(session)
    make_entry(session, person, template)
    make_entry(session, person, template, contact_via="030 1")
    make_entry(session, person, template, document_type="sales_invoice", document_no="1", times_printed=2)
    make_entry(
        session, person, template, logged_segment_no=make_logged_segment(session), canceled_at="2026-03-11"
    )
    entries = timeline.page(session, person)
    assert [(entry["kind"], entry["canceled"]) for entry in entries] == [
        ("segment", True),
        ("document", False),
        ("call", False),
        ("manual", False),
    ]


def test_what_is_still_being_logged_is_left_out_and_pages_are_full(session: Session) -> None:
    """L8"""
    person, template = make_contact(session), make_template(session)
    seen = [make_entry(session, person, template, date="2026-03-01") for _ in range(2)]
    logging = make_logged_segment(session, status="logging")
    for _ in range(3):
        make_entry(session, person, template, logged_segment_no=logging)
    assert len(timeline.page(session, person, limit=2)) == 2
    assert read(session, person) == seen[::-1]


@pytest.mark.parametrize(
    "written", ["", "x", "2026-02-30~1", "2026-03-10", "2026-03-10~x", "2026-03-10~" + "9" * 30]
)
def test_a_place_is_read_as_it_was_written(written: str) -> None:
    with pytest.raises(Invalid):
        Place.read(written)
    assert str(Place.read("2026-03-10~12")) == "2026-03-10~12"


def test_a_page_comes_from_the_ends_of_two_indexes(session: Session) -> None:
    """A lost index, or a plan that sorts all entries of a company, would show here."""
    company = make_company(session)
    person = make_contact(session, company_no=company.no)
    template = make_template(session)
    session.execute(
        text("""
            INSERT INTO interaction (entry_no, contact_id, company_id, template_version_id, actor_id, date, description)
            SELECT n, CASE WHEN n % 2 = 0 THEN :company ELSE :person END, :company, :version, 1,
                   date '2020-01-01' + (n % 2000)::integer, 'x'
            FROM generate_series(1, 40000) n
        """),
        {"company": company.id, "person": person.id, "version": template.version_id},
    )
    session.execute(text("ANALYZE interaction"))
    plan = session.execute(
        text(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.load('timeline').text}"),
        {
            "contact_id": company.id, "with_people": True, "after_date": "2024-01-01", "after_entry_no": 5,
            "limit": 20,
        },
    ).scalar_one()  # fmt: skip
    nodes = list(plans.nodes(plan[0]["Plan"]))
    scanned = {node["Index Name"]: node for node in nodes if "Index Name" in node}
    for index in ("interaction_contact_id_idx", "interaction_company_id_idx"):
        assert scanned[index]["Actual Rows"] <= 20, json.dumps(plan, indent=1)
        assert scanned[index]["Scan Direction"] == "Backward"
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 100]
