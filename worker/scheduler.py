"""Beat's scheduler: every second it looks in PostgreSQL for work and sends hints.

Any number of beats can run: a hint too many does no harm. Time between two looks is measured on the monotonic
clock, so a clock set back does not silence beat (RELIABILITY 1).
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import redis
import structlog
from celery.beat import Scheduler
from kombu.exceptions import KombuError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain import document_recording, hints, job_engine, settings
from domain.database import make_engine

log = structlog.get_logger()

SECONDS_BETWEEN_SWEEPS = 1.0
# Hints per sweep, and in the queue at most: enough to wake every process of a few workers.
MOST_HINTS = 8
# What tells that PostgreSQL or the broker is away.
AWAY = (SQLAlchemyError, redis.RedisError, KombuError, OSError)


class JobScheduler(Scheduler):
    """Sends hints for open work instead of entries of a schedule."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        structlog.contextvars.bind_contextvars(process="beat")
        self._engine: Engine | None = None
        self._next_sweep = 0.0
        loaded = settings.load()
        self._database_url = loaded.database_url
        self._broker = redis.Redis.from_url(
            loaded.redis_url, socket_timeout=2, socket_connect_timeout=1, health_check_interval=5
        )
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """There is none: what is due stands in PostgreSQL."""

    def tick(self, *_: Any, **__: Any) -> float:
        """Sweep if it is time; return the seconds until the next look."""
        now = monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SECONDS_BETWEEN_SWEEPS
            self.sweep()
        return max(self._next_sweep - monotonic(), 0.05)

    def sweep(self) -> None:
        """Send hints for open chunks and waiting events; what fails now is tried again by the next sweep."""
        try:
            hinted = min(self._open_work(), MOST_HINTS - self._waiting_hints())
            for _ in range(hinted):
                self.app.send_task(hints.WORK_TASK, queue=hints.JOBS_QUEUE, ignore_result=True)
        except AWAY as error:
            log.warning("sweep_failed", error=str(error))

    def _open_work(self) -> int:
        if self._engine is None:
            self._engine = make_engine(self._database_url, process="beat")
        with Session(self._engine) as session:
            return job_engine.open_work(session) + document_recording.is_waiting(session)

    def _waiting_hints(self) -> int:
        waiting: Any = self._broker.llen(hints.JOBS_QUEUE)
        return int(waiting)

    def close(self) -> None:
        """Let go of the connections."""
        if self._engine is not None:
            self._engine.dispose()
        super().close()
