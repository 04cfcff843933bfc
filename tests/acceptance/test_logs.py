"""One request followed by its id through web, hint and worker; every line of every process is JSON."""

from __future__ import annotations

import json
from typing import Any

from ops.faults.company import Company
from ops.faults.stack import wait_for

# Celery says this, before anything can be set up, to whoever runs it as root.
OF_ROOT = (
    "SecurityWarning",
    "absolutely not recommended",
    "Please specify",
    "User information",
    "_warn_or_raise",
)


def lines(company: Company, process: str) -> list[dict[str, Any]]:
    """Read the log of a process of the stack, all of which must be JSON."""
    text = company.stack.log_of(process)
    shown = [line for line in text.splitlines() if line.strip() and not any(word in line for word in OF_ROOT)]
    return [json.loads(line) for line in shown]


def test_a_request_is_followed_by_its_id_through_all_processes(company: Company) -> None:
    segment = company.segment(20_000)
    answer = company.client.post(f"/segments/{segment}/log", {}, headers={"X-Request-ID": "follow-me-1"})
    assert answer.headers["x-request-id"] == "follow-me-1"
    job = company.finished(answer)

    def of_this(process: str) -> list[dict[str, Any]]:
        return [line for line in lines(company, process) if line.get("request_id") == "follow-me-1"]

    events = [line["event"] for line in of_this("web")]
    assert events.count("request") == 1
    assert events.count("job_asked_for") == 1
    assert events.count("hint_sent") <= 1  # one for all that come within a moment
    assert {line["job"] for line in of_this("web") if line["event"] == "job_asked_for"} == {job["id"]}
    done = wait_for(
        lambda: (
            (found := [line for line in of_this("worker") if line.get("job") == job["id"]])
            and any(line["event"] == "job_ended" for line in found)
            and found
        ),
        "the worker has said that the job ended",
    )
    chunks = [line for line in done if line["event"] == "chunk_done"]
    assert chunks[0]["step"] == "plan"
    assert [line["step"] for line in chunks].count("work") > 1
    assert all(
        {"chunk", "attempt", "milliseconds", "process", "level", "timestamp"} <= set(line) for line in chunks
    )


def test_document_events_recorded_on_a_hint_name_the_request(company: Company) -> None:
    """The inbox keeps no request id; the hint carries it."""
    event = {
        "specversion": "1.0", "id": "followed", "source": "billing", "type": "document.printed",
        "data": {"document_type": "sales_invoice", "document_no": "F1", "contact_no": "BOOK00000001"},
    }  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json", "X-Request-ID": "follow-me-2"}
    assert company.client.post("/document-events", event, headers=headers).status == 202
    wait_for(
        lambda: company.stack.value(
            "SELECT outcome <> 'received' FROM document_event WHERE event_id = 'followed'"
        ),
        "the event is recorded",
    )
    wait_for(
        lambda: any(line["event"] == "events_recorded" for line in lines(company, "worker")),
        "the worker said so",
    )


def test_every_line_of_every_process_is_json_with_its_process(company: Company) -> None:
    names = {"web": {"web"}, "worker": {"worker"}, "documents": {"worker"}, "beat": {"beat", "worker"},
             "consumer": {"consumer"}}  # fmt: skip
    for process, expected in names.items():
        found = lines(company, process)
        assert found, process
        assert {line["process"] for line in found} <= expected, process
        assert all({"event", "level", "timestamp"} <= set(line) for line in found), process
