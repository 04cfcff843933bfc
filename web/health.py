"""What supervisors and Prometheus ask, without sign-in: does the process live, can it answer, how is it doing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import redis
import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from sqlalchemy import text

from domain.jobs import State
from web import codec, database

log = structlog.get_logger(__name__)
health = Blueprint("health", __name__)

# Longest wait for the database or the broker, in seconds.
PATIENCE = 2

REQUESTS = CollectorRegistry()
COUNT = Counter(
    "interlog_http_requests", "Requests answered", ["method", "route", "status"], registry=REQUESTS
)
SECONDS = Histogram(
    "interlog_http_request_seconds",
    "Time to answer",
    ["method", "route"],
    registry=REQUESTS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

# Ended jobs only grow in number: they are counted for a day, open ones however old (job_open_idx).
JOBS = text("""
    SELECT state, count(*) FROM job WHERE finished_at IS NULL OR finished_at > now() - interval '1 day'
    GROUP BY state
""")
OPEN_CHUNKS = text("SELECT count(*) FROM job_chunk WHERE state IN ('pending', 'running')")


def init_app(app: Flask) -> None:
    """Give `app` its health paths and count its requests."""
    app.register_blueprint(health)
    app.after_request(count)


def count(response: Response) -> Response:
    """Count an answer under its route, which has no values in it."""
    if "started" in g and request.endpoint != "health.metrics":
        route = request.url_rule.rule if request.url_rule else "none"
        COUNT.labels(request.method, route, response.status_code).inc()
        SECONDS.labels(request.method, route).observe(time.perf_counter() - g.started)
    return response


@health.get("/healthz")
def healthz() -> Response:
    """Say that the process lives."""
    return Response("ok\n", mimetype="text/plain")


@health.get("/readyz")
def readyz() -> Response:
    """Say whether database and broker answer; 503 if one does not."""
    found = {"database": _answers(_ask_database), "broker": _answers(_ask_broker)}
    return Response(codec.dumps(found), 200 if all(found.values()) else 503, content_type="application/json")


@health.get("/metrics")
def metrics() -> Response:
    """Give the metrics of this service, of all its web processes where they share a folder."""
    registry = REQUESTS
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(
        generate_latest(registry) + generate_latest(_of_database()), content_type=CONTENT_TYPE_LATEST
    )


def _of_database() -> CollectorRegistry:
    registry = CollectorRegistry()
    up = Gauge("interlog_database_up", "The database answers", registry=registry)
    try:
        with database.transaction() as session:
            session.execute(text(f"SET LOCAL statement_timeout = {PATIENCE * 1000}"))
            states = {row[0]: row[1] for row in session.execute(JOBS)}
            chunks = session.execute(OPEN_CHUNKS).scalar_one()
    except Exception as error:
        log.warning("metrics without the database", error=repr(error))
        up.set(0)
        return registry
    up.set(1)
    jobs = Gauge("interlog_jobs", "Jobs by state; ended ones of the last day", ["state"], registry=registry)
    for state in State:
        jobs.labels(state.value).set(states.get(state.value, 0))
    Gauge("interlog_open_chunks", "Chunks waiting or at work", registry=registry).set(chunks)
    return registry


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Exception as error:
        log.warning("not ready", error=repr(error))
        return False
    return True


def _ask_database() -> None:
    with database.transaction() as session:
        session.execute(text(f"SET LOCAL statement_timeout = {PATIENCE * 1000}"))
        session.execute(text("SELECT 1"))


def _ask_broker() -> None:
    url: str = current_app.extensions["broker"].url
    with redis.Redis.from_url(
        url, socket_timeout=PATIENCE / 2, socket_connect_timeout=PATIENCE / 2
    ) as client:
        client.ping()
