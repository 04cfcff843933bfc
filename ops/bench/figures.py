"""What measurements yield: rates beside a limit, and times of answers; the result of a run."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Floors hold for --quick: ratios of a quiet machine, not goals. A ratio is too low below this share of its floor, which
# leaves room for a machine that does other things meanwhile: it has to be a fault in the code that halves a ratio.
FLOORS = Path(__file__).with_name("floors.json")
MARGIN = 0.5


@dataclass(frozen=True)
class Use:
    """What a turn took besides time.

    Attributes
    ----------
    memory_mb
        The largest peak of a process of `web` and of `worker`, and of all of `postgres` together.
    wal_bytes, table_bytes
        WAL written, and growth of the watched tables with their indexes.
    """

    memory_mb: dict[str, float] = field(default_factory=dict)
    wal_bytes: int = 0
    table_bytes: int = 0


@dataclass(frozen=True)
class Side:
    """One way of doing the same work, done once a round.

    Attributes
    ----------
    name
        What it is.
    rows
        Rows it does in a turn.
    seconds
        How long each turn took.
    use
        What each turn took besides.
    """

    name: str
    rows: int
    seconds: tuple[float, ...]
    use: tuple[Use, ...] = ()

    @property
    def rate(self) -> float:
        """Rows per second, of the median turn."""
        return self.rows / statistics.median(self.seconds)

    @property
    def best(self) -> float:
        """Rows per second, of the turn that was disturbed least."""
        return self.rows / min(self.seconds)

    @property
    def per_row(self) -> tuple[float, float]:
        """Bytes of WAL and of tables per row, of the median turn; 0 where they were not watched."""
        if not self.use:
            return 0.0, 0.0
        wal = statistics.median(use.wal_bytes for use in self.use)
        return wal / self.rows, statistics.median(use.table_bytes for use in self.use) / self.rows

    @property
    def memory_mb(self) -> dict[str, float]:
        """The largest peaks of all turns."""
        names = {name for use in self.use for name in use.memory_mb}
        return {name: max(use.memory_mb.get(name, 0.0) for use in self.use) for name in sorted(names)}


@dataclass(frozen=True)
class Figure:
    """A rate, beside another if there is something to compare it with.

    Attributes
    ----------
    key
        Names the comparison in floors and files, whatever the number of rows.
    side
        What was measured.
    against
        What it is compared with: a limit, or what people do otherwise.
    goal
        The ratio that is wanted.
    note
        What else there is to say.
    """

    key: str
    side: Side
    against: Side | None = None
    goal: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The rate as a share of the other's: the median of the rounds, in each of which both had their turn."""
        return statistics.median(self._ratios) if self.against else None

    @property
    def best_ratio(self) -> float | None:
        """The best turn's rate as a share of the other's best."""
        return self.side.best / self.against.best if self.against else None

    @property
    def _ratios(self) -> list[float]:
        assert self.against is not None
        if len(self.side.seconds) != len(self.against.seconds):
            return [self.side.rate / self.against.rate]
        share = self.side.rows / self.against.rows
        return [share * b / a for a, b in zip(self.side.seconds, self.against.seconds, strict=True)]

    def as_dict(self) -> dict[str, Any]:
        """Return the figure for a file."""
        wal, table = self.side.per_row
        return {
            **asdict(self),
            "rate": self.side.rate,
            "against_rate": self.against.rate if self.against else None,
            "ratio": self.ratio,
            "best_ratio": self.best_ratio,
            "wal_bytes_per_row": wal,
            "table_bytes_per_row": table,
            "memory_mb": self.side.memory_mb,
        }


@dataclass(frozen=True)
class Waits:
    """How long answers took.

    Attributes
    ----------
    key, name
        As those of a figure.
    milliseconds
        Each answer's time.
    most
        What 95 of 100 may take, if that is set.
    note
        What else there is to say.
    """

    key: str
    name: str
    milliseconds: tuple[float, ...]
    most: float | None = None
    note: str = ""

    def percentile(self, share: float) -> float:
        """Return the time within which so many of 100 were answered."""
        times = sorted(self.milliseconds)
        return times[max(math.ceil(len(times) * share / 100), 1) - 1]

    @property
    def late(self) -> bool:
        """Tell whether it takes longer than it may."""
        return self.most is not None and self.percentile(95) > self.most

    def as_dict(self) -> dict[str, Any]:
        """Return the times for a file, without each single one."""
        return {
            "key": self.key,
            "name": self.name,
            "answers": len(self.milliseconds),
            **{f"p{share}": self.percentile(share) for share in (50, 95, 99, 100)},
            "most": self.most,
            "note": self.note,
        }


@dataclass
class Result:
    """Everything a run measured."""

    rows: int
    workers: int
    rounds: int
    machine: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    waits: list[Waits] = field(default_factory=list)

    def keep(self, measured: Figure | Waits) -> None:
        """Keep what a measurement yields."""
        if isinstance(measured, Figure):
            self.figures.append(measured)
        else:
            self.waits.append(measured)

    def as_dict(self) -> dict[str, Any]:
        """Return the result for a file."""
        return {
            "rows": self.rows,
            "workers": self.workers,
            "rounds": self.rounds,
            "machine": self.machine,
            "figures": [one.as_dict() for one in self.figures],
            "waits": [one.as_dict() for one in self.waits],
        }


def floors() -> dict[str, float]:
    """Read the floors: ratios by key."""
    kept: dict[str, float] = json.loads(FLOORS.read_text())
    return kept


def below_floor(figures: Sequence[Figure], floors: dict[str, float]) -> list[str]:
    """Say of each figure whose best ratio is far below its floor, and of each floor without a figure."""
    measured = {one.key: one.best_ratio for one in figures}
    missing = [f"{key} was not measured" for key in floors if measured.get(key) is None]
    return missing + [
        f"{key}: ratio {ratio:.2f}, its floor is {floors[key]:.2f}, and half of it is too low"
        for key, ratio in measured.items()
        if key in floors and ratio is not None and ratio < MARGIN * floors[key]
    ]
