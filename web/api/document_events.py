"""Document events: the HTTP door of the inbox, and the ledger of what became of each (D1, D7-D9)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast
from urllib.parse import unquote

from flask import Response, request
from pydantic import BeforeValidator, Field, Strict, WithJsonSchema

from domain import document_events, document_inbox, document_replay, strict_json
from domain.actors import Role
from domain.document_events import Door
from domain.document_inbox import Incoming, Receipt, Rejection
from domain.document_replay import MOST_IDS
from domain.errors import Fault, Invalid, Refusal
from web import codec, database, errors, idempotency, identity, messages
from web.api.document_event_schema import DIALECT, EVENT
from web.api.fields import Instant, QueryFlag, QueryText, text
from web.api.jobs import Job
from web.api.models import Body, ListQuery, Shown, needs
from web.api.replies import accepted, listing, shown, with_faults
from web.api.routing import Api, answers_with, reads_body_itself, takes_up_to
from web.document_events import described
from web.identity import allow
from web.requests import JSON, Malformed, Request

api = Api("document_events", tag="Document events")

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
SCHEMA = "application/schema+json"
# A thousand events of the usual half kilobyte fit many times; a list of a hundred thousand ids as well.
BODY_LIMIT = 8 * 1024 * 1024
# Ids that a producer may ask about at once.
MOST_MISSING = 100_000
ATTRIBUTE_HEADER = "Ce-"
QUOTED_PAIR = re.compile(r"\\(.)")

Outcome = Literal["received", "recorded", "reprint", "ignored", "unresolved", "suppressed", "rejected"]
_TEXTS: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
FILTER = {
    "type": "object",
    "properties": {
        **dict.fromkeys(document_events.FILTERS, _TEXTS),
        "conflicts": {"type": "boolean"},
        "from": {"type": "string", "format": "date-time"},
        "to": {"type": "string", "format": "date-time"},
    },
    "additionalProperties": False,
}


class TooManyEvents(Refusal):
    """A batch has at most 1,000 events."""

    code = "too_many_events"


class EventFault(Shown):
    """What is wrong with an event."""

    field: str
    code: str
    message: str


class RejectedEvent(Shown):
    """An event that was not taken: its place in the batch, from 0, and everything that is wrong with it."""

    index: int
    source: str | None
    id: str | None
    code: str
    message: str
    errors: list[EventFault]


class Received(Shown):
    """What became of a batch: how many events are new, how many were here already, and which were not taken."""

    accepted: int
    duplicates: int
    rejected: list[RejectedEvent]


class EventConflict(Shown):
    """What came under an id that was taken, with another content."""

    received_at: Instant
    door: Door
    data: dict[str, Any]


class DocumentEvent(Shown):
    """An event of the ledger. What could not be read has its text in `raw`, and perhaps no id."""

    id: str | None
    source: str | None
    type: str | None
    time: Instant | None
    data: dict[str, Any] | None
    attributes: dict[str, Any]
    raw: str | None
    received_at: Instant
    door: Door
    user: str
    outcome: Outcome
    reason: str | None
    reasons: list[dict[str, Any]]
    contact_no: str | None
    contact_name: str | None
    entry_no: int | None
    attempts: int
    conflicts: list[EventConflict]


class DocumentEventList(Shown):
    """A page of the ledger, newest first."""

    items: list[DocumentEvent]
    next: str | None


class DocumentEventQuery(ListQuery):
    """Which events; `source` with `id` is one."""

    source: list[QueryText] | None = None
    id: list[QueryText] | None = None
    outcome: list[Outcome] | None = None
    door: list[Door] | None = None
    document_type: list[QueryText] | None = None
    document_no: list[QueryText] | None = None
    contact_no: list[QueryText] | None = None
    conflicts: QueryFlag | None = Field(
        default=None, description="Whether another content came under the same id"
    )
    begin: QueryText | None = Field(
        default=None, alias="from", description="Earliest time of the event, an instant"
    )
    end: QueryText | None = Field(
        default=None, alias="to", description="Time before which the event is, an instant"
    )

    def filters(self) -> dict[str, list[str]]:
        """Return the filters under the names of API.md."""
        names = {"begin": "from", "end": "to"}
        return {names.get(name, name): values for name, values in super().filters().items()}


class ReplayRequest(Body):
    """Which events to try again: some of one source, all that match a filter, or all."""

    model_config = needs()
    source: Annotated[Any, WithJsonSchema({"type": "string"})]
    ids: Annotated[Any, WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": MOST_IDS})]
    filter: Annotated[Any, WithJsonSchema(FILTER)]
    all: Annotated[Any, WithJsonSchema({"type": "boolean"})]


class MissingRequest(Body):
    """Which ids of a source to look for."""

    model_config = needs("source", "ids")
    source: Annotated[str, Strict(), BeforeValidator(text)]
    ids: Annotated[list[Annotated[str, Strict(), BeforeValidator(text)]], Field(max_length=MOST_MISSING)]


class Missing(Shown):
    """The ids that have not arrived, in the order asked."""

    missing: list[str]


@api.post(
    "/document-events",
    request_body={
        "required": True,
        "description": "One event in structured or binary mode, or a batch of at most 1,000",
        "content": {
            STRUCTURED: {"schema": EVENT},
            BATCH: {
                "schema": {"type": "array", "items": EVENT, "maxItems": document_inbox.MOST_AT_ONCE},
            },
            JSON: {
                "schema": {
                    **EVENT["properties"]["data"],
                    "description": "Binary mode: the data; the attributes are headers such as `ce-id`",
                }
            },
        },
    },
    responses={202: Received},
)
@reads_body_itself
@takes_up_to(BODY_LIMIT)
@allow(Role.SERVICE, Role.ADMIN)
def receive() -> Response:
    """Receive document events. They are stored before the answer and recorded in a moment."""
    asked = cast(Request, request)
    asked.expect(STRUCTURED, BATCH, JSON)
    if asked.mimetype == JSON and not _attributes(asked):
        asked.expect(STRUCTURED, BATCH)
    if not asked.read_small_body():
        database.rest()
    asked.read_body(BODY_LIMIT)
    body = asked.get_data()
    if asked.mimetype == BATCH:
        return _with_key(_read_batch(body), body)
    return _with_key([_read_one(asked, body)], body)


def _with_key(events: Sequence[Incoming], body: bytes) -> Response:
    asked = cast(Request, request)
    attributes = codec.dumps(_attributes(asked)) if asked.mimetype == JSON else b""
    mark = hashlib.sha256(asked.mimetype.encode() + b"\0" + attributes + body).digest()
    return idempotency.with_key(mark, identity.required(), lambda: _receive(events))


def _receive(events: Sequence[Incoming]) -> Response:
    receipt = document_inbox.receive(
        database.session(), events=events, door=Door.HTTP, actor=identity.required()
    )
    if cast(Request, request).mimetype != BATCH and receipt.rejected:
        return _refused(receipt.rejected[0])
    return shown(_received(receipt), status=202)


def _refused(rejection: Rejection) -> Response:
    """Refuse a single event; another content under an id that is taken has been kept, and stays so (D1)."""
    if rejection.code == "event_conflict":
        database.keep()
    return errors.problem_of(Invalid(rejection.faults)).response()


def _received(receipt: Receipt) -> dict[str, Any]:
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": [_rejected(each) for each in receipt.rejected],
    }


def _rejected(rejection: Rejection) -> dict[str, Any]:
    codes = {fault.code for fault in rejection.faults}
    told = messages.faults_told(rejection.faults)
    return {
        "index": rejection.index,
        "source": rejection.source,
        "id": rejection.id,
        "code": codes.pop() if len(codes) == 1 else rejection.code,
        "message": " ".join(each["message"] for each in told),
        "errors": told,
    }


def _read_batch(body: bytes) -> list[Incoming]:
    values = _json(body)
    if not isinstance(values, list):
        raise Malformed(reason=messages.NO_ARRAY)
    if len(values) > document_inbox.MOST_AT_ONCE:
        raise TooManyEvents()
    return [document_inbox.of_value(value) for value in values]


def _read_one(asked: Request, body: bytes) -> Incoming:
    if asked.mimetype == STRUCTURED:
        value = _json(body)
    else:
        value = {**_attributes(asked), "datacontenttype": JSON, **({"data": _json(body)} if body else {})}
    if not isinstance(value, Mapping):
        raise Invalid([Fault("", "invalid", value)])
    return document_inbox.of_value(value)


def _json(body: bytes) -> Any:
    try:
        return strict_json.loads(body)
    except strict_json.NotJson as error:
        raise Malformed(reason=str(error)) from error


def _attributes(asked: Request) -> dict[str, str]:
    """Read the attributes that came as headers (CloudEvents HTTP binding, 3.1.3): perhaps in quotation marks, and
    percent-encoded where they are not plain ASCII."""
    return {
        name[len(ATTRIBUTE_HEADER) :].lower(): _decoded(name, value)
        for name, value in asked.headers.items()
        if name.startswith(ATTRIBUTE_HEADER) and name != "Ce-Datacontenttype"
    }


def _decoded(name: str, value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = QUOTED_PAIR.sub(r"\1", value[1:-1])
    try:
        return unquote(value.encode("ascii"), errors="strict")
    except UnicodeError as error:
        raise Malformed(reason=f"{name}: {error}") from error


@api.get("/document-events", responses={200: DocumentEventList})
@allow(Role.VIEWER, Role.SERVICE)
def index(query: DocumentEventQuery) -> Response:
    """List document events, newest first, with what became of them; a service sees those of the sources it sent."""
    session, reader = database.session(), identity.required()
    return listing(
        query,
        fetch=lambda **options: document_events.page(session, reader=reader, **options),
        describe=_ledger,
        key=lambda event: event["position"],
    )


def _ledger(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in event.items() if name != "position"} for event in described(events)
    ]


@api.post("/document-events/replay", responses={200: Job, 202: Job})
@allow(Role.ADMIN)
def replay(body: ReplayRequest) -> Response:
    """Try events again that could not be recorded, after the setup or a link was mended."""
    session = database.session()
    return accepted(
        with_faults(
            body,
            lambda values: document_replay.request(session, values=values, actor=identity.required()),
        )
    )


@api.post("/document-events/missing", responses={200: Missing})
@takes_up_to(BODY_LIMIT)
@allow(Role.VIEWER, Role.SERVICE)
def missing(body: MissingRequest) -> Response:
    """Say which ids of a source have not arrived, so that they can be sent again."""
    faults = [
        *body.faults,
        *(Fault(name, "required") for name in ("source", "ids") if name not in body.named),
    ]
    if faults:
        raise Invalid(faults)
    return shown({"missing": document_events.missing(database.session(), source=body.source, ids=body.ids)})


@api.get(
    "/document-events/schema",
    responses={200: {"description": "JSON Schema", "content": {SCHEMA: {"schema": {"type": "object"}}}}},
)
@answers_with(SCHEMA, JSON)
@allow(None)
def schema() -> Response:
    """Show the JSON Schema of an event in structured mode."""
    return Response(codec.dumps({"$schema": DIALECT, **EVENT}), content_type=SCHEMA)
