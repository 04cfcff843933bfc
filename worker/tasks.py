"""What a hint sets off."""

from __future__ import annotations

from time import monotonic
from typing import Any

import structlog
from kombu.exceptions import OperationalError

from domain import document_recording, hints, job_engine, job_kinds
from domain.database import is_infrastructure
from worker.app import app, database

__all__ = ["job_kinds", "work"]

log = structlog.get_logger()

# A task ends after this long and hands on, so that a worker can be restarted or recycled between two.
SECONDS_PER_TASK = 5.0


@app.task(name=hints.WORK_TASK, ignore_result=True)
def work(**_: Any) -> None:
    """Record document events and do chunks of jobs until there are none, or for about five seconds; then pass the hint
    on. Events go first: they are few milliseconds each, and somebody waits for them.

    Who found work wakes one more: the hint of a request wakes one process, and the chunks that its plan cuts are
    work for all of them, up to a second before beat's next sweep.

    With the database away there is nothing to be done; beat's sweep hints again when it is back.
    """
    end = monotonic() + SECONDS_PER_TASK
    others_know = False
    try:
        while document_recording.work(database.sessions) or job_engine.work_one(database.sessions):
            if monotonic() > end:
                work.apply_async(retry=False)
                return
            if not others_know:
                others_know = True
                _wake_another()
    except Exception as error:
        if not is_infrastructure(error):
            raise
        log.warning("work_interrupted", error=str(error))


def _wake_another() -> None:
    """Send a hint; without a broker the work goes on all the same."""
    try:
        work.apply_async(retry=False)
    except OperationalError as error:
        log.warning("hint_not_sent", error=str(error))
