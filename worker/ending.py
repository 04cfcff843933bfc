"""What becomes of a worker whose parent process has failed."""

from __future__ import annotations

import os
import threading
from typing import NoReturn

import structlog
from celery import bootsteps
from celery.worker import WorkController

log = structlog.get_logger()

SECONDS_TO_END = 4.0


class EndInTime(bootsteps.StartStopStep):
    """Sees to it that a parent that fails ends, so that it is started again.

    When Redis is killed, kombu may meet a connection half taken down while it puts messages back, which Celery takes
    for unrecoverable. It then takes no messages any more and waits for its pool, seen to last half a minute, while
    nobody outside can tell that it is over (RELIABILITY 3, case 8). What the pool still does after `SECONDS_TO_END` is
    cut off as by `kill -9`, and done again.
    """

    def start(self, worker: WorkController) -> None:
        """Do nothing; the parent runs."""

    def close(self, worker: WorkController) -> None:
        """Let a parent that failed go on for `SECONDS_TO_END` at most; one that was asked to go has its own limits."""
        if worker.exitcode:
            timer = threading.Timer(SECONDS_TO_END, _end, [worker.exitcode])
            timer.daemon = True
            timer.start()


def _end(exitcode: int) -> NoReturn:
    log.critical("worker_did_not_end", seconds=SECONDS_TO_END)
    os._exit(exitcode)
