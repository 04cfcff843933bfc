"""The inbox: each event once, conflicts kept aside, faults all at once (D1, D8, D9)."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, document_events, document_inbox
from domain.actors import Actor, Role
from domain.database import transaction
from domain.document_events import Door

from .engine_helpers import sessions_on
from .events import as_text, codes, make_event, outcomes, receive


def rows(session: Session, columns: str) -> list[Any]:
    return [
        tuple(row) for row in session.execute(text(f"SELECT {columns} FROM document_event ORDER BY position"))
    ]


def ledger(session: Session, actor: Actor, **filters: str) -> list[dict[str, Any]]:
    return document_events.page(
        session, filters={name.rstrip("_"): [value] for name, value in filters.items()}, reader=actor
    )


def test_an_event_is_stored_once_and_found_as_a_duplicate_after_that(session: Session) -> None:  # D1
    event = make_event(id="1")

    assert receive(session, event) == document_inbox.Receipt(1, 0, [])
    assert receive(session, event, event) == document_inbox.Receipt(0, 2, [])
    assert receive(session, as_text(event), door=Door.STREAM) == document_inbox.Receipt(0, 1, [])
    assert rows(session, "source, event_id, outcome, door") == [("billing", "1", "received", "http")]


def test_the_same_id_of_another_source_is_another_event(session: Session) -> None:  # D1
    receipt = receive(session, make_event(id="1"), make_event(id="1", source="quotes"))
    assert receipt.accepted == 2


def test_the_same_instant_in_another_zone_is_the_same_content(session: Session) -> None:  # D1
    receive(session, make_event(id="1", time="2026-03-10T12:00:00Z"))
    again = make_event(id="1", time="2026-03-10T15:00:00+03:00")
    again["data"] = dict(reversed(again["data"].items()))

    assert receive(session, again) == document_inbox.Receipt(0, 1, [])


@pytest.mark.parametrize(
    "other", [{"document_no": "INV-2"}, {"type": "document.sent"}, {"time": "2026-03-10T12:00:01Z"}]
)
def test_the_same_id_with_another_content_is_a_conflict_kept_beside_the_original(
    session: Session, actor: Actor, other: dict[str, str]
) -> None:  # D1
    receive(session, make_event(id="1"))
    for _ in range(2):
        receipt = receive(session, make_event(id="1", **other), door=Door.STREAM)
        assert [(r.code, r.source, r.id) for r in receipt.rejected] == [("event_conflict", "billing", "1")]

    (shown,) = ledger(session, actor)
    assert shown["data"]["document_no"] == "INV-1"
    assert [(conflict["door"], conflict["data"]["document_no"]) for conflict in shown["conflicts"]] == [
        ("stream", other.get("document_no", "INV-1"))
    ]
    assert len(ledger(session, actor, conflicts="true")) == 1
    assert ledger(session, actor, conflicts="false") == []


def test_within_a_batch_the_first_of_two_contents_stands(session: Session) -> None:
    receipt = receive(session, make_event(id="1"), make_event(id="1", document_no="X"), make_event(id="1"))

    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert [(each.index, each.code) for each in receipt.rejected] == [(1, "event_conflict")]
    assert rows(session, "document_no") == [("INV-1",)]


def test_an_event_without_time_gets_that_of_its_receipt_and_stays_a_duplicate(session: Session) -> None:  # D9
    event = make_event(id="1")
    del event["time"]
    receive(session, event)

    assert rows(session, "time = received_at") == [(True,)]
    assert receive(session, event).duplicates == 1


def test_all_faults_of_an_event_are_told_at_once(session: Session) -> None:  # D8
    event = make_event(
        id="", type="document.burnt", time="yesterday", specversion="0.3", document_type="love_letter",
        document_no=..., document_version=-1, account_no=..., colour="red", description="x" * 101,
    )  # fmt: skip
    assert codes(receive(session, event)) == [
        sorted([
            "id required", "type not_a_choice", "time invalid", "specversion not_a_choice",
            "data.document_type not_a_choice", "data.document_no required", "data.document_version negative",
            "data.account_no required", "data.colour unknown_field", "data.description too_long",
        ])
    ]  # fmt: skip
    assert rows(session, "1") == []


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ([], "event malformed"),
        ("{", "event malformed"),
        (b"\xff\xfe", "event malformed"),
        ('{"id": 1, "id": 2}', "event malformed"),
        (make_event(id="1\0"), "id invalid"),
        (make_event(id=7), "id invalid"),
        (make_event(document_no="A\0B"), "data.document_no invalid"),
        (make_event(description="A\0B"), "data.description invalid"),
        (make_event(description="\ud800"), "data.description invalid"),
        (make_event(extra="x" * 20_000), "event too_long"),
        (make_event(extra={"deep": ["\0"]}), "event invalid"),
        (make_event(extra="\ud800"), "event invalid"),
        ({**make_event(), "Bad Name": 1}, "event invalid"),
        ({**make_event(), "datacontenttype": "text/xml"}, "datacontenttype not_a_choice"),
        ({**make_event(), "data": None}, "data required"),
        ({**make_event(), "data": "text"}, "data invalid"),
        (make_event(time="2200-01-01T00:00:00Z"), "time invalid"),
        (make_event(time="1066-10-14T00:00:00Z"), "time invalid"),
        (make_event(time="2026-03-10T12:00:00"), "time invalid"),
        (make_event(document_version=1.5), "data.document_version invalid"),
        (make_event(document_version=True), "data.document_version invalid"),
    ],
)
def test_a_poisonous_event_is_rejected_and_the_one_beside_it_taken(
    session: Session, event: Any, fault: str
) -> None:  # D8
    receipt = receive(session, event, make_event(id="good"))

    assert fault in codes(receipt)[0]
    assert (receipt.rejected[0].index, receipt.accepted) == (0, 1)


def test_an_event_of_1970_is_taken(session: Session) -> None:
    assert receive(session, make_event(time="1970-01-01T00:00:00Z")).accepted == 1


@pytest.mark.parametrize("door", [Door.STREAM, Door.TASK])
def test_what_cannot_be_read_is_kept_once_with_its_text_where_nobody_is_answered(
    session: Session, actor: Actor, door: Door
) -> None:  # D8
    broken = make_event(id="1", document_type="love_letter")
    poison: tuple[Any, ...] = ('{"id": \0', as_text(broken)) if door is Door.STREAM else ("?", broken)
    for _ in range(2):
        receive(session, *poison, make_event(id="2"), door=door)

    rejected = ledger(session, actor, outcome="rejected")
    assert [(each["id"], each["door"]) for each in rejected] == [("1", door.value), (None, door.value)]
    assert "love_letter" in rejected[0]["raw"]
    assert rejected[0]["reasons"] == [
        {"code": "not_a_choice", "field": "data.document_type", "value": "love_letter"}
    ]
    assert receive(session, make_event(id="1")).accepted == 1, "mended, it comes in under the same id"


def test_what_cannot_be_read_is_not_kept_where_the_sender_is_answered(session: Session) -> None:  # D8
    receive(session, "?")
    assert rows(session, "1") == []


def test_attributes_that_nobody_knows_are_kept(session: Session, actor: Actor) -> None:
    receive(session, {**make_event(), "subject": "INV-1", "traceparent": "00-ab", "priority": 3})
    assert ledger(session, actor)[0]["attributes"] == {
        "subject": "INV-1",
        "traceparent": "00-ab",
        "priority": 3,
    }


def test_a_producer_learns_which_of_its_ids_have_not_arrived(session: Session) -> None:  # D9
    receive(session, make_event(id="b"), make_event(id="c", source="quotes"))
    receive(session, make_event(id="d", document_no=...), door=Door.STREAM)

    assert document_events.missing(session, source="billing", ids=["d", "a", "b", "c", "a"]) == [
        "d",
        "a",
        "c",
    ]


def test_events_are_those_of_the_user_they_name_or_of_who_sent_them(session: Session) -> None:
    receive(session, make_event(id="1"), make_event(id="2", user="Anna"), make_event(id="3", user="anna"))
    names = session.execute(
        text("SELECT a.name FROM document_event e JOIN actor a ON a.id = e.actor_id ORDER BY e.event_id")
    )
    assert list(names.scalars()) == ["system", "Anna", "Anna"]


def test_a_service_reads_the_events_of_the_sources_it_sent(session: Session) -> None:  # U1
    sender = Actor(actors.claim_name(session, "billing"), "billing", Role.SERVICE)
    other = Actor(actors.claim_name(session, "quotes"), "quotes", Role.SERVICE)
    event = document_inbox.of_value(make_event(id="1"))
    document_inbox.receive(session, events=[event], door=Door.HTTP, actor=sender)

    assert [each["id"] for each in ledger(session, sender)] == ["1"]
    assert ledger(session, other) == []


def test_the_ledger_is_filtered_and_paged_newest_first(session: Session, actor: Actor) -> None:  # D7
    receive(
        session,
        make_event(id="1", document_no="INV-1", time="2026-03-10T12:00:00Z"),
        make_event(id="2", document_no="INV-2", time="2026-03-11T12:00:00Z", source="quotes"),
    )

    def found(**filters: str) -> list[str]:
        return [each["id"] for each in ledger(session, actor, **filters)]

    assert found() == ["2", "1"]
    assert found(document_no="INV-1") == ["1"]
    assert found(source="quotes") == ["2"]
    assert found(id="2", source="quotes") == ["2"]
    assert found(from_="2026-03-11T00:00:00Z") == ["2"]
    assert found(to="2026-03-11T12:00:00Z") == ["1"]
    assert found(outcome="recorded") == []
    assert found(contact_no="NOBODY") == []
    newest = ledger(session, actor)[0]
    page = document_events.page(session, filters={}, reader=actor, after=str(newest["position"]))
    assert [each["id"] for each in page] == ["1"]


def test_the_same_events_through_three_doors_at_once_are_there_once(fresh_db: str) -> None:
    events = [make_event(id=f"E{n}") for n in range(200)]

    def send(door: Door) -> tuple[int, int]:
        with transaction(sessions) as session:
            receipt = receive(session, *(events if door is Door.HTTP else events[::-1]), door=door)
        return receipt.accepted, receipt.duplicates

    with sessions_on(fresh_db) as sessions, ThreadPoolExecutor(3) as pool:
        receipts = list(pool.map(send, Door))
        with transaction(sessions) as session:
            assert len(outcomes(session)) == 200
    assert sum(accepted for accepted, _ in receipts) == 200
    assert all(accepted + duplicates == 200 for accepted, duplicates in receipts)


def test_a_number_means_the_same_however_it_is_written(session: Session) -> None:
    """D1: the doors read JSON in different ways; the same event is no conflict."""
    event = make_event(document_version=2)
    receipt = receive(session, event, as_text(event).replace(": 2,", ": 2.0,"))
    assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (1, 1, [])
    assert receive(session, {**event, "data": {**event["data"], "document_version": 2.0}}).duplicates == 1


@pytest.mark.parametrize(
    ("time", "kept"), [("2026-03-10T15:00:00+03:00", '"2026-03-10T12:00:00+00:00"'), (None, "null")]
)
def test_what_an_event_is_known_by_stays_the_same(session: Session, time: str | None, kept: str) -> None:
    """D1: years later the same event is still a duplicate."""
    receive(session, make_event(time=time, document_version=2, description='Ü "1"'))
    data = (
        r'{"account_no":"C100","description":"Ü \"1\"","document_no":"INV-1",'
        r'"document_type":"sales_invoice","document_version":2}'
    )
    known_by = f'["document.printed",{kept},{data}]'
    assert rows(session, "encode(hash, 'hex')") == [(hashlib.sha256(known_by.encode()).hexdigest(),)]


def test_numbers_that_are_none_or_without_end_stop_nothing(session: Session) -> None:
    """D8"""
    endless = as_text(make_event(id="endless", extra="X")).replace('"X"', "1e999999999")
    none = make_event(id="none", extra=float("nan"))
    receipt = receive(session, endless, none, make_event(document_version=float("nan")), door=Door.TASK)
    assert receipt.accepted == 1
    assert codes(receipt) == [["event invalid"], ["data.document_version invalid"]]
