"""Replay: events that could not be recorded are tried again (D7)."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, contacts, document_recording, document_replay, template_setup
from domain.database import transaction
from domain.errors import Invalid
from domain.jobs import Job

from .engine_helpers import drain, sessions_on, state_of, work
from .events import entries, make_event, outcomes, receive, record, record_documents
from .makers import faults_of, make_company


def request(sessions: sessionmaker[Session], **values: Any) -> Job:
    with transaction(sessions) as session:
        return document_replay.request(session, values=values, actor=actors.system(session))


def ledger(sessions: sessionmaker[Session]) -> dict[str, str]:
    with transaction(sessions) as session:
        return outcomes(session)


@pytest.fixture
def sessions(fresh_db: str) -> Any:
    """A database with five invoices: two recorded as one, one unresolved, one suppressed; and a credit memo ignored."""
    with sessions_on(fresh_db) as made:
        with transaction(made) as session:
            make_company(session, no="CT1", accounts=[{"type": "customer", "no": "C100"}])
            make_company(
                session, no="CT2", privacy_blocked=True, accounts=[{"type": "customer", "no": "C200"}]
            )
            record_documents(session)
            receive(
                session,
                make_event(id="recorded"),
                make_event(id="reprint"),
                make_event(id="unresolved", account_no="C300"),
                make_event(id="suppressed", account_no="C200"),
                make_event(id="ignored", document_type="sales_credit_memo", time="2026-01-05T10:00:00Z"),
            )
            record(session)
        yield made


def mend(sessions: sessionmaker[Session]) -> None:
    """Give the credit memo a template, link the customer, unblock the contact."""
    with transaction(sessions) as session:
        actor = actors.system(session)
        template_setup.change(session, values={"sales_credit_memo": "DOC"}, actor=actor)
        make_company(session, no="CT3", accounts=[{"type": "customer", "no": "C300"}])
        contacts.change(session, contacts.get(session, "CT2"), values={"privacy_blocked": False}, actor=actor)


def test_what_was_mended_is_recorded_dated_by_the_event(sessions: sessionmaker[Session]) -> None:
    before = ledger(sessions)
    mend(sessions)
    job = request(sessions, all=True)
    drain(sessions)

    assert state_of(sessions, job)["result"] == {
        "recorded": 3, "reprint": 0, "ignored": 0, "unresolved": 0, "suppressed": 0, "unchanged": 2,
    }  # fmt: skip
    assert ledger(sessions) == before | dict.fromkeys(("unresolved", "suppressed", "ignored"), "recorded")
    with transaction(sessions) as session:
        assert ("sales_credit_memo", "2026-01-05") in entries(session, "document_type", "date::text")


def test_what_was_not_mended_stays_and_counts_its_attempts(sessions: sessionmaker[Session]) -> None:
    job = request(sessions, filter={"outcome": ["ignored", "unresolved"]})
    drain(sessions)

    assert state_of(sessions, job)["result"] | {"unchanged": 0} == {
        "recorded": 0, "reprint": 0, "ignored": 1, "unresolved": 1, "suppressed": 0, "unchanged": 0,
    }  # fmt: skip
    with transaction(sessions) as session:
        attempts = session.execute(text("SELECT event_id FROM document_event WHERE attempts = 2 ORDER BY 1"))
        assert list(attempts.scalars()) == ["ignored", "unresolved"]


def test_some_are_chosen_by_source_and_ids(sessions: sessionmaker[Session]) -> None:
    mend(sessions)
    job = request(sessions, source="billing", ids=["ignored", "reprint", "never"])
    drain(sessions)

    result = state_of(sessions, job)["result"]
    assert (result["recorded"], result["unchanged"]) == (1, 1)
    assert ledger(sessions)["unresolved"] == "unresolved"


def test_it_is_done_in_chunks_and_goes_on_where_it_was_interrupted(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_replay, "CHUNK", 2)
    mend(sessions)
    job = request(sessions, all=True)
    assert work(sessions)  # plan
    with monkeypatch.context() as patched:
        patched.setattr(document_recording, "record", interrupted)
        assert work(sessions)
    assert ledger(sessions)["ignored"] == "ignored"
    drain(sessions)

    assert state_of(sessions, job)["result"]["recorded"] == 3


def interrupted(*_: Any) -> None:
    raise RuntimeError("interrupted")


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({}, {("filter", "filter_missing")}),
        ({"filter": {}}, {("filter", "filter_missing")}),
        (
            {"filter": {"colour": "red"}, "of": 1},
            {("filter.colour", "unknown_field"), ("of", "unknown_field")},
        ),
        ({"filter": {"from": "yesterday"}}, {("query.from", "invalid")}),
        ({"source": "billing"}, {("ids", "required")}),
        ({"filter": []}, {("filter", "invalid")}),
        ({"all": "yes"}, {("all", "invalid")}),
    ],
)
def test_a_request_that_chooses_nothing_is_refused(
    session: Session, values: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as refused:
        document_replay.request(session, values=values, actor=actors.system(session))
    assert faults_of(refused) == faults
