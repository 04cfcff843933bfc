"""Asks for jobs the way the site does, and watches them: for the demo and the benchmarks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.orm import Session

from domain import hints, jobs
from domain.database import make_engine, make_sessions, transaction
from domain.jobs import FINAL, Job
from ops.errors import OpsError

SECONDS_BETWEEN_LOOKS = 0.05

Progress = Callable[[int, int], None]


class JobClient:
    """Transactions on the stack's database, each followed by a hint when it made work.

    Parameters
    ----------
    database_url, redis_url
        The servers of the stack.
    process
        Name of this process in `pg_stat_activity`.
    """

    def __init__(self, database_url: str, redis_url: str, *, process: str) -> None:
        self.engine = make_engine(database_url, process=process, statement_timeout_ms=600_000)
        self._sessions = make_sessions(self.engine)
        self._producer = Celery(f"interlog-{process}", broker=redis_url, set_as_current=False)
        self._producer.conf.update(hints.BROKER)

    def close(self) -> None:
        """Let go of the connections."""
        self._producer.close()
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session for one transaction; the hint that there is work follows the commit."""
        with transaction(self._sessions) as session:
            yield session
        if hints.wanted(session):
            self._send_hint()

    def _send_hint(self) -> None:
        """Send a hint; beat's sweep finds the work when that fails."""
        try:
            self._producer.send_task(hints.WORK_TASK, queue=hints.JOBS_QUEUE, ignore_result=True)
        except OperationalError:
            return

    def look_at(self, job_id: uuid.UUID) -> dict[str, Any]:
        """Describe a job as it stands now."""
        with Session(self.engine) as session:
            return jobs.describe(session, [jobs.get(session, job_id)])[0]

    def finish(self, job: Job, *, progress: Progress | None = None, timeout: float = 600) -> dict[str, Any]:
        """Wait until a job has succeeded and describe it.

        Parameters
        ----------
        progress
            Called with rows committed and rows in all whenever they changed; not before the job is planned.
        timeout
            Seconds to wait at most.

        Raises
        ------
        OpsError
            When it ends otherwise, or not in time.
        """
        deadline, seen = time.monotonic() + timeout, (0, 0)
        while True:
            found = self.look_at(job.id)
            now = (found["done"], found["total"])
            if progress and now != seen and found["total"]:
                progress(*now)
                seen = now
            if found["state"] in FINAL:
                break
            if time.monotonic() > deadline:
                raise OpsError(f"job {job.id} ({job.kind}) is not finished after {timeout:.0f} s")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        if found["state"] != "succeeded":
            raise OpsError(f"job {job.id} ({job.kind}) ended as {found['state']}: {found['problem']}")
        return found
