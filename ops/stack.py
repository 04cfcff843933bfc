"""The whole system on this machine: `interlog up`, and what `demo` and `bench` stand on."""

import json
import os
import signal
import socket
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from ops import commands
from ops.commands import Command
from ops.connection import reachable_database, reachable_redis
from ops.data_folder import DataFolder, RunningStack
from ops.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServer
from ops.errors import OpsError
from ops.processes import ProcessMark, last_line, processes_with_environment, send_signal, wait_until
from ops.supervisor import Child, Interrupted, Supervisor

READY_SECONDS = 60
_RUN_VARIABLE = "INTERLOG_RUN"
_WEB_STOP_SECONDS = 2.5
_WORKER_STOP_SECONDS = 6
_WORKERS = ("worker", "documents")
_SERVER_STOP_SECONDS = 8
_HOPELESS_FAILURES = 3
_KILL_SECONDS = 5


@dataclass(frozen=True)
class Options:
    """How a stack is started.

    Attributes
    ----------
    data
        The data folder.
    host, port
        Where the site listens.
    workers
        Worker processes.
    web_processes, web_threads
        Processes of the web server and threads in each.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    web_processes: int = 2
    web_threads: int = 16

    @property
    def base_url(self) -> str:
        """Where the site is reached, without a slash at the end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}"

    def processes(self) -> dict[str, Command]:
        """Return the application's processes by name."""
        web = commands.web(
            host=self.host,
            port=self.port,
            processes=self.web_processes,
            threads=self.web_threads,
            metrics=self.data / "metrics",
        )
        return {
            "web": web,
            "beat": commands.beat(),
            "worker": commands.worker(concurrency=self.workers),
            "documents": commands.worker(concurrency=1, queue="documents"),
            "consumer": commands.consumer(),
        }


class Stack:
    """A running stack, as `demo` and `bench` see it.

    Attributes
    ----------
    database_url, redis_url
        Its servers.
    base_url
        Its site, without a slash at the end.
    sign_in_link
        The administrator's one-time link, None when there are users already.
    """

    def __init__(self, options: Options, processes: dict[str, Command] | None = None) -> None:
        self.options = options
        self.folder = DataFolder(options.data)
        self.base_url = options.base_url
        self.run = uuid.uuid4().hex
        self.database_url = ""
        self.redis_url = ""
        self.sign_in_link: str | None = None
        self._processes = processes
        self._children: dict[str, Child] = {}

    @contextmanager
    def running(self, supervisor: Supervisor) -> Iterator[None]:
        """Start everything and wait until the site is ready; the supervisor stops it."""
        end_leftovers(self.folder)
        refuse_port_in_use(self.options.host, self.options.port)
        self._start_servers(supervisor)
        self._migrate()
        self.folder.announce(RunningStack(self.run, self.database_url, self.redis_url, self.base_url))
        try:
            self._start_processes(supervisor)
            self._wait_until_ready(supervisor)
            yield
        finally:
            supervisor.stop_all()
            end_processes_of(self.run)
            self.folder.withdraw()

    def pid_of(self, name: str) -> int | None:
        """Return the process id of web, worker, documents, beat or consumer."""
        return self._children[name].pid

    def _start_servers(self, supervisor: Supervisor) -> None:
        given = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        postgres = None if given[0] else EmbeddedPostgres(self.folder.path / "postgres")
        redis_server = None if given[1] else EmbeddedRedis(self.folder.path / "redis")
        servers: list[EmbeddedServer] = [server for server in (postgres, redis_server) if server]
        supervisor.add(servers, stop_seconds=_SERVER_STOP_SECONDS)
        for server in servers:
            server.start()
        self.database_url = postgres.url if postgres else reachable_database(given[0] or "")
        self.redis_url = redis_server.url if redis_server else reachable_redis(given[1] or "")

    def _migrate(self) -> None:
        if self._processes is not None:
            return
        from domain.migrations import upgrade
        from ops.first_run import ensure_admin

        upgrade(self.database_url)
        self.sign_in_link = ensure_admin(
            self.database_url, self.base_url, password=lambda: self.folder.secret("admin_password")
        )

    def _start_processes(self, supervisor: Supervisor) -> None:
        settings = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "INTERLOG_SECRET_KEY": os.environ.get("INTERLOG_SECRET_KEY") or self.folder.secret("session_key"),
            "INTERLOG_DATA": str(self.folder.path),
            _RUN_VARIABLE: self.run,
        }
        os.environ.update({name: value for name, value in settings.items() if name != _RUN_VARIABLE})
        paths = [str(commands.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | settings | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        processes = self._processes or self.options.processes()
        self._children = {
            name: Child(name, command, environment, self.folder.logs) for name, command in processes.items()
        }
        workers = [child for name, child in self._children.items() if name in _WORKERS]
        others = [child for name, child in self._children.items() if name not in _WORKERS]
        supervisor.launch(workers, stop_seconds=_WORKER_STOP_SECONDS)
        supervisor.launch(others, stop_seconds=_WEB_STOP_SECONDS)

    def _wait_until_ready(self, supervisor: Supervisor) -> None:
        def is_settled() -> bool:
            return self._is_ready() or supervisor.failures("web") >= _HOPELESS_FAILURES

        supervisor.run(is_settled, timeout=READY_SECONDS)
        if supervisor.stopping:
            raise Interrupted("stopped before everything was running")
        if not self._is_ready():
            log = self._children["web"].log_path
            reason = _in_words(last_line(log.read_text(errors="replace"), prefer=('"exception"', "Error:")))
            raise OpsError(f"the site does not become ready: {reason} (log: {log})")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def up(
    options: Options,
    *,
    job: Callable[[Stack], None] | None = None,
    stay: bool = True,
    processes: dict[str, Command] | None = None,
    quiet: bool = False,
) -> None:
    """Run the whole system until Ctrl-C or SIGTERM.

    Parameters
    ----------
    options
        How to start it.
    job
        Done once everything is ready, while the stack is looked after; its failure ends the stack.
    stay
        Whether to stay up after the job.
    processes
        Commands by name to run instead of the application's own; then there is no schema either.
    quiet
        Say nothing but what goes wrong.

    Raises
    ------
    OpsError
        When something prevents the start, in one clear line; or what the job raised.
    """
    say = _say_nothing if quiet else click.echo
    started = time.monotonic()
    stack = Stack(options, processes)
    work = _Work(job, stay=stay)
    try:
        with stack.folder.lock(), Supervisor(_warn) as supervisor:
            say(f"Interlog starts (data and logs: {stack.folder.path})")
            with stack.running(supervisor):
                _introduce(stack, time.monotonic() - started, say)
                work.begin(stack, supervisor)
                supervisor.run(work.ends_the_stack if job else None)
                say("stopping")
    except Interrupted:
        pass
    if work.error:
        raise work.error
    say("stopped")


def refuse_port_in_use(host: str, port: int) -> None:
    """Raise when nobody else could listen on a port.

    Raises
    ------
    OpsError
        Naming the port and the option that changes it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OpsError(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port"
            ) from None


def end_leftovers(folder: DataFolder) -> None:
    """End the processes that a killed stack left on this folder; the caller holds the folder's lock."""
    if earlier := folder.announced():
        end_processes_of(earlier.run)
        folder.withdraw()


def end_processes_of(run: str) -> None:
    """End at once what still runs of a stack's application processes."""
    while found := processes_with_environment(_RUN_VARIABLE, run):
        marks = [mark for pid in found if (mark := ProcessMark.of(pid))]
        for mark in marks:
            send_signal(mark.pid, signal.SIGKILL)
            wait_until(partial(_is_gone, mark), _KILL_SECONDS)


def _is_gone(mark: ProcessMark) -> bool:
    return not mark.is_alive()


class _Work:
    """What a stack runs for: a job done beside the supervising main thread, or nothing but being there."""

    def __init__(self, job: Callable[[Stack], None] | None, *, stay: bool) -> None:
        self.error: OpsError | None = None
        self._job = job
        self._stay = stay
        self._thread: threading.Thread | None = None

    def begin(self, stack: Stack, supervisor: Supervisor) -> None:
        """Start the job, if there is one."""
        if self._job:
            arguments = (self._job, stack, supervisor)
            self._thread = threading.Thread(target=self._do, args=arguments, daemon=True, name="job")
            self._thread.start()

    def ends_the_stack(self) -> bool:
        """Tell whether the job is over and the stack has nothing more to run for."""
        if self._thread is None or self._thread.is_alive():
            return False
        return self.error is not None or not self._stay

    def _do(self, job: Callable[[Stack], None], stack: Stack, supervisor: Supervisor) -> None:
        try:
            job(stack)
        except OpsError as error:
            self.error = error
        except Exception as error:
            # while everything stops, a job may well fail
            if not supervisor.stopping:
                traceback.print_exc()
                self.error = OpsError(f"failed: {error}")


def _in_words(line: str) -> str:
    """Return what a line of a log says: of a JSON object the error's last line, else the event."""
    try:
        said = json.loads(line)
        return last_line(str(said.get("exception") or said["event"]), prefer=("Error:",))
    except (ValueError, LookupError, AttributeError):
        return line


def _introduce(stack: Stack, seconds: float, say: Callable[[str], None]) -> None:
    say(f"ready after {seconds:.1f} s: {stack.base_url}")
    if stack.sign_in_link:
        say(f"sign in as admin (this link works once, for 24 hours): {stack.sign_in_link}")
    elif (password := stack.folder.path_of_secret("admin_password")).exists():
        say(f"sign in as admin; the first password is in {password}")
    say("Ctrl-C stops it")


def _say_nothing(line: str) -> None:
    pass


def _warn(line: str) -> None:
    click.echo(f"interlog: {line}", err=True)
