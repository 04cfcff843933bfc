"""Measures lists, timelines and statistics on a log ten times as large as the bench's rows: ten million entries.

Makes the log by set-based statements, four fifths of it in logged segments of very different sizes, the rest single
entries and documents between them; then measures in the database what pages and API ask for. A time is what the
statements of a domain function take, over values chosen at random among those there are.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from domain import entry_totals, garbage, interactions
from domain import statistics as entry_statistics
from ops import verify
from ops.bench.company import wait_until_idle
from ops.bench.figures import Waits
from ops.bench.ground import Ground
from ops.errors import OpsError

# Entries for each row of the bench.
TIMES = 10
# With fewer than twenty, 95 of 100 would be the slowest of them, the first one after the log was made.
ROUNDS = 40
# How often which page is asked for. To come to a later one takes longer than to ask for it.
PAGES = {1: ROUNDS, 100: ROUNDS // 2}
SEED = 4
# Milliseconds that 95 of 100 questions may take (issues 4 and 7).
MOST_LIST, MOST_TIMELINE, MOST_STATISTICS = 50, 20, 300
# Shares of the log in segments, each with how many segments make it up: few large ones, many small ones.
SEGMENTS = ((0.3, 3), (0.3, 12), (0.15, 60), (0.05, 250))


def measure(ground: Ground) -> Iterator[Waits]:
    """Make the log, if it is not there yet; ask for pages, timelines, statistics; name the indexes that were used."""
    made = make(ground, entries=ground.rows * TIMES)
    ground.execute("SELECT pg_stat_reset()")
    garbage.set_apart()  # as in the processes that answer
    yield from _questions(ground)
    _show_index_scans(ground)
    if made and (wrong := verify.run(ground.stack.database_url)):
        raise OpsError("the log that was made is not as it should be: " + "; ".join(wrong))


def make(ground: Ground, *, entries: int) -> bool:
    """Make master data and the log, if it is not there yet; tell whether it was made."""
    if ground.row("SELECT EXISTS (SELECT FROM interaction)")[0]:
        return False
    with ground.client.transaction() as session:
        for statement in MASTER_DATA:
            session.execute(text(statement), {"contacts": max(entries // 50, 100)})
    (first_user,) = ground.row("SELECT id FROM actor WHERE name = 'user1'")
    sizes = [int(entries * share / count) for share, count in SEGMENTS for _ in range(count)]
    random.Random(SEED).shuffle(sizes)
    single = (entries - sum(sizes)) // len(sizes)
    begun = time.monotonic()
    for position, size in enumerate(sizes):
        with ground.client.transaction() as session:
            values = {
                "size": size,
                "position": position,
                "share": position / len(sizes),
                "first_user": first_user,
            }
            session.execute(text(LOGGED_SEGMENT), values)
            session.execute(text(SEGMENT_ENTRIES), values)
            session.execute(text(SINGLE_ENTRIES), {**values, "size": single})
    seconds = time.monotonic() - begun
    with ground.client.transaction() as session:
        for statement in CANCELS:
            session.execute(text(statement), {"first_user": first_user})
    begun = time.monotonic()
    with ground.client.transaction() as session:
        entry_totals.request(session)
    wait_until_idle(ground)
    click.echo(f"  {entries:,} entries in {seconds:.0f} s, summed up in {time.monotonic() - begun:.0f} s")
    ground.execute("VACUUM (ANALYZE)")
    return True


def _show_index_scans(ground: Ground) -> None:
    """Say how often these questions used each index of the log."""
    # Closed connections have told what they counted.
    ground.client.engine.dispose()
    with ground.connect() as connection:
        scans = connection.execute(
            "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'interaction' ORDER BY 2 DESC, 1"
        ).fetchall()
    click.echo("  scans: " + ", ".join(f"{index} {count:,}" for index, count in scans))


def _questions(ground: Ground) -> Iterator[Waits]:
    """Ask for lists by each filter and some together, timelines, statistics."""
    chance = random.Random(SEED)
    values = _values(ground, chance)
    for sort in ("-entry_no", "-date"):
        for names in FILTERS:
            for page, rounds in PAGES.items():
                questions = [_filters(names, values, chance) for _ in range(rounds)]
                yield _waits(
                    f"list {sort} {' '.join(names) or 'all'}, page {page}",
                    [_page_time(ground, filters, sort, page) for filters in questions],
                    MOST_LIST,
                )
    for kind in ("contact_no", "company_no"):
        yield _waits(
            f"timeline by {kind}",
            [
                _page_time(ground, {"contact_no": [chance.choice(values[kind])]}, "-date", 1)
                for _ in range(ROUNDS * 3)
            ],
            MOST_TIMELINE,
        )
    by: entry_statistics.By
    for by in ("template", "group", "salesperson", "campaign", "company"):
        yield _waits(
            f"statistics of the biggest {by}",
            [_time(ground, partial(_biggest, by=by)) for _ in range(ROUNDS)],
            MOST_STATISTICS,
        )
        yield _waits(
            f"months of the biggest {by}",
            [_time(ground, partial(_biggest, by=by, months=True)) for _ in range(ROUNDS)],
            MOST_STATISTICS,
        )


FILTERS: tuple[tuple[str, ...], ...] = (
    (), ("contact_no",), ("company_no",), ("salesperson_code",), ("campaign_no",), ("campaign_entry_no",),
    ("template_code",), ("group_code",), ("segment_no",), ("logged_segment_no",), ("document_type",),
    ("document_no",), ("date_from", "date_to"), ("canceled",), ("evaluation",), ("user",), ("origin",), ("q",),
    ("template_code", "salesperson_code"), ("salesperson_code", "date_from", "date_to"), ("template_code", "canceled"),
    ("campaign_no", "salesperson_code", "date_from"), ("logged_segment_no", "salesperson_code"),
    ("contact_no", "template_code"), ("document_type", "date_from"), ("origin", "user"),
    ("evaluation", "template_code"), ("q", "salesperson_code"),
)  # fmt: skip


def _values(ground: Ground, chance: random.Random) -> dict[str, list[str]]:
    queries = {
        "contact_no": "SELECT no FROM contact WHERE type = 'person' ORDER BY id LIMIT 2000",
        "company_no": "SELECT no FROM contact WHERE type = 'company' ORDER BY id LIMIT 2000",
        "salesperson_code": "SELECT code FROM salesperson",
        "campaign_no": "SELECT no FROM campaign",
        "campaign_entry_no": "SELECT entry_no::text FROM campaign_entry",
        "template_code": "SELECT code FROM interaction_template",
        "group_code": "SELECT code FROM interaction_group",
        "segment_no": "SELECT segment_no FROM logged_segment",
        "logged_segment_no": "SELECT no::text FROM logged_segment",
        "document_no": "SELECT document_no FROM interaction WHERE document_no IS NOT NULL LIMIT 2000",
        "user": "SELECT name FROM actor WHERE name <> 'system'",
    }
    with ground.client.transaction() as session:
        found = {name: list(session.scalars(text(query))) for name, query in queries.items()}
    days = [
        f"{year}-{month:02}-{chance.randint(1, 28):02}" for year in (2024, 2025) for month in range(1, 13)
    ]
    return {
        **found,
        "document_type": ["sales_invoice", "sales_quote", "sales_reminder"],
        "date": days,
        "canceled": ["true", "false"],
        "evaluation": ["very_positive", "positive", "neutral", "negative", "very_negative"],
        "origin": ["manual", "segment", "document"],
        "q": ["spring", "letter 7", "call", "friend", "friend 40000", "about letter 42", "no such text"],
    }


def _filters(
    names: Sequence[str], values: dict[str, list[str]], chance: random.Random
) -> dict[str, list[str]]:
    days = sorted(chance.sample(values["date"], 2))
    dates = {"date_from": days[0], "date_to": days[1]}
    return {name: [dates[name] if name in dates else chance.choice(values[name])] for name in names}


def _page_time(ground: Ground, filters: dict[str, list[str]], sort: str, page: int) -> float:
    """Time one page; those before a later one are skipped in one go."""
    after = None
    if page > 1:
        with ground.client.transaction() as session:
            rows = interactions.page(session, filters=filters, limit=50 * (page - 1), sort=sort)
        if rows:
            after = interactions.cursor(rows[-1], sort=sort)
    return _time(
        ground,
        lambda session: interactions.page(session, filters=filters, after=after, limit=51, sort=sort),
    )


def _biggest(session: Session, by: entry_statistics.By, *, months: bool = False) -> object:
    id = 2 if by == "company" else 1
    if months:
        return entry_statistics.by_month(session, by=by, id=id)
    return entry_statistics.of(session, by=by, ids=[id])


def _time(ground: Ground, ask: Callable[[Session], Any]) -> float:
    """Time a question that has been asked before: what is asked for often is in memory."""
    with ground.client.transaction() as session:
        ask(session)
        with _statements(session) as milliseconds:
            ask(session)
        return sum(milliseconds)


@contextmanager
def _statements(session: Session) -> Iterator[list[float]]:
    """Time each statement from when it is sent until its answer has come."""
    connection = session.connection()
    milliseconds: list[float] = []

    def before(*_: Any) -> None:
        milliseconds.append(-time.perf_counter() * 1000)

    def after(*_: Any) -> None:
        milliseconds[-1] += time.perf_counter() * 1000

    event.listen(connection, "before_cursor_execute", before)
    event.listen(connection, "after_cursor_execute", after)
    try:
        yield milliseconds
    finally:
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)


def _waits(name: str, milliseconds: list[float], most: float) -> Waits:
    return Waits(f"lists.{name}", name, tuple(milliseconds), most)


# The lower a number, the more entries it has: the first template, salesperson and campaign are the biggest.
MASTER_DATA = (
    "INSERT INTO actor (name) SELECT 'user' || n FROM generate_series(1, 20) n",
    "INSERT INTO salesperson (code, name) SELECT 'SP' || n, 'Salesperson ' || n FROM generate_series(1, 80) n",
    "INSERT INTO campaign (no, description) SELECT 'CP' || n, 'Campaign ' || n FROM generate_series(1, 40) n",
    "INSERT INTO interaction_group (code) SELECT 'G' || n FROM generate_series(1, 8) n",
    """
    INSERT INTO interaction_template (code, description, group_id, version_id)
    SELECT 'T' || n, 'Letter ' || n, 1 + (n - 1) % 8, n FROM generate_series(1, 60) n
    """,
    """
    INSERT INTO interaction_template_version (template_id, description, group_id)
    SELECT id, description, group_id FROM interaction_template ORDER BY id
    """,
    """
    INSERT INTO contact (no, type, name, company_id, salesperson_id)
    SELECT 'C' || n, CASE WHEN n % 10 = 2 THEN 'company' ELSE 'person' END, 'Contact ' || n,
           CASE WHEN n % 10 <> 2 AND n > 2 THEN (n - 3) / 10 * 10 + 2 END, 1 + floor(80 * (n % 1009 / 1009.0) ^ 3)
    FROM generate_series(1, :contacts) n ORDER BY n % 10 <> 2, n
    """,
    "UPDATE contact p SET company_id = c.id FROM contact c WHERE p.type = 'person' AND c.no = 'C' || p.company_id",
    "ANALYZE",
)
LOGGED_SEGMENT = """
    WITH chosen AS (
        SELECT 1 + floor(60 * random() ^ 3)::integer AS template_id,
               1 + floor(40 * random() ^ 3)::integer AS campaign_id,
               :first_user + floor(20 * random())::integer AS actor_id, next_entry_nos(:size) AS first,
               date '2024-01-01' + floor(730 * :share)::integer AS day
    ), segment AS (
        INSERT INTO logged_segment (segment_id, segment_no, description, date, actor_id, status, first_entry_no,
            last_entry_no, interactions_count, campaign_entries_count, job_id, logged_at, subject)
        SELECT 0, 'SM' || :position,
               'Letter ' || :position || CASE WHEN :position % 9 = 0 THEN ' in spring' ELSE '' END,
               day, actor_id, 'logged', first, first + :size - 1, :size, 1, gen_random_uuid(), now(),
               'Good news for you'
        FROM chosen RETURNING no, segment_no, description, date
    )
    INSERT INTO campaign_entry (campaign_id, logged_segment_no, segment_no, description, date, salesperson_id)
    SELECT chosen.campaign_id, segment.no, segment.segment_no, segment.description, segment.date, chosen.template_id
    FROM chosen, segment
"""
# Every fiftieth segment has lines of other dates and templates; one entry in two hundred was evaluated, one in forty
# has a description of its own.
SEGMENT_ENTRIES = """
    INSERT INTO interaction (entry_no, contact_id, company_id, logged_segment_no, campaign_entry_no,
        template_version_id, actor_id, salesperson_id, date, duration_min, cost, information_flow, evaluation,
        description)
    SELECT s.first_entry_no + n, k.id, coalesce(k.company_id, CASE WHEN k.type = 'company' THEN k.id END), s.no,
           c.entry_no, CASE WHEN :position % 50 = 0 AND n % 1000 = 0 THEN 60 ELSE least(c.salesperson_id, 60) END,
           s.actor_id, k.salesperson_id, s.date + CASE WHEN :position % 50 = 0 THEN (n % 5)::integer ELSE 0 END, 10, 8,
           'outbound', CASE n % 800 WHEN 0 THEN 'positive' WHEN 200 THEN 'neutral' WHEN 400 THEN 'negative'
                                    WHEN 600 THEN 'very_positive' END,
           CASE WHEN n % 40 = 0 THEN 'Dear friend ' || n END
    FROM (SELECT * FROM logged_segment ORDER BY no DESC LIMIT 1) s
    JOIN campaign_entry c ON c.logged_segment_no = s.no
    CROSS JOIN generate_series(CAST(0 AS bigint), :size - 1) n
    JOIN contact k ON k.id = 1 + (n * 7919 + :position * 104729) % (SELECT count(*) FROM contact)
    ORDER BY n / 100000, k.id
"""
SINGLE_ENTRIES = """
    INSERT INTO interaction (entry_no, contact_id, company_id, template_version_id, actor_id, salesperson_id, date,
        time_of_day, duration_min, cost, information_flow, evaluation, description, document_type, document_no)
    SELECT f.first + n, k.id, coalesce(k.company_id, CASE WHEN k.type = 'company' THEN k.id END),
           1 + floor(60 * random() ^ 3), :first_user + floor(20 * random() ^ 2), k.salesperson_id,
           date '2024-01-01' + floor(730 * :share + n % 3)::integer, '10:00', n % 30, n % 9, 'inbound',
           CASE WHEN n % 50 = 1 THEN 'positive' END,
           CASE WHEN n % 4 = 1 THEN 'Call about letter ' || n % 100 ELSE 'Invoice' END,
           CASE n % 4 WHEN 0 THEN 'sales_invoice' WHEN 2 THEN 'sales_quote' WHEN 3 THEN 'sales_reminder' END,
           CASE WHEN n % 4 <> 1 THEN 'INV' || f.first + n END
    FROM (SELECT next_entry_nos(:size) AS first) f
    CROSS JOIN generate_series(CAST(0 AS bigint), :size - 1) n
    JOIN contact k ON k.id = 1 + (n * 15485863 + :position * 104729) % (SELECT count(*) FROM contact)
    ORDER BY n
"""
CANCELS = (
    "UPDATE interaction SET canceled_at = now(), canceled_by = :first_user WHERE entry_no % 100 = 3",
    "UPDATE logged_segment SET canceled_at = now(), canceled_by = :first_user WHERE no % 40 = 0",
    "UPDATE campaign_entry SET canceled_at = now(), canceled_by = :first_user WHERE entry_no % 70 = 0",
)
