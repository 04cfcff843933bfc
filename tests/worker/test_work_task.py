"""The task that a hint sets off: what it finds in PostgreSQL it does, one thing whatever becomes of the other."""

from types import SimpleNamespace

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, jobs, purging
from domain.database import transaction
from tests.domain.engine_helpers import state_of
from tests.domain.events import make_event, receive
from worker import tasks

NOT_NOW = """
    CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$;
    CREATE TRIGGER not_now BEFORE UPDATE ON document_event FOR EACH ROW EXECUTE FUNCTION not_now()
"""


@pytest.mark.parametrize("state", ["lock_not_available", "query_canceled"])
def test_jobs_are_done_though_events_cannot_be_recorded(
    client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """D8, RELIABILITY 2: and events are recorded by a later task."""
    monkeypatch.setattr(tasks, "database", SimpleNamespace(sessions=sessions))
    monkeypatch.setattr(tasks, "send_hint", lambda: None)
    with transaction(sessions) as session:
        session.execute(text(NOT_NOW.format(state=state)))
        receive(session, make_event(id="1"))
        job: jobs.Job = purging.request(session, values={}, actor=actors.system(session))

    tasks.work()

    assert state_of(sessions, job)["state"] == "succeeded"
    with transaction(sessions) as session:
        session.execute(text("DROP FUNCTION not_now() CASCADE"))
    tasks.work()
    with sessions() as session:
        assert session.scalar(text("SELECT outcome FROM document_event")) == "ignored"
