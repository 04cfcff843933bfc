"""Measures how a segment becomes entries: with each number of workers, with a follow-up, and how it grows."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from domain import segment_logging, sql
from ops.bench.company import Company, Logging
from ops.bench.figures import Figure, Side
from ops.bench.ground import Ground, Work
from ops.bench.plain import Piece, ReadyRows, in_pieces
from ops.errors import OpsError

LOG, LINES = "interaction", "segment_line"
GOAL = 0.9
# Seconds per row at the largest size against those at a hundredth of it (issue 7): 1.3 times at most.
GROWTH_GOAL = 1 / 1.3
# Where growth begins, and by how much it goes on, until ten times the bench's rows.
SMALLEST, STEP = 10_000, 10
# So many lines come to memory at once: COPY is measured up to here.
MOST_COPIED = 1_000_000
# What somebody would write by hand to log everybody with one template: it looks at lines, contacts and the template's
# languages as the system does, and takes everything else for given. No line has values of its own, nothing is
# counted or skipped.
BY_HAND = """
    INSERT INTO interaction (
        entry_no, contact_id, company_id, logged_segment_no, campaign_entry_no, template_version_id, actor_id,
        salesperson_id, date, duration_min, campaign_target, campaign_response, cost, information_flow, initiated_by,
        correspondence_type, language_code)
    SELECT %(first_entry_no)s::bigint + l.line_no - 1, c.id,
           CASE WHEN c.type = 'company' THEN c.id ELSE c.company_id END, %(logged_segment_no)s::integer,
           %(campaign_entry_no)s::integer, %(template_version_id)s::integer, %(actor_id)s::integer, c.salesperson_id,
           %(date)s::date, %(duration_min)s::integer, %(campaign_target)s::boolean, %(campaign_response)s::boolean,
           %(cost)s::numeric, %(information_flow)s, %(initiated_by)s,
           CASE WHEN coalesce(c.correspondence_type, %(correspondence_type)s) <> 'email' OR c.email <> ''
                THEN coalesce(c.correspondence_type, %(correspondence_type)s) END,
           coalesce(t.language_code, %(language_code)s)
    FROM segment_line l
    JOIN contact c ON c.id = l.contact_id AND NOT c.privacy_blocked AND c.erased_at IS NULL
    LEFT JOIN interaction_template_language t
        ON t.template_id = %(template_id)s AND lower(t.language_code) = lower(c.language_code)
    WHERE l.segment_id = %(segment_id)s AND l.line_no BETWEEN %(range_from)s AND %(range_to)s
"""


def log(ground: Ground, *, every_limit: bool = True) -> Iterator[Figure]:
    """Log a segment of everybody into an empty log, beside INSERT … SELECT of the same rows.

    Parameters
    ----------
    every_limit
        Also beside the same rows in order of contact, COPY of them, INSERT … SELECT of what they are made of, and the
        statement of a chunk with nothing around it.
    """
    company = Company(ground, contacts=ground.rows)
    base = company.segment_of_all()
    chunks = _first(company, base, ground.rows).chunks
    ready = ReadyRows(ground, LOG, order="entry_no")
    by_contact = ReadyRows(ground, LOG, order="contact_id, date, entry_no") if every_limit else None
    done: list[Logging] = []

    def logged(no: str) -> float:
        done.append(company.log(no))
        return done[-1].seconds

    product, plain, *others = ground.in_turns(
        Work(_name(ground), ground.rows, logged, lambda: company.ready_to_log(base)),
        _plain(ground, company, ready, chunks),
        *(_other_limits(ground, company, base, ready, by_contact, chunks=chunks) if by_contact else ()),
        tables=[LOG],
    )
    ready.drop()
    if by_contact:
        by_contact.drop()
    company.delete_segment(base)
    note = ", ".join(
        f"{what} {statistics.median(getattr(one, what) for one in done):.2f} s"
        for what in ("planning", "finishing", "discarding")
    )
    at = f"log.{ground.workers}"
    yield Figure(at, product, plain, GOAL, note)
    for key, other in zip(("by_contact", "statement", "by_hand", "copy"), others, strict=False):
        yield Figure(f"{at}.{key}", product, other)


def _other_limits(
    ground: Ground, company: Company, base: str, ready: ReadyRows, by_contact: ReadyRows, *, chunks: int
) -> Iterator[Work]:
    yield dataclasses.replace(
        _plain(ground, company, by_contact, chunks), name="the same rows in order of contact"
    )
    yield _statement(ground, company, base, chunks)
    yield by_hand(ground, company, base, chunks)
    if ground.rows <= MOST_COPIED:
        copied = ready.to_copy(chunks=chunks)
        yield dataclasses.replace(
            _plain(ground, company, ready, chunks),
            name=f"COPY, {_connections(ground)}",
            do=lambda _: ready.copy(copied, connections=ground.workers),
        )


def follow_up(ground: Ground) -> Iterator[Figure]:
    """Log a segment with a follow-up, beside INSERT … SELECT of the same entries and the same lines."""
    company = Company(ground, contacts=ground.rows)
    base = company.segment_of_all()
    chunks = _first(company, base, ground.rows, follow_up=True).chunks
    entries = ReadyRows(ground, LOG, order="entry_no")
    (made,) = ground.row("SELECT max(id) FROM segment WHERE status = 'open'")
    lines = ReadyRows(ground, LINES, order="line_no", condition=f"segment_id = {made}")

    def without_follow_up() -> None:
        ground.execute(f"DELETE FROM {LINES} WHERE segment_id = {made}")
        _emptied(ground, company)
        ground.settle(LINES)

    def logged(no: str) -> float:
        return company.log(no, follow_up=True).seconds

    def plainly(_: None) -> float:
        return sum(rows.insert(chunks=chunks, connections=ground.workers) for rows in (entries, lines))

    product, plain = ground.in_turns(
        Work("log with a follow-up", ground.rows, logged, lambda: company.ready_to_log(base)),
        Work("INSERT … SELECT of entries and lines", ground.rows, plainly, without_follow_up),
        tables=[LOG],
    )
    entries.drop()
    lines.drop()
    ground.execute(f"TRUNCATE {LINES}")
    yield Figure("follow_up", product, plain)


def growth(ground: Ground) -> Iterator[Figure]:
    """Log everybody of a company that grows tenfold each time; then log once more into the log that this filled."""
    sizes = _sizes(ground.rows * STEP)
    sides: list[Side] = []
    for size in sizes:
        company = Company(ground, contacts=size)
        base = company.segment_of_first(size)
        logged, plain = _at_size(ground, company, base, size)
        sides.append(logged)
        more = logged.memory_mb.get("worker", 0) - sides[0].memory_mb.get("worker", 0)
        yield Figure(f"growth.{size}", logged, plain, note=f"worker {more:+.1f} MB" if len(sides) > 1 else "")
        if size != sizes[-1]:
            company.delete_segment(base)
    if len(sides) > 2:
        yield Figure("growth", sides[-1], sides[-3], GROWTH_GOAL)
    yield from _into_full_log(ground, company, base, lines=sizes[-1] // STEP)


def _at_size(ground: Ground, company: Company, base: str, size: int) -> list[Side]:
    """Log a segment of all contacts beside INSERT … SELECT of the same rows; the log is full at the end."""
    chunks = _first(company, base, size).chunks
    ready = ReadyRows(ground, LOG, order="entry_no")
    sides = ground.in_turns(
        Work(
            f"log {size:,} lines",
            size,
            lambda no: company.log(no).seconds,
            lambda: company.ready_to_log(base),
        ),
        _plain(ground, company, ready, chunks),
        tables=[LOG],
        rounds=ground.rounds if size <= ground.rows else 1,
    )
    ready.drop()
    return sides


def _into_full_log(ground: Ground, company: Company, base: str, *, lines: int) -> Iterator[Figure]:
    """Log a part of a segment into the log as it is, beside the same into an empty one."""
    entries = company.entries()

    def part() -> str:
        no = company.copy_segment(base, lines=lines)
        ground.settle(LINES)
        return no

    def logged(no: str) -> float:
        return company.log(no).seconds

    (full,) = ground.in_turns(
        Work(f"log {lines:,} lines into {entries:,} entries", lines, logged, part), tables=[LOG]
    )

    def into_empty() -> str:
        company.empty_log()
        return part()

    (empty,) = ground.in_turns(
        Work(f"log {lines:,} lines into an empty log", lines, logged, into_empty), tables=[LOG]
    )
    yield Figure("growth.full", full, empty)


def _plain(ground: Ground, company: Company, ready: ReadyRows, chunks: int) -> Work:
    return Work(
        f"INSERT … SELECT, {_connections(ground)}",
        ready.count,
        lambda _: ready.insert(chunks=chunks, connections=ground.workers),
        lambda: _emptied(ground, company),
    )


def _statement(ground: Ground, company: Company, base: str, chunks: int) -> Work:
    """The statement that logs a chunk, from lines, contacts and templates to the log, without the job around it: no
    plan, claims, fences, progress or finish. What is between the two is what the engine costs."""
    plan = _last_plan(ground, base)
    statement = str(sql.load("log_lines").compile(dialect=ground.client.engine.dialect))
    values = {**plan, "campaign_id": plan["campaign_id"] or 0, "follow_up_id": 0, "send": False}
    return _in_chunks(
        ground, company, name="its statement alone", statement=statement, values=values, chunks=chunks
    )


def by_hand(ground: Ground, company: Company, base: str, chunks: int) -> Work:
    """The same entries made by the statement that somebody would write for just this segment (`BY_HAND`)."""
    with ground.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        example = cursor.execute(
            "SELECT i.*, v.template_id, t.language_code, t.correspondence_type FROM interaction i "
            "JOIN interaction_template_version v ON v.id = i.template_version_id "
            "JOIN interaction_template t ON t.id = v.template_id LIMIT 1"
        ).fetchone()
    assert example is not None
    return _in_chunks(
        ground,
        company,
        name="INSERT … SELECT from lines and contacts",
        statement=BY_HAND,
        values={**example, **_last_plan(ground, base)},
        chunks=chunks,
    )


def _last_plan(ground: Ground, base: str) -> dict[str, Any]:
    """The plan of the last logging, for the lines of a segment that is still there."""
    plan, actor_id, segment_id = ground.row(
        "SELECT j.working, j.created_by, s.id FROM job j, segment s "
        "WHERE j.kind = 'log_segment' AND s.no = %s ORDER BY j.position DESC LIMIT 1",
        [base],
    )
    return {**plan, "segment_id": segment_id, "actor_id": actor_id}


def _in_chunks(
    ground: Ground, company: Company, *, name: str, statement: str, values: dict[str, Any], chunks: int
) -> Work:
    """A statement for a range of lines, with the settings, transactions and connections that the system has."""

    def insert(connection: Connection[Any], piece: Piece) -> None:
        with connection.transaction():
            for setting in segment_logging.TUNING:
                connection.execute(str(setting))
            connection.execute(statement, {**values, "range_from": piece[0], "range_to": piece[1]})

    return Work(
        f"{name}, {_connections(ground)}",
        ground.rows,
        lambda _: in_pieces(ground, ground.rows, insert, chunks=chunks, connections=ground.workers),
        lambda: _emptied(ground, company),
    )


def _sizes(largest: int) -> list[int]:
    sizes = [largest]
    while sizes[0] // STEP >= SMALLEST:
        sizes.insert(0, sizes[0] // STEP)
    return sizes


def _first(company: Company, base: str, lines: int, *, follow_up: bool = False) -> Logging:
    """Log once, so that there are rows to put back; nothing that comes first is measured."""
    done = company.log(company.ready_to_log(base), follow_up=follow_up)
    if company.entries() != lines:
        raise OpsError(f"the log has {company.entries():,} entries of {lines:,} lines")
    return done


def _emptied(ground: Ground, company: Company) -> None:
    company.empty_log()
    ground.settle()


def _name(ground: Ground) -> str:
    return f"log a segment, {ground.workers} worker{'s' if ground.workers > 1 else ''}"


def _connections(ground: Ground) -> str:
    return f"{ground.workers} connection{'s' if ground.workers > 1 else ''}"
