"""Clocks that jump under the running system: PostgreSQL's, a worker's, beat's (E7)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.commands import ROOT
from ops.faults import strikes
from ops.faults.clock import LIBRARY, NOT_BUILT, Clock
from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import FragileStack, StackOptions, wait_for
from tests.system import options_of

LINES = 60_000
# Two looks of beat's.
TWO_LOOKS = 2.5


@pytest.fixture(scope="module")
def clock_of_postgres(open_folder: Path) -> Clock:
    """The clock of this module's PostgreSQL."""
    if not LIBRARY.exists():
        pytest.skip(NOT_BUILT)
    return Clock(open_folder / "postgres.clock")


@pytest.fixture(scope="module")
def stack(
    open_folder: Path, clock_of_postgres: Clock, request: pytest.FixtureRequest
) -> Iterator[FragileStack]:
    """A system whose PostgreSQL goes by a clock of its own; one for the module."""
    options = StackOptions(postgres_environment=clock_of_postgres.environment)
    with FragileStack(open_folder / "clocks", options_of(request.config, options)).running() as running:
        yield running


@pytest.fixture(scope="module")
def the_company(stack: FragileStack) -> Company:
    """The company on it."""
    return Company(stack)


@pytest.fixture
def postgres_clock(clock_of_postgres: Clock, company: Company) -> Iterator[Clock]:
    """The clock of PostgreSQL, right again after the test, and believed again."""
    yield clock_of_postgres
    clock_of_postgres.set("+0")
    wait_for(lambda: not is_suspected(company), "the clock is believed")


def is_suspected(company: Company) -> bool:
    """Tell whether beat has noticed a jump ahead."""
    return bool(company.stack.value("SELECT seen_ahead IS NOT NULL FROM clock_mark"))


@contextmanager
def process(stack: FragileStack, clock: Clock, log: Path, *command: str) -> Iterator[None]:
    """Run one more process of the system, with a clock of its own, for the length of a block."""
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "ops", *command],
            cwd=ROOT,
            env=os.environ | stack.environment | clock.environment,
            stdout=output,
            stderr=output,
        )
        try:
            yield
        finally:
            started.terminate()
            started.wait(15)


@pytest.mark.case(23, "PostgreSQL clock +-2 h")
def test_postgresqls_clock_jumps(company: Company, feeder: Feeder, postgres_clock: Clock, case: Case) -> None:
    """Two hours ahead and back in the middle of jobs, while events come in."""
    stack = company.stack
    feeder.start()
    for offset in ("+2h", "+0", "-2h", "+0"):
        job_id = company.log(company.segment(lines=LINES), follow_up=True)
        company.midway(job_id)
        case.inject(f"PostgreSQL's clock to {offset}")
        postgres_clock.set(offset)
        company.assert_logged_exactly_once(job_id, LINES)
        case.recovered("the job is done", within=30)
    feeder.stop()
    feeder.wait_until_recorded(seconds=15)
    assert not is_suspected(company)
    assert stack.value("SELECT max(created_at) - min(created_at) > interval '3 hours' FROM job"), (
        "no clock jumped"
    )


@pytest.mark.case(24, "worker clock +-2 h")
@pytest.mark.parametrize("offset", ["+2h", "-2h"])
def test_a_workers_clock_is_wrong(
    company: Company, make_clock: Callable[[str], Clock], case: Case, tmp_path: Path, offset: str
) -> None:
    """One worker of two believes that all messages are overdue, or from the future: harmless."""
    stack, clock, log = company.stack, make_clock("worker"), tmp_path / "worker.log"
    clock.set(offset)
    with process(stack, clock, log, "worker", "--concurrency", "2"):
        wait_for(lambda: b" ready" in log.read_bytes(), "the worker is ready")
        case.inject(f"a worker whose clock stands at {offset}")
        jobs = [company.log(company.segment(lines=LINES)) for _ in range(2)]
        for job_id in jobs:
            company.assert_logged_exactly_once(job_id, LINES)
        case.recovered("the jobs are done", within=30)
        wait_for(lambda: b"received" in log.read_bytes(), "it took part")


@pytest.mark.case(25, "clock + 10 years, purge due")
def test_no_purge_trusts_a_clock_ten_years_ahead(company: Company, postgres_clock: Clock, case: Case) -> None:
    """E7: refused, on demand and by schedule, and it says so; not a row is deleted before the clock is right."""
    stack, client, lines = company.stack, company.client, 200
    logged_no = company.finished(company.log(company.segment(lines=lines)))["result"]["logged_segment_no"]
    assert client.post(f"/logged-segments/{logged_no}/cancel").status == 200
    old = {"canceled_for_days": 365}
    schedule = {"name": "Yearly", "cron": "0 0 1 1 *", "filters": old}
    assert client.post("/purge-schedules", schedule).status == 201

    case.inject("PostgreSQL's clock 10 years ahead")
    postgres_clock.set("+10y")
    asked = client.post("/purges", {"filters": old})
    assert (asked.status, asked.json.get("code")) == (409, "clock_suspect")
    case.recovers(lambda: is_suspected(company), "beat has noticed", within=5)
    assert stack.value("SELECT next_run_at < clock_timestamp() FROM purge_schedule"), (
        "the schedule is not due"
    )
    by_hand = client.post("/purge-schedules/Yearly/run")
    assert (by_hand.status, by_hand.json.get("code")) == (409, "clock_suspect")
    said = time.monotonic()
    wait_for(lambda: time.monotonic() - said > TWO_LOOKS, "beat has looked twice more")
    assert stack.value("SELECT count(*) FROM purge_record") == 0
    assert company.written() == lines

    case.inject("the clock is right again")
    postgres_clock.set("+0")
    case.recovers(lambda: not is_suspected(company), "it is believed", within=5)
    assert company.finished(client.post("/purges", {"filters": old}))["result"]["deleted"] == 0
    assert company.written() == lines
    assert company.finished(client.post("/purges", {"filters": {}}))["result"]["deleted"] == lines
    assert company.written() == 0


@pytest.mark.case(26, "beat clock -1 h, schedule due")
def test_a_beat_whose_clock_is_set_back_goes_on(
    company: Company, make_clock: Callable[[str], Clock], case: Case, tmp_path: Path
) -> None:
    """The only beat there is starts what is due, and sends hints, whatever its own clock says."""
    stack, clock = company.stack, make_clock("beat")
    schedule = {"name": "Yearly", "cron": "0 0 1 1 *"}
    assert company.client.post("/purge-schedules", schedule).status == 201
    due = "UPDATE purge_schedule SET next_run_at = clock_timestamp() - interval '1 second' RETURNING 1"
    runs = "SELECT count(*) FROM purge_record WHERE state = 'succeeded'"
    with strikes.paused(stack.leader("beat")), process(stack, clock, tmp_path / "beat.log", "beat"):
        stack.value(due)
        wait_for(lambda: stack.value(runs) == 1, "the other beat starts what is due")
        for number, offset in enumerate(("-1h", "+1h"), start=2):
            case.inject(f"beat's clock to {offset}")
            clock.set(offset)
            stack.value(due)
            case.recovers(
                lambda number=number: stack.value(runs) == number, "the due schedule runs", within=5
            )
