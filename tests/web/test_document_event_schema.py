"""The published JSON Schema of an event: what it accepts, the inbox accepts (API.md, Document events; D8)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.domain.events import make_event, receive
from tests.web.conftest import Client
from web.api.document_event_schema import EVENT

VALIDATOR = jsonschema_rs.Draft202012Validator(EVENT, validate_formats=True)


TIMES = st.datetimes(
    dt.datetime(1901, 1, 1),  # noqa: DTZ001
    dt.datetime(2026, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([dt.timezone(dt.timedelta(hours=hours)) for hours in (-9, 0, 3)]),
)


def instances(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make values of a schema, as far as they are easy to make; the validator has the last word."""
    if "anyOf" in schema and "type" not in schema:
        return st.one_of(*map(instances, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if schema["type"] == "object":
        known = {name: instances(each) for name, each in schema["properties"].items()}
        needed = {name: known.pop(name) for name in schema["required"]}
        return st.fixed_dictionaries(needed, optional=known)
    if schema["type"] == "string":
        if "format" in schema:
            return TIMES.map(dt.datetime.isoformat)
        return st.text(max_size=min(schema["maxLength"], 300)) | st.from_regex(r"\A[a-zA-Z0-9 ._-]{1,60}\Z")
    whole = st.integers(schema.get("minimum"), schema.get("maximum"))
    return {"integer": whole, "boolean": st.booleans(), "null": st.none()}[schema["type"]]


ATTRIBUTES = st.dictionaries(
    st.from_regex(r"\A[a-z][a-z0-9]{0,19}\Z"), instances(EVENT["additionalProperties"]), max_size=3
)


def printable(event: dict[str, Any]) -> bool:
    """Tell whether every key in an event is printable: which signs are, a schema cannot say in full."""
    values = {**event["data"], "description": "", "user": "", "id": event["id"], "source": event["source"]}
    return all(value.isprintable() for value in values.values() if isinstance(value, str))


def rejections(session: Session, event: Any) -> list[str]:
    """Offer an event to the inbox, and take it back; give what is wrong with it."""
    savepoint = session.begin_nested()
    try:
        receipt = receive(session, event)
        return [str(fault) for each in receipt.rejected for fault in each.faults]
    finally:
        savepoint.rollback()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)
@given(event=instances(EVENT), more=ATTRIBUTES)
@example(event=make_event(document_version=1.0, time="2026-03-10t12:00:00.123456789z"), more={})
@example(event=make_event(time=None, account_no=None, contact_no="C", description="a\nb", user=" "), more={})
def test_what_the_schema_accepts_the_inbox_accepts(
    session: Session, event: dict[str, Any], more: dict[str, Any]
) -> None:
    offered = {**more, **event}
    assume(VALIDATOR.is_valid(offered) and printable(offered))
    assert rejections(session, offered) == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "  "},
        {"id": "a\tb"},
        {"id": "x" * 256},
        {"source": None},
        {"specversion": "0.3"},
        {"type": "document.eaten"},
        {"time": "2026-03-10"},
        {"time": "1899-03-10T12:00:00Z"},
        {"document_type": "poem"},
        {"document_type": "email"},
        {"document_no": "x" * 61},
        {"document_no": "a\u200bb"},
        {"document_version": -1},
        {"document_version": 2**31},
        {"document_version": "1"},
        {"account_type": "bank"},
        {"account_no": None},
        {"account_no": ...},
        {"description": "x" * 101},
        {"user": "\0"},
        {"colour": "red"},
    ],
)
def test_what_the_inbox_refuses_the_schema_refuses(session: Session, change: dict[str, Any]) -> None:
    event = make_event(**change)
    assert rejections(session, event)
    assert not VALIDATOR.is_valid(event)


def test_the_schema_is_published_with_an_example_that_can_be_sent(client_of: Any, session: Session) -> None:
    shown = Client(client_of(None).flask, None).get("/document-events/schema")
    assert shown.status_code == 401
    from domain.actors import Role

    shown = client_of(Role.SERVICE).get("/document-events/schema")
    assert shown.content_type == "application/schema+json"
    jsonschema_rs.validator_for(shown.json)
    (sample,) = shown.json["examples"]
    assert VALIDATOR.is_valid(sample)
    assert rejections(session, sample) == []
