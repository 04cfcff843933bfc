"""What clients see while Redis or PostgreSQL is away, and what becomes of their work (RELIABILITY 3, 29 and 30)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ops.faults.client import Answer
from ops.faults.company import LINES, Company
from ops.faults.oracle import Oracle
from ops.faults.stack import FragileStack, wait_for

LONGEST_ANSWER = 5.0


def silence_redis(stack: FragileStack) -> None:
    """Have Redis take connections and never answer."""
    stack.kill(stack.redis.pid, number=signal.SIGSTOP)


def stop_redis(stack: FragileStack) -> None:
    """Have connections to Redis refused."""
    stack.redis.kill()


@pytest.mark.parametrize("fault", [silence_redis, stop_redis], ids=lambda fault: fault.__name__)
def test_work_is_taken_without_redis(company: Company, fault: Callable[[FragileStack], None]) -> None:
    """RELIABILITY 3, case 29: every answer comes in time and says yes; the work is done when Redis is back."""
    stack, client = company.stack, company.client
    waiting = [company.segment(lines=100) for _ in range(4)]
    worker, beat, failed = stack.leader("worker"), stack.leader("beat"), stack.failed_sweeps()
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
    ready = client.get("/readyz", base="")
    assert (ready.status, ready.json) == (503, {"database": True, "broker": False})
    wait_for(lambda: stack.failed_sweeps() > failed, "beat has noticed")
    stack.heal()
    for answer in answers[2::4]:
        company.assert_logged_exactly_once(answer.json["id"], 100)
    Oracle(company).check()
    assert (stack.leader("worker"), stack.leader("beat")) == (worker, beat)


def test_without_postgresql_clients_are_told_to_come_again(company: Company) -> None:
    """RELIABILITY 3, case 30: 503 with Retry-After, nothing is taken, and a job under way goes on afterwards."""
    stack, client = company.stack, company.client
    job_id, other = company.log(company.segment(lines=LINES)), company.segment(lines=100)
    stack.wait_until_writing()
    worker, beat, failed = stack.leader("worker"), stack.leader("beat"), stack.failed_sweeps()
    stack.kill(stack.postgres.pid, number=signal.SIGQUIT)
    wait_for(lambda: not stack.postgres.is_running(), "PostgreSQL is away")

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

    stack.postgres.start()
    wait_for(stack.is_ready, "the site is ready again", seconds=15)

    company.assert_logged_exactly_once(job_id)
    assert client.get(f"/segments/{other}").json["status"] == "open"
    answer = client.post(f"/segments/{other}/log", headers={"Idempotency-Key": "down"})
    assert (answer.status, "idempotency-replayed" in answer.headers) == (202, False)
    company.assert_logged_exactly_once(answer.json["id"], 100)
    Oracle(company).check()
    assert (stack.leader("worker"), stack.leader("beat")) == (worker, beat)
