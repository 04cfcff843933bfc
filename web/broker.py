"""Sends hints. A hint that cannot be sent is logged and forgotten: beat's sweep finds the work (DESIGN 1.4)."""

from __future__ import annotations

import os
import threading
import time

import structlog
from celery import Celery
from flask import Flask, current_app
from structlog.contextvars import bound_contextvars

from domain import hints, logs
from web import metrics

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
        self._lock = threading.Lock()
        self._next_hint = 0.0
        self._is_hint_due = False
        self._due_for: str | None = None

    def hint(self) -> None:
        """Send a hint at once; or, if one was sent just now, in a moment one for all that ask for it meanwhile."""
        with self._lock:
            now = time.monotonic()
            wait = self._next_hint - now
            if wait > 0:
                if not self._is_hint_due:
                    self._is_hint_due = True
                    self._due_for = logs.request_id()
                    later = threading.Timer(wait, self._send_due)
                    later.daemon = True
                    later.start()
                return
            self._next_hint = now + hints.EVERY
        self.send_hint()

    def _send_due(self) -> None:
        with self._lock:
            self._is_hint_due = False
            self._next_hint = time.monotonic() + hints.EVERY
            request_id = self._due_for
        with bound_contextvars(request_id=request_id):
            self.send_hint()

    def send_hint(self) -> bool:
        """Send one hint, with the id of the request that left the work, for the logs; tell whether it was sent."""
        is_sent = self._send()
        metrics.count_hint(is_sent=is_sent)
        return is_sent

    def _send(self) -> bool:
        if time.monotonic() < self._paused_until:
            return False
        try:
            self._producer().send_task(
                hints.WORK_TASK,
                kwargs={"request_id": logs.request_id()},
                queue=hints.JOBS_QUEUE,
                ignore_result=True,
            )
        except Exception as error:  # whatever it is, the answer to the request is not disturbed
            self._paused_until = time.monotonic() + PAUSE
            log.warning("hint_not_sent", error=repr(error))
            return False
        log.info("hint_sent")
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


def hint() -> None:
    """Tell the workers that there is work."""
    of_app().hint()
