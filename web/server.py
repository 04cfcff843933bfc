"""Gunicorn as we run it: no thread waits for a slow client, and its own lines are logged like all others.

A thread that reads from a client waits as long as the client likes, so a few clients that say half a sentence would
hold everybody up. Here the main loop, which waits for any number of them at once, gathers the head of a request and a
small body; a thread gets it when it is whole.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
from functools import partial
from time import monotonic
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

import domain.logs
from domain import garbage

# What a client has for the head and a small body; and, once a thread is at it, for any further part of a large body and
# for taking a part of the answer (seconds).
PATIENCE = 10.0
PATIENCE_OF_A_THREAD = 20.0
# A longer body is read by a thread, and a longer head is refused by it (bytes).
SMALL_BODY = 64 * 1024
LONGEST_HEAD = 64 * 1024
AT_ONCE = 64 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_ASKS_FIRST = re.compile(rb"\r\nexpect:", re.IGNORECASE)


class ServerLog(Logger):
    """Gunicorn's logger, which hands its lines to ours instead of writing them."""

    def setup(self, cfg: Any) -> None:
        """Set up logging; called by gunicorn."""
        super().setup(cfg)
        domain.logs.configure(process="web")
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Impatient(socket.socket):
    """A socket that, where others wait for ever, waits `PATIENCE_OF_A_THREAD`."""

    def setblocking(self, flag: bool) -> None:
        """Wait a while, or not at all."""
        self.settimeout(PATIENCE_OF_A_THREAD if flag else 0)


class Worker(ThreadWorker):
    """Gunicorn's worker with threads, which get requests that are whole."""

    def load_wsgi(self) -> None:
        """Load the application, which lives as long as the process."""
        super().load_wsgi()
        garbage.set_apart()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, and wait for it to say something."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        client = Impatient(fileno=accepted.detach())
        self._gather(TConn(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Gather the next request of a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Take what has come; hand the request to a thread if it is whole, or if the client has ended."""
        try:
            data = client.recv(AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.gathered += data
        if data and not is_whole(conn.gathered):
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        if conn.gathered:
            conn.data_ready = True
            self.enqueue_req(conn)
        else:
            self.nr_conns -= 1
            conn.close()

    def handle(self, conn: TConn) -> Any:
        """Do a request in a thread."""
        if conn.gathered:
            conn.init()
            conn.parser.unreader.unread(bytes(conn.gathered))
            conn.gathered.clear()
        return super().handle(conn)

    def _gather(self, conn: TConn) -> None:
        conn.gathered = bytearray()
        conn.timeout = monotonic() + PATIENCE
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))


def is_whole(data: bytes | bytearray) -> bool:
    """Tell whether a request has come so far that a thread can go on with it without waiting for a slow client."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return len(data) > LONGEST_HEAD
    head = data[: end + 2]
    length = _LENGTH.search(head)
    if length is None or int(length[1]) > SMALL_BODY or _ASKS_FIRST.search(head):
        return True
    return len(data) - (end + 4) >= int(length[1])
