"""How many requests a caller may send. Counted in the broker's server, or in this process while that is away."""

from __future__ import annotations

import hashlib
import time

from flask import Flask, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from domain.settings import Settings

DOCUMENT_EVENTS = "api.document_events."

# The limiter must not hold an answer up when its storage is silent.
STORAGE_OPTIONS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}


def init_app(app: Flask, settings: Settings) -> None:
    """Limit every caller of `app` to the number of requests per minute in the settings; senders of document events,
    one per request, may send many more than people and other programs."""

    def limit() -> str:
        is_event = (request.endpoint or "").startswith(DOCUMENT_EVENTS)
        allowed = settings.event_requests_per_minute if is_event else settings.requests_per_minute
        return f"{allowed}/minute"

    limiter = Limiter(
        caller,
        default_limits=[limit],
        default_limits_exempt_when=_exempt,
        storage_uri=settings.redis_url,
        storage_options=STORAGE_OPTIONS,  # type: ignore[arg-type]
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        key_prefix="interlog",
    )
    limiter.init_app(app)
    app.extensions["rate_limiter"] = limiter


def of_app() -> Limiter:
    """Return the limiter of the current application, to give a view a limit of its own."""
    limiter: Limiter = current_app.extensions["rate_limiter"]
    return limiter


def caller() -> str:
    """Tell callers apart by their token, which is not stored as it is, else by their address."""
    authorization = request.headers.get("Authorization")
    if authorization:
        return hashlib.sha256(authorization.encode()).hexdigest()[:32]
    return get_remote_address()


def retry_after() -> int:
    """Return the seconds until the caller's limit is open again."""
    limit = of_app().current_limit
    return max(1, int(limit.reset_at - time.time())) if limit else 1


def _exempt() -> bool:
    return request.endpoint is None or request.endpoint.startswith("health.") or "static" in request.endpoint
