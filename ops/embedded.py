"""PostgreSQL and Valkey as child processes, from the packages of the extra `local` or from PATH.

Each server lives in a folder of its own: its data, password, log, and the mark of its process. Whoever
starts a server holds the folder's lock, so what still runs there from an earlier owner is a leftover of a
killed one and is stopped first.

    with EmbeddedPostgres(folder) as postgres:
        create_engine(postgres.url)
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import psycopg
import redis

from ops.files import write_private
from ops.postgres_settings import THROW_AWAY_SETTINGS, locale_options, server_settings
from ops.processes import (
    ProcessMark,
    command_line,
    die_with_parent,
    free_port,
    last_line,
    running_processes,
    send_signal,
    wait_until,
    way_of_ending,
)
from ops.server_account import ServerAccount
from ops.server_programs import ServerError, postgres_program, redis_program

START_SECONDS = 60
STOP_SECONDS = 10
_LOG_LIMIT = 10 * 2**20


class EmbeddedServer:
    """What both servers have in common: folder, lock, port, process, log.

    Parameters
    ----------
    folder
        Where the server keeps everything; made when missing.
    port
        The TCP port on 127.0.0.1; a free one is chosen at the first start and kept when omitted.
    fast
        Trade durability for speed; only for throw-away data.
    environment
        More environment variables for the server, for example those of libfaketime.
    """

    name = "server"
    stop_signal = signal.SIGTERM
    stop_at_once_signal = signal.SIGKILL

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        fast: bool = False,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.port = port
        self.fast = fast
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None
        self._port_is_ours_to_choose = port is None
        self._lock: IO[str] | None = None
        self._log_start = 0

    @property
    def log_path(self) -> Path:
        """The server's log; its tail is part of the message when a start fails."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self.process.pid if self.process and self.is_running() else None

    @cached_property
    def password(self) -> str:
        """The server's password, made once and kept in the folder with mode 600."""
        path = self.folder / "password"
        if not path.exists() or not path.read_text():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    @property
    def url(self) -> str:
        """The URL clients connect to."""
        raise NotImplementedError

    def is_running(self) -> bool:
        """Tell whether the process we started is alive."""
        return self.process is not None and self.process.poll() is None

    def start(self, timeout: float = START_SECONDS) -> Self:
        """Start the server and wait until it answers.

        Parameters
        ----------
        timeout
            Seconds until it must answer.

        Raises
        ------
        ServerError
            When it does not, with the last line of its log.
        """
        try:
            for attempts_left in (2, 1, 0):
                self.launch()
                if self._becomes_ready(timeout):
                    return self
                if not (attempts_left and self._lost_its_port()):
                    break
                self.port = None
            raise ServerError(f"{self.name} does not start: {self._complaint()} (log: {self.log_path})")
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start the process without waiting for it to answer, after clearing what an earlier one left."""
        self._take_folder()
        self._stop_leftover()
        self._prepare()
        self.port = self.port or free_port()
        self._start_log()
        self._spawn(self._command())

    def how_it_ended(self) -> str:
        """Say how the process ended."""
        code = self.process.poll() if self.process else None
        return "stopped" if code is None else way_of_ending(code)

    def request_stop(self) -> None:
        """Ask the server to end, without waiting for it."""
        if self.process is not None and self.is_running():
            self.process.send_signal(self.stop_signal)

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop the server, politely, then with force; give the folder free.

        Parameters
        ----------
        timeout
            Seconds for the polite part.
        """
        if self.process is not None:
            for number, seconds in ((self.stop_signal, timeout), (self.stop_at_once_signal, 3.0)):
                if self.is_running():
                    self.process.send_signal(number)
                    wait_until(lambda: not self.is_running(), seconds)
            self.kill()
        self._release_folder()

    def kill(self) -> None:
        """End the process with SIGKILL, as a crash would; the folder stays taken for another `launch`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._mark_path.unlink(missing_ok=True)

    def restart(self, timeout: float = START_SECONDS) -> Self:
        """Stop the server at once, whatever it is doing, and start it on the same port."""
        if self.process is not None and self.is_running():
            self.process.send_signal(self.stop_at_once_signal)
            wait_until(lambda: not self.is_running(), STOP_SECONDS)
        self._port_is_ours_to_choose = False
        return self.start(timeout)

    def answers(self) -> bool:
        """Tell whether the server answers a client."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _spawn(self, command: list[str]) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=os.environ | self.environment,
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop_signal),  # noqa: PLW1509 - calls nothing but prctl
                **self._identity(),
            )
        mark = ProcessMark.of(self.process.pid)
        if mark:
            mark.write(self._mark_path)

    def _identity(self) -> dict[str, Any]:
        return {}

    @property
    def _mark_path(self) -> Path:
        return self.folder / f"{self.name}.process"

    def _becomes_ready(self, timeout: float) -> bool:
        wait_until(lambda: not self.is_running() or self.answers(), timeout)
        return self.is_running() and self.answers()

    def _lost_its_port(self) -> bool:
        return self._port_is_ours_to_choose and "in use" in self._log_of_this_start()

    def _take_folder(self) -> None:
        if self._lock is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a")
        except OSError as error:
            raise ServerError(f"cannot write to {self.folder}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServerError(f"another process runs {self.name} in {self.folder}") from None
        self._lock = lock

    def _release_folder(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _stop_leftover(self) -> None:
        leftover = ProcessMark.read(self._mark_path)
        if leftover is None:
            return
        for number in (self.stop_signal, self.stop_at_once_signal, signal.SIGKILL):
            if leftover.is_alive() and send_signal(leftover.pid, number):
                wait_until(lambda: not leftover.is_alive(), STOP_SECONDS / 2)
        self._mark_path.unlink(missing_ok=True)

    def _start_log(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_LIMIT:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        self.log_path.touch(mode=0o600)
        self._log_start = self.log_path.stat().st_size

    def _log_of_this_start(self) -> str:
        with self.log_path.open(errors="replace") as log:
            log.seek(self._log_start)
            return log.read()

    def _complaint(self) -> str:
        telling = last_line(self._log_of_this_start(), prefer=("FATAL", "Failed", "error", "Fatal"))
        return telling or f"it gave no answer on port {self.port}"


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL cluster with one superuser and one database, both named `interlog`.

    Parameters
    ----------
    settings
        More server settings by name; they win over our own.
    """

    name = "postgres"
    user = "interlog"
    database = "interlog"
    stop_signal = signal.SIGINT
    stop_at_once_signal = signal.SIGQUIT

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        fast: bool = False,
        environment: dict[str, str] | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        super().__init__(folder, port, fast=fast, environment=environment)
        self.settings = settings or {}

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """Return the SQLAlchemy URL of another database of the cluster."""
        return f"postgresql+psycopg://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def cluster(self) -> Path:
        """The cluster's data directory."""
        return self.folder / "cluster"

    def answers(self) -> bool:
        """Tell whether the server accepts a connection to the database."""
        try:
            self._connect(self.database).close()
        except psycopg.OperationalError:
            return False
        return True

    def _becomes_ready(self, timeout: float) -> bool:
        wait_until(lambda: not self.is_running() or self._has_database(), timeout)
        return self.is_running() and self.answers()

    def _has_database(self) -> bool:
        if self.answers():
            return True
        with contextlib.suppress(psycopg.OperationalError), self._connect("postgres") as connection:
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                connection.execute(f"CREATE DATABASE {self.database}")
            return True
        return False

    def _connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            connect_timeout=3,
            autocommit=True,
        )

    @cached_property
    def _account(self) -> ServerAccount:
        return ServerAccount.for_server(postgres_program("postgres"), self.folder)

    def _identity(self) -> dict[str, Any]:
        return self._account.identity

    def _prepare(self) -> None:
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()

    def _initialise(self) -> None:
        """Make the cluster aside and move it into place whole: a killed start leaves no half of one."""
        unfinished = self.folder / "cluster.new"
        password_file = self.folder / "initdb.password"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        write_private(password_file, self.password)
        self._account.own(unfinished, password_file)
        command = [
            str(postgres_program("initdb")),
            f"--pgdata={unfinished}",
            f"--username={self.user}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *locale_options(),
            *(["--no-sync"] if self.fast else []),
        ]
        try:
            made = subprocess.run(
                self._account.command(command),
                **self._account.identity,
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise ServerError(
                f"initdb fails: {last_line(made.stderr or made.stdout, prefer=('error', 'FATAL'))}"
            )
        unfinished.rename(self.cluster)

    def _command(self) -> list[str]:
        settings = server_settings() | (THROW_AWAY_SETTINGS if self.fast else {}) | self.settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(postgres_program("postgres")), "-D", str(self.cluster), "-p", str(self.port), *options]
        return self._account.command(command, self.stop_signal)

    def _stop_leftover(self) -> None:
        super()._stop_leftover()
        self._clear_postmaster_file()
        self._end_orphaned_backends()

    def _clear_postmaster_file(self) -> None:
        """Remove the pid file of a dead postmaster when its pid now belongs to another program.

        PostgreSQL removes the file itself when nobody has the pid, and refuses to start when somebody has.
        """
        path = self.cluster / "postmaster.pid"
        try:
            pid = int(path.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if str(self.cluster) not in command_line(pid):
            path.unlink(missing_ok=True)
        elif send_signal(pid, self.stop_at_once_signal):
            wait_until(lambda: str(self.cluster) not in command_line(pid), STOP_SECONDS)

    def _end_orphaned_backends(self) -> None:
        """End sessions that outlived a killed postmaster: while one of them works, no new one can start."""
        orphans = [pid for pid in running_processes() if self._works_in_cluster(pid)]
        for pid in orphans:
            send_signal(pid, signal.SIGKILL)
        wait_until(lambda: not any(self._works_in_cluster(pid) for pid in orphans), STOP_SECONDS)

    def _works_in_cluster(self, pid: int) -> bool:
        try:
            folder = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            return False
        return folder == str(self.cluster.resolve()) and "postgres" in "".join(command_line(pid)[:1])


class EmbeddedRedis(EmbeddedServer):
    """A Valkey (or Redis) server that never evicts and appends every write to its log within a second."""

    name = "redis"

    @property
    def url(self) -> str:
        """The Redis URL with the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def data_folder(self) -> Path:
        """Where the server keeps its data; removed while it is down, it starts empty."""
        return self.folder / "data"

    def answers(self) -> bool:
        """Tell whether the server answers PING (it does not while it loads its data)."""
        client = redis.Redis.from_url(self.url, socket_timeout=3, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _prepare(self) -> None:
        self.data_folder.mkdir(mode=0o700, exist_ok=True)

    def _command(self) -> list[str]:
        configuration = self.folder / "redis.conf"
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.data_folder}"',
            "daemonize no",
            "set-proc-title no",
            'save ""',
            f"appendonly {'no' if self.fast else 'yes'}",
            "appendfsync everysec",
            "maxmemory-policy noeviction",
        ]
        write_private(configuration, "\n".join(lines) + "\n")
        return [str(redis_program()), str(configuration)]
