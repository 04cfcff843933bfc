"""What a measurement stands on: a running stack, connections of its own, turns, and what is watched meanwhile."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import click
import psycopg
from sqlalchemy import make_url

from domain import actors, tokens
from domain.jobs import FINAL
from ops import memory
from ops.bench.figures import Side, Use
from ops.job_client import JobClient
from ops.stack import Stack

SECONDS_BETWEEN_LOOKS = 0.2
SETTINGS = (
    "server_version", "shared_buffers", "max_wal_size", "synchronous_commit", "fsync", "wal_compression",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """One way of doing the same work, to be done in turns with others.

    Attributes
    ----------
    name, rows
        As those of a `Side`.
    do
        Does it and returns the seconds that count; is handed what `prepare` returned.
    prepare
        Done before each turn; takes no part in time or use.
    """

    name: str
    rows: int
    do: Callable[[Any], float]
    prepare: Callable[[], Any] = lambda: None


class Ground:
    """A stack whose database is the bench's own: nothing else may use it meanwhile.

    Parameters
    ----------
    stack
        The running stack.
    rows
        Lines of a large segment; other sizes follow from it.
    rounds
        How often each side has its turn.
    workers
        Worker processes of the stack, and connections of limits.
    """

    def __init__(self, stack: Stack, *, rows: int, rounds: int, workers: int) -> None:
        self.stack = stack
        self.rows, self.rounds, self.workers = rows, rounds, workers
        self.client = JobClient(stack.database_url, stack.redis_url, process="bench")
        self._address = plain_address(stack.database_url)

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def connect(self) -> psycopg.Connection[Any]:
        """Open a plain connection that commits each statement."""
        return psycopg.connect(self._address, autocommit=True)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Execute one statement on a connection of its own."""
        with self.connect() as connection:
            connection.execute(statement, parameters or None)

    def row(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Return the row that a statement finds."""
        with self.connect() as connection:
            found = connection.execute(statement, parameters or None).fetchone()
        assert found is not None
        return tuple(found)

    def settle(self, *tables: str) -> None:
        """Clean tables up now, so that autovacuum does not come in between, and leave nothing to be written."""
        with self.connect() as connection:
            for table in tables:
                connection.execute(f"VACUUM ANALYZE {table}")
            # On a server of somebody else that may not be ours to ask for.
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("CHECKPOINT")

    def in_turns(self, *works: Work, tables: Sequence[str] = (), rounds: int | None = None) -> list[Side]:
        """Do each work once a round, another one first in each round; return them in the order given.

        Parameters
        ----------
        tables
            Tables whose growth is watched.
        rounds
            Instead of the bench's own number.
        """
        seconds: dict[str, list[float]] = {work.name: [] for work in works}
        use: dict[str, list[Use]] = {work.name: [] for work in works}
        for turn in range(rounds or self.rounds):
            first = turn % len(works)
            for work in works[first:] + works[:first]:
                prepared = work.prepare()
                with self.watched(tables) as watched:
                    seconds[work.name].append(work.do(prepared))
                use[work.name].append(watched.use)
            said = ", ".join(
                f"{work.name} {work.rows / seconds[work.name][-1]:,.0f}/s" for work in works if work.rows
            )
            click.echo(f"  round {turn + 1}: {said}")
        return [Side(w.name, w.rows, tuple(seconds[w.name]), tuple(use[w.name])) for w in works]

    @contextmanager
    def watched(self, tables: Sequence[str] = ()) -> Iterator[Watch]:
        """Watch memory, WAL and the growth of tables for the length of a block."""
        watch = Watch(self, tables)
        watch.begin()
        try:
            yield watch
        finally:
            watch.end()

    def token(self, name: str, role: str) -> str:
        """Make an API token."""
        with self.client.transaction() as session:
            values = {"name": name, "role": role}
            return tokens.create_token(session, values=values, actor=actors.system(session))[1]

    def machine(self) -> dict[str, Any]:
        """Return the machine, and version and settings that decide the rates."""
        settings = {name: str(self.row(f"SHOW {name}")[0]) for name in SETTINGS}
        return {**machine(), **settings}


class Watch:
    """Looks at processes and tables while something is measured; `use` says at the end what it took."""

    def __init__(self, ground: Ground, tables: Sequence[str]) -> None:
        self.use = Use()
        self._ground, self._tables = ground, tables
        self._ended = threading.Event()
        self._postgres = 0
        self._looking = threading.Thread(target=self._look_at_postgres)
        self._parents = {
            name: pid for name in ("web", "worker") if (pid := ground.stack.pid_of(name)) is not None
        }

    def begin(self) -> None:
        """Note where tables and WAL stand, and let peaks begin anew."""
        for pid in self._parents.values():
            memory.forget_peaks(pid)
        self._before = self._sizes()
        self._looking.start()

    def end(self) -> None:
        """Say what it took."""
        self._ended.set()
        self._looking.join()
        wal, table = (now - then for now, then in zip(self._sizes(), self._before, strict=True))
        peaks = {name: memory.peak_of_children(pid) for name, pid in self._parents.items()}
        peaks["postgres"] = self._postgres
        self.use = Use({name: peak / 1024 for name, peak in peaks.items() if peak}, wal, table)

    def _sizes(self) -> tuple[int, int]:
        found = self._ground.row(
            "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, "
            "coalesce((SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) name), 0)::bigint",
            [list(self._tables)],
        )
        return found[0], found[1]

    def _look_at_postgres(self) -> None:
        """Note the most that the server held at a time, if it runs on this machine."""
        with self._ground.connect() as connection:
            server = memory.parent(connection.info.backend_pid)
            if server is None or server == 1:
                return
            while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
                self._postgres = max(self._postgres, memory.of_family(server))


def plain_address(url: str) -> str:
    """Return a database's address as psycopg reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def seconds_of(done: dict[str, Any]) -> float:
    """Return the seconds from a job's request to its end, by the database's clock."""
    assert done["state"] in FINAL
    return float((done["finished_at"] - done["created_at"]).total_seconds())


def machine() -> dict[str, Any]:
    """Return what can be said of the machine."""
    return {"cores": os.cpu_count(), "machine": platform.platform(), "python": platform.python_version()}
