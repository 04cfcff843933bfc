"""Documents that a billing system prints become entries, over HTTP and with real processes (D1-D9)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ops.faults.client import Answer, Client
from ops.faults.company import Company, token_from_command_line
from ops.faults.stack import wait_for

BATCH = "application/cloudevents-batch+json"
LEFT_BEHIND = "TRUNCATE document_event, document_event_conflict, document_source, contact_account"


@dataclass
class Billing:
    """A billing system with a token of its own."""

    client: Client
    company: Company
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def event(self, account_no: str = "C1", **values: Any) -> dict[str, Any]:
        """Make an event; `id`, `time` and `type` go to its envelope, the rest to its data."""
        number = next(self.ids)
        envelope = {"id": f"E{number}", "time": "2026-03-10T12:00:00Z", "type": "document.printed"}
        data = {"document_type": "sales_invoice", "document_no": f"INV{number}", "account_no": account_no}
        for name, value in values.items():
            (envelope if name in envelope else data)[name] = value
        return {"specversion": "1.0", "source": "billing", **envelope, "data": data}

    def send(self, *events: Any) -> Answer:
        """Send a batch."""
        body = json.dumps(events).encode()
        return self.client("POST", "/document-events", body, headers={"Content-Type": BATCH})

    def outcomes(self, *events: dict[str, Any]) -> list[str]:
        """Wait until all that came is recorded, and say what became of these events."""
        waiting = "SELECT count(*) FROM document_event WHERE outcome = 'received'"
        wait_for(lambda: self.company.stack.value(waiting) == 0, "no event waits")
        found = {
            each["id"]: each for each in self.company.all_of("/document-events?source=billing&limit=1000")
        }
        return [found[event["id"]]["outcome"] for event in events]

    def replay(self, **values: Any) -> dict[str, Any]:
        """Have events tried again; return the job's result."""
        job = self.company.finished(self.company.client.post("/document-events/replay", values))
        result: dict[str, Any] = job["result"]
        return result

    def entries(self) -> list[dict[str, Any]]:
        """Read the entries of documents."""
        return self.company.all_of("/interactions?origin=document&limit=1000")


@pytest.fixture
def billing(company: Company) -> Iterator[Billing]:
    """A company with customers C1 to C20, whose sales invoices are recorded."""
    token = token_from_command_line(company.stack, "billing", "service")
    for number in range(1, 21):
        made = company.client.post(
            "/contacts",
            {
                "no": f"K{number}",
                "type": "company",
                "name": f"Customer {number}",
                "accounts": [{"type": "customer", "no": f"C{number}"}],
            },
        )
        assert made.status == 201, made.text
    set_up(company, sales_invoice="LETTER")
    yield Billing(Client(company.client.port, token), company)
    set_up(company, sales_invoice=None, sales_credit_memo=None)
    assert company.client.patch("/setup", {"reprint_window_hours": 24}).status == 200
    company.stack.rows(LEFT_BEHIND)


def set_up(company: Company, **templates: str | None) -> None:
    """Say which templates record which documents."""
    assert company.client.patch("/template-setup", templates).status == 200


def test_what_is_sent_is_recorded_once_and_sent_again_is_duplicates(billing: Billing) -> None:
    """D1, D3: 250 invoices, 50 of them of customers nobody knows."""
    events = [billing.event(f"C{1 + number % 25}") for number in range(250)]
    assert billing.send(*events).json == {"accepted": 250, "duplicates": 0, "rejected": []}
    known = [event for event in events if int(event["data"]["account_no"][1:]) <= 20]
    assert billing.outcomes(*known) == ["recorded"] * 200
    assert billing.outcomes(*(event for event in events if event not in known)) == ["unresolved"] * 50
    assert billing.send(*reversed(events)).json == {"accepted": 0, "duplicates": 250, "rejected": []}
    assert len(billing.entries()) == 200
    asked = {"source": "billing", "ids": [event["id"] for event in events] + ["never-sent"]}
    assert billing.client.post("/document-events/missing", asked).json == {"missing": ["never-sent"]}


def test_what_was_ignored_is_recorded_after_the_setup_is_mended(billing: Billing) -> None:
    """D2, D7"""
    memo = billing.event(document_type="sales_credit_memo")
    billing.send(memo)
    assert billing.outcomes(memo) == ["ignored"]
    set_up(billing.company, sales_credit_memo="GOLF")
    assert billing.replay(all=True)["recorded"] == 1
    (entry,) = billing.entries()
    assert (entry["date"], entry["template_code"], entry["document_no"]) == (
        "2026-03-10",
        "GOLF",
        memo["data"]["document_no"],
    )


def test_a_customer_is_linked_and_a_contact_blocked(billing: Billing) -> None:
    """D3, D7, C3"""
    client = billing.company.client
    missing, blocked = billing.event("C99"), billing.event("C2")
    assert client.patch("/contacts/K2", {"privacy_blocked": True}).status == 200
    billing.send(missing, blocked)
    assert billing.outcomes(missing, blocked) == ["unresolved", "suppressed"]
    accounts = [{"type": "customer", "no": no} for no in ("C1", "C99")]
    assert client.patch("/contacts/K1", {"accounts": accounts}).status == 200
    result = billing.replay(filter={"outcome": ["unresolved", "suppressed"]})
    assert (result["recorded"], result["suppressed"]) == (1, 1)
    assert [entry["contact_no"] for entry in billing.entries()] == ["K1"]


def test_three_prints_within_a_day_are_one_entry_and_without_a_window_three(billing: Billing) -> None:
    """D6"""
    times = [f"2026-03-10T{hour:02}:00:00Z" for hour in (8, 12, 16)]
    first = [billing.event(document_no="A", time=time) for time in times]
    for event in reversed(first):
        assert billing.send(event).json["accepted"] == 1
        billing.outcomes(event)
    assert billing.outcomes(*first) == ["recorded", "reprint", "reprint"]
    assert [(entry["time"], entry["times_printed"]) for entry in billing.entries()] == [("08:00:00", 3)]
    assert billing.company.client.patch("/setup", {"reprint_window_hours": 0}).status == 200
    billing.send(*(billing.event(document_no="B", time=time) for time in times))
    billing.outcomes()
    prints = [entry["times_printed"] for entry in billing.entries() if entry["document_no"] == "B"]
    assert prints == [1, 1, 1]


def test_bad_events_are_named_and_the_good_ones_recorded(billing: Billing) -> None:
    """D8"""
    good = [billing.event() for _ in range(3)]
    nameless = billing.event()
    del nameless["id"]
    bad = [
        nameless,
        billing.event(document_type="poem"),
        billing.event(description="x" * 1_000_000),
        billing.event(description="a\0b"),
        billing.event(time="2199-01-01T00:00:00Z"),
        billing.event(time="1870-01-01T00:00:00Z"),
        "no event",
    ]
    answer = billing.send(*bad, *good)
    assert answer.status == 202
    assert answer.json["accepted"] == 3
    assert [each["index"] for each in answer.json["rejected"]] == list(range(len(bad)))
    assert all(each["message"] for each in answer.json["rejected"])
    assert billing.outcomes(*good) == ["recorded"] * 3
    many = billing.send(*(billing.event() for _ in range(10_000)))
    assert (many.status, many.json["code"]) == (413, "too_many_events")
    broken = billing.client("POST", "/document-events", b"[{]", headers={"Content-Type": BATCH})
    assert (broken.status, broken.json["code"]) == (400, "malformed")
    assert len(billing.entries()) == 3
