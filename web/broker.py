"""Sends hints. A hint that cannot be sent is logged and forgotten: beat's sweep finds the work (DESIGN 1.4)."""

from __future__ import annotations

import os
import time

import structlog
from celery import Celery
from flask import Flask, current_app

from domain import hints

log = structlog.get_logger(__name__)

# After a failure no hint is tried for so long (seconds), or a silent broker would hold up every answer.
PAUSE = 5.0

# An answer must not wait as long as a worker may (RELIABILITY 3, case 29).
TIMEOUTS = {"socket_timeout": 1, "socket_connect_timeout": 0.5}


class Broker:
    """A Celery producer of each process's own, with a pause after every failure."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._owner: int | None = None
        self._celery: Celery | None = None
        self._paused_until = 0.0

    def send_hint(self) -> bool:
        """Send one hint; tell whether it was sent."""
        if time.monotonic() < self._paused_until:
            return False
        try:
            self._producer().send_task(hints.WORK_TASK, queue=hints.JOBS_QUEUE, ignore_result=True)
        except Exception as error:  # whatever it is, the answer to the request is not disturbed
            self._paused_until = time.monotonic() + PAUSE
            log.warning("hint not sent", error=repr(error))
            return False
        return True

    def _producer(self) -> Celery:
        if self._celery is None or self._owner != os.getpid():
            self._celery = Celery("interlog-web", broker=self.url, set_as_current=False)
            self._celery.conf.update(hints.BROKER)
            self._celery.conf.task_publish_retry = True
            self._celery.conf.task_publish_retry_policy = {"max_retries": 0}
            self._celery.conf.broker_transport_options = {
                **hints.BROKER["broker_transport_options"],  # type: ignore[dict-item]
                **TIMEOUTS,
            }
            self._owner = os.getpid()
        return self._celery


def init_app(app: Flask, url: str) -> None:
    """Give `app` a broker to send hints to."""
    app.extensions["broker"] = Broker(url)


def of_app() -> Broker:
    """Return the broker of the current application."""
    broker: Broker = current_app.extensions["broker"]
    return broker


def send_hint() -> bool:
    """Tell the workers that there is work; tell whether the broker took it."""
    return of_app().send_hint()
