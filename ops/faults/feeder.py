"""A billing system that knows all three doors for document events, and remembers what it sent."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from random import Random
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from domain import hints
from domain.hints import STREAM
from ops.faults.company import Company
from ops.faults.stack import wait_for

SOURCE = "invoicing"
BATCH_TYPE = "application/cloudevents-batch+json"
# What is asked for at once by `missing`.
_MOST_IDS = 1_000
_PAUSE = 0.1

Event = dict[str, Any]


class Feeder:
    """Prints documents of one customer and sends the events. Its customer and template are made with it.

    Parameters
    ----------
    company
        Whom it works for; its oracle holds the inbox against what was sent.
    rng
        Decides which doors are taken, and how many events at once.

    Attributes
    ----------
    doors
        The three doors by name, each a function that takes events.
    """

    def __init__(self, company: Company, rng: Random) -> None:
        self.company = company
        self.doors: dict[str, Callable[[Sequence[Event]], object]] = {
            "http": self.post,
            "stream": self.add,
            "task": self.send,
        }
        self._rng = rng
        self._numbers = itertools.count(1)
        # What came by the one door that may lose it: between a worker's BRPOP and its note of it (RELIABILITY 1).
        self.ids_by_task: set[str] = set()
        self._celery = Celery("billing", broker=company.stack.redis.url, set_as_current=False)
        self._celery.conf.update(hints.BROKER)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._fault: Exception | None = None
        company.record_documents()

    def close(self) -> None:
        """Stop, and let go of the broker."""
        self.stop()
        self._celery.close()

    def make(self, count: int, **values: Any) -> list[Event]:
        """Make events that are valid, each of a document of its own."""
        return [self._event(number, values) for number in itertools.islice(self._numbers, count)]

    def _event(self, number: int, values: dict[str, Any]) -> Event:
        envelope = {
            "specversion": "1.0",
            "id": f"F{number}",
            "source": SOURCE,
            "type": "document.printed",
            "time": "2026-03-10T12:00:00Z",
        }
        data = {"document_type": "sales_invoice", "document_no": f"F-{number}", "account_no": "C100"}
        for name, value in values.items():
            (envelope if name in envelope else data)[name] = value
        return {**envelope, "data": data}

    # The doors

    def post(self, events: Sequence[Event]) -> dict[str, Any]:
        """Send a batch over HTTP, again and again until it is answered with yes; return the answer."""
        self._remember(events)
        received: dict[str, Any] = wait_for(lambda: self.try_post(events), "a batch is taken", seconds=60)
        return received

    def try_post(self, events: Sequence[Event]) -> dict[str, Any] | None:
        """Send a batch over HTTP once; return None when nobody answers, or says to come again."""
        headers = {"Content-Type": BATCH_TYPE}
        try:
            answer = self.company.client.post("/document-events", json.dumps(events), headers=headers)
        except (OSError, HTTPException):
            return None
        if answer.status in (429, 503):
            assert int(answer.headers["retry-after"]) > 0
            return None
        assert answer.status == 202, answer.text
        received: dict[str, Any] = answer.json
        return received

    def add(self, events: Sequence[Event]) -> None:
        """Put events into the stream, one by one; while Redis is away, later."""
        self._remember(events)
        with self.company.stack.broker() as broker:
            for event in events:
                self._insist(broker.xadd, STREAM, {"event": json.dumps(event)})

    def send(self, events: Sequence[Event]) -> None:
        """Send events as a Celery task; while Redis is away, later."""
        self._remember(events)
        self.ids_by_task.update(event["id"] for event in events)
        options = {"kwargs": {"events": list(events)}, "queue": hints.DOCUMENTS_QUEUE}
        self._insist(self._celery.send_task, hints.RECEIVE_TASK, **options)

    def _insist(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        def done() -> bool:
            try:
                call(*arguments, **options)
            except (redis.RedisError, OperationalError, OSError):
                time.sleep(_PAUSE)
                return False
            return True

        wait_for(done, "the broker takes it", seconds=60)

    def _remember(self, events: Sequence[Event]) -> None:
        self.company.sent_ids.update(event["id"] for event in events)

    # A stream of events

    def start(self, *, per_second: float = 50, doors: Sequence[str] = ("http", "stream", "task")) -> None:
        """Send events of their own through doors taken at random, in the background, until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(per_second, doors), daemon=True, name="feeder"
        )
        self._thread.start()

    def stop(self) -> None:
        """Send no more; return when the last one is handed over, or raise what went wrong."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault

    def ask_to_stop(self) -> None:
        """Send no more, without waiting."""
        self._stopping.set()

    def _run(self, per_second: float, doors: Sequence[str]) -> None:
        try:
            while not self._stopping.is_set():
                events = self.make(self._rng.randint(1, 10))
                self.doors[self._rng.choice(doors)](events)
                self._stopping.wait(len(events) / per_second)
        except Exception as fault:
            self._fault = fault

    # What became of them

    def missing(self) -> list[str]:
        """Ask which events have not arrived (D9)."""
        ids = sorted(self.company.sent_ids)
        found: list[str] = []
        for start in range(0, len(ids), _MOST_IDS):
            body = {"source": SOURCE, "ids": ids[start : start + _MOST_IDS]}
            answer = self.company.client.post("/document-events/missing", body)
            assert answer.status == 200, answer.text
            found += answer.json["missing"]
        return found

    def send_missing(self) -> int:
        """Send what has not arrived again, over HTTP; return how many events that were.

        Only for documents as `make` makes them without values.
        """
        ids = self.missing()
        for start in range(0, len(ids), 500):
            self.post([self._event(int(id[1:]), {}) for id in ids[start : start + 500]])
        return len(ids)

    def wait_until_recorded(self, *, seconds: float = 30) -> None:
        """Wait until every event that was sent has become an entry or a count of one."""
        stack, count = self.company.stack, len(self.company.sent_ids)
        recorded = "SELECT count(*) FROM document_event WHERE source = :source AND outcome IN ('recorded', 'reprint')"
        wait_for(
            lambda: stack.value(recorded, source=SOURCE) == count,
            f"{count} events are recorded",
            seconds=seconds,
        )

    def group(self) -> dict[str, Any]:
        """Return what Redis knows of the group of consumers, nothing before there is one."""
        with self.company.stack.broker() as broker:
            groups: Any = broker.xinfo_groups(STREAM)
            found: dict[str, Any] = groups[0] if groups else {}
            return found

    def is_read(self) -> bool:
        """Tell whether the stream is there and has nothing that is unread or not acknowledged."""
        try:
            found = self.group()
        except redis.RedisError:
            return False
        return bool(found) and not found["lag"] and not found["pending"]
