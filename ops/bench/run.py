"""Picks measurements, gives each a stack of its own kind, and keeps what they yield.

With DATABASE_URL set, databases of the bench's own are made on that server and dropped afterwards; nobody else's data
is touched.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import click
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from ops.bench import (
    baselines,
    building,
    criteria,
    events,
    indexes,
    lists,
    load,
    log,
    purges,
    report,
    start_up,
)
from ops.bench.figures import Figure, Result, Waits, below_floor, floors
from ops.bench.ground import Ground, machine, plain_address
from ops.errors import OpsError
from ops.processes import free_port
from ops.stack import Options, Stack, up

ROWS, QUICK_ROWS = 1_000_000, 50_000
ROUNDS, QUICK_ROUNDS = 3, 2

Yielded = Iterable[Figure | Waits]


@dataclass(frozen=True)
class Measurement:
    """Something to measure on a stack.

    Attributes
    ----------
    name
        What `--only` calls it.
    measure
        Does it.
    folder
        Measurements with the same name here share a database, one after another.
    workers
        Worker processes of the stack; the run's own number if 0.
    """

    name: str
    measure: Callable[[Ground], Yielded]
    folder: str = "company"
    workers: int = 0


# In the order in which they are done; one folder's stand together, and with the same number of workers.
MEASUREMENTS = (
    Measurement("disk", events.disk),
    Measurement("add", building.add),
    Measurement("check", building.check),
    Measurement("import", building.import_),
    Measurement("log", log.log),
    Measurement("follow-up", log.follow_up),
    Measurement("baselines", baselines.measure),
    Measurement("purge", purges.measure),
    Measurement("indexes", indexes.measure),
    Measurement("log", partial(log.log, every_limit=False), workers=1),
    Measurement("log", partial(log.log, every_limit=False), workers=4),
    Measurement("events", events.measure, folder="events"),
    Measurement("criteria", criteria.measure, folder="criteria"),
    Measurement("lists", lists.measure, folder="log"),
    Measurement("load", load.measure, folder="log"),
    Measurement("growth", log.growth, folder="growth"),
)
QUICK = (
    Measurement("add", building.add),
    Measurement("log", log.log),
    Measurement("purge", purges.measure),
    Measurement("baselines", baselines.measure),
    Measurement("events", events.batches),
)
START = "start"
NAMES = tuple(dict.fromkeys([START, *(one.name for one in MEASUREMENTS)]))
# The folder that --keep keeps.
KEPT = "log"


def run(
    *,
    only: Sequence[str],
    rows: int | None,
    rounds: int | None,
    workers: int,
    quick: bool,
    keep: Path | None,
    json_file: Path | None,
    svg_file: Path | None,
) -> None:
    """Measure on stacks of the bench's own, print the table and write it to files.

    Parameters
    ----------
    only
        Names of what is measured; everything without any.
    rows
        Lines of a large segment; other sizes follow from it.
    rounds
        How often each side has its turn.
    workers
        Worker processes, and connections of limits, where a measurement has no number of its own.
    quick
        Measure only what has a floor, on few rows, and fail if a ratio is far below it.
    keep
        Folder for the large log, used again if there is one.

    Raises
    ------
    OpsError
        When something cannot be measured, it is stopped, or with `quick` a ratio is far below its floor.
    """
    result = Result(
        rows or (QUICK_ROWS if quick else ROWS), workers, rounds or (QUICK_ROUNDS if quick else ROUNDS)
    )
    chosen = [one for one in (QUICK if quick else MEASUREMENTS) if not only or one.name in only]
    result.machine = machine()
    if not quick and (not only or START in only):
        _keep(result, START, start_up.measure())
    for name, of_folder in groupby(chosen, key=lambda one: one.folder):
        with _place(keep if name == KEPT else None) as data:
            for count, together in groupby(of_folder, key=lambda one: one.workers or workers):
                _on_stack(list(together), result, data, workers=count)
    click.echo()
    for line in report.table(result):
        click.echo(line)
    if json_file:
        report.write_json(result, json_file)
    if svg_file:
        report.write_svg(result, svg_file)
    if quick and (low := below_floor(result.figures, {} if only else floors())):
        raise OpsError("far below the floor: " + "; ".join(low))


def _on_stack(measurements: Sequence[Measurement], result: Result, data: Path, *, workers: int) -> None:
    """Do some measurements on one stack, one after another."""
    done: list[str] = []

    def measure(stack: Stack) -> None:
        ground = Ground(stack, rows=result.rows, rounds=result.rounds, workers=workers)
        try:
            result.machine = ground.machine()
            for one in measurements:
                _keep(result, one.name, one.measure(ground))
                done.append(one.name)
        finally:
            ground.close()

    given = dict(os.environ)
    try:
        up(Options(data, port=free_port(), workers=workers), job=measure, stay=False, quiet=True)
    finally:
        # A stack leaves the addresses of its servers there, which would be taken for given ones.
        os.environ.clear()
        os.environ.update(given)
    if len(done) < len(measurements):
        raise OpsError("stopped before everything was measured")


def _keep(result: Result, name: str, measured: Yielded) -> None:
    """Keep what a measurement yields and show it at once."""
    click.echo(f"{name}:")
    for one in measured:
        result.keep(one)
        click.echo(report.line(one))


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    """Give a folder for a stack's data, and a database if the server is given, for the length of a block."""
    with ExitStack() as held:
        held.enter_context(_own_database())
        if keep:
            yield keep
            return
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="interlog-bench-")))
        # PostgreSQL does not run as root: its account has to reach the folder.
        folder.chmod(0o755)
        yield folder / "data"


@contextmanager
def _own_database() -> Iterator[None]:
    """Make a database on the given server for the length of a block; nothing to do without one."""
    given = os.environ.get("DATABASE_URL")
    if not given:
        yield
        return
    name = f"interlog_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(plain_address(given), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        os.environ["DATABASE_URL"] = make_url(given).set(database=name).render_as_string(hide_password=False)
        try:
            yield
        finally:
            os.environ["DATABASE_URL"] = given
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
