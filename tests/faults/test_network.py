"""PostgreSQL or Redis is away, silent, or forgets its connections: what clients see, and what becomes of their work."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ops.faults import strikes
from ops.faults.client import Answer
from ops.faults.company import LINES, Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import FragileStack, StackOptions, wait_for
from ops.processes import wait_until
from tests.faults.conftest import FreshCompany

LONGEST_ANSWER = 5.0
# How long PostgreSQL is away.
AWAY_SECONDS = 10.0


def silence_redis(stack: FragileStack) -> None:
    """Have Redis take connections and never answer."""
    stack.kill(stack.redis.pid, number=signal.SIGSTOP)


def stop_redis(stack: FragileStack) -> None:
    """Have connections to Redis refused."""
    stack.redis.kill()


@pytest.mark.case(29, "Redis refused, and silent, with HTTP traffic")
@pytest.mark.parametrize("fault", [silence_redis, stop_redis], ids=lambda fault: fault.__name__)
def test_work_is_taken_without_redis(
    company: Company, feeder: Feeder, case: Case, fault: Callable[[FragileStack], None]
) -> None:
    """Every answer comes in time and says yes; the work is done when Redis is back, by the same processes."""
    stack, client = company.stack, company.client
    waiting = [company.segment(lines=100) for _ in range(4)]
    worker, beat, failed = stack.leader("worker"), stack.leader("beat"), stack.failed_sweeps()
    case.inject(fault.__name__)
    fault(stack)

    def traffic(no: str) -> list[Answer]:
        return [
            client.get("/contacts?limit=1"),
            client.patch(f"/segments/{no}", {"subject": "x"}),
            client.post(f"/segments/{no}/log"),
            client.get("/jobs"),
        ]

    with ThreadPoolExecutor(len(waiting)) as pool:
        answers = [answer for taken in pool.map(traffic, waiting) for answer in taken]

    assert [answer.status for answer in answers] == [200, 200, 202, 200] * len(waiting)
    assert max(answer.seconds for answer in answers) < LONGEST_ANSWER
    feeder.post(feeder.make(20))
    case.recovered("all is answered with yes", within=20)
    ready = client.get("/readyz", base="")
    assert (ready.status, ready.json) == (503, {"database": True, "broker": False})
    wait_for(lambda: stack.failed_sweeps() > failed, "beat has noticed")
    case.inject("Redis is back")
    stack.heal()
    for answer in answers[2::4]:
        company.assert_logged_exactly_once(answer.json["id"], 100)
    feeder.wait_until_recorded()
    case.recovered("the work is done", within=20)
    assert (stack.leader("worker"), stack.leader("beat")) == (worker, beat)


@pytest.mark.case(30, "PostgreSQL down 10 s, with HTTP and a feeder")
def test_without_postgresql_clients_are_told_to_come_again(
    company: Company, feeder: Feeder, case: Case
) -> None:
    """503 with Retry-After, nothing is taken or acknowledged; the job goes on and the stream drains afterwards."""
    stack, client = company.stack, company.client
    other, failed = company.segment(lines=100), stack.failed_sweeps()
    job_id = company.log(company.segment(lines=LINES))
    stack.wait_until_writing()
    leaders = {name: stack.leader(name) for name in ("worker", "beat", "consumer", "documents")}
    case.inject("PostgreSQL ends at once")
    stack.kill(stack.postgres.pid, number=signal.SIGQUIT)
    wait_for(lambda: not stack.postgres.is_running(), "PostgreSQL is away")
    away_since = time.monotonic()
    feeder.add(feeder.make(100))
    feeder.send(feeder.make(100))
    feeder.start()

    requests: list[Callable[[], Answer]] = [
        lambda: client.get("/contacts"),
        lambda: client.get(f"/jobs/{job_id}"),
        lambda: client.post("/segments", {"description": "x"}),
        lambda: client.post(f"/segments/{other}/log", headers={"Idempotency-Key": "down"}),
        lambda: client.post(f"/segments/{other}/log"),
    ]
    for request in requests * 2:
        answer = request()
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.seconds < LONGEST_ANSWER
    assert client.get("/healthz", base="").status == 200
    ready = client.get("/readyz", base="")
    assert (ready.status, ready.json) == (503, {"database": False, "broker": True})
    wait_for(lambda: stack.failed_sweeps() > failed, "beat has noticed")
    wait_for(lambda: feeder.group()["pending"], "entries are in hand")
    wait_for(lambda: time.monotonic() - away_since > AWAY_SECONDS, "it is away so long")
    group = feeder.group()
    assert group["pending"] + group["lag"] >= 100, "something is acknowledged that cannot be stored"

    case.inject("PostgreSQL is back")
    stack.postgres.start()
    case.recovers(stack.is_ready, "the site is ready", within=15)
    feeder.stop()
    company.assert_logged_exactly_once(job_id)
    feeder.wait_until_recorded()
    case.recovers(feeder.is_read, "the stream is drained", within=30)
    assert client.get(f"/segments/{other}").json["status"] == "open"
    answer = client.post(f"/segments/{other}/log", headers={"Idempotency-Key": "down"})
    assert (answer.status, "idempotency-replayed" in answer.headers) == (202, False)
    company.assert_logged_exactly_once(answer.json["id"], 100)
    assert {name: stack.leader(name) for name in leaders} == leaders


@pytest.mark.case(31, "half-open TCP to Redis")
def test_every_connection_to_redis_goes_dead(fresh_company: FreshCompany, case: Case) -> None:
    """Both ends believe in connections that carry nothing; every process makes another within 15 s.

    What Redis pops into a dead connection is gone with it (RELIABILITY 1): the next message of the Celery door arrives,
    and the producer asks and resends.
    """
    with fresh_company(StackOptions(proxied=True)) as company:
        stack, feeder = company.stack, Feeder(company, case.rng)
        events = feeder.make(20)
        assert stack.to_redis
        case.inject("every connection to Redis is forgotten")
        stack.to_redis.forget()
        answer = company.client.post(f"/segments/{company.segment(lines=100)}/log")
        assert (answer.status, answer.seconds < LONGEST_ANSWER) == (202, True), answer.seconds
        feeder.add(events[:10])
        feeder.send(events[10:])
        case.recovers(
            lambda: company.job(answer.json["id"])["state"] == "succeeded", "the job is done", within=15
        )
        case.recovers(
            lambda: set(feeder.missing()) <= feeder.ids_by_task, "the consumer takes events", within=15
        )
        case.recovers(lambda: is_taken_at_once(feeder), "the documents worker takes events", within=15)
        assert set(feeder.missing()) <= feeder.ids_by_task, "lost by a door that loses nothing"
        wait_for(lambda: not feeder.send_missing(), "nothing is missing")
        feeder.wait_until_recorded()
        with strikes.paused(stack.leader("beat")):
            # Without beat only web's own hint gets a job done; web pauses for five seconds after one that failed.
            case.recovers(lambda: is_done_at_once(company), "web's hints reach the workers", within=15)
        feeder.close()


def is_taken_at_once(feeder: Feeder) -> bool:
    """Tell whether an event that is sent as a Celery task now is in the inbox within a second."""
    [event] = feeder.make(1)
    feeder.send([event])
    return wait_until(lambda: event["id"] not in feeder.missing(), 1)


def is_done_at_once(company: Company) -> bool:
    """Tell whether a small job that is asked for now is done within a second."""
    job_id = company.log(company.segment(lines=10))
    return wait_until(lambda: company.job(job_id)["state"] == "succeeded", 1)
