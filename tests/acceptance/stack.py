"""The system as it runs for people: `interlog up` with all its real processes, on servers that can be hurt.

`up` looks after them, so what a test kills comes back the way it does in life. PostgreSQL and Valkey
belong to the test, which stops, pauses and restarts them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import redis
from sqlalchemy import Engine, Row, create_engine, text

from domain.migrations import upgrade
from ops.commands import ROOT
from ops.data_folder import DataFolder
from ops.embedded import EmbeddedPostgres, EmbeddedRedis
from ops.processes import (
    command_line,
    free_port,
    processes_with_environment,
    running_processes,
    send_signal,
)
from tests.acceptance.client import Client

T = TypeVar("T")

WORKERS = 2
# Longer than `up` gives itself, so that its own words are what is seen.
READY_SECONDS = 90
# Chunks whose entries are being written this moment: not claimed, not waiting, not committing. PostgreSQL shows the
# first 1,024 characters of a statement.
WRITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'interlog-worker' AND state = 'active' AND query LIKE '-- Log the lines of one range%'
"""


def wait_for(condition: Callable[[], T | None], what: str, *, seconds: float = 30) -> T:
    """Wait until `condition` gives something true, and return that.

    Parameters
    ----------
    what
        Names the thing that did not come true.
    seconds
        How long it may take.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.01)
    return found


class Stack:
    """A running system and the servers under it.

    Parameters
    ----------
    folder
        Where everything is kept, logs included.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What was committed must outlive an immediate stop, which `fast` alone would not see to.
        self.postgres = EmbeddedPostgres(
            folder / "postgres", fast=True, settings={"synchronous_commit": "on"}
        )
        # It writes nothing to disk: killed, it starts empty.
        self.redis = EmbeddedRedis(folder / "redis", fast=True)
        self.client = Client(free_port())
        self._data = DataFolder(folder / "data")
        self._up: subprocess.Popen[bytes] | None = None
        self._run = ""
        self._engine: Engine | None = None
        self._log_seen = 0

    @contextmanager
    def running(self) -> Iterator[Stack]:
        """Start everything; stop it at the end and make sure that nothing is left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.postgres, self.redis:
            upgrade(self.postgres.url)
            try:
                self._start()
                yield self
            finally:
                self._stop()

    def _start(self) -> None:
        settings = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url, "PYTHONPATH": str(ROOT)}
        with (self.folder / "up.log").open("wb") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "ops", "up", f"--data={self._data.path}", f"--port={self.client.port}",
                 f"--workers={WORKERS}"],
                cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self.is_whole, "the stack is up", seconds=READY_SECONDS)

    def _stop(self) -> None:
        assert self._up is not None
        if self._engine is not None:
            self._engine.dispose()
        for server in (self.redis, self.postgres):
            if server.process is not None:
                send_signal(server.process.pid, signal.SIGCONT)
        self._up.terminate()
        assert self._up.wait(20) == 0, self.said()
        assert processes_with_environment("INTERLOG_RUN", self._run) == []

    def said(self) -> str:
        """Return what `up` has said so far."""
        return (self.folder / "up.log").read_text()

    def log_of(self, process: str) -> str:
        """Return what a process has logged so far."""
        return (self._data.logs / f"{process}.log").read_text()

    def failed_sweeps(self) -> int:
        """Return how often beat has said that it could not look for work or tell of it."""
        return self.log_of("beat").count('"sweep_failed"')

    # Its processes

    def leader(self, name: str) -> int | None:
        """Return the process id of `web`, `worker`, `documents`, `consumer` or `beat`, None while it is away."""
        assert self._up is not None
        return next((pid for pid in children_of(self._up.pid) if name in _roles(pid)), None)

    def members(self, name: str) -> list[int]:
        """Return the process ids that web's or the worker's leader has started: the ones that do the work."""
        leader = self.leader(name)
        return children_of(leader) if leader else []

    def is_whole(self) -> bool:
        """Tell whether the servers and all processes are there and the site is ready."""
        if self._up is None or self._up.poll() is not None:
            raise AssertionError(f"the stack has ended: {self.said()}")
        if not self._run:
            announced = self._data.announced()
            self._run = announced.run if announced else ""
        return (
            len(self.members("worker")) == WORKERS
            and len(self.members("web")) > 0
            and len(self.members("documents")) == 1
            and self.leader("beat") is not None
            and self.leader("consumer") is not None
            and self.is_ready()
        )

    def is_ready(self) -> bool:
        """Tell whether the site says that it is ready."""
        try:
            return self.client.get("/readyz", base="", timeout=5).status == 200
        except OSError:
            return False

    def kill(self, *pids: int | None, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to processes that must be there."""
        for pid in pids:
            assert pid is not None
            os.kill(pid, number)

    def heal(self) -> None:
        """Bring back whatever is away, as an operator would, and wait until all is well."""
        for server in (self.postgres, self.redis):
            if server.is_running():
                assert server.process is not None
                send_signal(server.process.pid, signal.SIGCONT)
            else:
                server.start()
        for pid in [self.leader("worker"), *self.members("worker"), self.leader("consumer")]:
            if pid:
                send_signal(pid, signal.SIGCONT)
        wait_for(self.is_whole, "the stack is whole again", seconds=READY_SECONDS)

    # Its servers

    def broker(self) -> redis.Redis:
        """Return a client of the broker's server."""
        return redis.Redis.from_url(self.redis.url, socket_timeout=5)

    def engine(self) -> Engine:
        """Return an engine on the database."""
        if self._engine is None:
            self._engine = create_engine(self.postgres.url, pool_pre_ping=True)
        return self._engine

    def rows(self, query: str, **parameters: Any) -> list[Row[Any]]:
        """Run a statement in a transaction of its own; return its rows."""
        with self.engine().begin() as connection:
            result = connection.execute(text(query), parameters)
            return list(result) if result.returns_rows else []

    def value(self, query: str, **parameters: Any) -> Any:
        """Return the one value that a query gives."""
        return self.rows(query, **parameters)[0][0]

    def wait_until_writing(self, writers: int = WORKERS) -> None:
        """Wait until so many pool processes are in the middle of writing entries."""
        wait_for(lambda: self.value(WRITING) >= writers, f"{writers} chunks are being written", seconds=15)

    def forget_violations(self) -> None:
        """Have `unique_violations` tell only of what comes from now on."""
        self._log_seen = self.postgres.log_path.stat().st_size

    def unique_violations(self) -> list[str]:
        """Return the lines of PostgreSQL's log that tell of the fuse: it must never be what saves us."""
        log = self.postgres.log_path.read_bytes()[self._log_seen :].decode(errors="replace")
        return [line for line in log.splitlines() if "violates unique constraint" in line]


def children_of(parent: int) -> list[int]:
    """Return the living processes that `parent` has started, oldest first."""
    return sorted(pid for pid in running_processes() if _parent(pid) == parent)


def lives(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    return _parent(pid) is not None


def _parent(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]) if fields[0] not in "ZX" else None


def _roles(pid: int) -> list[str]:
    arguments = command_line(pid)
    names = {"gunicorn": "web", "worker.consumer": "consumer", "--queues=documents": "documents"}
    return [names[word] for word in arguments if word in names] or arguments
