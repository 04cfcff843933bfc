"""Beat's scheduler: every second it looks in PostgreSQL for what is due and for work, and sends hints.

Any number of beats can run: a hint too many does no harm, and a schedule that is due is claimed by one of them. Time
between two looks is measured on the monotonic clock, so a clock set back does not silence beat (RELIABILITY 1). By a
clock that also counts the time that the machine sleeps it tells how much time can have passed in PostgreSQL (E7).
"""

from __future__ import annotations

import datetime as dt
import time
from time import monotonic
from typing import Any

import redis
import structlog
from celery.beat import Scheduler
from kombu.exceptions import KombuError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain import (
    clock_guard,
    document_recording,
    entry_totals,
    hints,
    job_claims,
    job_kinds,
    purge_schedules,
    settings,
)
from domain.database import make_engine, make_sessions, transaction

__all__ = ["AWAY", "JobScheduler", "job_kinds"]

log = structlog.get_logger()

SECONDS_BETWEEN_SWEEPS = 1.0
# Between two looks whether sums are to be brought up to date; without them statistics are slower, not wrong.
SECONDS_BETWEEN_SUMS = 10.0
# Hints per sweep, and in the queue at most: enough to wake every process of a few workers.
MOST_HINTS = 8
# What tells that PostgreSQL or the broker is away.
AWAY = (SQLAlchemyError, redis.RedisError, KombuError, OSError)


# Runs like the monotonic clock, through the sleep of the machine as well, where there is one.
_UNSETTABLE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class JobScheduler(Scheduler):
    """Starts what is due in PostgreSQL and sends hints for open work, instead of entries of a schedule."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        structlog.contextvars.bind_contextvars(process="beat")
        self._engine: Engine | None = None
        self._next_sweep = 0.0
        self._next_sums = 0.0
        self._looked_at: float | None = None
        self._clock_is_good = True
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
        """Start what is due and send hints for open chunks and waiting events; what fails now is tried again by the
        next sweep."""
        try:
            self._start_what_is_due()
            hinted = min(self._open_work(), MOST_HINTS - self._waiting_hints())
            for _ in range(hinted):
                self.app.send_task(hints.WORK_TASK, queue=hints.JOBS_QUEUE, ignore_result=True)
        except AWAY as error:
            log.warning("sweep_failed", error=str(error))

    def _start_what_is_due(self) -> None:
        """Look at PostgreSQL's clock, then start the schedules whose time has come."""
        sessions = make_sessions(self._connected())
        now = time.clock_gettime(_UNSETTABLE)
        with transaction(sessions) as session:
            passed = None if self._looked_at is None else dt.timedelta(seconds=now - self._looked_at)
            is_good = clock_guard.observe(session, passed=passed)
        self._looked_at = now
        if is_good != self._clock_is_good:
            self._clock_is_good = is_good
            log.warning("clock_believed" if is_good else "clock_suspect")
        while is_good:
            with transaction(sessions) as session:
                if not purge_schedules.start_due(session):
                    return

    def _connected(self) -> Engine:
        if self._engine is None:
            self._engine = make_engine(self._database_url, process="beat")
        return self._engine

    def _open_work(self) -> int:
        with Session(self._connected()) as session, session.begin():
            if monotonic() >= self._next_sums:
                self._next_sums = monotonic() + SECONDS_BETWEEN_SUMS
                entry_totals.request_if_due(session)
            return job_claims.open_work(session) + document_recording.is_waiting(session)

    def _waiting_hints(self) -> int:
        waiting: Any = self._broker.llen(hints.JOBS_QUEUE)
        return int(waiting)

    def close(self) -> None:
        """Let go of the connections."""
        if self._engine is not None:
            self._engine.dispose()
        super().close()
