"""Finding things by number, code or words of a name (docs/decisions/0028)."""

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import jobs, postponed, segments, thing_search
from domain.actors import Actor
from tests.domain import plans
from tests.domain.makers import (
    insert,
    make_campaign,
    make_company,
    make_contact,
    make_entry,
    make_logged_segment,
    make_salesperson,
    make_template,
)


def found(session: Session, typed: str, **options: Any) -> list[tuple[str, str]]:
    return [(thing.kind, thing.key) for thing in thing_search.find(session, typed=typed, **options)]


@pytest.mark.parametrize(
    "typed", ["Королёв", "королев", "КОРОЛ ал", "Алексей Королев", "  короЛЁВ   алекс ", "CT000001", "ct0000"]
)
def test_a_contact_is_found_by_beginnings_of_words_in_any_order_or_by_its_number(
    session: Session, typed: str
) -> None:
    contact = make_contact(session, "Алексей Королёв")
    make_contact(session, "Алексей Кораблев", no="X1")
    assert ("contact", contact.no) in found(session, typed)
    assert ("contact", "X1") not in found(session, typed)


@pytest.mark.parametrize(
    "typed", ["", "  ", "!?", "'", "\\", "a' | 'b", "%", "\x00", "x" * 5000, "a:*", "1e9", "٣"]
)
def test_whatever_is_typed_is_no_query(session: Session, typed: str) -> None:
    make_contact(session, "Somebody")
    assert found(session, typed) == []


def test_a_contact_whose_name_begins_with_what_was_typed_comes_first(session: Session) -> None:
    company = make_company(session, "Old Smith and Sons", no="A1")
    make_contact(session, "Smith Brothers", no="B1", company_no=company.no)
    make_contact(session, "Anna Smith", no="C1")
    assert found(session, "smith") == [("contact", "B1"), ("contact", "C1"), ("contact", "A1")]
    assert [thing.detail for thing in thing_search.find(session, typed="smith br")] == ["Old Smith and Sons"]
    assert len(found(session, "smith", limit=2)) == 2


def test_segments_are_found_until_they_are_gone(session: Session, actor: Actor) -> None:
    open_one = segments.create(session, values={"no": "SM7", "description": "Spring letter"}, actor=actor)
    hidden = segments.create(session, values={"no": "SM8", "description": "Spring call"}, actor=actor)
    hidden.status = segments.Status.HIDDEN
    session.flush()
    logged = make_logged_segment(session, "SM9", description="Spring fair")
    make_logged_segment(session, "SM10", description="Spring fair", deleted_at="2026-03-11")
    both = [("segment", open_one.no), ("logged_segment", str(logged))]
    assert found(session, "spring") == both
    assert found(session, "let spr") == both[:1]
    assert found(session, "sm9") == both[1:]
    assert found(session, "pring") == []
    assert ("logged_segment", str(logged)) in found(session, str(logged))


def test_entries_are_found_by_their_number_or_their_documents_number(session: Session, actor: Actor) -> None:
    """P2: what is postponed is no entry. L8: what is being logged is none yet."""
    contact, template = make_contact(session, "Anna"), make_template(session)
    entry_no = make_entry(session, contact, template, document_type="sales_invoice", document_no="INV-7")
    unfinished = make_logged_segment(session, "SM3", status="logging")
    hidden = make_entry(session, contact, template, logged_segment_no=unfinished)
    later = postponed.create(session, values={"contact_no": contact.no}, actor=actor)
    assert ("interaction", str(entry_no)) in found(session, str(entry_no))
    assert found(session, "INV-7") == [("interaction", str(entry_no))]
    assert ("interaction", str(hidden)) not in found(session, str(hidden))
    assert ("postponed_interaction", str(later.entry_no)) in found(session, str(later.entry_no))


def test_small_nouns_are_found_by_code_and_description(session: Session) -> None:
    make_campaign(session, no="CP5", description="Осенняя ёлка")
    make_template(session, "VISIT", description="Visit at the fair")
    make_salesperson(session, "JO", name="Jim Olive")
    assert found(session, "елка осен") == [("campaign", "CP5")]
    assert found(session, "cp") == [("campaign", "CP5")]
    assert found(session, "fair") == [("interaction_template", "VISIT")]
    assert found(session, "olive jim") == [("salesperson", "JO")]


def test_a_job_is_found_by_the_beginning_of_its_id_and_by_its_segment(session: Session, actor: Actor) -> None:
    job = jobs.create(session, kind="log_segment", parameters={"segment_no": "SM77"}, actor=actor)
    for typed in (str(job.id), str(job.id)[:8].upper(), str(job.id)[:13], "sm77"):
        assert found(session, typed) == [("job", str(job.id))], typed
    assert found(session, str(job.id)[:3]) == []


def test_among_many_contacts_only_those_that_match_are_read(session: Session) -> None:
    """A lost index would show here."""
    session.execute(
        text("""
            INSERT INTO contact (no, type, name)
            SELECT 'M' || n, 'person', 'Name' || n % 5000 || ' Surname' || n % 97 FROM generate_series(1, 30000) n
        """)
    )
    insert(session, "contact", {"no": "Z1", "type": "person", "name": "Zoe Needle"})
    session.execute(text("ANALYZE contact"))
    plan = _plan(session, "needle")
    scanned = [node for node in plans.nodes(plan) if node.get("Index Name") == "contact_name_words_idx"]
    assert scanned, json.dumps(plan, indent=1)
    assert all(node["Actual Rows"] <= 1 for node in plans.nodes(plan)), json.dumps(plan, indent=1)
    assert found(session, "need zo") == [("contact", "Z1")]


def _plan(session: Session, typed: str) -> dict[str, Any]:
    plan: dict[str, Any] = session.execute(
        text("""
            EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM contact
            WHERE to_tsvector('simple', translate(name, 'ёЁ', 'еЕ')) @@ to_tsquery('simple', :query) LIMIT 200
        """),
        {"query": f"'{typed}':*"},
    ).scalar_one()[0]["Plan"]
    return plan
