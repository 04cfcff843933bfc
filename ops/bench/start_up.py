"""Measures how long a stack takes to be ready: the first time, when all has to be made, and again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ops import commands
from ops.bench.figures import Waits
from ops.errors import OpsError
from ops.processes import free_port

ROUNDS = 3


def measure(rounds: int = ROUNDS) -> Iterator[Waits]:
    """Start stacks with servers of their own in folders of their own, each twice; and ask for help."""
    first: list[float] = []
    again: list[float] = []
    stop: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="interlog-bench-start-") as folder:
            # PostgreSQL does not run as root: its account has to reach the folder.
            Path(folder).chmod(0o755)
            for starts in (first, again):
                ready, stopped = _start(Path(folder) / "data")
                starts.append(ready)
                stop.append(stopped)
    yield Waits("start.first", "up until ready, first start", tuple(first))
    yield Waits("start.again", "up until ready, later starts", tuple(again))
    yield Waits("start.stop", "SIGTERM until stopped", tuple(stop))
    yield Waits("start.help", "interlog --help", tuple(_help() for _ in range(rounds)))


def _start(data: Path) -> tuple[float, float]:
    """Start a stack and stop it; return the milliseconds that each took."""
    settings = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    begun = time.perf_counter()
    stack = subprocess.Popen(
        [sys.executable, "-m", "ops", "up", "--data", str(data), "--port", str(free_port())],
        cwd=commands.ROOT,
        env=settings | {"PYTHONPATH": str(commands.ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert stack.stdout is not None
    ready = next((time.perf_counter() for line in stack.stdout if line.startswith("ready after")), None)
    asked = time.perf_counter()
    stack.send_signal(signal.SIGTERM)
    stack.communicate()
    if ready is None:
        raise OpsError("a stack does not become ready")
    return 1000 * (ready - begun), 1000 * (time.perf_counter() - asked)


def _help() -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ops", "--help"],
        cwd=commands.ROOT,
        env=os.environ | {"PYTHONPATH": str(commands.ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return 1000 * (time.perf_counter() - begun)
