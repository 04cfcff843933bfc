"""Web is killed between the commit of a request and its answer; the client sends it again under its key (J2)."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from threading import Event

import pytest

from ops.faults.client import Answer
from ops.faults.company import Company
from ops.faults.report import Case
from ops.faults.stack import wait_for

ASKED = "SELECT count(*) FROM job WHERE kind = 'log_segment'"


@pytest.mark.case(7, "kill -9 of web, after commit, before the answer; the client retries its key")
def test_web_is_killed_before_it_answers(company: Company, case: Case) -> None:
    """The same job, one row. What holds up the answer is a broker that says nothing."""
    stack, headers = company.stack, {"Idempotency-Key": "again"}
    no = company.segment(lines=100)
    stack.kill(stack.redis.pid, number=signal.SIGSTOP)
    web = stack.leader("web")
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(lambda: company.client.post(f"/segments/{no}/log", headers=headers))
        wait_for(lambda: stack.value(ASKED), "the commit")
        case.inject("kill -9 of web")
        stack.kill(*stack.members("web"), web)
        assert isinstance(sent.exception(), OSError | HTTPException)
    stack.kill(stack.redis.pid, number=signal.SIGCONT)
    case.recovers(lambda: stack.leader("web") != web and stack.is_ready(), "web is back", within=10)

    answer = company.client.post(f"/segments/{no}/log", headers=headers)

    assert (answer.status, answer.headers["idempotency-replayed"]) == (202, "true")
    assert stack.value(ASKED) == 1
    company.assert_logged_exactly_once(answer.json["id"], 100)


@pytest.mark.case(7, "kill -9 of web, some time after a request was sent; the client retries its key")
def test_a_request_is_sent_until_it_is_answered(company: Company, case: Case) -> None:
    stack = company.stack
    for turn in range(2):
        no, headers = company.segment(lines=100), {"Idempotency-Key": f"until-{turn}"}

        def send(no: str = no, headers: dict[str, str] = headers) -> Answer | None:
            try:
                return company.client.post(f"/segments/{no}/log", headers=headers)
            except (OSError, HTTPException):
                return None

        web, after = stack.leader("web"), case.rng.uniform(0, 0.04)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(send)
            Event().wait(after)
            case.inject(f"kill -9 of web, {after * 1000:.0f} ms after the request")
            stack.kill(*stack.members("web"), web)
            first.result()
        answer = case.recovers(send, "an answer", within=10)
        assert answer.status == 202, answer.text
        company.assert_logged_exactly_once(answer.json["id"], 100)
    assert stack.value(ASKED) == 2
