"""The command lines of the application's processes: the same under `up`, in a container and by hand."""

import os
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Command:
    """What to execute, and what it needs in its environment beyond the settings."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def execute(self) -> NoReturn:
        """Become this process, in the project's folder."""
        os.chdir(ROOT)
        os.execve(self.arguments[0], self.arguments, os.environ | self.environment)


def web(*, host: str, port: int, processes: int, threads: int, metrics: Path | None = None) -> Command:
    """Return gunicorn serving the pages and the API.

    Parameters
    ----------
    host, port
        The address to listen on.
    processes, threads
        Server processes, and threads in each; a live progress stream occupies a thread.
    metrics
        Folder in which the processes add their counters up for `/metrics`; emptied. By default one of the system's
        temporary folders.
    """
    if metrics is None:
        metrics = Path(tempfile.mkdtemp(prefix="interlog-metrics-"))
    else:
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
    options = ["--worker-class=web.server.Worker", f"--workers={processes}", f"--threads={threads}"]
    options += [f"--bind={host}:{port}", "--graceful-timeout=2", "--no-control-socket"]
    options += ["--logger-class=web.server.ServerLog"]
    # the heartbeat file must not wait for a busy disk
    options += ["--worker-tmp-dir=/dev/shm"] if os.access("/dev/shm", os.W_OK) else []
    return Command(
        [sys.executable, "-m", "gunicorn", *options, "web:create_app()"],
        {"PROMETHEUS_MULTIPROC_DIR": str(metrics)},
    )


def worker(*, concurrency: int, name: str | None = None, queue: str = "jobs") -> Command:
    """Return a Celery worker (RELIABILITY 1).

    Parameters
    ----------
    concurrency
        Pool processes.
    name
        The worker's name, unique on its host; made up when omitted.
    queue
        `jobs`, or `documents`, where other systems put document events.
    """
    name = name or f"worker-{secrets.token_hex(3)}"
    options = ["--pool=prefork", f"--concurrency={concurrency}", f"--queues={queue}"]
    options += [f"--hostname={name}@%h", "--without-gossip", "--without-mingle"]
    return Command(
        [*_celery(), "worker", *options, "--loglevel=INFO"],
        # SIGTERM hands running tasks back at once instead of waiting for their end
        {"REMAP_SIGTERM": "SIGQUIT"},
    )


def beat() -> Command:
    """Return Celery beat with the scheduler that finds due work in PostgreSQL."""
    return Command([*_celery(), "beat", "--scheduler=worker.scheduler:JobScheduler", "--loglevel=INFO"])


def consumer() -> Command:
    """Return the reader of the stream of document events."""
    return Command([sys.executable, "-P", "-m", "worker.consumer"])


def _celery() -> list[str]:
    # quiet: no banner among the lines of JSON
    return [sys.executable, "-P", "-m", "celery", "--quiet", "--app=worker.app"]
