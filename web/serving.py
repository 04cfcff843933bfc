"""Settings of gunicorn that are no options of its command line."""

from __future__ import annotations

import socket
from typing import Any

# What a client may take to read nothing at all of its answer, in milliseconds. Each answer holds a thread while it is
# sent, so a few dozen exports that nobody reads would otherwise keep the site from everybody else for ever.
UNREAD_MS = 20_000


def when_ready(server: Any) -> None:
    """Bound how long an answer waits for its client; connections take this over from the socket they come in by."""
    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_USER_TIMEOUT") and listener.sock.family in (socket.AF_INET, socket.AF_INET6):
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
