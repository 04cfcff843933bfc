"""Document events through the API: the HTTP door, the ledger, replay, what is missing (API.md; D1-D9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain import document_recording
from domain.actors import Role
from tests.domain.events import make_event
from tests.web.conftest import Client, Company, faults_of

Unique = Callable[[str], str]
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


@pytest.fixture
def service(client_of: Callable[[Role | None], Client]) -> Client:
    return client_of(Role.SERVICE)


@pytest.fixture
def source(unique: Unique) -> str:
    """A source that no other test sends from."""
    return unique("source-")


@pytest.fixture
def record(sessions: Any) -> Callable[[], None]:
    """Records all that waits, as workers would."""

    def work() -> None:
        while document_recording.work(sessions):
            pass

    return work


def send(client: Client, event: Any, content_type: str = STRUCTURED, **headers: str) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers = {"Content-Type": content_type, **{name.replace("_", "-"): v for name, v in headers.items()}}
    return client("POST", "/document-events", data=body, headers=headers)


def send_binary(client: Client, event: dict[str, Any], **headers: str) -> Any:
    given = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    return send(client, event["data"], "application/json", **{**given, **headers})


def ledger(client: Client, **filters: str) -> list[dict[str, Any]]:
    answer = client.get("/document-events", query_string={"limit": 1000, **filters})
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


def test_an_event_is_received_once(service: Client, source: str) -> None:
    """D1"""
    event = make_event(source=source)
    first, second = send(service, event), send(service, event)
    assert (first.status_code, first.json) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert (second.status_code, second.json) == (202, {"accepted": 0, "duplicates": 1, "rejected": []})
    assert [each["id"] for each in ledger(service, source=source)] == [event["id"]]


def test_the_three_modes_mean_the_same_event(service: Client, source: str) -> None:
    """CloudEvents HTTP binding, 3"""
    event = make_event(source=source)
    assert send_binary(service, event).json["accepted"] == 1
    assert send(service, event).json["duplicates"] == 1
    assert send(service, [event], BATCH).json["duplicates"] == 1


@pytest.mark.parametrize(
    ("header", "attribute"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("100%25", "100%"),
        ('"with \\"marks\\""', 'with "marks"'),
        ("%22", '"'),
        ("a%", "a%"),
    ],
)
def test_attributes_in_headers_are_percent_decoded(
    service: Client, source: str, header: str, attribute: str
) -> None:
    """CloudEvents HTTP binding, 3.1.3.2"""
    assert send_binary(service, make_event(source=source), ce_subject=header).status_code == 202
    assert ledger(service, source=source)[0]["attributes"]["subject"] == attribute


@pytest.mark.parametrize("header", ["%FF", "caf\u00e9"])
def test_attributes_in_headers_that_are_no_text_are_malformed(
    service: Client, source: str, header: str
) -> None:
    refused = send_binary(service, make_event(source=source), ce_subject=header)
    assert (refused.status_code, refused.json["code"]) == (400, "malformed")


@pytest.mark.parametrize("body", [b"{", b"", b'{"id": NaN}', b'{"id": "a", "id": "b"}', b"\xff", b"[" * 9999])
@pytest.mark.parametrize("content_type", [STRUCTURED, BATCH])
def test_a_body_that_cannot_be_read_is_malformed(service: Client, body: bytes, content_type: str) -> None:
    """D8"""
    refused = send(service, body, content_type)
    assert (refused.status_code, refused.json["code"]) == (400, "malformed")


@pytest.mark.parametrize("value", [5, "text", None, []])
def test_what_is_no_object_is_no_event(service: Client, value: Any) -> None:
    refused = send(service, value)
    assert (refused.status_code, faults_of(refused)) == (422, [("", "invalid")])


def test_all_faults_of_an_event_are_told_at_once(service: Client, source: str) -> None:
    """D8"""
    event = make_event(
        source=source, id="", type="document.eaten", time="1970-01-01", document_type="poem", colour="red",
        document_no="\0", account_no=...,
    )  # fmt: skip
    refused = send(service, event)
    assert refused.status_code == 422
    assert faults_of(refused) == [
        ("data.account_no", "required"),
        ("data.colour", "unknown_field"),
        ("data.document_no", "invalid"),
        ("data.document_type", "not_a_choice"),
        ("id", "required"),
        ("time", "invalid"),
        ("type", "not_a_choice"),
    ]
    assert ledger(service, source=source) == []


def test_binary_mode_without_what_is_needed_names_it(service: Client) -> None:
    refused = send(service, b"", "application/json", ce_id="E")
    assert faults_of(refused) == [
        ("data", "required"),
        ("source", "required"),
        ("specversion", "required"),
        ("type", "required"),
    ]


def test_the_same_id_with_another_content_is_a_conflict_and_kept(service: Client, source: str) -> None:
    """D1"""
    event = make_event(source=source)
    other = {**event, "data": {**event["data"], "document_no": "INV-2"}}
    assert send(service, event).status_code == 202
    for _ in range(2):
        refused = send(service, other)
        assert (refused.status_code, refused.json["code"]) == (409, "event_conflict")
    (kept,) = ledger(service, source=source, conflicts="true")
    assert kept["data"] == event["data"]
    assert [(each["door"], each["data"]) for each in kept["conflicts"]] == [("http", other["data"])]
    assert kept["conflicts"][0]["received_at"].endswith("Z")


def test_a_conflict_is_kept_with_its_answer_under_a_key(service: Client, source: str, unique: Unique) -> None:
    event = make_event(source=source)
    other = {**event, "data": {**event["data"], "document_no": "INV-2"}}
    send(service, event)
    answers = [send(service, other, Idempotency_Key=key) for key in [unique("k")] * 2]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].data == answers[1].data
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert len(ledger(service, source=source, conflicts="true")) == 1


def test_a_request_under_a_key_is_answered_as_it_was(service: Client, source: str, unique: Unique) -> None:
    event, key = make_event(source=source), unique("k")
    first, second = (send(service, event, Idempotency_Key=key) for _ in range(2))
    assert first.data == second.data
    assert send_binary(service, event, Idempotency_Key=key).json["code"] == "idempotency_key_reused"


def test_a_batch_takes_what_is_good_and_says_what_is_not(service: Client, source: str) -> None:
    """D8"""
    good, here, changed = (make_event(source=source) for _ in range(3))
    send(service, [here, changed], BATCH)
    batch = [
        5,
        good,
        here,
        {**changed, "type": "document.sent"},
        make_event(source=source, id="E\0"),
        make_event(source=source, id="late", time="2999-01-01T00:00:00Z"),
        make_event(source=source, document_version=1e300),
    ]
    answer = send(service, batch, BATCH)
    assert answer.status_code == 202
    assert (answer.json["accepted"], answer.json["duplicates"]) == (1, 1)
    assert [(each["index"], each["id"], each["code"]) for each in answer.json["rejected"]] == [
        (0, None, "malformed"),
        (3, changed["id"], "event_conflict"),
        (4, None, "invalid"),
        (5, "late", "invalid"),
        (6, batch[6]["id"], "invalid"),
    ]
    assert "more than a day ahead" in answer.json["rejected"][3]["message"]
    assert answer.json["rejected"][3]["errors"][0]["field"] == "time"


def test_numbers_without_end_do_no_harm(service: Client, source: str) -> None:
    event = json.dumps(make_event(source=source, extra="HERE")).replace('"HERE"', "1e999999999")
    assert send(service, event.encode()).status_code == 202


def test_a_batch_is_an_array_of_at_most_a_thousand(service: Client, source: str) -> None:
    assert send(service, make_event(), BATCH).status_code == 400
    assert send(service, [], BATCH).json == {"accepted": 0, "duplicates": 0, "rejected": []}
    many = [make_event(source=source) for _ in range(1001)]
    refused = send(service, many, BATCH)
    assert (refused.status_code, refused.json["code"]) == (413, "too_many_events")
    assert send(service, many[:1000], BATCH).json["accepted"] == 1000


def test_a_body_too_large_is_refused(service: Client) -> None:
    refused = send(service, b" " * (8 * 1024 * 1024 + 1))
    assert (refused.status_code, refused.json["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "", STRUCTURED + "; charset=latin-1"]
)
def test_another_media_type_is_refused(service: Client, content_type: str) -> None:
    refused = send(service, make_event(), content_type)
    assert (refused.status_code, refused.json["code"]) == (415, "unsupported_media_type")
    assert STRUCTURED in refused.json["detail"]


def test_a_client_that_takes_no_json_gets_406(service: Client) -> None:
    assert send(service, make_event(), Accept="text/html").status_code == 406


def test_an_answer_that_is_lost_leads_to_a_duplicate(
    app: Any, service: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the commit, before the answer: sent again, the event is here already (D1)."""
    from web import database

    event = make_event(source=source)
    finish = database.finish

    def die(response: Any) -> Any:
        finish(response)
        raise SystemExit

    monkeypatch.setattr(database, "finish", die)
    with pytest.raises(SystemExit):
        send(service, event)
    monkeypatch.undo()
    assert send(service, event).json == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert len(ledger(service, source=source)) == 1


@pytest.fixture
def documents(admin: Client, company: Company, unique: Unique, source: str) -> Callable[..., dict[str, Any]]:
    """Makes events about the first contact of the company; sales invoices are recorded."""
    assert admin.patch("/template-setup", {"sales_invoice": company.template}).status_code == 200

    def make(**values: Any) -> dict[str, Any]:
        known = {"account_no": ..., "contact_no": company.contacts[0], "document_no": unique("INV")}
        return make_event(**{"source": source, **known, **values})

    return make


def test_the_ledger_says_what_became_of_each_event(
    admin: Client, company: Company, documents: Any, record: Any, unique: Unique
) -> None:
    """D2, D3, D6, D7"""
    admin.patch(f"/contacts/{company.contacts[1]}", {"privacy_blocked": True})
    customer = unique("C")
    first = documents(salesperson_code="NOBODY")
    batch = [
        first,
        documents(document_no=first["data"]["document_no"], time="2026-03-10T13:00:00Z"),
        documents(document_type="sales_credit_memo"),
        documents(contact_no=..., account_no=customer),
        documents(contact_no=..., account_no=customer, account_type="vendor"),
        documents(contact_no="NOWHERE"),
        documents(contact_no=company.contacts[1]),
    ]
    assert send(admin, batch, BATCH).json["accepted"] == 7
    waiting = ledger(admin, source=first["source"])
    assert {(each["outcome"], each["reason"]) for each in waiting} == {("received", None)}
    record()
    events = {each["id"]: each for each in ledger(admin, source=first["source"])}
    assert [(events[each["id"]]["outcome"], events[each["id"]]["reason"]) for each in batch] == [
        ("recorded", "There is no salesperson “NOBODY”; it was recorded without a salesperson."),
        ("reprint", None),
        ("ignored", "The template setup has no template for the document type “Sales Credit Memo”."),
        ("unresolved", f"No contact is linked to customer {customer}."),
        ("unresolved", f"No contact is linked to vendor {customer}."),
        ("unresolved", "There is no contact “NOWHERE”."),
        ("suppressed", f"The contact “{company.contacts[1]}” is blocked for privacy."),
    ]
    recorded, reprint = (events[each["id"]] for each in batch[:2])
    entry = admin.get(f"/interactions/{recorded['entry_no']}").json
    assert (entry["document_no"], entry["times_printed"]) == (first["data"]["document_no"], 2)
    assert reprint["entry_no"] == recorded["entry_no"]
    assert (recorded["contact_no"], recorded["attempts"], recorded["user"]) == (
        company.contacts[0],
        1,
        "admin-client",
    )


def test_a_reason_is_told_in_the_readers_language(
    service: Client, documents: Any, source: str, record: Any
) -> None:
    send(service, documents(contact_no=..., account_no="14911"))
    record()
    answer = service.get(
        "/document-events", query_string={"source": source}, headers={"Accept-Language": "ru"}
    )
    assert answer.json["items"][0]["reason"] == "С клиентом 14911 не связан ни один контакт."
    assert answer.json["items"][0]["reasons"] == [
        {"code": "no_contact", "account_type": "customer", "account_no": "14911"}
    ]


def test_the_ledger_is_filtered(
    service: Client, company: Company, documents: Any, source: str, record: Any
) -> None:
    printed = documents(time="2026-03-10T10:00:00Z")
    sent = documents(type="document.sent", document_type="sales_quote", time="2026-03-11T10:00:00+03:00")
    send(service, [printed, sent], BATCH)
    record()

    def found(**filters: Any) -> list[str]:
        return [each["id"] for each in ledger(service, **{"source": source, **filters})]

    assert found() == [sent["id"], printed["id"]]
    for filters, event in [
        ({"id": sent["id"]}, sent),
        ({"outcome": "recorded"}, printed),
        ({"outcome": ["ignored", "rejected"]}, sent),
        ({"document_type": "sales_quote"}, sent),
        ({"document_no": sent["data"]["document_no"]}, sent),
        ({"from": "2026-03-11T07:00:00Z"}, sent),
        ({"to": "2026-03-11T10:00:00+03:00"}, printed),
    ]:
        assert found(**filters) == [event["id"]], filters
    assert len(found(contact_no=company.contacts[0].lower(), door="http", conflicts="false")) == 2
    assert found(contact_no="NOWHERE") == []
    assert found(id="none") == found(door="stream") == found(document_type="poem") == []


def test_the_ledger_is_read_page_by_page(service: Client, documents: Any, source: str) -> None:
    sent = [documents() for _ in range(5)]
    send(service, sent, BATCH)
    seen, path = [], f"/document-events?source={source}&limit=2"
    while path:
        page = service.get(path.removeprefix("/api/v1")).json
        seen += [each["id"] for each in page["items"]]
        path = page["next"]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("outcome=eaten", ("query.outcome", "not_a_choice")),
        ("from=2026-03-10", ("query.from", "invalid")),
        ("to=x", ("query.to", "invalid")),
        ("after=x", ("query.after", "invalid")),
        ("conflicts=1", ("query.conflicts", "not_a_choice")),
        ("from=2026-03-10T10:00:00Z&from=2026-03-11T10:00:00Z", ("query.from", "invalid")),
        ("begin=2026-03-10T10:00:00Z", ("query.begin", "unknown_field")),
        ("source=%00", ("query.source", "invalid")),
    ],
)
def test_a_filter_that_means_nothing_is_refused(service: Client, query: str, fault: tuple[str, str]) -> None:
    assert faults_of(service.get(f"/document-events?{query}")) == [fault]


def test_a_service_sees_the_sources_it_sent_and_no_others(
    service: Client, admin: Client, source: str
) -> None:
    """U1"""
    send(admin, make_event(source=source))
    assert ledger(service, source=source) == []
    send(service, make_event(source=source))
    assert len(ledger(service, source=source)) == 2
    assert len(ledger(admin, source=source)) == 2


def test_a_producer_asks_what_is_missing(service: Client, source: str) -> None:
    """D9"""
    send(service, [make_event(source=source, id=each) for each in "ac"], BATCH)
    asked = service.post("/document-events/missing", {"source": source, "ids": ["d", "a", "b", "b", "c"]})
    assert (asked.status_code, asked.json) == (200, {"missing": ["d", "b"]})
    many = [f"{number:07}" for number in range(100_000)]
    assert service.post("/document-events/missing", {"source": source, "ids": many}).json["missing"] == many


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("ids", "required"), ("source", "required")]),
        ({"source": 5, "ids": ["a", None]}, [("ids.1", "invalid"), ("source", "invalid")]),
        ({"source": "a", "ids": "b", "x": 1}, [("ids", "invalid"), ("x", "unknown_field")]),
        ({"source": "a", "ids": ["b"] * 100_001}, [("ids", "too_long")]),
    ],
)
def test_what_is_asked_for_must_be_ids(service: Client, body: Any, faults: list[tuple[str, str]]) -> None:
    assert faults_of(service.post("/document-events/missing", body)) == faults


def test_events_are_tried_again_after_the_setup_was_mended(
    admin: Client, company: Company, documents: Any, record: Any, do_jobs: Callable[[], None]
) -> None:
    """D7"""
    event = documents(document_type="service_quote")
    source = event["source"]
    send(admin, event)
    record()
    assert ledger(admin, source=source)[0]["outcome"] == "ignored"
    admin.patch("/template-setup", {"service_quote": company.template})
    for body, result in [
        ({"source": source, "ids": [event["id"]]}, {"recorded": 1, "unchanged": 0}),
        ({"filter": {"source": source, "outcome": ["ignored"]}}, {"recorded": 0, "unchanged": 0}),
        ({"filter": {"source": [source]}}, {"recorded": 0, "unchanged": 1}),
    ]:
        asked = admin.post("/document-events/replay", body)
        assert asked.status_code == 202, asked.text
        do_jobs()
        job = admin.get(asked.headers["Location"].removeprefix("/api/v1")).json
        assert (job["kind"], job["state"]) == ("replay", "succeeded")
        assert job["result"] == {"reprint": 0, "ignored": 0, "unresolved": 0, "suppressed": 0, **result}
    (recorded,) = ledger(admin, source=source)
    assert recorded["outcome"] == "recorded"
    assert admin.get(f"/interactions/{recorded['entry_no']}").json["date"] == "2026-03-10"


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("filter", "filter_missing")]),
        ({"filter": {}}, [("filter", "filter_missing")]),
        ({"filter": {"colour": "red"}}, [("filter.colour", "unknown_field")]),
        ({"source": "a"}, [("ids", "required")]),
        ({"all": "yes"}, [("all", "invalid")]),
        ({"x": 1}, [("filter", "filter_missing"), ("x", "unknown_field")]),
        ({"source": "s", "ids": ["1"], "all": True}, [("all", "invalid")]),
        ({"source": "s", "ids": ["1"], "filter": {"a": "\x00"}}, [("filter", "invalid")]),
    ],
)
def test_a_replay_must_say_of_what(admin: Client, body: Any, faults: list[tuple[str, str]]) -> None:
    assert faults_of(admin.post("/document-events/replay", body)) == faults


def test_senders_of_events_have_a_limit_of_their_own(settings: Any, tokens: dict[Role, str]) -> None:
    from web import create_app

    limited = create_app(
        settings.model_copy(update={"requests_per_minute": 1, "event_requests_per_minute": 3})
    )
    client = Client(limited.test_client(), tokens[Role.SERVICE])
    assert [send(client, []).status_code for _ in range(4)] == [422, 422, 422, 429]
    assert [client.get("/me").status_code for _ in range(2)] == [200, 429]
    limited.extensions["database"].close()
