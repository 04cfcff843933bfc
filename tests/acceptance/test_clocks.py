"""Clocks that jump under real processes (RELIABILITY 3, cases 13, 25, 26): PostgreSQL's ten years ahead, beat's an
hour back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import libfaketime
import pytest
from sqlalchemy import text

from domain import actors, purge_schedules
from domain.database import make_engine, make_sessions, transaction
from domain.migrations import upgrade
from ops.commands import ROOT
from ops.embedded import EmbeddedPostgres, EmbeddedRedis
from ops.faults.stack import wait_for

LIBRARY = Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"


class Clock:
    """The clock of a process, set through a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        """Put it ahead or back, such as `+10y` or `-1h`."""
        self._file.write_text(offset)
        self._file.chmod(0o644)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to look at this clock."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@contextmanager
def beat(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A beat, for the length of a block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "beat"], cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not LIBRARY.exists(), reason="libfaketime was not built here")
def test_schedules_mind_postgresqls_clock_and_not_beats(tmp_path: Path) -> None:
    """E7: nothing starts by a clock ten years ahead; a beat whose clock is set back an hour goes on."""
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.name.startswith(("pytest", "popen")):
            folder.chmod(0o755)
    server, own = Clock(tmp_path / "postgres.clock"), Clock(tmp_path / "beat.clock")
    with (
        EmbeddedPostgres(tmp_path / "postgres", fast=True, environment=server.environment) as postgres,
        EmbeddedRedis(tmp_path / "redis", fast=True) as redis,
        ExitStack() as cleanup,
    ):
        upgrade(postgres.url)
        engine = make_engine(postgres.url, process="test")
        cleanup.callback(engine.dispose)

        def value(query: str) -> object:
            with engine.begin() as connection:
                return connection.execute(text(query)).scalar_one()

        with transaction(make_sessions(engine)) as session:
            values = {"name": "Yearly", "cron": "0 0 1 1 *"}
            purge_schedules.create(session, values=values, actor=actors.system(session))
        urls = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        runs = "SELECT count(*) FROM purge_record"
        due = "UPDATE purge_schedule SET next_run_at = clock_timestamp() WHERE name = 'Yearly' RETURNING 1"
        looked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interlog-beat'"
        with beat(urls | own.environment), beat(urls):
            wait_for(lambda: value(looked) == 2, "both beats look")
            value(due)
            wait_for(lambda: value(runs) == 1, "a due schedule starts")

            own.set("-1h")
            value(due)
            wait_for(lambda: value(runs) == 2, "it starts by a beat whose clock is back, too", seconds=5)

            server.set("+10y")
            wait_for(lambda: value("SELECT seen_ahead IS NOT NULL FROM clock_mark"), "the jump is noticed")
            assert value("SELECT next_run_at < clock_timestamp() FROM purge_schedule WHERE name = 'Yearly'")
            seen = time.monotonic()
            wait_for(lambda: time.monotonic() - seen > 2.5, "two more looks")
            assert value(runs) == 2

            server.set("+0")
            wait_for(lambda: value("SELECT seen_ahead IS NULL FROM clock_mark"), "the clock is right again")
            value(due)
            wait_for(lambda: value(runs) == 3, "schedules start again")
        with beat(urls | own.environment):
            value(due)
            wait_for(lambda: value(runs) == 4, "a beat alone whose clock is back ticks")
