"""What the operating system knows of a process: who it is, whether it lives, whom it dies with."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_ON_LINUX = sys.platform.startswith("linux")
_LIBC = ctypes.CDLL(None, use_errno=True) if _ON_LINUX else None


@dataclass(frozen=True)
class ProcessMark:
    """A process that cannot be mistaken for a later one that got the same pid.

    Attributes
    ----------
    pid
        Its process id.
    started
        The boot it belongs to and its start time in kernel ticks.
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessMark | None":
        """Return the mark of a living process, None when there is none with that pid."""
        started = _start_time(pid)
        return cls(pid, started) if started else None

    @classmethod
    def read(cls, path: Path) -> "ProcessMark | None":
        """Return the mark kept in a file, None when the file is missing or torn."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Keep the mark in a file."""
        path.write_text(json.dumps(asdict(self)))

    def is_alive(self) -> bool:
        """Tell whether this very process still runs (a zombie does not)."""
        return _start_time(self.pid) == self.started


def _start_time(pid: int) -> str | None:
    """Return boot id and start time of a living process; None for a dead one or without /proc."""
    if not (fields := _status_fields(pid)):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{fields[19]}"


def _status_fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on (proc(5)), nothing for the dead and zombies.

    A zombie holds neither memory nor sockets any more; until then a killed process may still hold its port.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] in "ZX" else fields


def group_members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    return [pid for pid in running_processes() if _status_fields(pid)[2:3] == [str(group)]]


def running_processes() -> Iterator[int]:
    """Yield the pids of all processes of this machine; nothing where there is no /proc."""
    with contextlib.suppress(OSError):
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def command_line(pid: int) -> list[str]:
    """Return the arguments a process was started with, empty when it is gone or not ours to read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def processes_with_environment(name: str, value: str) -> list[int]:
    """Return the living processes that were started with `name=value` in their environment."""
    wanted = f"{name}={value}".encode()
    found = []
    for pid in running_processes():
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if wanted in environment and pid != os.getpid():
                found.append(pid)
    return found


def send_signal(pid: int, number: int) -> bool:
    """Send a signal; False when the process is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def way_of_ending(code: int) -> str:
    """Say in words what a `returncode` means."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that has the kernel signal the child when its parent dies.

    The kernel watches the thread that forked, so a child started from a passing thread would die with
    that thread: there, and where there is no prctl, None is returned.
    """
    libc = _LIBC
    if libc is None or threading.current_thread() is not threading.main_thread():
        return None
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return ask_kernel


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Wait until `condition` holds; False when it does not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def last_line(log: str, *, prefer: tuple[str, ...] = ()) -> str:
    """Return the last line of a log that has a word of `prefer`, without any the last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in prefer)]
    return (telling or lines or [""])[-1]
