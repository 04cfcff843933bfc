"""Keeps processes running, and stops them all in time.

What must never happen: a process left behind by a stopped stack. Every child leads a session of its own, so
that its own children (gunicorn's and Celery's) can be ended with it whatever state they are in; the kernel
tells children when the supervisor dies; and what a killed supervisor left is found at the next start.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ops.commands import ROOT, Command
from ops.errors import OpsError
from ops.processes import die_with_parent, group_members, wait_until, way_of_ending

# with the 3 s a server is given after that to end at once, less than the promised 15
STOP_SECONDS = 11.5
_RESTART_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0)
_STEADY_SECONDS = 10
_LOG_LIMIT = 10 * 2**20
_POLL_SECONDS = 0.1
_KILL_SECONDS = 2
_IDLE_SECONDS = 2.0


class Supervised(Protocol):
    """A process the supervisor looks after; `Child` and the embedded servers are such."""

    name: str

    def launch(self) -> None:
        """Start the process without waiting for it to be ready."""

    def is_running(self) -> bool:
        """Tell whether it runs."""

    def how_it_ended(self) -> str:
        """Say how it ended when it no longer runs."""

    def request_stop(self) -> None:
        """Ask it to end, without waiting."""

    def stop(self, timeout: float) -> None:
        """Ask it to end and see to it that it has within about `timeout` seconds."""


class Child:
    """A process of the application and everything it starts.

    Parameters
    ----------
    name
        What the console and the log file call it.
    command
        What to run.
    environment
        Its whole environment, except what the command itself adds.
    logs
        The folder of its log file.
    """

    def __init__(self, name: str, command: Command, environment: dict[str, str], logs: Path) -> None:
        self.name = name
        self.log_path = logs / f"{name}.log"
        self._command = command
        self._environment = environment | command.environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the leader, None before the first launch."""
        return self._process.pid if self._process else None

    def launch(self) -> None:
        """Start the process, ending first what is left of an earlier one."""
        self._end_group()
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_LIMIT:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - calls nothing but prctl
            )

    def is_running(self) -> bool:
        """Tell whether the leader runs."""
        if self._process is None or self._process.returncode is not None:
            return False
        # Not reaped here: while the dead leader keeps its pid, its group cannot be anybody else's.
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        return False

    def how_it_ended(self) -> str:
        """Say how the leader ended."""
        if self._process is not None and self._process.returncode is None:
            ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                return way_of_ending(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
        return "stopped"

    def request_stop(self) -> None:
        """Ask the leader to end."""
        if self._process is not None and self.is_running():
            self._process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float) -> None:
        """Ask the leader to end, then end the whole group."""
        self.request_stop()
        wait_until(lambda: not self.is_running(), timeout)
        self._end_group()

    def _end_group(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        group = self._process.pid
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        wait_until(lambda: not group_members(group), _KILL_SECONDS)
        self._process.wait()


class Interrupted(OpsError):
    """Stopped before everything was running."""


@dataclass
class _Member:
    process: Supervised
    launched_at: float = 0.0
    failures: int = 0
    due_at: float | None = None


class Supervisor:
    """Starts processes again when they die, until it is told to stop.

    A context manager: inside it SIGINT, SIGTERM and SIGHUP end `run`, or raise `Interrupted` outside of it;
    leaving it stops everything, in groups, the latest group first.

    Parameters
    ----------
    report
        Called with a line when a process died.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.stopping = False
        self._report = report
        self._groups: list[tuple[list[_Member], float]] = []
        self._wakeup: tuple[int, int] = (-1, -1)
        self._previous: dict[int, object] = {}
        self._impatient = False
        self._in_run = False

    def __enter__(self) -> Self:
        self._wakeup = os.pipe()
        for end in self._wakeup:
            os.set_blocking(end, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started with nohup
            self._previous[number] = signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()
        signal.set_wakeup_fd(-1)
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        for end in self._wakeup:
            os.close(end)

    def add(self, processes: Sequence[Supervised], *, stop_seconds: float) -> None:
        """Look after processes that the caller starts; they are one group when it comes to stopping.

        Parameters
        ----------
        processes
            What to look after.
        stop_seconds
            How long they may take to end when asked.
        """
        members = [_Member(process, launched_at=time.monotonic()) for process in processes]
        self._groups.append((members, stop_seconds))

    def launch(self, processes: Sequence[Supervised], *, stop_seconds: float) -> None:
        """Start processes and look after them, as `add` does."""
        self.add(processes, stop_seconds=stop_seconds)
        for process in processes:
            process.launch()

    def run(self, until: Callable[[], bool] | None = None, *, timeout: float | None = None) -> bool:
        """Look after the processes until told to stop, or until a condition holds.

        Parameters
        ----------
        until
            The condition, asked about ten times a second; without one, until told to stop.
        timeout
            Seconds to wait for it at most.

        Returns
        -------
        bool
            Whether the condition was met.
        """
        deadline = time.monotonic() + timeout if timeout is not None else None
        self._in_run = True
        try:
            while not self.stopping:
                if until is not None and until():
                    return True
                if deadline is not None and time.monotonic() > deadline:
                    return False
                self._look_after()
                self._sleep(_POLL_SECONDS if until or self._restarts_are_due() else _IDLE_SECONDS)
            return False
        finally:
            self._in_run = False

    def failures(self, name: str) -> int:
        """Return how often in a row a process died soon after its start."""
        return next(m.failures for m in self._members() if m.process.name == name)

    def stop_all(self) -> None:
        """Stop every group, the latest first, all within `STOP_SECONDS`."""
        self.stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        while self._groups:
            members, seconds = self._groups.pop()
            group_deadline = min(time.monotonic() + seconds, deadline)
            for member in members:
                member.process.request_stop()
            for member in members:
                wait_until(partial(self._need_not_wait, member), group_deadline - time.monotonic())
                member.process.stop(0)

    def _need_not_wait(self, member: _Member) -> bool:
        return self._impatient or not member.process.is_running()

    def _members(self) -> list[_Member]:
        return [member for members, _ in self._groups for member in members]

    def _restarts_are_due(self) -> bool:
        return any(member.due_at is not None for member in self._members())

    def _look_after(self) -> None:
        now = time.monotonic()
        for member in self._members():
            if member.due_at is not None:
                if now >= member.due_at:
                    self._launch_again(member)
            elif not member.process.is_running():
                self._note_death(member, now)

    def _note_death(self, member: _Member, now: float) -> None:
        lived = now - member.launched_at
        member.failures = 1 if lived > _STEADY_SECONDS else member.failures + 1
        delay = _RESTART_DELAYS[min(member.failures, len(_RESTART_DELAYS)) - 1]
        member.due_at = now + delay
        self._report(f"{member.process.name} ended ({member.process.how_it_ended()}), starting it again")

    def _launch_again(self, member: _Member) -> None:
        member.launched_at, member.due_at = time.monotonic(), None
        try:
            member.process.launch()
        except OpsError as error:
            self._report(str(error))

    def _sleep(self, seconds: float) -> None:
        """Sleep until a signal comes, at most for `seconds`."""
        ready, _, _ = select.select([self._wakeup[0]], [], [], seconds)
        if ready:
            with suppress(BlockingIOError):
                os.read(self._wakeup[0], 4096)

    def _on_signal(self, number: int, frame: object) -> None:
        if number == signal.SIGCHLD:
            return
        self._impatient = self.stopping
        if not self.stopping:
            self.stopping = True
            if not self._in_run:
                raise Interrupted("stopped before everything was running")
