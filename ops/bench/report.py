"""What a run measured as a table, a file and a picture."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ops.bench.figures import Figure, Result, Waits

HEAD = (
    f"{'':<44}{'rows':>11}{'rows/s':>11}  {'beside':<34}{'rows/s':>11}{'ratio':>8}{'goal':>6}"
    f"{'MB web/worker/postgres':>24}{'WAL B':>7}{'table B':>9}"
)
HEAD_OF_WAITS = f"{'milliseconds':<62}{'p50':>9}{'p95':>9}{'p99':>9}{'slowest':>9}{'limit':>7}"
PROCESSES = ("web", "worker", "postgres")


def line(measured: Figure | Waits) -> str:
    """Return the line of the table that shows a figure."""
    if isinstance(measured, Waits):
        return _line_of_waits(measured)
    side, against = measured.side, measured.against
    other = f"{against.name:<34}{against.rate:>11,.0f}{_ratio(measured.ratio):>8}" if against else " " * 53
    goal = f"{measured.goal:.3g}" if measured.goal else ""
    memory = "/".join(f"{side.memory_mb[name]:.0f}" if name in side.memory_mb else "-" for name in PROCESSES)
    wal, table = (f"{per_row:,.0f}" if per_row else "" for per_row in side.per_row)
    spread = (
        f"{side.rows / max(side.seconds):,.0f} to {side.best:,.0f}/s" if len(set(side.seconds)) > 1 else ""
    )
    missed = "BELOW THE GOAL" if measured.goal and (measured.ratio or 0) < measured.goal else ""
    notes = ", ".join(filter(None, [spread, measured.note, missed]))
    return (
        f"{side.name:<44}{side.rows:>11,}{side.rate:>11,.0f}  {other}{goal:>6}"
        f"{memory if side.memory_mb else '':>24}{wal:>7}{table:>9}  {notes}"
    ).rstrip()


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def _line_of_waits(waits: Waits) -> str:
    times = "".join(f"{waits.percentile(share):>9.1f}" for share in (50, 95, 99, 100))
    most = f"{waits.most:,.0f}" if waits.most else ""
    notes = ", ".join(filter(None, [waits.note, "TOO SLOW" if waits.late else ""]))
    return f"{waits.name:<62}{times}{most:>7}  {notes}".rstrip()


def table(result: Result) -> Iterable[str]:
    """Yield the lines of the whole table: the machine, rates, times."""
    yield ", ".join(f"{name} {value}" for name, value in result.machine.items())
    for head, rows in ((HEAD, result.figures), (HEAD_OF_WAITS, result.waits)):
        if rows:
            yield head
            yield from (line(one) for one in rows)


def write_json(result: Result, file: Path) -> None:
    """Write everything that was measured, each turn and what it took."""
    file.write_text(json.dumps(result.as_dict(), indent=1) + "\n")


def write_svg(result: Result, file: Path) -> None:
    """Draw the ratio of each figure to its limit, and the goal where there is one."""
    import pygal

    # Python warns of its finder for plug-ins at every import that fails, as web/pages/statistics.py says.
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
    shown = [(one, one.ratio) for one in result.figures if one.ratio is not None and one.ratio <= 2]
    chart: Any = pygal.HorizontalBar(
        js=[], width=900, height=80 + 44 * max(len(shown), 1), range=(0, 1.2),
        show_legend=True, legend_at_bottom=True, truncate_label=-1, margin=8, print_values=True,
        value_formatter=lambda ratio: f"{ratio:.2f}", no_data_text="Nothing has a limit",
        title="Share of what plain statements reach in the same run",
    )  # fmt: skip
    # Bars are drawn from the bottom.
    shown.reverse()
    chart.x_labels = [one.side.name for one, _ in shown]
    chart.add("ratio", [ratio for _, ratio in shown])
    # Its maker always puts a script in.
    file.write_bytes(re.sub(rb"<script.*?</script>", b"", chart.render(), flags=re.DOTALL))
