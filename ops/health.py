"""Whether a process on this host does its work: what container health checks ask."""

import os
import socket
import urllib.error
import urllib.request
from typing import Any

import psycopg
import redis
from sqlalchemy import make_url

from ops.errors import OpsError

BEAT_SECONDS = 30
CONSUMER_SECONDS = 30


def web(port: int) -> bool:
    """Tell whether the site answers and has its database."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def worker(name: str) -> bool:
    """Tell whether the Celery worker of that name on this host answers."""
    from worker.app import app

    return bool(app.control.ping(destination=[f"{name}@{socket.gethostname()}"], timeout=5))


def beat() -> bool:
    """Tell whether beat on this host has asked PostgreSQL for work within `BEAT_SECONDS`."""
    if not (url := os.environ.get("DATABASE_URL")):
        raise OpsError("DATABASE_URL is not set")
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(address, connect_timeout=3) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'interlog-beat'"
                " AND client_addr IS NOT DISTINCT FROM inet_client_addr()"
                " AND state_change > clock_timestamp() - make_interval(secs => %s)",
                [BEAT_SECONDS],
            ).fetchone()
    except psycopg.OperationalError:
        return False
    return found is not None


def consumer() -> bool:
    """Tell whether the consumer on this host has asked the stream for entries within `CONSUMER_SECONDS`."""
    from domain.hints import GROUP, STREAM
    from worker.consumer import connect

    if not (url := os.environ.get("REDIS_URL")):
        raise OpsError("REDIS_URL is not set")
    try:
        with connect(url) as client:
            found: Any = client.xinfo_consumers(STREAM, GROUP)
    except redis.RedisError:
        return False
    return any(
        one["name"].decode() == socket.gethostname() and one["idle"] < CONSUMER_SECONDS * 1000
        for one in found
    )
