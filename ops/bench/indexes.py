"""Measures what each index of the log costs: inserts with all of them, beside the same without one.

Everything happens in a transaction that is rolled back: an index that is dropped in it is there again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ops.bench.company import Company, timed
from ops.bench.figures import Figure, Side
from ops.bench.ground import Ground, Work
from ops.bench.plain import ReadyRows, columns

LOG = "interaction"
ALL = "all indexes"
# Rows of an insert: there are many of them.
MOST = 200_000
# The two kinds of rows there are: of a segment, and what documents and people make one by one.
SINGLE = """
    UPDATE {table} SET logged_segment_no = NULL, campaign_entry_no = NULL, description = 'Sales Invoice',
        document_type = 'sales_invoice', document_no = 'INV' || turn
"""


def measure(ground: Ground) -> Iterator[Figure]:
    """Insert entries of a segment, then single ones, without each index in turn; a ratio of 1: the index is free."""
    company = Company(ground, contacts=ground.rows)
    base = company.segment_of_all()
    company.log(company.ready_to_log(base))
    ready = ReadyRows(ground, LOG, order="entry_no")
    company.empty_log()
    company.delete_segment(base)
    for kind in ("a segment", "documents"):
        if kind == "documents":
            ground.execute(SINGLE.format(table=ready.name))
            ground.settle(ready.name)
        yield from _without_each(ground, ready, kind)
    ready.drop()


def _without_each(ground: Ground, ready: ReadyRows, kind: str) -> Iterator[Figure]:
    sizes: dict[str, int] = {}
    rows = min(ready.count, MOST)
    ways: dict[str, str] = {ALL: "", **_drops(ground)}
    if kind == "documents":
        ways["the trigger that counts"] = f"ALTER TABLE {LOG} DISABLE TRIGGER interaction_counted_insert"
    everything, *others = ground.in_turns(
        *(
            Work(name, rows, partial(_insert, ground, ready, drop, sizes), ground.settle)
            for name, drop in ways.items()
        )
    )
    for without in others:
        microseconds = 1e6 * (_per_row(everything) - _per_row(without))
        size = sizes.get(without.name)
        note = f"{microseconds:.2f} µs a row" + ("" if size is None else f" and {size / rows:.0f} B")
        yield Figure(
            f"indexes.{kind}.{without.name}",
            Side(f"entries of {kind}, {ALL}", everything.rows, everything.seconds),
            Side(f"without {without.name.removeprefix(LOG + '_')}", without.rows, without.seconds),
            note=note,
        )


def _drops(ground: Ground) -> dict[str, str]:
    """Say for each index how it is dropped."""
    with ground.connect() as connection:
        rows = connection.execute(
            """
            SELECT i.indexrelid::regclass::text, c.conname FROM pg_index i
            LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
            WHERE i.indrelid = %s::regclass ORDER BY 1
            """,
            [LOG],
        ).fetchall()
    return {
        index: f"ALTER TABLE {LOG} DROP CONSTRAINT {constraint}" if constraint else f"DROP INDEX {index}"
        for index, constraint in rows
    }


def _insert(ground: Ground, ready: ReadyRows, drop: str, sizes: dict[str, int], _: None) -> float:
    """Insert all rows with one connection, one index missing; return the seconds, and note what the others take."""
    with ground.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(f"TRUNCATE {LOG}")
        if drop:
            connection.execute(drop)
        names = columns(connection, LOG)
        statement = (
            f"INSERT INTO {LOG} ({names}) SELECT {names} FROM {ready.name} WHERE turn <= {MOST} ORDER BY turn"
        )
        seconds = timed(lambda: connection.execute(statement))
        if not drop:
            found = connection.execute(
                "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index "
                "WHERE indrelid = %s::regclass",
                [LOG],
            )
            sizes.update(found.fetchall())
        return seconds


def _per_row(side: Side) -> float:
    return 1 / side.best
