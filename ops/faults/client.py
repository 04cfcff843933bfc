"""A client of the API, as a program of somebody else would be: one connection per request, a token, no cookies."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Longer than any answer may take, so that a hanging one fails the test with its name.
TIMEOUT = 40.0


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    headers: dict[str, str]
    text: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """The faults a problem names, as (field, code), in order of fields."""
        assert self.headers["content-type"] == "application/problem+json", self.text
        return sorted((error["field"], error["code"]) for error in self.json["errors"])


@dataclass(frozen=True)
class Client:
    """Sends requests to the site on a port of this machine."""

    port: int
    token: str | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        base: str = "/api/v1",
        headers: dict[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Answer:
        """Send a request; `body` is text, bytes or what becomes JSON."""
        begun = time.monotonic()
        with self._connection(timeout) as connection:
            data, all_headers = self._prepared(body, headers)
            connection.request(method, base + path, data, all_headers)
            response = connection.getresponse()
            text = response.read().decode()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, text, time.monotonic() - begun)

    def get(self, path: str, **options: Any) -> Answer:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self("PATCH", path, body, **options)

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """Read server-sent events until the server ends the stream; heartbeats are left out."""
        with self._connection(TIMEOUT) as connection:
            _, headers = self._prepared(None, None)
            connection.request("GET", "/api/v1" + path, headers=headers)
            response = connection.getresponse()
            assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
            name = ""
            for line in map(bytes.decode, response):
                kind, _, value = line.rstrip("\n").partition(": ")
                if kind == "event":
                    name = value
                elif kind == "data":
                    yield name, json.loads(value)

    def _prepared(self, body: Any, headers: dict[str, str] | None) -> tuple[bytes | None, dict[str, str]]:
        prepared = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if isinstance(body, str):
            body = body.encode()
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            prepared["Content-Type"] = "application/json"
        return body, prepared | (headers or {})

    @contextmanager
    def _connection(self, timeout: float) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            yield connection
        finally:
            connection.close()
