"""Measures purges of half of the log: beside one plain DELETE of the same rows, while people read and write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, interactions, purging
from domain.database import make_engine
from ops.bench.company import Company, timed
from ops.bench.figures import Figure, Waits
from ops.bench.ground import Ground, Work, seconds_of
from ops.bench.plain import ReadyRows
from ops.bench.together import beside

GOAL = 0.8
# What a reader or writer waits between two requests: they are people and programs, not a load test.
PAUSE = 0.005
# Seconds in which reader and writer are measured alone.
ALONE_SECONDS = 3.0


@dataclass
class People:
    """Milliseconds that a reader of the log's first page and a writer of entries waited for each answer."""

    reading: list[float] = field(default_factory=list)
    writing: list[float] = field(default_factory=list)


def measure(ground: Ground) -> Iterator[Figure | Waits]:
    """Purge every other entry of the log beside one DELETE, each with a reader and a writer at work."""
    company = Company(ground, contacts=ground.rows)
    base = company.segment_of_all()
    company.log(company.ready_to_log(base))
    ready = ReadyRows(ground, "interaction", order="entry_no")
    company.delete_segment(base)
    alone, beside = People(), People()
    _fill(ground, ready)
    with _at_work(ground, ready, alone):
        time.sleep(ALONE_SECONDS)

    def purged(_: None) -> float:
        with _at_work(ground, ready, beside):
            return _purge(ground)

    def deleted(_: None) -> float:
        with _at_work(ground, ready, People()):
            return timed(lambda: ground.execute("DELETE FROM interaction WHERE canceled_at IS NOT NULL"))

    product, plain = ground.in_turns(
        Work("purge canceled entries", ready.count // 2, purged, lambda: _fill(ground, ready)),
        Work("one DELETE", ready.count // 2, deleted, lambda: _fill(ground, ready)),
    )
    yield Figure("purge", product, plain, GOAL, f"longest chunk {_longest_chunk(ground) * 1000:.0f} ms")
    for what, key in (("the log's first page", "reading"), ("writing an entry", "writing")):
        yield Waits(f"purge.{key}.alone", f"{what}, alone", tuple(getattr(alone, key)))
        yield Waits(f"purge.{key}", f"{what}, beside a purge", tuple(getattr(beside, key)))
    company.empty_log()
    ready.drop()


def _fill(ground: Ground, ready: ReadyRows) -> None:
    """Fill the log with the ready rows, every other one canceled by itself."""
    ground.execute("TRUNCATE interaction")
    ready.insert(chunks=1, connections=1)
    ground.execute(
        "UPDATE interaction SET canceled_at = now(), canceled_by = actor_id WHERE entry_no % 2 = 0"
    )
    ground.settle("interaction")


def _purge(ground: Ground) -> float:
    with ground.client.transaction() as session:
        job = purging.request(session, values={}, actor=actors.system(session))
    return seconds_of(ground.client.finish(job))


def _longest_chunk(ground: Ground) -> float:
    (seconds,) = ground.row("""
        SELECT coalesce(extract(epoch FROM max(c.finished_at - c.claimed_at)), 0)::float
        FROM job_chunk c JOIN job j ON j.id = c.job_id
        WHERE c.step = 1 AND j.position = (SELECT max(position) FROM job WHERE kind = 'purge')
    """)
    return float(seconds)


def _at_work(ground: Ground, ready: ReadyRows, people: People) -> AbstractContextManager[None]:
    """Have somebody read the log's first page and somebody write entries, for the length of a block."""

    def read(session: Session) -> None:
        interactions.page(session, filters={}, limit=51)

    def write(session: Session) -> None:
        """Write what a document event makes: an entry of its own."""
        session.execute(
            text(f"""
                INSERT INTO interaction (entry_no, contact_id, company_id, template_version_id, actor_id, date,
                    description, document_type, document_no, document_version, document_occurrence, times_printed)
                SELECT next_entry_nos(1), contact_id, company_id, template_version_id, actor_id, date, 'Sales Invoice',
                       'sales_invoice', CAST(entry_no AS text), 0, 0, 1
                FROM {ready.name} LIMIT 1
            """)
        )

    return beside(
        partial(_repeat, ground, read, people.reading), partial(_repeat, ground, write, people.writing)
    )


def _repeat(
    ground: Ground, step: Callable[[Session], None], waited: list[float], over: threading.Event
) -> None:
    engine = make_engine(ground.stack.database_url, process="bench")
    with Session(engine) as session:

        def once() -> None:
            step(session)
            session.commit()

        once()
        while True:
            waited.append(1000 * timed(once))
            if over.wait(PAUSE):
                break
    engine.dispose()
