"""What gunicorn is told beyond its command line."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace

import pytest

from web import serving


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux")
def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """RELIABILITY 3, beside the matrix: otherwise a few dozen such clients hold every thread for ever."""
    monkeypatch.setattr(serving, "UNREAD_MS", 500)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving.when_ready(SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as answering:
            answering.setblocking(True)
            with pytest.raises(TimeoutError):
                answering.sendall(b"x" * 50_000_000)
