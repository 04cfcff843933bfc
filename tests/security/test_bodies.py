"""Bodies too large and clients too slow, against gunicorn as it runs: nobody else is held up."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.actors import Role
from domain.settings import Settings
from ops import commands
from ops.commands import ROOT
from ops.processes import free_port, wait_until

THREADS = 4
LARGEST = 256 * 1024
# The longest that somebody else may have to wait behind slow ones (seconds); an answer takes milliseconds.
PATIENCE = 10


@dataclass
class Server:
    """A web process of its own, with few threads."""

    port: int
    token: str

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str) -> int:
        """Send a request; return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Authorization": f"Bearer {self.token}", **headers}
            with suppress(BrokenPipeError, ConnectionResetError):  # answered before all of it was sent
                connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """Open a connection that says nothing yet."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(
    settings: Settings, tokens: dict[Role, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("web")
    port = free_port()
    command = commands.web(
        host="127.0.0.1", port=port, processes=1, threads=THREADS, metrics=folder / "metrics"
    )
    environment = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "INTERLOG_SECRET_KEY": "a key for tests",
        "INTERLOG_MAX_BODY_BYTES": str(LARGEST),
    }
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            command.arguments, cwd=ROOT, env=os.environ | command.environment | environment, stderr=log
        )
    made = Server(port, tokens[Role.ADMIN])

    def is_up() -> bool:
        try:
            return made.ask("GET", "/healthz") == 200
        except OSError:
            return False

    try:
        wait_until(is_up, 60)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def chunks(size: int) -> Iterator[bytes]:
    """A body whose size is not said beforehand."""
    for _ in range(size // 4096):
        yield b"x" * 4096


@pytest.mark.parametrize(
    ("path", "kind", "limit"),
    [
        ("/api/v1/salespeople", "application/json", 2 * 2**20),
        ("/api/v1/contacts/import", "text/csv", LARGEST),
        ("/api/v1/document-events", "application/cloudevents+json", 8 * 2**20),
    ],
)
def test_a_body_too_large_is_refused_whatever_it_says_of_its_size(
    path: str, kind: str, limit: int, server: Server
) -> None:
    headers = {"Content-Type": kind}
    assert server.ask("POST", path, b"x" * (limit + 4096), **headers) == 413
    assert server.ask("POST", path, chunks(limit + 8192), **headers) == 413


def test_a_body_in_chunks_that_are_none_is_malformed(server: Server) -> None:
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    for body in (b"x" * 10_000, b"-1\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n"):
        assert server.ask("POST", "/api/v1/salespeople", iter([body]), **headers) == 400, body


def test_a_size_that_is_a_lie_is_found(server: Server) -> None:
    """More announced than sent: the request ends when the connection does, and nobody else notices."""
    with server.connect() as liar:
        liar.sendall(
            b"POST /api/v1/salespeople HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{}"
        )
        liar.shutdown(socket.SHUT_WR)
        said = liar.recv(4096)
    assert not said or said.split()[1] in (b"400", b"401"), said
    assert server.ask("GET", "/api/v1/me") == 200


def test_headers_too_large_are_refused(server: Server) -> None:
    assert server.ask("GET", "/api/v1/me", X="y" * 20_000) in (400, 431)
    assert server.ask("GET", "/api/v1/me?" + "x" * 10_000) in (400, 414)
    assert server.ask("GET", "/api/v1/me", **{f"X-{n}": "y" for n in range(200)}) in (400, 431)


def test_connections_that_say_nothing_hold_nobody_up(server: Server) -> None:
    """More of them than there are threads."""
    with ExitStack() as held:
        for _ in range(THREADS * 4):
            held.enter_context(server.connect())
        begun = time.monotonic()
        assert server.ask("GET", "/api/v1/me") == 200
        assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("part", ["head", "body"])
def test_clients_that_stop_in_the_middle_hold_nobody_up(part: str, server: Server) -> None:
    """As many as there are threads stop within their head, or within their body."""
    head = b"POST /api/v1/salespeople HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    begun = head[:40] if part == "head" else head + b"Content-Length: 1000\r\n\r\n{"
    with ExitStack() as held:
        for _ in range(THREADS):
            held.enter_context(server.connect()).sendall(begun)
        started = time.monotonic()
        assert server.ask("GET", "/api/v1/me") == 200
        assert time.monotonic() - started < PATIENCE


def test_a_client_that_does_not_read_holds_nobody_up(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(THREADS):
            lazy = held.enter_context(server.connect())
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
            lazy.sendall(request.encode())
        assert server.ask("GET", "/api/v1/me") == 200
