"""Document events come in through three doors while something dies: one entry each (D1, issue 3)."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import text

from domain import hints
from domain.hints import STREAM
from tests.acceptance.client import Client
from tests.acceptance.company import Company
from tests.acceptance.stack import Stack, wait_for
from tests.domain.events import as_text, make_event

COUNT = 200


class Producer:
    """A billing system that knows all three doors."""

    def __init__(self, company: Company) -> None:
        self.stack = company.stack
        self.client: Client = company.client
        self._celery = Celery("billing", broker=self.stack.redis.url, set_as_current=False)
        for path, body in [
            ("/contacts", {"no": "K1", "name": "Kite", "accounts": [{"type": "customer", "no": "C100"}]}),
            ("/interaction-templates", {"code": "DOC", "group_code": "LETTERS", "description": "Document"}),
        ]:
            answer = self.client.post(path, {"type": "company", **body} if path == "/contacts" else body)
            assert answer.status in (201, 409), answer.text
        assert self.client.patch("/template-setup", {"sales_invoice": "DOC"}).status == 200

    def close(self) -> None:
        self.client.patch("/template-setup", {"sales_invoice": None})
        self._celery.close()

    def post(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """Send a batch over HTTP."""
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        answer = self.client.post("/document-events", json.dumps(events), headers=headers)
        assert answer.status == 202, answer.text
        received: dict[str, Any] = answer.json
        return received

    def add(self, events: list[dict[str, Any]]) -> None:
        """Put events into the stream, one by one."""
        with self.stack.broker() as broker:
            for event in events:
                broker.xadd(STREAM, {"event": as_text(event)})

    def send(self, events: list[dict[str, Any]]) -> None:
        """Send events as a Celery task."""
        self._celery.send_task("documents.receive", kwargs={"events": events}, queue=hints.DOCUMENTS_QUEUE)

    def missing(self, events: list[dict[str, Any]]) -> list[str]:
        """Ask which events have not arrived."""
        body = {"source": "billing", "ids": [event["id"] for event in events]}
        answer = self.client.post("/document-events/missing", body)
        assert answer.status == 200, answer.text
        ids: list[str] = answer.json["missing"]
        return ids

    def wait_until_recorded(self, events: list[dict[str, Any]]) -> None:
        """Wait until each event has its entry, and hold that there is exactly one."""
        wait_for(lambda: self.recorded() == len(events), f"{len(events)} events are recorded")
        rows = self.stack.rows(
            "SELECT count(*) AS entries, count(DISTINCT document_no) AS documents, min(times_printed) AS least, "
            "max(times_printed) AS most FROM interaction WHERE document_type IS NOT NULL"
        )
        assert tuple(rows[0]) == (len(events), len(events), 1, 1)
        assert self.stack.value("SELECT count(*) FROM document_event") == len(events)

    def recorded(self) -> int:
        return int(self.stack.value("SELECT count(*) FROM document_event WHERE outcome = 'recorded'"))


@pytest.fixture
def producer(company: Company) -> Iterator[Producer]:
    made = Producer(company)
    yield made
    made.close()


def make_events(prefix: str = "P", count: int = COUNT) -> list[dict[str, Any]]:
    return [make_event(id=f"{prefix}{no}", document_no=f"{prefix}-{no}") for no in range(count)]


def test_the_same_events_through_all_doors_at_once_have_one_entry_each(
    company: Company, producer: Producer
) -> None:  # case 9
    events = make_events()
    with ThreadPoolExecutor(3) as doors:
        done = [doors.submit(door, events) for door in (producer.post, producer.add, producer.send)]
    received = done[0].result()
    assert received["accepted"] + received["duplicates"] == COUNT
    wait_for(lambda: is_read(company.stack), "the stream is read")
    producer.wait_until_recorded(events)
    company.assert_sound()


def group(stack: Stack) -> dict[str, Any]:
    """Return what Redis knows of the group of consumers."""
    with stack.broker() as broker:
        groups: Any = broker.xinfo_groups(STREAM)
        found: dict[str, Any] = groups[0]
        return found


def is_read(stack: Stack) -> bool:
    """Tell whether the stream has nothing that is unread or not acknowledged."""
    found = group(stack)
    return not found["lag"] and not found["pending"]


def test_events_survive_the_death_of_every_process_that_handles_them(
    company: Company, producer: Producer
) -> None:  # cases 1 and 6: consumer, documents worker and worker, again and again while events come in
    stack, events = company.stack, make_events()
    for start in range(0, COUNT, 50):
        piece = events[start : start + 50]
        producer.add(piece)
        producer.send(piece)
        for name in ("consumer", "documents", "worker"):
            if leader := stack.leader(name):
                stack.kill(leader, number=signal.SIGKILL)
                wait_for(lambda name=name, leader=leader: stack.leader(name) not in (None, leader), name)
    producer.wait_until_recorded(events)
    wait_for(lambda: is_read(stack), "the stream is read")
    company.assert_sound()


def test_the_worker_dies_while_it_records(company: Company, producer: Producer) -> None:  # case 2
    """The batch is caught in the middle by holding a table that it needs."""
    stack, events = company.stack, make_events()
    with stack.engine().begin() as holding:
        holding.execute(text("LOCK TABLE interaction IN SHARE MODE"))
        producer.post(events)
        recording = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interlog-worker' "
            "AND wait_event_type = 'Lock' AND query LIKE '-- Write the entries%'"
        )
        wait_for(lambda: stack.value(recording) == 1, "a batch is being recorded")
        stack.kill(*stack.members("worker"))
    producer.wait_until_recorded(events)
    company.assert_sound()


def test_what_redis_lost_is_found_missing_and_sent_again(
    company: Company, producer: Producer
) -> None:  # case 8
    stack, events = company.stack, make_events()
    consumer = stack.leader("consumer")
    stack.kill(consumer, number=signal.SIGSTOP)
    producer.add(events)
    stack.redis.kill()
    stack.redis.start()
    stack.kill(consumer, number=signal.SIGCONT)
    assert len(producer.missing(events)) == COUNT
    producer.add([event for event in events if event["id"] in producer.missing(events)])
    producer.wait_until_recorded(events)
    assert producer.missing(events) == []
    assert stack.leader("consumer") == consumer
    company.assert_sound()


def test_garbage_in_the_queue_of_documents_disturbs_nobody_else(
    company: Company, producer: Producer
) -> None:  # case 17
    stack = company.stack
    leader, others = stack.leader("documents"), [stack.leader("worker"), stack.leader("consumer")]
    with stack.broker() as broker:
        broker.lpush(
            hints.DOCUMENTS_QUEUE,
            b"\xff\xfe garbage",
            b'{"task": "documents.receive"}',
            b'{"body": "bm90aGluZw==", "headers": {}}',
        )
    wait_for(lambda: stack.leader("documents") not in (None, leader), "another worker for documents")
    events = make_events()
    producer.send(events)
    producer.wait_until_recorded(events)
    assert [stack.leader("worker"), stack.leader("consumer")] == others
    company.assert_sound()


def test_without_postgresql_nothing_is_acknowledged_and_all_of_it_comes_in_later(
    company: Company, producer: Producer
) -> None:  # case 30
    stack, events = company.stack, make_events()
    consumer = stack.leader("consumer")
    stack.kill(stack.postgres.pid, number=signal.SIGQUIT)
    wait_for(lambda: not stack.postgres.is_running(), "PostgreSQL is away")
    producer.add(events[:100])
    producer.send(events[100:])
    wait_for(lambda: group(stack)["pending"], "entries are in hand")
    assert group(stack)["pending"] + group(stack)["lag"] == 100
    stack.postgres.start()
    producer.wait_until_recorded(events)
    wait_for(lambda: is_read(stack), "the stream is read")
    assert stack.leader("consumer") == consumer
    company.assert_sound()
