"""`interlog test --mutations`: one safeguard after another is taken out of the running system; a case must go red.

A case that stays green, or a system that does not even start, fails the run. Arguments go to pytest; names of
saboteurs choose some of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.faults.saboteurs import BY_NAME, ROOT, SABOTEURS, Saboteur

# A shorter book than the matrix has: these cases are about moments, not about sizes.
LINES = 60_000
# Longer than any case may take with start and end of its system, on a busy machine.
SECONDS = 600
RED, GREEN, BROKEN = "red", "GREEN", "BROKEN"


@dataclass(frozen=True)
class Outcome:
    """What a case did with a saboteur at work: whether it noticed, what it said, and how long it took."""

    colour: str
    said: str
    seconds: float


def main(arguments: list[str]) -> int:
    """Run the saboteurs that are named, or all; return the exit code."""
    chosen = [BY_NAME[name] for name in arguments if name in BY_NAME] or SABOTEURS
    options = [argument for argument in arguments if argument not in BY_NAME]
    begun, colours = time.monotonic(), []
    for saboteur in chosen:
        outcome = outcome_of(saboteur, options)
        colours.append(outcome.colour)
        say(f"{outcome.colour:6}  {outcome.seconds:>4.0f} s  {saboteur.says}  ->  {saboteur.test}")
        say(f"{'':16}{outcome.said}")
    red = colours.count(RED)
    say(f"{red} of {len(colours)} saboteurs noticed, {time.monotonic() - begun:.0f} s")
    return 0 if red == len(colours) else 1


def outcome_of(saboteur: Saboteur, options: list[str]) -> Outcome:
    """Run the case of a saboteur with it at work."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="interlog-mutation-") as folder:
        result = Path(folder) / "result.xml"
        finished = run(
            [sys.executable, "-m", "pytest", "--faults", f"--saboteur={saboteur.name}", f"--junitxml={result}",
             "--tb=short", f"--report={folder}/report.json", f"tests/faults/{saboteur.test}", *options],
        )  # fmt: skip
        colour, said = read(result) if result.exists() else (BROKEN, finished[-300:])
    return Outcome(colour, said, time.monotonic() - begun)


def run(command: list[str]) -> str:
    """Run a command and return what it said; one that does not come to an end is ended."""
    environment = {"INTERLOG_ACCEPTANCE_LINES": str(LINES), **os.environ}
    try:
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no end within {SECONDS} s"
    return ran.stdout or ran.stderr


def read(result: Path) -> tuple[str, str]:
    """Read pytest's result: whether the case failed as such, and the first line of what it said."""
    (suite,) = ElementTree.parse(result).getroot()
    failures, errors = suite.findall("testcase/failure"), suite.findall("testcase/error")
    for found, colour in ((failures, RED), (errors, BROKEN)):
        if found:
            return colour, " ".join(found[0].get("message", "").splitlines()[:2])[:160]
    if suite.findall("testcase/skipped") or not suite.findall("testcase"):
        return BROKEN, "the case did not run"
    return GREEN, "nobody noticed"


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
