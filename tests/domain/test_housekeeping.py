"""Housekeeping: what nobody needs any more goes, and nothing else (issue 5)."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, housekeeping, jobs, purge_setup
from domain.database import transaction
from domain.document_events import Door

from .engine_helpers import drain, sessions_on, state_of, work
from .events import as_text, make_event, outcomes, receive
from .makers import make_logged_segment


@pytest.fixture
def sessions(fresh_db: str) -> Iterator[sessionmaker[Session]]:
    with sessions_on(fresh_db) as made:
        yield made


def keep_house(sessions: sessionmaker[Session]) -> dict[str, Any]:
    """Do it; return what went."""
    with transaction(sessions) as session:
        job = housekeeping.request(session, actor=actors.system(session))
    drain(sessions)
    result: dict[str, Any] = state_of(sessions, job)["result"]
    return result


def rows(sessions: sessionmaker[Session], query: str) -> list[Any]:
    with transaction(sessions) as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_old_jobs_and_answers_go_and_young_ones_stay(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        actor = actors.system(session)
        for days in (181, 179):
            job = jobs.create(session, kind="sum_up", parameters={"days": days}, actor=actor)
            session.execute(
                text(
                    "UPDATE job SET state = 'succeeded', finished_at = now() - make_interval(days => :days) "
                    "WHERE id = :id"
                ),
                {"days": days, "id": job.id},
            )
            session.execute(
                text(
                    "INSERT INTO idempotency_key (actor_id, key, fingerprint, created_at) "
                    "VALUES (:actor, :key, '', now() - make_interval(hours => :hours))"
                ),
                {"actor": actor.id, "key": f"K{days}", "hours": days - 132},
            )

    assert keep_house(sessions) == {
        "jobs": 1, "idempotency_keys": 1, "sign_in_links": 0, "document_events": 0,
    }  # fmt: skip
    assert rows(sessions, "SELECT parameters->>'days' FROM job WHERE kind = 'sum_up'") == [("179",)]
    assert rows(sessions, "SELECT key FROM idempotency_key") == [("K179",)]


def make_old_events(sessions: sessionmaker[Session]) -> None:
    """Five events of which the first four are old: two plain ones, one with a conflict, one that was rejected."""
    with transaction(sessions) as session:
        receive(session, make_event(id="1"), make_event(id="2"), make_event(id="3"))
        receive(session, make_event(id="3", document_no="OTHER"), "?", door=Door.STREAM)
        receive(session, make_event(id="5"))
        session.execute(
            text("""
                UPDATE document_event SET
                    received_at = CASE WHEN event_id = '5' THEN now() ELSE now() - interval '1096 days' END,
                    outcome = CASE WHEN outcome = 'received' THEN 'ignored' ELSE outcome END
            """)
        )


def test_old_events_lose_their_data_and_are_duplicates_for_ever(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:  # D1
    monkeypatch.setattr(housekeeping, "EVENTS", 2)
    make_old_events(sessions)

    assert keep_house(sessions)["document_events"] == 3
    assert rows(
        sessions, "SELECT event_id, document_no, data IS NULL FROM document_event ORDER BY position"
    ) == [("1", "INV-1", True), ("2", "INV-1", True), ("3", "INV-1", True), ("5", "INV-1", False)]
    assert rows(sessions, "SELECT 1 FROM document_event_conflict") == []
    with transaction(sessions) as session:
        again = receive(session, make_event(id="1"), as_text(make_event(id="2")))
        assert (again.accepted, again.duplicates) == (0, 2)
        assert set(outcomes(session)) == {"1", "2", "3", "5"}
    assert keep_house(sessions)["document_events"] == 0


def test_what_was_interrupted_is_done_by_the_next_attempt(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "EVENTS", 2)
    make_old_events(sessions)
    with transaction(sessions) as session:
        housekeeping.request(session, actor=actors.system(session))
    for _ in range(3):  # the plan, everything else, the first two events
        assert work(sessions)
    with monkeypatch.context() as broken:
        broken.setattr(housekeeping, "_deleted", _die)
        assert work(sessions)
    drain(sessions)

    assert rows(sessions, "SELECT count(*) FROM document_event WHERE data IS NULL") == [(3,)]


def _die(*_: object) -> int:
    raise RuntimeError("died")


def test_canceled_logged_segments_go_if_that_is_wanted(sessions: sessionmaker[Session]) -> None:  # E6
    with transaction(sessions) as session:
        long_ago = make_logged_segment(session, "SM1", canceled_at="2020-01-01")
        make_logged_segment(session, "SM2", canceled_at=str(session.scalar(text("SELECT now()"))))
        make_logged_segment(session, "SM3")
    standing = "SELECT segment_no FROM logged_segment WHERE deleted_at IS NULL ORDER BY no"

    keep_house(sessions)
    assert rows(sessions, standing) == [("SM1",), ("SM2",), ("SM3",)]
    with transaction(sessions) as session:
        purge_setup.change(session, values={"keep_canceled_segments_days": 30}, actor=actors.system(session))
    keep_house(sessions)
    assert rows(sessions, standing) == [("SM2",), ("SM3",)]
    assert long_ago
