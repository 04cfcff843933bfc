"""`interlog bench`: how fast this machine is, and how near the system comes to what the database could do.

Runs a whole stack in a temporary folder, with worker processes of its own. With DATABASE_URL set, a database of the
benchmark's own is made on that server and dropped afterwards; nobody else's data is touched.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from domain import actors, tokens
from ops import memory
from ops.bench_criteria import COMBINED, Criteria
from ops.bench_events import EventBench
from ops.bench_measures import SMALL, Bench, Logging
from ops.bench_purge import ALONE_SECONDS, Beside, PurgeBench
from ops.job_client import JobClient
from ops.processes import free_port
from ops.stack import Options, Stack, up

LINES = 1_000_000
QUICK_LINES = 50_000
IMPORTED = 50_000
HEADER_CHANGES = 15
EVENTS = 25_000
# Of the plain rate: where the project wants to be, and what it may not fall below (issue 2).
GOAL, FLOOR = 0.9, 0.7


@dataclass
class Figure:
    """One line of the result.

    Attributes
    ----------
    name
        What was measured.
    rows
        Rows it did, 0 where rows do not matter.
    seconds
        Median over the rounds.
    limit
        Rows per second that plain statements reach, where they were measured in the same run.
    note
        What else there is to say.
    """

    name: str
    rows: int
    seconds: float
    limit: float | None = None
    note: str = ""

    @property
    def rate(self) -> float | None:
        """Rows per second."""
        return self.rows / self.seconds if self.rows else None

    @property
    def ratio(self) -> float | None:
        """The rate as a share of the limit."""
        return self.rate / self.limit if self.rate and self.limit else None


@dataclass
class Result:
    """Everything a run measured."""

    lines: int
    workers: int
    machine: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, rows: int, seconds: float, *, limit: float | None = None, note: str = ""
    ) -> None:
        """Keep a figure and show it at once."""
        figure = Figure(name, rows, seconds, limit, note)
        self.figures.append(figure)
        click.echo(_line(figure))

    def as_dict(self) -> dict[str, Any]:
        """Return the result for a file."""
        figures = [{**asdict(one), "rate": one.rate, "ratio": one.ratio} for one in self.figures]
        return {"lines": self.lines, "workers": self.workers, "machine": self.machine, "figures": figures}


def run(*, lines: int, workers: int, rounds: int, json_file: Path | None, of_criteria: bool = False) -> None:
    """Measure on a stack of its own, print a table and write it to a file.

    Parameters
    ----------
    lines
        Lines of the segment that is logged.
    workers
        Worker processes, and plain connections of the limit.
    rounds
        How often logging and its limit are measured, alternately; the median counts.
    json_file
        Where the result is written, too.
    of_criteria
        Measure how segments are built instead of how they are logged.
    """
    what = measure_criteria if of_criteria else measure
    result = Result(lines, workers)
    with ExitStack() as held:
        held.enter_context(_own_database())
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="interlog-bench-"))
        # PostgreSQL does not run as root: its account has to reach the folder.
        os.chmod(folder, 0o755)
        options = Options(Path(folder) / "data", port=free_port(), workers=workers)
        up(options, job=lambda stack: what(stack, result, rounds=rounds), stay=False, quiet=True)
    if json_file:
        json_file.write_text(json.dumps(result.as_dict(), indent=1) + "\n")
        click.echo(f"written to {json_file}")


@contextmanager
def _own_database() -> Iterator[None]:
    """Make a database on the given server for the length of a block; nothing to do without one."""
    given = os.environ.get("DATABASE_URL")
    if not given:
        yield
        return
    name = f"interlog_bench_{uuid.uuid4().hex[:8]}"
    address = make_url(given).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        own = make_url(given).set(database=name).render_as_string(hide_password=False)
        os.environ["DATABASE_URL"] = own
        try:
            yield
        finally:
            os.environ["DATABASE_URL"] = given
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def measure(stack: Stack, result: Result, *, rounds: int) -> None:
    """Do all measurements on a running stack whose database is empty.

    Parameters
    ----------
    stack
        The stack; its log is emptied again and again.
    result
        Where figures are kept.
    rounds
        Rounds of logging beside its limit.
    """
    client = JobClient(stack.database_url, stack.redis_url, process="bench")
    bench = Bench(client, stack.database_url)
    result.machine = {"cores": os.cpu_count(), "machine": platform.platform(), **bench.server()}
    click.echo(", ".join(f"{name} {value}" for name, value in result.machine.items()))
    click.echo(_HEAD)
    try:
        result.add("make the company", result.lines, bench.make_company(contacts=result.lines))
        site = _Site(stack, client)
        small = bench.make_segment("Small")
        bench.add_by_hand(small, contacts=min(SMALL, result.lines))
        site.visit(small)
        bench.log(small)
        before = _memory(stack)
        base = bench.make_segment("Large")
        added, seconds = bench.add_by_filter(base)
        result.add("add contacts by filter", added, seconds)
        milliseconds = bench.change_header(base, times=HEADER_CHANGES)
        result.add(
            "change the header", 0, milliseconds / 1000, note=f"{milliseconds:.1f} ms with {added:,} lines"
        )
        site.visit(base)
        _measure_logging(bench, result, base, added, rounds=rounds)
        _note_memory(result, before, _memory(stack))
        _measure_purges(PurgeBench(client, stack.database_url), result, rounds=rounds)
        bench.delete_segment(base)
        if (imported := bench.import_contacts(min(IMPORTED, result.lines))) is not None:
            result.add("import contacts", min(IMPORTED, result.lines), imported)
        measure_events(stack, client, result, count=min(EVENTS, result.lines))
    finally:
        client.close()


def measure_criteria(stack: Stack, result: Result, *, rounds: int) -> None:
    """Build segments among `lines` contacts with twice as many entries, and undo each step.

    Parameters
    ----------
    stack
        The stack; its database is empty.
    result
        Where figures are kept.
    rounds
        How often each count is made, times seven; the 95th percentile counts.
    """
    client = JobClient(stack.database_url, stack.redis_url, process="bench")
    bench = Bench(client, stack.database_url)
    result.machine = {"cores": os.cpu_count(), "machine": platform.platform(), **bench.server()}
    click.echo(_HEAD)
    try:
        measured = Criteria(client, bench)
        measured.make_company(result.lines)
        no = bench.make_segment("Criteria", template=None)
        for name, milliseconds in measured.count(no, rounds=7 * rounds).items():
            result.add(f"count: {name}", 0, milliseconds / 1000, note=f"{milliseconds:.0f} ms")
        before = _memory(stack)
        for name, action, filters in (
            ("add by three filters", "add", COMBINED),
            ("add all", "add", {"all": True}),
            ("reduce to a half", "reduce", {"contact": {"type": "company"}}),
            ("reduce all", "reduce", {"all": True}),
            ("refine by country", "refine", {"contact": {"country_code": "GB"}}),
            ("refine to nothing", "refine", {"contact": {"name": "nobody"}}),
        ):
            if action == "add":
                measured.undo_all(no)
            result.add(name, *measured.act(no, action, filters))
            if action != "add":
                result.add(f"undo: {name}", *measured.undo(no))
        _note_memory(result, before, _memory(stack), first="counting")
        result.add("undo: add all", *measured.undo(no))
    finally:
        client.close()


def _measure_logging(bench: Bench, result: Result, base: str, lines: int, *, rounds: int) -> None:
    """Log copies of a segment, each time beside the plain copy of the same rows."""
    first = bench.log(bench.copy_segment(base))
    if bench.entries() != lines:
        raise click.ClickException(f"the log has {bench.entries():,} entries of {lines:,} lines")
    bench.keep_ready_rows()
    logged: list[Logging] = []
    plain: list[float] = []
    for _ in range(rounds):
        plain.append(bench.copy_ready_rows(first.chunks, connections=result.workers))
        logged.append(bench.log(bench.copy_segment(base)))
        click.echo(
            f"  round: plain {lines / plain[-1]:,.0f}/s, logged {lines / logged[-1].seconds:,.0f}/s "
            f"(plan {logged[-1].planning:.2f} s, finish {logged[-1].finishing:.2f} s), "
            f"ratio {plain[-1] / logged[-1].seconds:.2f}"
        )
    limit = lines / statistics.median(plain)
    result.add("plain INSERT … SELECT", lines, statistics.median(plain), note=f"{len(first.chunks)} chunks")
    _add(result, "log the segment", lines, [one.seconds for one in logged], limit)
    discards = [one.discarding for one in logged]
    if any(discards):
        result.add(
            "delete the logged lines",
            lines,
            statistics.median(discards),
            note="afterwards, in the background",
        )
    followed = [bench.log(bench.copy_segment(base), follow_up=True) for _ in range(max(1, rounds // 2))]
    _add(result, "log with follow-up", lines, [one.seconds for one in followed], limit)


def measure_events(stack: Stack, client: JobClient, result: Result, *, count: int) -> None:
    """Measure document events through HTTP and the stream, beside the plain inserts of the same rows (issue 3)."""
    events = EventBench(client, stack.database_url, stack.redis_url, stack.base_url)
    try:
        events.set_up()
        events.over_http(count)
        http = events.over_http(count)
        limit = count / events.plain()
        result.add("plain rows of events", count, count / limit, note="one client, batches of 500")
        result.add("events over HTTP", count, http, limit=limit)
        result.add("events through the stream", count, events.through_stream(count), limit=limit)
        result.add("single events over HTTP", *events.singles(), note="4 clients")
        latency = events.latency()
        result.add(
            "event to entry, p95",
            0,
            latency.p95,
            note=f"p50 {latency.p50:.2f} s, p99 {latency.p99:.2f} s at 1,000 a second",
        )
        before = _memory(stack)
        result.add("backlog of events", result.lines, events.drain(result.lines))
        _note_memory(result, before, _memory(stack))
    finally:
        events.close()


def _measure_purges(bench: PurgeBench, result: Result, *, rounds: int) -> None:
    """Purge half of the log, each time beside one plain DELETE of the same rows, while people read and write."""
    plain: list[float] = []
    purged: list[float] = []
    alone, beside = Beside(), Beside()
    bench.fill()
    with bench.people(alone):
        time.sleep(ALONE_SECONDS)
    rows = 0
    for _ in range(rounds):
        bench.fill()
        with bench.people(Beside()):
            plain.append(bench.delete_plainly())
        rows = bench.fill()
        with bench.people(beside):
            purged.append(bench.purge())
    limit = rows / statistics.median(plain)
    result.add("plain DELETE", rows, statistics.median(plain))
    _add(result, "purge canceled entries", rows, purged, limit)
    (reading, writing), (still_reading, still_writing) = alone.p95(), beside.p95()
    click.echo(
        f"beside a purge (longest chunk {bench.longest_transaction() * 1000:.0f} ms): p95 of the log's first page "
        f"{still_reading:.1f} ms, alone {reading:.1f}; of writing an entry {still_writing:.1f} ms, alone {writing:.1f}"
    )


def _add(result: Result, name: str, rows: int, seconds: list[float], limit: float) -> None:
    median = statistics.median(seconds)
    spread = f"{rows / max(seconds):,.0f} to {rows / min(seconds):,.0f}/s" if len(seconds) > 1 else ""
    result.add(name, rows, median, limit=limit, note=spread)


class _Site:
    """Uses the site a little, so that its memory means something."""

    def __init__(self, stack: Stack, client: JobClient) -> None:
        self._base = f"{stack.base_url}/api/v1"
        with client.transaction() as session:
            values = {"name": "bench", "role": "marketing"}
            _, self._token = tokens.create_token(session, values=values, actor=actors.system(session))

    def visit(self, no: str) -> None:
        """Read a segment, pages of its lines and its check."""
        for path in (f"segments/{no}", f"segments/{no}/lines?limit=1000", f"segments/{no}/check", "segments"):
            request = urllib.request.Request(
                f"{self._base}/{path}", headers={"Authorization": f"Bearer {self._token}"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()


def _memory(stack: Stack) -> dict[str, int | None]:
    peak: Callable[[int], int | None] = memory.peak_of_children
    return {name: peak(pid) if (pid := stack.pid_of(name)) else None for name in ("worker", "web")}


def _note_memory(
    result: Result, before: dict[str, int | None], after: dict[str, int | None], *, first: str = ""
) -> None:
    first = first or f"{min(SMALL, result.lines):,} lines"
    for name, then in before.items():
        last = after[name]
        if then and last:
            result.machine[f"{name}_peak_kb"] = [then, last]
            click.echo(
                f"peak memory of a {name} process: {then / 1024:.1f} MB after {first}, "
                f"{last / 1024:.1f} MB after {result.lines:,} ({(last - then) / 1024:+.1f} MB)"
            )


_HEAD = f"{'':<26}{'rows':>11}{'seconds':>10}{'rows/s':>11}{'limit':>11}{'ratio':>7}"


def _line(figure: Figure) -> str:
    rate = f"{figure.rate:,.0f}" if figure.rate else ""
    limit = f"{figure.limit:,.0f}" if figure.limit else ""
    ratio = f"{figure.ratio:.2f}" if figure.ratio else ""
    verdict = _verdict(figure)
    notes = ", ".join(filter(None, [figure.note, verdict]))
    rows = f"{figure.rows:,}" if figure.rows else ""
    return (
        f"{figure.name:<26}{rows:>11}{figure.seconds:>10.2f}{rate:>11}{limit:>11}{ratio:>7}  {notes}".rstrip()
    )


def _verdict(figure: Figure) -> str:
    """Say what a ratio means; on a short segment, plan and finish weigh more than the lines."""
    if figure.ratio is None or figure.rows < LINES or figure.ratio >= GOAL:
        return ""
    return "below the goal" if figure.ratio >= FLOOR else "BELOW THE FLOOR"
