"""Logs as JSON lines on stderr, each with the request it belongs to. Bodies, tokens and cookies are never logged."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

import domain.logs

log = structlog.get_logger("web.requests")

HEADER = "X-Request-ID"
ACCEPTED_ID = re.compile(r"[\w.-]{1,64}\Z", re.ASCII)


def init_app(app: Flask) -> None:
    """Log every request of `app` with its id, status, duration in milliseconds and actor."""
    if not structlog.is_configured():
        domain.logs.configure(process="web")

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if ACCEPTED_ID.match(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        if "started" not in g:
            return response
        response.headers[HEADER] = g.request_id
        if request.endpoint is None or not request.endpoint.startswith("health."):
            log.info(
                "request",
                method=request.method,
                path=_path(),
                status=response.status_code,
                milliseconds=round((time.perf_counter() - g.started) * 1000, 1),
                user=getattr(g.get("actor"), "name", None),
            )
        return response


def _path() -> str:
    """Return the path of the request without a secret that is part of it: that of a one-time link."""
    secret = (request.view_args or {}).get("token")
    return request.path.replace(secret, "…") if secret else request.path
