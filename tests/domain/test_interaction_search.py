"""Finding pages of the log (E1): whatever way is taken, the pages are those that reading everything gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, text

from domain import (
    entry_totals,
    interaction_filters,
    interaction_texts,
    interactions,
    interactions_in_segments,
    interactions_outside,
)
from domain.contacts import Contact
from domain.database import transaction
from domain.errors import Invalid
from domain.templates import InteractionTemplate

from . import plans
from .engine_helpers import drain, sessions_on, work
from .log_world import LogWorld
from .makers import (
    faults_of,
    insert,
    make_campaign,
    make_company,
    make_contact,
    make_group,
    make_salesperson,
    make_template,
)


@pytest.fixture(scope="module")
def world(database_url: str) -> Iterator[LogWorld]:
    """Six segments, one canceled, one deleted, one not summed up yet, one being logged; entries between them."""
    with sessions_on(database_url) as sessions:
        yield _filled(LogWorld(sessions))


def _filled(world: LogWorld) -> LogWorld:
    with world.transaction() as session:
        make_salesperson(session, "ED")
        make_template(session, "CALL", description="A call")
        make_template(session, "CARD", languages=[{"language_code": "DE", "subject": "Frohes Fest"}])
        make_campaign(session, no="CP1")
        firm = make_company(session, "Firm", no="FIRM", salesperson_code="ED")
        for number in range(3):
            make_contact(
                session, f"P{number}", no=f"P{number}", company_no="FIRM", salesperson_code="JO",
                language_code="de" if number else None,
            )  # fmt: skip
        people = [firm.no, "P0", "P1", "P2"]

    def log(own: dict[str, str] | None = None, **values: Any) -> int:
        no = world.segment(people, **values)
        world.override(no, 3, **(own or {}))
        world.log(no)
        drain(world.sessions)
        return int(next(world.rows("SELECT max(no) AS no FROM logged_segment")).no)

    def record(days: str, **columns: Any) -> None:
        with world.transaction() as session:
            contact = session.query(Contact).filter_by(no="P1").one()
            call = session.query(InteractionTemplate).filter_by(code="CALL").one()
            for day in days.split():
                insert(session, "interaction", {
                    "entry_no": session.scalar(text("SELECT next_entry_nos(1)")), "contact_id": contact.id,
                    "company_id": contact.company_id, "template_version_id": call.version_id, "actor_id": 1,
                    "date": day, "description": f"Spoken on {day}", **columns,
                })  # fmt: skip

    first = log(
        no="SM1", date=date(2026, 3, 1), campaign_no="CP1", description="Spring letter", subject="Hello"
    )
    record("2026-03-05 2026-02-01", document_type="sales_invoice", document_no="Inv/1")
    second = log(no="SM2", date=date(2026, 2, 1))
    record("2026-03-01 2026-03-02", evaluation="positive")
    deleted = log(no="SM3", date=date(2026, 3, 2), template_code="CALL")
    log(no="SM6", date=date(2026, 2, 2), template_code="CARD", own={"description": "Spoken kindly"})
    log(no="SM7", date=date(2026, 2, 3), template_code="CARD", own={"subject": "Hello you"})
    world.cancel_segment(deleted)
    world.cancel_entry(world.entry_nos(first)[0])
    world.cancel_segment(second)
    world.sum_up()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entry_totals, "SMALL", 0)
        log(no="SM4", date=date(2026, 3, 1))
    record("2026-04-01", salesperson_id=2, campaign_entry_no=world.campaign_entry_nos()[0])
    world.log(world.segment(people, no="SM5"))
    work(world.sessions)
    work(world.sessions)
    world.execute("UPDATE logged_segment SET deleted_at = now() WHERE no = :no", no=deleted)
    return world


VALUES: dict[str, list[str]] = {
    "contact_no": ["P1", "FIRM", "none"],
    "company_no": ["FIRM"],
    "salesperson_code": ["JO", "ED", "none"],
    "campaign_no": ["CP1", "none"],
    "campaign_entry_no": ["1"],
    "template_code": ["LETTER", "CALL"],
    "group_code": ["G-CALL"],
    "segment_no": ["SM1", "SM3", "SM4", "none"],
    "logged_segment_no": ["1", "4"],
    "document_type": ["sales_invoice", "none"],
    "document_no": ["Inv/1", "inv/1"],
    "date_from": ["2026-03-01"],
    "date_to": ["2026-03-01"],
    "canceled": ["true", "false"],
    "evaluation": ["positive", "none"],
    "user": ["system", "nobody"],
    "origin": ["manual", "segment", "document"],
    "q": ["letter", "spoken", "hello", "FEST", "%", "o"],
}
ONE = [{name: [value]} for name, values in VALUES.items() for value in values]
TWO = [{**a, **b} for a, b in itertools.combinations(ONE, 2) if a.keys() != b.keys()]


def everything(
    session: Any, filters: dict[str, list[str]], sort: str, *, most: int | None = None
) -> list[int]:
    """All that match, or the first of them, by looking at every entry."""
    made, parameters = interaction_filters.conditions(session, filters)
    column, direction = sort.lstrip("-"), "DESC" if sort.startswith("-") else "ASC"
    order = f"{column} {direction}, entry_no {direction}"
    query = f"SELECT i.entry_no FROM interaction_visible i WHERE true {' '.join(made)} ORDER BY {order}"
    return list(session.scalars(text(f"{query} LIMIT :most"), {**parameters, "most": most}))


@pytest.mark.parametrize("few", [1, 5000])
@pytest.mark.parametrize("sort", interactions.SORTS)
def test_pages_are_those_of_the_whole_log(
    world: LogWorld, sort: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions_in_segments, "FIRST_LOOK", 1)
    monkeypatch.setattr(interactions_outside, "FEW_OUTSIDE", few)
    monkeypatch.setattr(interactions_outside, "FEW_IN_ORDER", few)
    for name in ("SAMPLE", "NEAREST", "SELDOM"):
        monkeypatch.setattr(interaction_texts, name, few)
    with transaction(world.sessions) as session:
        for filters in [{}, *ONE, *TWO[:: 7 if sort != "-entry_no" else 3]]:
            wanted = everything(session, filters, sort)
            shown: list[int] = []
            after = None
            while True:
                page = interactions.page(session, filters=filters, after=after, limit=3, sort=sort)
                shown += [entry["entry_no"] for entry in page]
                if len(page) < 3:
                    break
                after = interactions.cursor(page[-1], sort=sort)
            assert shown == wanted, (filters, sort)


def test_pages_go_back_as_they_came(world: LogWorld) -> None:
    with transaction(world.sessions) as session:
        for sort in interactions.SORTS:
            first, second = (
                interactions.page(session, filters={}, after=after, limit=4, sort=sort)
                for after in (
                    None,
                    interactions.cursor(
                        interactions.page(session, filters={}, limit=4, sort=sort)[-1], sort=sort
                    ),
                )
            )
            back = interactions.page(
                session,
                filters={},
                after=interactions.cursor(second[0], sort=sort),
                limit=4,
                sort=interactions.OPPOSITE[sort],
            )
            assert back[::-1] == first


def test_every_page_together_is_the_whole_log(world: LogWorld) -> None:
    pages = interactions.every_page(world.transaction, filters={}, limit=4)
    shown = [entry["entry_no"] for page in pages for entry in page]
    with transaction(world.sessions) as session:
        assert shown == everything(session, {}, "-entry_no")


def test_filters_that_make_no_sense_are_refused(world: LogWorld) -> None:
    with transaction(world.sessions) as session, pytest.raises(Invalid) as refused:
        interactions.page(
            session, filters={"date_to": ["x"], "evaluation": ["fine"], "canceled": ["maybe"]}, after="x~y"
        )
    assert faults_of(refused) == {
        ("query.date_to", "invalid"),
        ("query.evaluation", "not_a_choice"),
        ("query.canceled", "not_a_choice"),
        ("query.after", "invalid"),
    }


# What leads to entries in a large log: a filter, and the index that its search must be able to use. With no other index
# and without sequential scans the planner takes it if it can, however small the table.
PLANS = {
    "interaction_contact_id_idx": "interaction WHERE contact_id = 1 ORDER BY date DESC, entry_no DESC",
    "interaction_company_id_idx": "interaction WHERE company_id = 1 AND company_id <> contact_id",
    "interaction_document_idx": "interaction WHERE document_no = 'x'",
    "interaction_evaluation_idx": "interaction WHERE evaluation = 'positive' ORDER BY entry_no DESC",
    "interaction_outside_idx": "interaction_outside ORDER BY entry_no DESC LIMIT 5",
    "interaction_outside_date_idx": "interaction_outside ORDER BY date DESC, entry_no DESC LIMIT 5",
    "interaction_outside_salesperson_idx": "interaction_outside WHERE salesperson_id = 1 ORDER BY entry_no DESC",
    "interaction_outside_template_idx": "interaction WHERE template_version_id = 1 AND logged_segment_no IS NULL",
    "interaction_outside_salesperson_date_idx": "interaction WHERE salesperson_id = 1 AND logged_segment_no IS NULL"
    " ORDER BY date DESC, entry_no DESC",
    "interaction_outside_template_date_idx": "interaction WHERE template_version_id = 1 AND logged_segment_no IS NULL"
    " ORDER BY date DESC, entry_no DESC",
    "interaction_outside_actor_idx": "interaction_outside WHERE actor_id = 1 ORDER BY entry_no DESC",
    "interaction_outside_actor_date_idx": "interaction WHERE actor_id = 1 AND logged_segment_no IS NULL"
    " ORDER BY date DESC, entry_no DESC",
    "interaction_evaluation_date_idx": "interaction WHERE evaluation = 'positive' ORDER BY date DESC, entry_no DESC",
    "interaction_outside_said_idx": "interaction_outside WHERE said ILIKE ANY(ARRAY['%letter%', '%call%'])",
    "interaction_personal_said_idx": "interaction_personal WHERE said ILIKE ANY(ARRAY['%letter%', '%call%'])",
    "interaction_personal_idx": "interaction_personal ORDER BY entry_no DESC LIMIT 5",
    "interaction_personal_date_idx": "interaction_personal ORDER BY date DESC, entry_no DESC LIMIT 5",
    "interaction_canceled_idx": "interaction WHERE canceled_at IS NOT NULL AND entry_no BETWEEN 1 AND 9",
    "interaction_campaign_entry_no_idx": "interaction WHERE campaign_entry_no = 1 AND logged_segment_no IS NULL "
    "ORDER BY date, time_of_day LIMIT 1",
    "interaction_campaign_entry_range_idx": "interaction WHERE campaign_entry_no = 1 AND logged_segment_no IS NULL "
    "AND entry_no BETWEEN 1 AND 9",
    "interaction_total_template_version_id_idx": "interaction_total WHERE template_version_id = 1",
    "interaction_total_salesperson_id_idx": "interaction_total WHERE salesperson_id = 1",
    "interaction_total_segment_template_idx": "interaction_total WHERE template_version_id = 1"
    " AND logged_segment_no IS NOT NULL",
    "interaction_total_segment_salesperson_idx": "interaction_total WHERE salesperson_id = 1"
    " AND logged_segment_no IS NOT NULL",
    "interaction_total_segment_template_date_idx": "interaction_total WHERE template_version_id = 1"
    " AND logged_segment_no IS NOT NULL ORDER BY date DESC LIMIT 5",
    "interaction_total_segment_salesperson_date_idx": "interaction_total WHERE salesperson_id = 1"
    " AND logged_segment_no IS NOT NULL ORDER BY date DESC LIMIT 5",
    "interaction_total_outside_template_idx": "interaction_total WHERE template_version_id = 1"
    " AND logged_segment_no IS NULL",
    "interaction_total_outside_salesperson_idx": "interaction_total WHERE salesperson_id = 1"
    " AND logged_segment_no IS NULL",
    "interaction_total_campaign_entry_no_idx": "interaction_total WHERE campaign_entry_no = 1",
    "interaction_total_logged_segment_no_idx": "interaction_total WHERE logged_segment_no = 1",
    "interaction_total_date_idx": "interaction_total WHERE date >= '2026-01-01'",
    "interaction_total_segment_date_idx": "interaction_total WHERE logged_segment_no IS NOT NULL"
    " ORDER BY date DESC LIMIT 5",
    "interaction_total_loose_idx": "interaction_total WHERE is_loose",
}


@pytest.mark.parametrize("index", PLANS)
def test_a_search_has_its_index(world: LogWorld, index: str) -> None:
    with world.sessions() as session:  # rolled back
        for other in PLANS.keys() - {index}:
            session.execute(text(f"DROP INDEX {other}"))
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(session.scalars(text(f"EXPLAIN SELECT FROM {PLANS[index]}")))
    assert index in plan, plan


def test_the_log_has_no_index_that_nobody_asked_for(world: LogWorld) -> None:
    """Each slows logging down: a new one needs a measurement and a line in docs/decisions/0011."""
    query = "SELECT indexname FROM pg_indexes WHERE tablename IN ('interaction', 'interaction_total')"
    names = {row.indexname for row in world.rows(query)}
    assert names == {"interaction_pkey", "interaction_total_pkey", *PLANS}


# Logged segments, each of one day, one template, one user; of ten entries, each of another salesperson. As in a company
# that prints many documents, most sums are of no segment.
SEGMENTS, ENTRIES = 5_000, 10
MANY = (
    "INSERT INTO actor (name) SELECT 'user' || n FROM generate_series(1, 4) n",
    "INSERT INTO salesperson (code, name) SELECT 'SP' || n, 'SP' || n FROM generate_series(1, 10) n",
    "INSERT INTO contact (no, type, name) VALUES ('M1', 'company', 'Many')",
    """
    INSERT INTO logged_segment (segment_id, segment_no, description, subject, date, actor_id, status, first_entry_no,
        last_entry_no, interactions_count, job_id, logged_at, summed_up_at)
    SELECT 0, 'MS' || n, 'Letter', 'Good news', date '2020-01-01' + n, a.id, 'logged', 10 * n, 10 * n + 9, 10,
           gen_random_uuid(), now(), now()
    FROM generate_series(1, :segments) n JOIN actor a ON a.name = 'user' || 1 + n % 4 ORDER BY n
    """,
    """
    INSERT INTO interaction (entry_no, contact_id, company_id, logged_segment_no, template_version_id, actor_id,
        salesperson_id, date, canceled_at, canceled_by)
    SELECT s.first_entry_no + n, k.id, k.id, s.no, t.version_id, s.actor_id, p.id, s.date,
           CASE WHEN n = 3 THEN now() END, CASE WHEN n = 3 THEN s.actor_id END
    FROM generate_series(0, 9) n
    JOIN salesperson p ON p.code = 'SP' || n + 1
    CROSS JOIN logged_segment s
    JOIN interaction_template t ON t.code = 'MT' || s.no % 8
    JOIN contact k ON k.no = 'M1'
    """,
    """
    INSERT INTO interaction_total (is_loose, logged_segment_no, template_version_id, salesperson_id, date, entries,
        interactions, cost, duration_min, target_contacts, responses)
    SELECT false, logged_segment_no, template_version_id, salesperson_id, date, 1, (canceled_at IS NULL)::integer,
           0, 0, 0, 0
    FROM interaction
    """,
    """
    INSERT INTO interaction_total (is_loose, template_version_id, date, entries, interactions, cost, duration_min,
        target_contacts, responses)
    SELECT false, t.version_id, date '2020-01-01' + n % 5000, 1, 1, 0, 0, 0, 0
    FROM generate_series(1, 100000) n JOIN interaction_template t ON t.code = 'MT' || n % 8
    """,
)  # fmt: skip
# Users are those of segments: by date what theirs have is read whole.
WIDE: tuple[dict[str, list[str]], ...] = (
    {"canceled": ["true"]}, {"canceled": ["false"]}, {"group_code": ["MG2"]}, {"origin": ["segment"]}, {"q": ["news"]},
    {"date_to": ["2021-06-01"]}, {"group_code": ["MG2"], "canceled": ["true"]},
)  # fmt: skip
IN_SEGMENTS = [
    *itertools.product(WIDE, interactions.SORTS),
    *itertools.product(
        (
            {"template_code": ["MT3"]},
            {"salesperson_code": ["SP4"]},
            {"template_code": ["MT3"], "canceled": ["true"]},
        ),
        interactions.SORTS,
    ),
    *itertools.product(({"user": ["user2"]},), ("entry_no", "-entry_no")),
]


@pytest.fixture(scope="module")
def many(postgres_server: Any, template_database: str) -> Iterator[Any]:
    """Sessions on a log of many segments, all of them summed up."""
    name = "interaction_search_many"
    url = postgres_server.create(name, template=template_database)
    with sessions_on(url) as sessions:
        with transaction(sessions) as session:
            groups = [make_group(session, f"MG{n}").code for n in range(4)]
            for n in range(8):
                make_template(session, f"MT{n}", group_code=groups[n % 4])
            for statement in MANY:
                session.execute(text(statement), {"segments": SEGMENTS})
        with transaction(sessions) as session:
            session.execute(text("ANALYZE"))
        yield sessions
    postgres_server.drop(name)


@pytest.mark.parametrize(("filters", "sort"), IN_SEGMENTS, ids=str)
def test_a_page_reads_few_sums_of_segments_however_many_there_are(
    many: Any, filters: dict[str, list[str]], sort: str
) -> None:
    with transaction(many) as session:
        first = interactions.page(session, filters=filters, limit=5, sort=sort)
        with _plans(session) as plans_of:
            page = interactions.page(
                session, filters=filters, limit=5, sort=sort, after=interactions.cursor(first[-1], sort=sort)
            )
        assert [entry["entry_no"] for entry in (*first, *page)] == everything(session, filters, sort, most=10)
    read = [_rows_read(plan, "interaction_total") for asked, plan in plans_of if "logged_segment s" in asked]
    assert 0 < sum(read) < SEGMENTS * ENTRIES / 20


@pytest.mark.parametrize("sort", interactions.SORTS)
def test_a_text_that_is_often_said_is_met_among_the_entries_of_one_salesperson(
    world: LogWorld, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not among the nearest of all, of whom hardly any are theirs."""
    monkeypatch.setattr(interactions_outside, "FEW_OUTSIDE", 10)
    filters = {"salesperson_code": ["ED"], "q": ["asked"]}
    with world.sessions() as session:  # rolled back
        session.execute(text(ASKED))
        session.execute(text("ANALYZE interaction"))
        with _plans(session) as plans_of:
            page = interactions.page(session, filters=filters, limit=5, sort=sort)
        assert [entry["entry_no"] for entry in page] == everything(session, filters, sort, most=5)
    read = [_rows_read(plan, "interaction") for asked, plan in plans_of if "interaction_outside" in asked]
    assert 0 < sum(read) < 500


# Of 12,000 entries without a segment, the 60 of one salesperson.
ASKED = """
    INSERT INTO interaction (entry_no, contact_id, company_id, template_version_id, actor_id, salesperson_id, date,
        description)
    SELECT f.first + n, k.id, k.company_id, t.version_id, 1, p.id, date '2026-01-01' + n / 100, 'Asked ' || n
    FROM (SELECT next_entry_nos(12000) AS first) f
    CROSS JOIN generate_series(0, 11999) n
    JOIN salesperson p ON p.code = CASE n % 200 WHEN 7 THEN 'ED' ELSE 'JO' END
    JOIN contact k ON k.no = 'P1'
    JOIN interaction_template t ON t.code = 'CALL'
"""


@contextmanager
def _plans(session: Any) -> Iterator[list[tuple[str, Any]]]:
    """List the statements of a block that read something, each with its plan and what that read."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    found: list[tuple[str, Any]] = []
    yield found
    event.remove(connection, "before_cursor_execute", note)
    for statement, parameters in asked:
        if not statement.startswith("SET"):
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            found.append((statement, plan.scalar_one()[0]["Plan"]))


def _rows_read(plan: Any, relation: str) -> int:
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in plans.nodes(plan)
        if node.get("Relation Name") == relation
    )
