"""What a hint sets off, and the Celery door for document events."""

from __future__ import annotations

import json
from time import monotonic, sleep
from typing import Any

import structlog
from celery.exceptions import Reject
from structlog.contextvars import bound_contextvars

from domain import document_inbox, document_recording, hints, job_engine, job_kinds
from domain.database import is_infrastructure
from domain.document_events import Door
from domain.document_inbox import Incoming
from worker import receiving
from worker.app import app, database, send_hint

__all__ = ["job_kinds", "receive", "work"]

log = structlog.get_logger()

# A task ends after this long and hands on, so that a worker can be restarted or recycled between two.
SECONDS_PER_TASK = 5.0
# A recorder's transaction takes some milliseconds however few events it has.
SMALL_BATCH = 100
SECONDS_TO_GATHER = 0.05
# What a message waits that cannot be stored now, before it goes back to its queue.
SECONDS_BEFORE_RETURN = 1.0


@app.task(name=hints.WORK_TASK, ignore_result=True)
def work(request_id: str | None = None, **_: Any) -> None:
    """Work, and say in the logs which request the hint came from, if it came from one."""
    with bound_contextvars(request_id=request_id):
        _work()


def _work() -> None:
    """Record document events and do chunks of jobs until there are none, or for about five seconds; then pass the hint
    on. Events go first: they are few milliseconds each, and somebody waits for them.

    Who found more than it does at once wakes one more: the hint of a request wakes one process, and the chunks that its
    plan cuts, or more events than a batch, are work for all of them, up to a second before beat's next sweep.

    Whatever keeps events from being recorded, jobs have their turn. With the database away there is nothing to be done;
    beat's sweep hints again when it is back.
    """
    end = monotonic() + SECONDS_PER_TASK
    others_know = False
    records = True
    try:
        while True:
            try:
                recorded = _record() if records else 0
            except Exception as error:
                records, recorded = False, 0
                say = log.warning if is_infrastructure(error) else log.exception
                say("recording_interrupted", error=str(error))
            if not (recorded or job_engine.work_one(database.sessions)):
                return
            if monotonic() > end:
                send_hint()
                return
            nothing_left = 0 < recorded < document_recording.BATCH
            if not (others_know or nothing_left):
                others_know = True
                send_hint()
    except Exception as error:
        if not is_infrastructure(error):
            raise
        log.warning("work_interrupted", error=str(error))


def _record() -> int:
    """Record a batch of document events; return how many there were. After a small one others may gather, so that
    events which come one by one do not cost a transaction each."""
    recorded = document_recording.work(database.sessions)
    if recorded:
        log.info("events_recorded", events=recorded)
    if 0 < recorded < SMALL_BATCH:
        sleep(SECONDS_TO_GATHER)
    return recorded


@app.task(name=hints.RECEIVE_TASK, ignore_result=True, typing=False)
def receive(*args: object, **kwargs: object) -> None:
    """Put document events of another system into the inbox: `events=[...]`, each a structured JSON object or its text.

    What is anything else is kept as rejected. The message is acknowledged when all is committed (acks_late); while
    that is impossible it goes back to the end of its queue.
    """
    try:
        if receiving.receive(database.sessions, _incoming(args, kwargs), door=Door.TASK):
            send_hint()
    except Exception as error:
        log.warning("receiving_interrupted", error=str(error))
        sleep(SECONDS_BEFORE_RETURN)
        raise Reject(str(error), requeue=True) from error


def _incoming(args: tuple[object, ...], kwargs: dict[str, object]) -> list[Incoming]:
    """Read the arguments of a message as events; a message without `events` is one that is rejected as a whole."""
    given = args[0] if args else kwargs.get("events", kwargs)
    return [document_inbox.of_text(_text(event)) for event in (given if isinstance(given, list) else [given])]


def _text(event: object) -> str:
    """Write an event as JSON again, so that NaN and the types that kombu reads into JSON are judged as at any door."""
    return event if isinstance(event, str) else json.dumps(event, ensure_ascii=False, default=str)
