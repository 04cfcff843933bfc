"""What no repetition mends: bytes that are no message, chunks and events that cannot be done. The rest goes on."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import text

from domain import hints, job_claims, job_engine
from domain.hints import STREAM
from ops.faults.company import Company
from ops.faults.feeder import BATCH_TYPE, Feeder
from ops.faults.report import Case
from ops.faults.stack import lives, wait_for
from tests.faults.backends import LOGGING, waiting_process
from tests.faults.triggers import trigger

# Bytes, JSON that is no message, a message without a body.
GARBAGE = (b"\xff\xfe garbage", b'{"task": "jobs.work"}', b'{"body": "bm90aGluZw==", "headers": {}}')
# Four chunks.
FOUR_CHUNKS = 20_000
LOCK = 4711
CLAIMED_AT = """
    SELECT extract(epoch FROM claimed_at) FROM job_chunk
    WHERE job_id = :id AND step = 1 AND :line BETWEEN range_from AND range_to
"""


@pytest.mark.case(17, "malformed entries in the broker's queues")
def test_garbage_in_the_queues(company: Company, feeder: Feeder, case: Case) -> None:
    """Who reads them may end, and is back; the next task runs, and nobody else is disturbed."""
    stack = company.stack
    leaders = {name: stack.leader(name) for name in ("worker", "documents")}
    others = {name: stack.leader(name) for name in ("web", "beat", "consumer")}
    job_id = company.log(company.segment(lines=FOUR_CHUNKS))
    case.inject("garbage in both queues")
    with stack.broker() as broker:
        for queue in hints.QUEUES:
            broker.lpush(queue, *GARBAGE)
    for name, leader in leaders.items():
        case.recovers(
            lambda name=name, leader=leader: stack.leader(name) not in (None, leader),
            f"another {name}",
            within=20,
        )
    feeder.send(feeder.make(50))
    feeder.wait_until_recorded()
    case.recovered("events come in by the task", within=30)
    company.assert_logged_exactly_once(job_id, FOUR_CHUNKS)
    assert {name: stack.leader(name) for name in others} == others


@pytest.mark.case(18, "poison chunk (constraint)")
def test_a_chunk_that_violates_a_constraint(company: Company, case: Case) -> None:
    """It fails after so many attempts and shows its error; the rest is done, then undone; mended, all of it works."""
    stack, no = company.stack, company.segment(lines=FOUR_CHUNKS)
    line = case.rng.randint(1, FOUR_CHUNKS)
    contact_id = stack.value("SELECT contact_id FROM segment_line WHERE line_no = :line", line=line)
    case.inject(f"a constraint that line {line} violates")
    stack.rows(f"ALTER TABLE interaction ADD CONSTRAINT poison CHECK (contact_id <> {contact_id}) NOT VALID")
    try:
        job_id = company.log(no)
        chunks = "SELECT count(*) FROM job_chunk WHERE job_id = :id AND step = 1 AND state = 'done'"
        case.recovers(lambda: stack.value(chunks, id=job_id) == 3, "the other chunks are done", within=10)
        job = company.ended(job_id)
        case.recovered("the job has ended", within=20)
    finally:
        stack.rows("ALTER TABLE interaction DROP CONSTRAINT poison")
    assert job["state"] == "failed"
    assert "poison" in json.dumps(job["problem"]), job["problem"]
    (failed,) = stack.rows(
        "SELECT failures, error FROM job_chunk WHERE job_id = :id AND state = 'failed'", id=job_id
    )
    assert failed.failures == job_engine.MAX_FAILURES
    assert '"poison"' in failed.error
    assert company.written() == 0
    assert company.client.get(f"/segments/{no}").json["status"] == "open"
    company.assert_logged_exactly_once(company.log(no), FOUR_CHUNKS)


@pytest.mark.case(19, "chunk that kills its worker")
def test_a_chunk_whose_worker_dies_each_time(company: Company, case: Case) -> None:
    """It is tried less and less often, others are done meanwhile, and it can be canceled."""
    stack, no = company.stack, company.segment(lines=FOUR_CHUNKS)
    line = case.rng.randint(1_000, FOUR_CHUNKS)
    deadly = stack.value("SELECT contact_id FROM segment_line WHERE line_no = :line", line=line)
    claims: list[float] = []
    holding = trigger(
        stack,
        "hold",
        body=f"PERFORM pg_advisory_xact_lock({LOCK}); RETURN NEW;",
        when=f"TRIGGER hold BEFORE INSERT ON interaction FOR EACH ROW WHEN (NEW.contact_id = {deadly})",
    )
    with holding, stack.engine().begin() as holder:
        holder.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        job_id = company.log(no)
        while len(claims) < 5:
            pid = wait_for(lambda: waiting_process(stack, LOGGING), "somebody tries", seconds=20)
            case.inject(f"kill -9 of the process that tries for the {len(claims) + 1}. time")
            claims.append(float(stack.value(CLAIMED_AT, id=job_id, line=line)))
            stack.kill(pid)
            wait_for(lambda pid=pid: not lives(pid), "it is gone")
            if len(claims) == 2:
                company.finished(company.log(company.segment(lines=100)), seconds=10)
                case.recovered("another job is done", within=10)
        company.client.post(f"/jobs/{job_id}/cancel")
    assert company.ended(job_id)["state"] == "canceled"
    case.recovered("it is canceled", within=10)
    pauses = [later - earlier for earlier, later in itertools.pairwise(claims)]
    assert min(pauses) > job_claims.GRACE_SECONDS, pauses
    assert pauses[-1] > job_claims.BACKOFF_SECONDS * 2**4, pauses
    assert stack.value("SELECT sum(failures) FROM job_chunk WHERE job_id = :id", id=job_id) == 0
    company.assert_logged_exactly_once(company.log(no), FOUR_CHUNKS)


def poison(feeder: Feeder) -> list[str]:
    """Make texts that are no event, each in another way; they come from another source than the feeder's."""
    whole, large, binary, nameless, *_ = feeder.make(4, source="poison")
    del nameless["id"]
    large["data"]["description"] = "x" * 1_000_000
    binary["data"]["description"] = "a\0b"
    return [
        json.dumps(nameless), "[{", json.dumps(large), json.dumps(binary), json.dumps(whole)[:-1], "NaN", '"text"',
        json.dumps({**whole, "time": "yesterday"}),
    ]  # fmt: skip


@pytest.mark.case(20, "poison events: no id, bad JSON, 1 MB, NUL byte")
def test_events_that_are_none_among_good_ones(company: Company, feeder: Feeder, case: Case) -> None:
    """Each is kept as rejected, with its reason; the flow continues."""
    stack = company.stack
    leaders = {name: stack.leader(name) for name in ("worker", "documents", "consumer", "web")}
    bad, good = poison(feeder), feeder.make(300)
    with stack.broker() as broker:
        for number, event in enumerate(good[:100]):
            feeder.add([event])
            if number % 10 == 0 and number // 10 < len(bad):
                broker.xadd(STREAM, {"event": bad[number // 10]})
        broker.xadd(STREAM, {"payload": b"\xff\x00"})
    case.inject("poison in all doors")
    feeder.send(good[100:200])
    with Celery("elsewhere", broker=stack.redis.url, set_as_current=False) as elsewhere:
        elsewhere.send_task(hints.RECEIVE_TASK, kwargs={"events": bad}, queue=hints.DOCUMENTS_QUEUE)
    answer = company.client.post(
        "/document-events",
        json.dumps([*good[200:250], *(_value(each) for each in bad), *good[250:]]),
        headers={"Content-Type": BATCH_TYPE},
    )
    company.sent_ids.update(event["id"] for event in good)
    assert (answer.status, answer.json["accepted"], len(answer.json["rejected"])) == (202, 100, len(bad))
    broken = company.client.post("/document-events", "[{", headers={"Content-Type": BATCH_TYPE})
    assert (broken.status, broken.json["code"]) == (400, "malformed")

    feeder.wait_until_recorded(seconds=10)
    case.recovered("the good ones are recorded", within=10)
    case.recovers(feeder.is_read, "the stream is read", within=10)
    kept = wait_for(
        lambda: (
            (found := company.all_of("/document-events?outcome=rejected"))
            and len(found) >= len(bad)
            and found
        ),
        "what is rejected is kept",
    )
    # The same text is kept once, whichever door it came through; one more has not even the field.
    assert len(kept) == len(bad) + 1, [each["raw"][:40] for each in kept]
    assert all(each["reason"] and each["raw"] for each in kept)
    assert {name: stack.leader(name) for name in leaders} == leaders


def _value(text: str) -> Any:
    """Read a text as far as it is JSON; else it is a text in the batch."""
    try:
        return json.loads(text) if text != "NaN" else text
    except ValueError:
        return text


@pytest.mark.case(21, "same id, other body")
def test_the_same_id_with_another_content(company: Company, feeder: Feeder, case: Case) -> None:
    """A conflict through every door: the original stays as it is, the other content is kept beside it."""
    stack, originals = company.stack, feeder.make(60)
    feeder.post(originals)
    feeder.wait_until_recorded()
    before = state_of(company)
    changed = [{**event, "data": {**event["data"], "document_no": "CHANGED"}} for event in originals]

    case.inject("other contents under the ids, through all doors")
    with ThreadPoolExecutor(3) as doors:
        answer = doors.submit(feeder.post, changed[:20])
        doors.submit(feeder.add, changed[20:40]).result()
        doors.submit(feeder.send, changed[40:]).result()
    rejected = answer.result()["rejected"]
    assert [(each["id"], each["code"]) for each in rejected] == [
        (event["id"], "event_conflict") for event in changed[:20]
    ]
    conflicts = "SELECT count(*) FROM document_event_conflict"
    case.recovers(lambda: stack.value(conflicts) == len(originals), "each conflict is kept", within=10)
    single = company.client.post(
        "/document-events", changed[0], headers={"Content-Type": "application/cloudevents+json"}
    )
    assert (single.status, single.json["code"]) == (409, "event_conflict")
    assert feeder.post(originals)["duplicates"] == len(originals)
    assert state_of(company) == before
    assert stack.value("SELECT count(*) FROM document_event WHERE document_no = 'CHANGED'") == 0
    assert stack.value(conflicts) == len(originals)


@pytest.mark.case(21, "same id, two bodies at once through all doors")
def test_two_contents_for_one_id_at_the_same_moment(company: Company, feeder: Feeder, case: Case) -> None:
    """Whichever is first is the event, the other one the conflict."""
    ones = feeder.make(50)
    others = [{**event, "data": {**event["data"], "document_no": f"{event['id']}-B"}} for event in ones]
    case.inject("two contents for each id")
    with ThreadPoolExecutor(3) as pool:
        for door, events in (("http", ones), ("stream", others), ("task", ones)):
            pool.submit(feeder.doors[door], events)
    conflicts = "SELECT count(DISTINCT position) FROM document_event_conflict"
    case.recovers(
        lambda: company.stack.value(conflicts) == len(ones), "one of each two is the conflict", within=15
    )
    feeder.wait_until_recorded()
    case.recovers(feeder.is_read, "the stream is read", within=15)


def state_of(company: Company) -> list[tuple[Any, ...]]:
    """Read what events and entries of documents say."""
    query = """
        SELECT e.event_id, encode(e.hash, 'hex'), e.document_no, e.outcome, e.received_at, i.entry_no, i.document_no,
               i.times_printed, i.date, i.description
        FROM document_event e LEFT JOIN interaction i ON i.entry_no = e.entry_no ORDER BY e.event_id
    """
    return [tuple(row) for row in company.stack.rows(query)]
