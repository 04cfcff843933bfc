"""A way to a server that can be cut: connections refused, silent, or forgotten with neither side being told."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_PIECE = 65_536


class Proxy:
    """Passes connections of this machine on to a port of it, from a port of its own.

    Parameters
    ----------
    target
        The server's port.

    Attributes
    ----------
    port
        Where it listens.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._silent = False
        self._pairs: list[_Pair] = []
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    def instead(self, url: str, port: int | None) -> str:
        """Return the address of a server with the proxy's port in place of its own."""
        return url.replace(f":{port}/", f":{self.port}/")

    def refuse(self) -> None:
        """End all connections and take no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.close()

    def silence(self) -> None:
        """Pass nothing on any more, in either direction; new connections are taken and get no answer."""
        self._silent = True
        self.forget()

    def forget(self) -> None:
        """Pass nothing on of the connections there are, as a firewall does that lost its table; new ones are passed."""
        with self._lock:
            for pair in self._pairs:
                pair.is_cut = True

    def mend(self) -> None:
        """Take connections and pass them on again; those that were cut stay so."""
        self._silent = False
        if self._listener.fileno() == -1:
            self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True, name="proxy").start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            pair = _Pair(client)
            pair.is_cut = self._silent
            with self._lock:
                self._pairs.append(pair)
            if not pair.is_cut:
                pair.connect(self._target)


class _Pair:
    """One connection, in its two halves."""

    def __init__(self, client: socket.socket) -> None:
        self.is_cut = False
        self._client = client
        self._server: socket.socket | None = None

    def connect(self, target: int) -> None:
        try:
            self._server = socket.create_connection(("127.0.0.1", target), timeout=5)
        except OSError:
            self.close()
            return
        self._server.settimeout(None)
        for source, sink in ((self._client, self._server), (self._server, self._client)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True, name="proxy").start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        while True:
            try:
                piece = source.recv(_PIECE)
                if self.is_cut:
                    return
                if not piece:
                    self.close()
                    return
                sink.sendall(piece)
            except OSError:
                if not self.is_cut:
                    self.close()
                return

    def close(self) -> None:
        for end in (self._client, self._server):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
