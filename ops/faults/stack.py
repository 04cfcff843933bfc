"""The system as it runs for people: `interlog up` with all its real processes, on servers that can be hurt.

`up` looks after them, so what is killed comes back the way it does in life. PostgreSQL and Valkey
belong to whoever hurts them: stops, pauses and restarts them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import redis
from sqlalchemy import Engine, Row, create_engine, text

from domain.migrations import upgrade
from ops.commands import ROOT, Command
from ops.data_folder import DataFolder
from ops.embedded import EmbeddedPostgres, EmbeddedRedis
from ops.faults.client import Client
from ops.faults.proxy import Proxy
from ops.processes import (
    command_line,
    free_port,
    processes_with_environment,
    running_processes,
    send_signal,
)

T = TypeVar("T")

# The words of a command line that tell what a process does, the more telling ones first.
ROLES = {
    "gunicorn": "web",
    "worker.consumer": "consumer",
    "--queues=documents": "documents",
    "beat": "beat",
    "worker": "worker",
}
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


@dataclass(frozen=True)
class StackOptions:
    """What a stack is to be started with.

    Attributes
    ----------
    workers
        Pool processes of the worker.
    environment
        More environment variables for `up`, and so for all its processes.
    postgres_environment, postgres_settings
        More environment variables and settings for PostgreSQL, such as those of a clock that jumps.
    proxied
        Whether the processes reach PostgreSQL and Redis through `to_postgres` and `to_redis`.
    """

    workers: int = 2
    environment: dict[str, str] = field(default_factory=dict)
    postgres_environment: dict[str, str] = field(default_factory=dict)
    postgres_settings: dict[str, str] = field(default_factory=dict)
    proxied: bool = False


class FragileStack:
    """A running system and the servers under it.

    Parameters
    ----------
    folder
        Where everything is kept, logs included.
    options
        What it is started with.

    Attributes
    ----------
    postgres, redis
        The servers.
    to_postgres, to_redis
        The ways to them, None unless `options.proxied`.
    client
        A client without a token.
    """

    def __init__(self, folder: Path, options: StackOptions | None = None) -> None:
        self.folder = folder
        self.options = options or StackOptions()
        # What was committed must outlive an immediate stop, which `fast` alone would not see to.
        self.postgres = EmbeddedPostgres(
            folder / "postgres",
            fast=True,
            environment=self.options.postgres_environment,
            settings={"synchronous_commit": "on", **self.options.postgres_settings},
        )
        # It writes nothing to disk: killed, it starts empty.
        self.redis = EmbeddedRedis(folder / "redis", fast=True)
        self.to_postgres: Proxy | None = None
        self.to_redis: Proxy | None = None
        self.client = Client(free_port())
        self._data = DataFolder(folder / "data")
        self._up: subprocess.Popen[bytes] | None = None
        self._run = ""
        self._engine: Engine | None = None
        self._log_seen = 0

    @contextmanager
    def running(self) -> Iterator[FragileStack]:
        """Start everything; stop it at the end and make sure that nothing is left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.postgres, self.redis, ExitStack() as network:
            upgrade(self.postgres.url)
            if self.options.proxied:
                assert self.postgres.port
                assert self.redis.port
                self.to_postgres = network.enter_context(Proxy(self.postgres.port))
                self.to_redis = network.enter_context(Proxy(self.redis.port))
            try:
                self._start()
                yield self
            finally:
                self._stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to belong to this system."""
        urls = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}
        if self.to_postgres and self.to_redis:
            urls["DATABASE_URL"] = self.to_postgres.instead(self.postgres.url, self.postgres.port)
            urls["REDIS_URL"] = self.to_redis.instead(self.redis.url, self.redis.port)
        return urls | {"PYTHONPATH": str(ROOT)} | self.options.environment

    def _start(self) -> None:
        with (self.folder / "up.log").open("wb") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "ops", "up", f"--data={self._data.path}", f"--port={self.client.port}",
                 f"--workers={self.options.workers}"],
                cwd=ROOT, env=os.environ | self.environment, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self.is_whole, "the stack is up", seconds=READY_SECONDS)

    @contextmanager
    def beside(self, command: Command, environment: dict[str, str] | None = None) -> Iterator[int]:
        """Run one more process of the system for the length of a block; give its process id."""
        settings = os.environ | self.environment | command.environment | (environment or {})
        with (self.folder / "beside.log").open("ab") as log:
            process = subprocess.Popen(command.arguments, cwd=ROOT, env=settings, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait()

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
        return (self._data.logs / f"{process}.log").read_text(errors="replace")

    def failed_sweeps(self) -> int:
        """Return how often beat has said that it could not look for work or tell of it."""
        return self.has_logged("beat", "sweep_failed")

    def has_logged(self, name: str, event: str) -> int:
        """Return how often a process has written of an event to its log."""
        return self.log_of(name).count(f'"{event}"')

    # Its processes

    def leader(self, name: str) -> int | None:
        """Return the process id of `web`, `worker`, `documents`, `consumer` or `beat`, None while it is away."""
        return self.leaders().get(name)

    def leaders(self) -> dict[str, int]:
        """Map the roles, as `leader` knows them, to the processes that are there."""
        assert self._up is not None
        return {role: pid for pid in children_of(self._up.pid) if (role := _role(pid))}

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
            len(self.members("worker")) == self.options.workers
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
        for leader in self.leaders().values():
            for pid in (leader, *children_of(leader)):
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

    def wait_until_writing(self, writers: int | None = None) -> None:
        """Wait until so many pool processes, by default all, are in the middle of writing entries."""
        writers = writers or self.options.workers
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


def _role(pid: int) -> str | None:
    arguments = command_line(pid)
    return next((role for word, role in ROLES.items() if word in arguments), None)
