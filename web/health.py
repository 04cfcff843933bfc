"""What supervisors and Prometheus ask, without sign-in: does the process live, can it answer, how is it doing."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis
import structlog
from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from web import codec, database, metrics
from web.metrics import PATIENCE

log = structlog.get_logger(__name__)
health = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    """Give `app` its health paths and count its requests."""
    app.register_blueprint(health)
    app.after_request(count)


def count(response: Response) -> Response:
    """Count an answer under its route, which has no values in it."""
    if "started" in g and request.endpoint != "health.show_metrics":
        route = request.url_rule.rule if request.url_rule else "none"
        metrics.REQUESTS.labels(request.method, route, response.status_code).inc()
        metrics.SECONDS.labels(request.method, route).observe(time.perf_counter() - g.started)
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
def show_metrics() -> Response:
    """Give the metrics of this service."""
    return Response(metrics.expose(_broker_url()), content_type=CONTENT_TYPE_LATEST)


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
    with redis.Redis.from_url(
        _broker_url(), socket_timeout=PATIENCE / 2, socket_connect_timeout=PATIENCE / 2
    ) as client:
        client.ping()


def _broker_url() -> str:
    url: str = current_app.extensions["broker"].url
    return url
