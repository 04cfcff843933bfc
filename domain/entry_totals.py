"""Sums beside the log, from which statistics of millions of entries are read (T5, docs/decisions/0011).

`interaction_total` says for every kind of entry (logged segment, campaign entry, template wording, salesperson, date)
how many there are and what those cost that are not canceled by themselves. Triggers of the log add a row for whatever
comes, changes or goes, in the same transaction, so the sums are exact at every moment; that a logged segment or a
campaign entry is canceled is seen there when the sums are read. Only what comes in great numbers is not counted row by
row, which would slow it down: the recorder counts the entries of a batch in the statement that writes them
(`sql/record_entries.sql`); those of a small segment are counted in the transaction that completes it; the entries of a
large one are read from the log until the job here has summed them up.

What must never happen: an entry counted twice, or not at all. The job reads the log and takes away the loose rows that
it has thereby covered in one transaction with one snapshot: a change is in both or in neither, because it committed
together with its loose row. `interlog verify` holds the sums against the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, jobs
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job

# A logged segment of so many entries at most is summed up at once, which takes some 10 ms.
SMALL = 20_000
# A larger one is summed up when it has been complete for so long: logging the next one is not disturbed at once.
SECONDS_AFTER_LOGGING = 10
# So many changes are left loose; summing that many rows costs a reader a millisecond or two.
MOST_LOOSE = 5_000

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('sum_up', 0))")
DUE = text("""
    SELECT EXISTS (
        SELECT FROM logged_segment
        WHERE logged_at < now() - make_interval(secs => :seconds) AND summed_up_at IS NULL
    ) OR (SELECT count(*) FROM (SELECT FROM interaction_total WHERE is_loose LIMIT :loose) t) >= :loose
""")
# Indexes: the log's primary key for the range, interaction_total_logged_segment_no_idx.
SUM_UP = [
    text("""
        INSERT INTO interaction_total (is_loose, logged_segment_no, campaign_entry_no, template_version_id,
            salesperson_id, date, entries, interactions, cost, duration_min, target_contacts, responses)
        SELECT false, i.logged_segment_no, i.campaign_entry_no, i.template_version_id, i.salesperson_id, i.date,
               count(*), count(*) FILTER (WHERE i.canceled_at IS NULL),
               coalesce(sum(i.cost) FILTER (WHERE i.canceled_at IS NULL), 0),
               coalesce(sum(i.duration_min) FILTER (WHERE i.canceled_at IS NULL), 0),
               count(*) FILTER (WHERE i.canceled_at IS NULL AND i.campaign_target),
               count(*) FILTER (WHERE i.canceled_at IS NULL AND i.campaign_response)
        FROM logged_segment s
        JOIN interaction i ON i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no AND i.logged_segment_no = s.no
        WHERE s.no = :no AND s.summed_up_at IS NULL
        GROUP BY 2, 3, 4, 5, 6
    """),
    text("""
        DELETE FROM interaction_total t USING logged_segment s
        WHERE s.no = :no AND s.summed_up_at IS NULL AND t.logged_segment_no = s.no AND t.is_loose
    """),
    text("UPDATE logged_segment SET summed_up_at = clock_timestamp() WHERE no = :no"),
]
# Loose rows of segments that are not summed up yet are not read; they go when their segment is.
MERGE = text("""
    WITH gone AS (
        DELETE FROM interaction_total t
        WHERE t.is_loose AND NOT EXISTS (
            SELECT FROM logged_segment s WHERE s.no = t.logged_segment_no AND s.summed_up_at IS NULL)
        RETURNING t.*
    )
    INSERT INTO interaction_total (is_loose, logged_segment_no, campaign_entry_no, template_version_id, salesperson_id,
        date, entries, interactions, cost, duration_min, target_contacts, responses)
    SELECT false, logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date, sum(entries),
           sum(interactions), sum(cost), sum(duration_min), sum(target_contacts), sum(responses)
    FROM gone
    GROUP BY 2, 3, 4, 5, 6
    HAVING sum(entries) <> 0 OR sum(interactions) <> 0 OR sum(cost) <> 0 OR sum(duration_min) <> 0
        OR sum(target_contacts) <> 0 OR sum(responses) <> 0
""")


def sum_up_if_small(session: Session, *, no: int, entries: int) -> None:
    """Sum up logged segment `no` in the transaction that completes it, if it is small: nobody changes it before."""
    if entries <= SMALL:
        _sum_up(session, no)


def _sum_up(session: Session, no: int) -> None:
    for statement in SUM_UP:
        session.execute(statement, {"no": no})


def request_if_due(session: Session) -> Job | None:
    """Ask for the sums to be brought up to date if it is time and nobody has asked; beat does so now and then."""
    parameters = {"seconds": SECONDS_AFTER_LOGGING, "loose": MOST_LOOSE}
    if not session.execute(DUE, parameters).scalar():
        return None
    session.execute(LOCK)
    if jobs.open_job(session, SumUp.name) is not None:
        return None
    return request(session)


def request(session: Session) -> Job:
    """Ask for the sums to be brought up to date."""
    return jobs.create(
        session, kind=SumUp.name, parameters={}, serial_key=SumUp.name, actor=actors.system(session)
    )


@register
class SumUp(Kind):
    """Sums up the logged segments that are not yet, one in each chunk, and merges what has changed since."""

    name = "sum_up"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Make a chunk for each logged segment, and one (number 0) for the loose rows."""
        waiting = session.execute(
            text("""
                SELECT no, interactions_count FROM logged_segment
                WHERE logged_at IS NOT NULL AND summed_up_at IS NULL ORDER BY no
            """)
        )
        return [Chunk(row.no, row.no, row.interactions_count) for row in waiting] + [Chunk()]

    def work(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Sum up one logged segment, or merge the loose rows."""
        if chunk.range_from:
            _sum_up(session, chunk.range_from)
        else:
            session.execute(MERGE)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Let the planner know how many rows there are by now."""
        session.execute(text("ANALYZE interaction_total"))
        return {}
