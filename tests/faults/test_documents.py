"""Document events come in through three doors while something dies: each is kept once and has one entry (D1)."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from ops.faults import strikes
from ops.faults.company import Company
from ops.faults.feeder import Event, Feeder
from ops.faults.report import Case
from ops.faults.stack import wait_for

RECORDING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'interlog-worker' AND wait_event_type = 'Lock' AND query LIKE '-- Write the entries%'
"""
RECEIVING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'interlog-consumer' AND wait_event_type = 'Lock'
"""
KEPT = "SELECT count(*) FROM document_event"


@pytest.mark.case(2, "kill -9 of a pool child that records document events")
def test_a_recorder_is_killed(company: Company, feeder: Feeder, case: Case) -> None:
    """The batch is caught in the middle by holding a table that it needs."""
    stack = company.stack
    with stack.engine().begin() as holding:
        holding.execute(text("LOCK TABLE interaction IN SHARE MODE"))
        feeder.post(feeder.make(200))
        wait_for(lambda: stack.value(RECORDING) == 1, "a batch is being recorded")
        case.inject("kill -9 of the pool")
        stack.kill(*stack.members("worker"))
    feeder.wait_until_recorded()
    case.recovered("all are recorded", within=15)


@pytest.mark.case(6, "kill -9 of the consumer, after commit, before XACK")
def test_the_consumer_is_killed_before_it_acknowledges(company: Company, feeder: Feeder, case: Case) -> None:
    """Its entries are claimed by the next one, and found to be there: one row each."""
    stack, events = company.stack, feeder.make(case.rng.randint(1, 200))
    consumer = stack.leader("consumer")
    with stack.engine().begin() as holding:
        holding.execute(text("LOCK TABLE document_event IN SHARE MODE"))
        feeder.add(events)
        wait_for(lambda: stack.value(RECEIVING) == 1, "the consumer stores what it has read")
        in_hand = feeder.group()["pending"]
        stack.kill(stack.redis.pid, number=signal.SIGSTOP)
    wait_for(lambda: stack.value(KEPT) == in_hand, "what it has read is committed")
    case.inject("kill -9 of the consumer, while Redis holds up its XACK")
    stack.kill(consumer)
    stack.kill(stack.redis.pid, number=signal.SIGCONT)
    assert feeder.group()["pending"] >= in_hand > 0
    strikes.wait_for_another(stack, "consumer", consumer)
    case.recovers(feeder.is_read, "all are acknowledged", within=15)
    feeder.wait_until_recorded()
    assert stack.value(KEPT) == len(events)


@pytest.mark.case(6, "kill -9 of consumer, documents worker and worker, again and again")
def test_whoever_handles_events_is_killed(company: Company, feeder: Feeder, case: Case) -> None:
    """What a worker had popped of the Celery door and not yet noted is gone with it: the producer asks and resends."""
    stack = company.stack
    feeder.start(per_second=100)
    names = ["consumer", "documents", "worker"]
    case.rng.shuffle(names)
    for name in names:
        kept = stack.value(KEPT)
        wait_for(lambda kept=kept: stack.value(KEPT) > kept, "events come in")
        case.inject(f"kill -9 of {name}")
        strikes.kill_leader(stack, name)
        case.recovered(f"another {name}", within=10)
    feeder.stop()
    wait_for(feeder.is_read, "the stream is read")
    assert set(feeder.missing()) <= feeder.ids_by_task, "lost by a door that loses nothing"
    wait_for(lambda: not feeder.send_missing(), "nothing is missing")
    feeder.wait_until_recorded()


@pytest.mark.case(8, "Redis lost with events pending, feeder running")
def test_what_redis_lost_is_found_missing_and_sent_again(
    company: Company, feeder: Feeder, case: Case
) -> None:
    """D9: `missing` closes the gap."""
    stack = company.stack
    readers = [stack.leader("consumer"), stack.leader("documents"), *stack.members("documents")]
    feeder.start(per_second=100)
    wait_for(lambda: stack.value(KEPT) > 20, "events come in")
    with strikes.paused(*readers):
        sent = len(company.sent_ids)
        wait_for(lambda: len(company.sent_ids) > sent + 100, "events are on their way")
        case.inject("kill -9 of Redis, which starts empty")
        strikes.kill_redis(stack)
    feeder.stop()
    wait_for(feeder.is_read, "what is left is read")
    gap = feeder.missing()
    assert gap, "nothing was lost"
    wait_for(lambda: not feeder.send_missing(), "nothing is missing")
    case.recovered(f"{len(gap)} events that were lost are there", within=30)
    feeder.wait_until_recorded()
    assert feeder.missing() == []
    assert [stack.leader("consumer"), stack.leader("documents")] == readers[:2]


@pytest.mark.case(9, "the same event through all three doors at once, x50")
def test_one_event_comes_through_all_doors_at_once(company: Company, feeder: Feeder, case: Case) -> None:
    """One row each, and one entry."""
    doors = list(feeder.doors.values())
    together = threading.Barrier(len(doors))

    def enter(number: int, events: list[Event]) -> None:
        try:
            for event in events:
                together.wait()
                doors[number]([event])
        except BaseException:
            together.abort()
            raise

    events = feeder.make(50)
    case.inject("50 events through each of the doors")
    with ThreadPoolExecutor(len(doors)) as pool:
        for entered in [pool.submit(enter, number, events) for number in range(len(doors))]:
            entered.result()
    wait_for(feeder.is_read, "the stream is read")
    feeder.wait_until_recorded()
    case.recovered("all are recorded", within=20)
    assert company.stack.value(KEPT) == len(events)
    assert company.written() == len(events)
    assert company.stack.value("SELECT max(times_printed) FROM interaction") == 1
