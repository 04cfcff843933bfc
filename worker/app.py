"""The Celery application: settings, and the engine of each pool process.

A message is a hint; `worker.tasks` looks the work up in PostgreSQL. The parent process never opens an engine: a
connection inherited through a fork hung a child and lost its job (RELIABILITY 1).
"""

from __future__ import annotations

from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from domain import garbage, hints, logs, settings
from domain.database import make_engine, make_sessions
from worker.ending import EndInTime

log = structlog.get_logger()

app = Celery("interlog", include=["worker.tasks"])


def configuration() -> dict[str, Any]:
    """Return the settings; Celery asks when it first needs one, so that this module can be read without any."""
    return {
        **hints.BROKER,
        "broker_url": settings.load().redis_url,
        "enable_utc": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": False,
        "task_soft_time_limit": 45,
        "task_time_limit": 60,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 200,
        # Celery sleeps all of it while anything runs, even if that ends sooner. Whoever is cut off is done again; with
        # 10 s a busy worker took 11 to 14 s to go, of the 12 s promised (RELIABILITY 3, case 32).
        "worker_soft_shutdown_timeout": 4.0,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
    }


app.add_defaults(configuration)
app.steps["worker"].add(EndInTime)


def send_hint() -> None:
    """Tell the workers that there is work. Without a broker it goes on all the same: beat's sweep finds it."""
    try:
        app.send_task(
            hints.WORK_TASK,
            kwargs={"request_id": logs.request_id()},
            queue=hints.JOBS_QUEUE,
            ignore_result=True,
        )
    except Exception as error:  # whatever it is, what was committed is not disturbed
        log.warning("hint_not_sent", error=repr(error))


class Database:
    """The engine of this process, made when a pool process begins."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def open(self) -> None:
        """Make the engine; whatever came through the fork is left alone."""
        self._engine = make_engine(settings.load().database_url, process="worker")

    def close(self) -> None:
        """Close the connections of this process."""
        if self._engine is not None:
            self._engine.dispose()

    @property
    def sessions(self) -> sessionmaker[Session]:
        """The factory of sessions; opens the engine where no pool process did (a solo worker)."""
        if self._engine is None:
            self.open()
        assert self._engine is not None
        return make_sessions(self._engine)


database = Database()


@setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """Log as all processes do; Celery, which asks here before it sets up anything of its own, follows."""
    logs.configure(process="worker")


@worker_process_init.connect
def open_database(**_: Any) -> None:
    """Give each pool process an engine of its own."""
    database.open()
    garbage.set_apart()


@worker_process_shutdown.connect
def close_database(**_: Any) -> None:
    """Let go of the connections when a pool process ends."""
    database.close()
