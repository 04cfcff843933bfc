"""The metrics of this service for Prometheus: what web processes count, and what database and broker tell when asked.

`docs/operations.md` says what each means; a test holds it against this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import redis
import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)
from sqlalchemy import text

from domain import hints, vital_signs
from domain.jobs import State
from web import database

log = structlog.get_logger(__name__)

PREFIX = "interlog_"
# Longest wait for the database or the broker, in seconds.
PATIENCE = 2

# When each series began; it would double them, and processes that add up do not have it.
disable_created_metrics()  # type: ignore[no-untyped-call]

COUNTED = CollectorRegistry()
REQUESTS = Counter(
    f"{PREFIX}http_requests", "Requests answered", ["method", "route", "status"], registry=COUNTED
)
SECONDS = Histogram(
    f"{PREFIX}http_request_seconds",
    "Time to answer",
    ["method", "route"],
    registry=COUNTED,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
HINTS = Counter(f"{PREFIX}hints", "Hints that there is work", ["result"], registry=COUNTED)


class Sign(NamedTuple):
    """A gauge that is read when Prometheus asks.

    Parameters
    ----------
    name
        After the prefix; that of `domain.vital_signs`.
    help
        What it tells.
    label
        What its values are told apart by.
    """

    name: str
    help: str
    label: str | None = None


OF_DATABASE = (
    Sign("jobs", "Jobs by state; ended ones of the last day", "state"),
    Sign("oldest_open_job_seconds", "Age of the oldest job that has not ended"),
    Sign("open_chunks", "Chunks waiting or at work"),
    Sign("chunk_attempts", "Most attempts of a chunk that is not done"),
    Sign("document_events_waiting", "Document events stored and not yet recorded"),
    Sign("document_events_oldest_seconds", "Age of the oldest of them"),
    Sign("document_events_unsettled", "Document events without an entry, at most 10,000 each", "outcome"),
    Sign("document_event_conflicts", "Events that came with the id of another one, at most 10,000"),
    Sign("purge_overdue_seconds", "How long a purge schedule has been due"),
    Sign("purge_schedules_failed", "Purge schedules whose last run was refused or failed"),
    Sign("clock_suspect", "1 while PostgreSQL's clock is not believed"),
    Sign("clock_ahead_seconds", "How far PostgreSQL's clock is ahead of what is believed"),
    Sign("beat_last_sweep_seconds", "Time since a beat last looked for work; infinite without one"),
    Sign("database_connections", "Connections by process", "process"),
    Sign("database_connections_limit", "Connections that PostgreSQL allows"),
    Sign("oldest_transaction_seconds", "Age of the oldest transaction"),
    Sign("database_bytes", "Size of the database"),
    Sign("log_bytes", "Size of the log with its indexes"),
    Sign("entries", "Entries of the log, as PostgreSQL estimates"),
    Sign("log_dead_rows", "Rows of the log waiting for vacuum, as PostgreSQL estimates"),
)
OF_BROKER = (
    Sign("queue_messages", "Messages in a queue", "queue"),
    Sign("stream_entries", "Entries of the stream of document events"),
    Sign("stream_lag", "Entries of the stream that no consumer has taken"),
    Sign("stream_pending", "Entries of the stream taken and not acknowledged"),
)


def count_hint(*, is_sent: bool) -> None:
    """Count a hint."""
    HINTS.labels("sent" if is_sent else "lost").inc()


def expose(broker_url: str) -> bytes:
    """Return all metrics in Prometheus' text format; of all web processes where they share a folder."""
    counted = COUNTED
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    asked = CollectorRegistry()
    _tell(asked, "database_up", OF_DATABASE, _ask_database)
    _tell(asked, "broker_up", OF_BROKER, lambda: _ask_broker(broker_url))
    return generate_latest(counted) + generate_latest(asked)


def _tell(
    registry: CollectorRegistry,
    up: str,
    signs: Iterable[Sign],
    ask: Callable[[], dict[str, dict[str, float]]],
) -> None:
    """Ask a server; tell whether it answered, and if so, what."""
    is_up = Gauge(PREFIX + up, "1 if it answers", registry=registry)
    try:
        found = ask()
    except Exception as error:
        log.warning("metrics_incomplete", missing=up, error=type(error).__name__)
        is_up.set(0)
        return
    is_up.set(1)
    for sign in signs:
        gauge = Gauge(PREFIX + sign.name, sign.help, [sign.label] if sign.label else [], registry=registry)
        for label, value in found.get(sign.name, {}).items():
            (gauge.labels(label) if sign.label else gauge).set(value)


def _ask_database() -> dict[str, dict[str, float]]:
    with database.transaction() as session:
        session.execute(text(f"SET LOCAL statement_timeout = {PATIENCE * 1000}"))
        found = vital_signs.read(session)
    found["jobs"] = {state.value: found.get("jobs", {}).get(state.value, 0) for state in State}
    return found


def _ask_broker(url: str) -> dict[str, dict[str, float]]:
    with redis.Redis.from_url(
        url, socket_timeout=PATIENCE / 2, socket_connect_timeout=PATIENCE / 2
    ) as client:
        queues: dict[str, Any] = {queue: client.llen(queue) for queue in hints.QUEUES}
        entries: Any = client.xlen(hints.STREAM)
        groups: Any = []
        with suppress(redis.ResponseError):  # no stream yet
            groups = client.xinfo_groups(hints.STREAM)
    group = next((one for one in groups if one["name"] == hints.GROUP.encode()), None)
    # Without the group nothing has been taken; where Redis cannot count, nothing is said to wait.
    lag = entries if group is None else group["lag"] or 0
    return {
        "queue_messages": queues,
        "stream_entries": {"": entries},
        "stream_lag": {"": lag},
        "stream_pending": {"": group["pending"] if group else 0},
    }
