"""What a run of the fault matrix did: what was injected, when, what recovered how fast."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

from ops.faults.stack import wait_for

T = TypeVar("T")

PASSED, FAILED, NOT_RUN = "passed", "FAILED", "NOT RUN"


@dataclass
class Recovery:
    """Something that came back: what, after how many seconds, and how many it was given."""

    what: str
    seconds: float
    within: float


@dataclass
class Injection:
    """A fault: what was done, how many seconds after the case began, and what recovered."""

    what: str
    at: float
    recovered: list[Recovery] = field(default_factory=list)


@dataclass
class Case:
    """One case of the matrix as it runs.

    Attributes
    ----------
    number, title
        Its row in the matrix.
    seed
        That of the run.
    patience
        By what the times that recovery may take are multiplied.
    injections
        What was done to the system.
    result
        `PASSED`, `FAILED` or `NOT_RUN`.
    reason
        Why it failed or could not run.
    seconds
        How long it took, all in all.
    """

    number: int
    title: str
    seed: int
    patience: float = 1.0
    injections: list[Injection] = field(default_factory=list)
    result: str = ""
    reason: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        # what decides targets and moments; the same for the same seed and case
        self.rng = Random(f"{self.seed}/{self.number}/{self.title}")
        self._begun = self._injected = time.monotonic()

    def inject(self, what: str) -> None:
        """Note that a fault strikes now."""
        self._injected = time.monotonic()
        self.injections.append(Injection(what, round(self._injected - self._begun, 2)))

    def recovers(self, condition: Callable[[], T | None], what: str, *, within: float) -> T:
        """Wait until `condition` gives something true, note how long after the fault that was, and return it.

        Parameters
        ----------
        what
            Names what recovers.
        within
            Seconds after the last fault by which it must have.
        """
        within *= self.patience
        left = within - (time.monotonic() - self._injected)
        found = wait_for(condition, what, seconds=max(left, 0.0))
        self._note(what, within)
        return found

    def recovered(self, what: str, *, within: float) -> None:
        """Note that something has recovered just now, and hold that it was in time."""
        within *= self.patience
        seconds = self._note(what, within)
        assert seconds <= within, f"{what}: only after {seconds:.1f} s, not within {within:g} s"

    def _note(self, what: str, within: float) -> float:
        seconds = round(time.monotonic() - self._injected, 2)
        self.injections[-1].recovered.append(Recovery(what, seconds, within))
        return seconds


@dataclass
class Report:
    """All cases of a run.

    Attributes
    ----------
    seed
        That of the run.
    cases
        Those that ran or would have.
    """

    seed: int
    cases: list[Case] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Write the report as a table of text."""
        lines = [f"{'case':>4}  {'result':7}  {'s':>5}  fault, and what recovered after how many seconds"]
        for case in sorted(self.cases, key=lambda case: (case.number, case.title)):
            lines.append(f"{case.number:>4}  {case.result:7}  {case.seconds:>5.1f}  {case.title}")
            for injection in case.injections:
                lines.append(f"{'':21}at {injection.at:.1f} s: {injection.what}")
                lines += [
                    f"{'':23}{one.what}: {one.seconds:.1f} s (of {one.within:g})"
                    for one in injection.recovered
                ]
            if case.reason:
                lines += [f"{'':21}{line}" for line in case.reason.splitlines()]
        counts = {
            result: sum(case.result == result for case in self.cases) for result in (PASSED, FAILED, NOT_RUN)
        }
        said = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
        lines.append(f"seed {self.seed}: {said}, {sum(case.seconds for case in self.cases):.0f} s")
        return lines

    def write(self, path: Path) -> None:
        """Keep the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        cases = [asdict(case) for case in sorted(self.cases, key=lambda case: (case.number, case.title))]
        path.write_text(json.dumps({"seed": self.seed, "cases": cases}, indent=1, ensure_ascii=False) + "\n")
