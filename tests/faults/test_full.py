"""A full disk under PostgreSQL, a full Redis: nothing is lost, and all goes on as soon as there is room."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis

from domain import hints
from domain.hints import STREAM
from ops.faults import strikes
from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import wait_for
from tests.faults.disks import CannotMount, small_disk_for

LINES = 40_000
# From the second to the fourth attempt of a chunk it takes 3 s, the time to notice the second one included.
ATTEMPTS, SECONDS = 4, 2.0
TRIED = """
    SELECT coalesce(max(attempt), 0) FROM job_chunk
    WHERE job_id = :id AND step = 1 AND state IN ('pending', 'running')
"""


@pytest.mark.case(27, "PostgreSQL disk full (small tmpfs tablespace)")
def test_the_disk_of_the_log_is_full(company: Company, feeder: Feeder, case: Case, open_folder: Path) -> None:
    """Work waits, without hammering; events are taken all the same; it resumes when there is space."""
    stack = company.stack
    try:
        with small_disk_for(stack, "interaction", open_folder / "small", megabytes=4) as disk:
            job_id = company.log(company.segment(lines=LINES))
            wait_for(lambda: stack.value(TRIED, id=job_id) > 1, "there is no space any more")
            begun = time.monotonic()
            case.inject("the disk of the log is full")
            wait_for(lambda: stack.value(TRIED, id=job_id) >= ATTEMPTS, "it is tried again")
            assert time.monotonic() - begun > SECONDS, "it is tried again too soon"
            assert company.job(job_id)["state"] == "running"
            assert len(feeder.post(feeder.make(20))["rejected"]) == 0
            assert feeder.company.stack.is_ready()

            case.inject("there is space")
            disk.resize(200)
            job = company.finished(job_id)
            case.recovered("the job is done", within=10)
            assert job["result"]["interactions"] == LINES
            feeder.wait_until_recorded()
            case.recovered("the events are recorded", within=10)
            company.assert_logged_exactly_once(job_id, LINES)
            assert stack.value("SELECT sum(failures) FROM job_chunk") == 0
    except CannotMount as error:
        pytest.skip(str(error))


@pytest.mark.case(28, "Redis full (maxmemory 1mb)")
def test_redis_is_full(company: Company, feeder: Feeder, case: Case) -> None:
    """Requests are answered with yes, what is under way goes on, workers stay, even those that take hints meanwhile;
    what was asked for while no hint could be sent is done when there is room."""
    stack = company.stack
    leaders = {name: stack.leader(name) for name in ("worker", "documents", "consumer", "beat", "web")}
    job_id = company.log(company.segment(lines=LINES))
    company.midway(job_id)
    with stack.broker() as broker:
        with strikes.paused(leaders["worker"], *stack.members("worker")):
            company.log(company.segment(lines=100))
            wait_for(lambda: broker.llen(hints.JOBS_QUEUE) > 1, "hints wait")
            case.inject("maxmemory 1mb")
            broker.config_set("maxmemory", "1mb")
            with pytest.raises(redis.ResponseError, match="maxmemory"):
                broker.xadd(STREAM, {"event": "{}"})
        try:
            company.finished(job_id)
            answer = company.client.post(f"/segments/{company.segment(lines=100)}/log")
            assert (answer.status, answer.seconds < 5) == (202, True), answer.seconds
            feeder.post(feeder.make(20))
            case.recovered("what was under way is done, all is answered", within=30)
        finally:
            broker.config_set("maxmemory", "0")
    case.inject("room again")
    company.finished(answer, seconds=10)
    feeder.wait_until_recorded(seconds=10)
    case.recovered("what was asked for is done", within=10)
    events = feeder.make(20)
    feeder.add(events[:10])
    feeder.send(events[10:])
    feeder.wait_until_recorded(seconds=10)
    case.recovered("the other doors are open", within=10)
    company.assert_logged_exactly_once(job_id, LINES)
    assert {name: stack.leader(name) for name in leaders} == leaders
