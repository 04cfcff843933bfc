"""The limits: rows that the system wrote, put back into their table by statements that do nothing else.

The rows are kept in a table of their own, numbered in the order in which they will go back, and go back in as many
pieces as the system cut, each a transaction, on as many connections as it had worker processes. Indexes and triggers of
the table stay as they are.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from ops.bench.ground import Ground
from ops.bench.together import at_once

Piece = tuple[int, int]


class ReadyRows:
    """Rows of a table, ready to go back.

    Parameters
    ----------
    ground
        Whose database they are in.
    table
        Where they come from and go to.
    order
        How they are numbered: column names.
    condition
        Which of the table's rows are kept.
    """

    def __init__(self, ground: Ground, table: str, *, order: str, condition: str = "true") -> None:
        self._ground, self.table = ground, table
        self.name = "bench_ready_" + "_".join([table, *order.replace(",", " ").split()])
        with ground.connect() as connection:
            self._columns = columns(connection, table)
            connection.execute(f"DROP TABLE IF EXISTS {self.name}")
            connection.execute(
                f"CREATE TABLE {self.name} AS SELECT row_number() OVER (ORDER BY {order}) AS turn, {self._columns} "
                f"FROM {table} WHERE {condition} ORDER BY {order}"
            )
            connection.execute(f"ALTER TABLE {self.name} ADD PRIMARY KEY (turn)")
            connection.execute(f"VACUUM ANALYZE {self.name}")
            found = connection.execute(f"SELECT count(*) FROM {self.name}").fetchone()
            self.count: int = found[0] if found else 0

    def insert(self, *, chunks: int, connections: int) -> float:
        """Put the rows back by INSERT … SELECT; return the seconds."""
        statement = (
            f"INSERT INTO {self.table} ({self._columns}) SELECT {self._columns} FROM {self.name} "
            "WHERE turn BETWEEN %s AND %s ORDER BY turn"
        )
        return in_pieces(
            self._ground,
            self.count,
            lambda connection, piece: connection.execute(statement, piece),
            chunks=chunks,
            connections=connections,
        )

    def to_copy(self, *, chunks: int) -> dict[Piece, bytes]:
        """Read the rows into memory, in the form in which COPY takes them fastest."""
        with self._ground.connect() as connection:
            return {piece: self._read(connection, piece) for piece in pieces(self.count, chunks)}

    def copy(self, ready: dict[Piece, bytes], *, connections: int) -> float:
        """Put the rows back by COPY from memory; return the seconds."""

        def send(connection: psycopg.Connection[Any], piece: Piece) -> None:
            with connection.cursor().copy(
                f"COPY {self.table} ({self._columns}) FROM STDIN (FORMAT binary)"
            ) as to:
                to.write(ready[piece])

        return in_pieces(self._ground, self.count, send, chunks=len(ready), connections=connections)

    def drop(self) -> None:
        """Let the rows go."""
        self._ground.execute(f"DROP TABLE {self.name}")

    def _read(self, connection: psycopg.Connection[Any], piece: Piece) -> bytes:
        statement = (
            f"COPY (SELECT {self._columns} FROM {self.name} WHERE turn BETWEEN {piece[0]} AND {piece[1]} "
            "ORDER BY turn) TO STDOUT (FORMAT binary)"
        )
        with connection.cursor().copy(statement) as rows:
            return b"".join(rows)


def pieces(count: int, chunks: int) -> list[Piece]:
    """Cut the numbers from 1 to `count` into ranges of the same size."""
    size = -(-count // chunks)
    return [(start, min(start + size - 1, count)) for start in range(1, count + 1, size)]


def in_pieces(
    ground: Ground,
    count: int,
    do: Callable[[psycopg.Connection[Any], Piece], object],
    *,
    chunks: int,
    connections: int,
) -> float:
    """Do something for each piece of so many rows, on several connections at once; return the seconds."""
    waiting: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    for piece in pieces(count, chunks):
        waiting.put(piece)

    def work(connection: psycopg.Connection[Any]) -> None:
        while True:
            try:
                piece = waiting.get_nowait()
            except queue.Empty:
                return
            do(connection, piece)

    return on_connections(ground, connections, work)


def on_connections(
    ground: Ground, connections: int, work: Callable[[psycopg.Connection[Any]], object]
) -> float:
    """Do the same on several connections at once, each open already; return the seconds."""
    opened = [ground.connect() for _ in range(connections)]
    try:
        return at_once([partial(work, connection) for connection in opened])
    finally:
        for connection in opened:
            connection.close()


def columns(connection: psycopg.Connection[Any], table: str) -> str:
    """Name the columns of a table that a statement may give values for, with commas."""
    names = connection.execute(
        "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        [table],
    ).fetchone()
    assert names is not None
    return str(names[0])
