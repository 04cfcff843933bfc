"""Running the job engine inside a test: no worker processes, no pauses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from domain import job_engine, job_kinds, jobs
from domain.database import make_engine, make_sessions, transaction

__all__ = ["drain", "job_kinds", "sessions_on", "state_of", "work"]


@contextmanager
def sessions_on(url: str) -> Iterator[sessionmaker[Session]]:
    """Sessions on the database at `url` for the length of a block."""
    engine = make_engine(url, process="test", pool_size=4, max_overflow=4)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()


def work(sessions: sessionmaker[Session]) -> bool:
    """Do one chunk at once, whatever it waits for."""
    return job_engine.work_one(sessions, grace=0, backoff=0)


def drain(sessions: sessionmaker[Session]) -> None:
    """Work until nothing is left to be claimed; a job that never ends is a failure."""
    for _ in range(1000):
        if not work(sessions):
            return
    raise AssertionError("there is always more work")


def state_of(sessions: sessionmaker[Session], job: jobs.Job) -> dict[str, Any]:
    """Describe a job as it stands now."""
    with transaction(sessions) as session:
        return jobs.describe(session, [jobs.get(session, job.id)])[0]
