"""The recorder: entries of document events (D2-D6), whatever the order in which they come."""

import random
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session, sessionmaker

from domain import (
    campaign_entries,
    campaigns,
    contacts,
    document_events,
    document_recording,
    erasure,
    personal_data,
    records,
    sql,
)
from domain.actors import Actor
from domain.contacts import Contact
from domain.database import transaction
from domain.document_events import Outcome
from domain.errors import Faults, InUse

from .engine_helpers import sessions_on
from .events import (
    entries,
    make_event,
    outcomes,
    print_document,
    reasons,
    receive,
    record,
    record_documents,
    set_window,
)
from .makers import make_campaign, make_company, make_contact, make_salesperson, wait_for_a_lock


@pytest.fixture
def customer(session: Session) -> Contact:
    """A company that is customer C100."""
    return make_company(session, no="CT1", accounts=[{"type": "customer", "no": "C100"}])


def test_an_entry_says_what_the_event_and_its_template_say(session: Session, customer: Contact) -> None:  # D4
    record_documents(
        session, unit_cost=Decimal("1.50"), unit_duration_min=2, information_flow="outbound", initiated_by="us",
        correspondence_type="hard_copy",
    )  # fmt: skip
    session.execute(text("UPDATE setup SET timezone = 'Europe/Moscow'"))
    print_document(session, id="1", time="2026-03-10T22:30:40Z", opportunity_no="OP7", user="anna")

    assert entries(
        session, "contact_id", "company_id", "date", "time_of_day", "description", "cost", "duration_min",
        "information_flow", "initiated_by", "correspondence_type", "language_code", "opportunity_no",
        "document_type", "document_no", "document_version", "document_occurrence", "times_printed",
        "salesperson_id", "logged_segment_no", "(SELECT name FROM actor WHERE id = actor_id)",
    ) == [
        (
            customer.id, customer.id, date(2026, 3, 11), time(1, 30, 40), "Printed document", Decimal("1.50"), 2,
            "outbound", "us", "hard_copy", None, "OP7", "sales_invoice", "INV-1", 0, 0, 1, None, None, "anna",
        )
    ]  # fmt: skip
    assert outcomes(session) == {"1": "recorded"}


def test_the_event_s_description_wins_over_the_template_s(session: Session, customer: Contact) -> None:  # D4
    record_documents(session)
    print_document(session, description="Invoice of March")
    assert entries(session, "description") == [("Invoice of March",)]


def test_the_contact_s_correspondence_type_wins_unless_the_template_ignores_it(
    session: Session,
) -> None:  # S3
    make_company(session, no="CT1", correspondence_type="fax", accounts=[{"type": "customer", "no": "C100"}])
    record_documents(session, "sales_invoice", correspondence_type="hard_copy")
    print_document(session)
    session.execute(text("UPDATE interaction_template SET ignore_contact_correspondence_type = true"))
    print_document(session, document_no="INV-2")

    assert entries(session, "correspondence_type") == [("fax",), ("hard_copy",)]


def test_without_a_template_it_is_ignored(session: Session, customer: Contact) -> None:  # D2
    record_documents(session, "sales_quote")
    print_document(session, id="1")

    assert outcomes(session) == {"1": "ignored"}
    assert reasons(session, "1") == [{"code": "no_template", "document_type": "sales_invoice"}]
    assert entries(session, "1") == []


@pytest.mark.parametrize(
    ("data", "outcome", "reason"),
    [
        ({"contact_no": "ct2"}, "recorded", None),
        ({"account_no": "c100"}, "recorded", None),
        ({"account_type": "contact", "account_no": "CT2"}, "recorded", None),
        ({"account_type": "customer", "account_no": "V4"}, "unresolved", ("no_contact", "customer", "V4")),
        ({"account_type": "vendor", "account_no": "V4"}, "recorded", None),
        ({"account_no": "V4"}, "unresolved", ("no_contact", "customer", "V4")),
        ({"account_no": "V4", "document_type": "purchase_order"}, "recorded", None),
        ({"contact_no": "NOBODY", "account_no": "C100"}, "unresolved", ("contact_unknown", "NOBODY")),
    ],
)
def test_the_contact_is_the_one_named_or_the_account_s(
    session: Session, customer: Contact, data: dict[str, str], outcome: str, reason: tuple[str, ...] | None
) -> None:  # D3
    make_contact(session, no="CT2", accounts=[{"type": "vendor", "no": "V4"}])
    record_documents(session, "sales_invoice", "purchase_order")
    print_document(session, id="1", **{"account_no": ..., **data})

    assert outcomes(session) == {"1": outcome}
    assert [set(each.values()) for each in reasons(session, "1")] == ([set(reason)] if reason else [])


@pytest.mark.parametrize("column", ["privacy_blocked = true", "erased_at = now()"])
def test_a_blocked_or_erased_contact_suppresses_it(
    session: Session, customer: Contact, column: str
) -> None:  # C3, D3
    session.execute(text(f"UPDATE contact SET {column}"))
    record_documents(session)
    print_document(session, id="1")

    assert outcomes(session) == {"1": "suppressed"}
    assert reasons(session, "1")[0]["contact_no"] == "CT1"
    assert entries(session, "1") == []


def test_what_is_written_about_an_erased_contact_is_not_kept(
    session: Session, customer: Contact, actor: Actor
) -> None:  # C4
    session.execute(text("UPDATE contact SET erased_at = now()"))
    record_documents(session)
    print_document(session, description="Invoice for Anna")

    assert "description" not in document_events.page(session, filters={}, reader=actor)[0]["data"]


def test_the_salesperson_is_the_event_s_or_that_of_a_contact_it_names(session: Session) -> None:  # D4
    own, other = make_salesperson(session, "JO"), make_salesperson(session, "HR")
    make_company(session, no="CT1", salesperson_code="JO", accounts=[{"type": "customer", "no": "C100"}])
    record_documents(session)
    for no, values in enumerate(({}, {"salesperson_code": "hr"}, {"contact_no": "CT1"}), start=1):
        print_document(session, document_no=f"INV-{no}", **values)

    assert entries(session, "salesperson_id") == [(None,), (other.id,), (own.id,)]


def test_unknown_salesperson_and_campaign_are_left_out_and_said(
    session: Session, customer: Contact
) -> None:  # D3
    record_documents(session)
    print_document(session, id="1", salesperson_code="XX", campaign_no="YY")

    assert outcomes(session) == {"1": "recorded"}
    assert [each["code"] for each in reasons(session, "1")] == ["salesperson_unknown", "campaign_unknown"]
    assert entries(session, "salesperson_id", "campaign_entry_no") == [(None, None)]


def test_documents_of_a_type_share_the_active_entry_of_their_campaign(
    session: Session, customer: Contact
) -> None:  # D5
    spring, autumn = make_campaign(session, no="SPRING"), make_campaign(session, no="AUTUMN")
    record_documents(session, "sales_invoice", "sales_quote", campaign_no="SPRING")
    print_document(session, document_no="1")
    print_document(session, document_no="2", time="2026-03-01T12:00:00Z")
    print_document(session, document_no="3", document_type="sales_quote")
    print_document(session, document_no="4", campaign_no="autumn")

    def shown(campaign: campaigns.Campaign) -> list[tuple[Any, ...]]:
        found = campaign_entries.describe(session, campaign_entries.of_campaign(session, campaign))
        return [
            (each["document_type"], each["description"], each["date"], each["interactions_count"])
            for each in found
        ]

    assert shown(spring) == [
        ("sales_invoice", "Sales invoice", date(2026, 3, 1), 2),
        ("sales_quote", "Sales quote", date(2026, 3, 10), 1),
    ]
    assert shown(autumn) == [("sales_invoice", "Sales invoice", date(2026, 3, 10), 1)]


def test_a_canceled_campaign_entry_is_not_used_again(session: Session, customer: Contact) -> None:  # I9
    campaign = make_campaign(session, no="SPRING")
    record_documents(session, campaign_no="SPRING")
    print_document(session, document_no="1")
    session.execute(text("UPDATE campaign_entry SET canceled_at = now()"))
    print_document(session, document_no="2")

    first, second = campaign_entries.of_campaign(session, campaign)
    assert entries(session, "campaign_entry_no") == [(first.entry_no,), (second.entry_no,)]


# The reprint guard (D6) ------------------------------------------------------------------------------------


def test_three_prints_within_a_day_are_one_entry(session: Session, customer: Contact) -> None:
    record_documents(session)
    for hour in (8, 12, 23):
        print_document(session, id=str(hour), time=f"2026-03-10T{hour:02}:00:00Z")

    assert entries(session, "times_printed", "time_of_day") == [(3, time(8))]
    assert outcomes(session) == {"8": "recorded", "12": "reprint", "23": "reprint"}


def test_with_a_window_of_zero_each_print_is_an_entry(session: Session, customer: Contact) -> None:
    record_documents(session)
    set_window(session, 0)
    for id in "abc":
        print_document(session, id=id)

    assert entries(session, "times_printed") == [(1,), (1,), (1,)]


def test_the_window_counts_from_the_print_that_opened_the_entry(session: Session, customer: Contact) -> None:
    record_documents(session)
    for id, when in (("1", "10T08"), ("2", "11T07"), ("3", "11T08"), ("4", "11T09")):
        print_document(session, id=id, time=f"2026-03-{when}:00:00Z")

    assert entries(session, "date", "times_printed") == [(date(2026, 3, 10), 2), (date(2026, 3, 11), 2)]


@pytest.mark.parametrize(
    "other",
    [
        {"document_version": 1}, {"document_occurrence": 1}, {"document_no": "INV-2"},
        {"document_type": "sales_quote"}, {"contact_no": "CT2"},
    ],
)  # fmt: skip
def test_another_version_occurrence_number_type_or_contact_is_another_entry(
    session: Session, customer: Contact, other: dict[str, Any]
) -> None:
    make_contact(session, no="CT2")
    record_documents(session, "sales_invoice", "sales_quote")
    print_document(session)
    print_document(session, **other)

    assert entries(session, "times_printed") == [(1,), (1,)]


def test_a_late_print_corrects_which_one_opened_the_entry(session: Session, customer: Contact) -> None:
    make_salesperson(session, "JO")
    spring, autumn = make_campaign(session, no="SPRING"), make_campaign(session, no="AUTUMN")
    record_documents(session)
    print_document(session, id="late", campaign_no="AUTUMN")
    (before,) = entries(session, "entry_no")
    print_document(
        session, id="early", time="2026-03-10T08:00:00Z", description="First", salesperson_code="JO",
        campaign_no="SPRING",
    )  # fmt: skip

    assert entries(session, "entry_no", "time_of_day", "description", "times_printed") == [
        (before[0], time(8), "First", 2)
    ]
    assert outcomes(session) == {"late": "reprint", "early": "recorded"}
    assert campaign_entries.of_campaign(session, autumn) == [], (
        "nothing of the order in which they came is left"
    )
    (entry,) = campaign_entries.of_campaign(session, spring)
    assert (entry.date, entry.salesperson_id is not None) == (date(2026, 3, 10), True)


def test_a_late_print_that_shifts_the_windows_opens_another_and_removes_none(
    session: Session, customer: Contact
) -> None:
    record_documents(session)
    for id, hours in (("b", 20), ("c", 40), ("a", 0)):
        when = datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=hours)
        print_document(session, id=id, time=when.isoformat().replace("+00:00", "Z"))

    assert outcomes(session) == {"a": "recorded", "b": "reprint", "c": "recorded"}
    assert entries(session, "date", "time_of_day", "times_printed") == [
        (date(2026, 3, 10), time(0), 2), (date(2026, 3, 11), time(16), 1),
    ]  # fmt: skip


def test_a_canceled_entry_still_counts_its_prints(session: Session, customer: Contact) -> None:
    record_documents(session)
    print_document(session)
    session.execute(text("UPDATE interaction SET canceled_at = now()"))
    print_document(session, time="2026-03-10T13:00:00Z")

    assert entries(session, "times_printed", "canceled_at IS NOT NULL") == [(2, True)]


def test_a_purged_entry_is_not_revived_and_the_next_print_opens_another(
    session: Session, customer: Contact, actor: Actor
) -> None:
    record_documents(session)
    print_document(session, id="1")
    print_document(session, id="2")
    session.execute(text("DELETE FROM interaction"))
    print_document(session, id="3", time="2026-03-10T13:00:00Z")

    assert entries(session, "times_printed") == [(1,)]
    shown = {each["id"]: each for each in document_events.page(session, filters={}, reader=actor)}
    assert [(shown[id]["outcome"], shown[id]["entry_no"] is None) for id in "123"] == [
        ("recorded", True), ("reprint", True), ("recorded", False),
    ]  # fmt: skip


def test_a_window_counts_as_it_was_when_the_event_came(session: Session, customer: Contact) -> None:
    record_documents(session)
    print_document(session, id="1")
    set_window(session, 0)
    print_document(session, id="2", time="2026-03-10T13:00:00Z")
    set_window(session, 24)
    print_document(session, id="3", time="2026-03-10T14:00:00Z")

    assert outcomes(session) == {"1": "recorded", "2": "recorded", "3": "reprint"}


def expected_entries(events: list[dict[str, Any]], window: timedelta) -> list[tuple[Any, ...]]:
    """Say D6 once more in Python: the entries that prints in order of time, source and id lead to."""
    documents = defaultdict(list)
    for event in events:
        data = event["data"]
        when = datetime.fromisoformat(event["time"])
        documents[data["document_no"], data["document_version"]].append(
            (when, event["source"], event["id"], data)
        )
    found = []
    for (no, version), prints in documents.items():
        opened: list[Any] | None = None
        for when, _, _, data in sorted(prints, key=lambda each: each[:3]):
            if opened is None or when - opened[0] >= window:
                opened = [when, data, 0]
                found.append((no, version, opened))
            opened[2] += 1
    return sorted(
        (no, version, when.date(), when.time(), data["description"], count)
        for no, version, (when, data, count) in found
    )


@pytest.mark.parametrize("seed", range(12))
def test_events_in_any_order_and_any_batches_give_the_same_entries(
    session: Session, customer: Contact, seed: int
) -> None:  # D6, RELIABILITY 3 case 22
    rng = random.Random(seed)
    window = rng.choice([0, 1, 24, 24, 100])
    record_documents(session)
    set_window(session, window)
    events = [
        make_event(
            source=rng.choice(["a", "b"]), id=f"{no:03}", document_no=f"INV-{rng.randrange(4)}",
            document_version=rng.randrange(2), description=f"print {no}",
            time=(datetime(2026, 3, 10, tzinfo=UTC) + timedelta(hours=rng.randrange(120))).isoformat(),
        )
        for no in range(60)
    ]  # fmt: skip
    rng.shuffle(events)
    waiting, counts = list(events), []
    while waiting:
        size = rng.randrange(1, 12)
        receive(session, *waiting[:size])
        document_recording.record_waiting(session, limit=rng.randrange(1, 20))
        waiting = waiting[size:]
        counts.append(len(entries(session, "1")))
    record(session)

    assert sorted(
        entries(
            session, "document_no", "document_version", "date", "time_of_day", "description", "times_printed"
        )
    ) == expected_entries(events, timedelta(hours=window))
    assert counts == sorted(counts), "an entry was removed"
    assert set(outcomes(session).values()) <= {"recorded", "reprint"}


# What may go wrong ---------------------------------------------------------------------------------------------


def test_one_recorder_at_a_time_records_a_document(fresh_db: str) -> None:
    with sessions_on(fresh_db) as sessions:
        with transaction(sessions) as session:
            receive(session, make_event(), make_event())
        with transaction(sessions) as first, transaction(sessions) as second:
            assert document_recording.record_waiting(first, limit=1) == 1
            assert document_recording.record_waiting(second) == 0


def test_recorders_record_documents_of_different_lanes_side_by_side(fresh_db: str) -> None:
    with sessions_on(fresh_db) as sessions:
        prepare(sessions, events=8)
        with transaction(sessions) as first, transaction(sessions) as second:
            assert document_recording.record_waiting(first, limit=1) == 1
            assert document_recording.record_waiting(second) > 1
        with transaction(sessions) as session:
            record(session)
            assert entries(session, "times_printed") == [(1,)] * 8


def test_recorders_stand_still_for_whoever_keeps_them_out(fresh_db: str) -> None:
    with sessions_on(fresh_db) as sessions:
        prepare(sessions)
        with transaction(sessions) as owner, transaction(sessions) as recorder:
            owner.execute(text(f"SELECT pg_advisory_xact_lock({records.RECORDING})"))
            assert document_recording.record_waiting(recorder) == 0


def test_recorders_share_a_campaign_entry_that_both_would_open(fresh_db: str) -> None:  # D5
    with sessions_on(fresh_db) as sessions, ThreadPoolExecutor(1) as pool:
        prepare(sessions, events=0)
        with transaction(sessions) as session:
            make_campaign(session, no="SPRING")
            days = {no: f"2026-03-{20 - no:02}T12:00:00Z" for no in range(8)}
            receive(
                session,
                *(
                    make_event(document_no=f"INV-{no}", campaign_no="SPRING", time=day)
                    for no, day in days.items()
                ),
            )

        with transaction(sessions) as session:
            assert document_recording.record_waiting(session, limit=1) == 1
            others = pool.submit(document_recording.work, sessions)
            wait_for_a_lock(session, others)
        assert others.result(timeout=30) > 1
        with transaction(sessions) as session:
            record(session)
            opened = session.execute(text("SELECT entry_no, date FROM campaign_entry")).all()
            assert [row.date for row in opened] == [date(2026, 3, 13)]
            assert set(entries(session, "campaign_entry_no")) == {(opened[0].entry_no,)}


def test_documents_are_spread_over_all_lanes(session: Session) -> None:
    found = session.scalars(text("SELECT recording_lane('INV-' || n) FROM generate_series(1, 1000) n"))
    assert set(found) == set(range(document_recording.LANES))


@pytest.mark.parametrize("statement", ["settle_events", "record_entries", "correct_entries"])
def test_a_plan_that_was_made_for_small_tables_reads_none_of_them_whole(
    session: Session, statement: str
) -> None:
    plan = kept_plan(session, sql.load(statement))
    for large in ("contact", "contact_account", "document_event", "interaction"):
        assert not re.search(rf"Seq Scan on {large}\b", plan), plan


def make_waiting(session: Session, count: int) -> None:
    session.execute(
        text("""
            INSERT INTO document_event (source, event_id, hash, door, actor_id, type, time, data, window_hours,
                                        document_type, document_no)
            SELECT 'a', n::text, decode(md5(n::text), 'hex'), 'stream', (SELECT min(id) FROM actor),
                   'document.printed', now(), '{}', 24, 'sales_invoice', n::text
            FROM generate_series(1, :count) n
        """),
        {"count": count},
    )
    session.execute(text("ANALYZE document_event"))


def test_a_batch_of_a_large_backlog_is_found_by_its_index(session: Session) -> None:
    make_waiting(session, 20_000)
    for statement, sorts in ((document_recording.CLAIM, 0), (document_recording.WAITING_LANES, 1)):
        plan = kept_plan(session, statement)
        assert "document_event_received_idx" in plan
        assert plan.count("Sort Key") == sorts, "lanes are put in order, not what waits there"


@pytest.mark.parametrize("statement", ["settle_events", "record_entries", "correct_entries"])
def test_prints_are_found_by_their_document_however_many_a_contact_has(
    session: Session, statement: str
) -> None:
    """Where all events wait, the statistics say that none has a contact."""
    make_waiting(session, 20_000)
    plan = kept_plan(session, sql.load(statement))
    assert "document_event_document_idx" in plan
    assert "document_event_contact_idx" not in plan


def test_who_wants_the_events_of_a_contact_has_their_index(session: Session) -> None:
    make_waiting(session, 20_000)
    session.execute(text("UPDATE document_event SET contact_id = 1 + position % 1000"))
    session.execute(text("ANALYZE document_event"))
    conditions, _ = document_events.conditions_of(session, {"contact_no": ["C1"]}, Faults())
    page = text(document_events.PAGE.format(conditions=" ".join(conditions), direction="DESC"))
    for statement in (page, personal_data.EVENTS, *erasure.BLANK_DOCUMENT_EVENTS):
        assert "document_event_contact_idx" in kept_plan(session, statement)


def kept_plan(session: Session, statement: TextClause) -> str:
    """The plan that a recorder keeps for a statement, whatever its values."""
    session.execute(document_recording.PLAN_ONCE)
    names = iter(range(1, 100))
    places = re.sub(
        r"%\((\w+)\)s",
        lambda _: f"${next(names)}",
        str(statement.compile(dialect=session.get_bind().dialect)),
    )
    with session.connection().connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {places.replace('%%', '%')}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_a_batch_that_is_interrupted_is_done_again_whole(fresh_db: str) -> None:
    with sessions_on(fresh_db) as sessions:
        prepare(sessions)
        with sessions() as session:
            document_recording.record_waiting(session)
            assert len(entries(session, "1")) == 3
            session.rollback()
        while document_recording.work(sessions):
            pass
        with transaction(sessions) as session:
            assert entries(session, "times_printed") == [(1,), (1,), (1,)]


def test_an_event_that_cannot_be_recorded_is_set_aside_and_the_others_go_on(fresh_db: str) -> None:  # D8
    with sessions_on(fresh_db) as sessions:
        prepare(sessions)
        with transaction(sessions) as session:
            session.execute(
                text(
                    "ALTER TABLE interaction ADD CONSTRAINT poison_check CHECK (document_no <> 'INV-1') NOT VALID"
                )
            )
        while document_recording.work(sessions):
            pass
        with transaction(sessions) as session:
            assert outcomes(session) == {"0": "recorded", "1": "unresolved", "2": "recorded"}
            assert reasons(session, "1")[0]["code"] == "recording_failed"
            assert "poison_check" in reasons(session, "1")[0]["error"]


def test_a_contact_is_not_deleted_while_its_document_is_recorded(fresh_db: str, actor: Actor) -> None:
    with sessions_on(fresh_db) as sessions, ThreadPoolExecutor(1) as pool:
        prepare(sessions)

        def delete() -> None:
            with transaction(sessions) as session:
                contacts.delete(session, contacts.get(session, "CT1"), actor=actor)

        with transaction(sessions) as session:
            document_recording.record_waiting(session)
            deletion = pool.submit(delete)
            wait_for_a_lock(session, deletion)
        with pytest.raises(InUse):
            deletion.result(timeout=30)


def prepare(sessions: sessionmaker[Session], *, events: int = 3) -> None:
    """A customer, a template and some events that wait, each of a document of its own."""
    with transaction(sessions) as session:
        make_company(session, no="CT1", accounts=[{"type": "customer", "no": "C100"}])
        record_documents(session)
        receive(session, *(make_event(id=str(no), document_no=f"INV-{no}") for no in range(events)))


def test_outcomes_that_need_attention_are_counted(session: Session) -> None:
    record_documents(session, "sales_quote")
    print_document(session)
    print_document(session, document_type="sales_quote")

    counted = document_events.counts(session, outcomes=(Outcome.IGNORED, Outcome.UNRESOLVED))
    assert counted == {Outcome.IGNORED: 1, Outcome.UNRESOLVED: 1}
