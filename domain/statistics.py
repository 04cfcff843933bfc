"""Numbers of interactions, their cost and duration (T5).

Statistics of contacts are read from the log, where an index leads to the few entries of a contact. Those of templates,
groups, salespeople and campaigns may be over millions of entries and are read from sums that are kept beside the log
(view `interaction_counted`, `domain.entry_totals`); they are as exact and as fresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Date, TextClause, bindparam, text
from sqlalchemy.orm import Session

By = Literal["contact", "company", "salesperson", "campaign", "template", "group"]

FIELDS: tuple[str, ...] = ("interactions_count", "cost_total", "duration_total_min")


class Statistics(NamedTuple):
    """Over active entries: how many, their cost in money, their duration in minutes."""

    interactions_count: int
    cost_total: Decimal
    duration_total_min: int


NOTHING = Statistics(0, Decimal("0.00"), 0)


class Month(NamedTuple):
    """The statistics of one month; `month` is its first day."""

    month: date
    interactions_count: int
    cost_total: Decimal
    duration_total_min: int


_IN_PERIOD = """
      AND (cast(:date_from AS date) IS NULL OR i.date >= :date_from)
      AND (cast(:date_to AS date) IS NULL OR i.date <= :date_to)"""
_FROM_LOG = f"""
    SELECT i.{{by}}_id AS id, i.date, 1 AS interactions, i.cost, i.duration_min, i.campaign_target::integer AS
           target_contacts, i.campaign_response::integer AS responses
    FROM interaction_visible i
    WHERE NOT i.canceled AND {{matching}}{_IN_PERIOD}"""
_FROM_SUMS = f"""
    SELECT i.{{by}}_id AS id, i.date, i.interactions, i.cost, i.duration_min, i.target_contacts, i.responses
    FROM interaction_counted i
    WHERE i.{{by}}_id = ANY(:ids){_IN_PERIOD}"""
# A company has two ways in, each with an index of its own: interaction_company_id_idx for its people's entries,
# interaction_contact_id_idx for its own.
_SOURCES: dict[str, str] = {
    "contact": _FROM_LOG.format(by="contact", matching="i.contact_id = ANY(:ids)"),
    "company": _FROM_LOG.format(
        by="company", matching="i.company_id = ANY(:ids) AND i.company_id <> i.contact_id"
    )
    + " UNION ALL"
    + _FROM_LOG.format(by="company", matching="i.contact_id = ANY(:ids) AND i.company_id = i.contact_id"),
    **{
        by: _FROM_SUMS.format(by=by)
        for by in ("salesperson", "campaign", "template", "group")
    },
}  # fmt: skip
_SUMS = "sum(interactions)::bigint, sum(cost), sum(duration_min)::bigint"


def of(
    session: Session,
    *,
    by: By,
    ids: Sequence[int],
    date_from: date | None = None,
    date_to: date | None = None,
) -> dict[int, Statistics]:
    """Count active entries of each thing, with their cost and duration (T5).

    Parameters
    ----------
    by
        What the ids are of. By `company` counts entries by the entry's company, its people's included.
    ids
        Keys of the things; each is in the answer, whether it has entries or not.
    date_from, date_to
        First and last date, inclusive; `None` is open.
    """
    rows = aggregate(session, by=by, ids=ids, date_from=date_from, date_to=date_to)
    return {id: Statistics(*rows[id]) if id in rows else NOTHING for id in ids}


def fields(
    session: Session,
    *,
    by: By,
    ids: Sequence[int],
    date_from: date | None = None,
    date_to: date | None = None,
) -> list[dict[str, Any]]:
    """Give the statistics of each id, in the order given, as API fields."""
    found = of(session, by=by, ids=ids, date_from=date_from, date_to=date_to)
    return [found[id]._asdict() for id in ids]


def aggregate(
    session: Session,
    *,
    by: By,
    ids: Sequence[int],
    date_from: date | None,
    date_to: date | None,
    more: str = "",
) -> dict[int, tuple[Any, ...]]:
    """Aggregate the active entries of each thing that has any: their number, cost, duration.

    Parameters
    ----------
    more
        Further aggregates in SQL over `date, target_contacts, responses`.
    """
    if not ids:
        return {}
    statement = _over(
        f"SELECT id, {_SUMS}{more and ', ' + more} FROM ({{source}}) entries GROUP BY id",
        by,
        ids,
        date_from,
        date_to,
    )
    return {row[0]: tuple(row[1:]) for row in session.execute(statement)}


def by_month(
    session: Session, *, by: By, id: int, date_from: date | None = None, date_to: date | None = None
) -> list[Month]:
    """Give the statistics of each month of one thing, in order; months without entries are left out."""
    statement = _over(
        f"SELECT date_trunc('month', date)::date, {_SUMS} FROM ({{source}}) entries "
        "GROUP BY 1 HAVING sum(interactions) <> 0 ORDER BY 1",
        by, [id], date_from, date_to,
    )  # fmt: skip
    return [Month(*row) for row in session.execute(statement)]


class Lately(NamedTuple):
    """The active entries of the last days: how many on each day, and of each group, the largest first."""

    by_day: dict[date, int]
    by_group: list[tuple[str, str, int]]


# Index: interaction_total_date_idx.
_LATELY = text("""
    SELECT i.date, g.code, g.description, sum(i.interactions)::bigint AS interactions
    FROM interaction_counted i
    JOIN interaction_group g ON g.id = i.group_id
    WHERE i.date BETWEEN :first AND :last
    GROUP BY GROUPING SETS ((i.date), (g.code, g.description))
    HAVING sum(i.interactions) <> 0
    ORDER BY i.date, interactions DESC, g.code
""")


def lately(session: Session, *, last: date, days: int) -> Lately:
    """Count the active entries of so many days up to `last`, by day and by interaction group (code, description)."""
    rows = session.execute(_LATELY, {"first": last - timedelta(days=days - 1), "last": last}).all()
    return Lately(
        {row.date: row.interactions for row in rows if row.date is not None},
        [(row.code, row.description, row.interactions) for row in rows if row.date is None],
    )


def _over(
    statement: str, by: By, ids: Sequence[int], date_from: date | None, date_to: date | None
) -> TextClause:
    return text(statement.format(source=_SOURCES[by])).bindparams(
        bindparam("ids", list(ids), ARRAY(BigInteger)),
        bindparam("date_from", date_from, Date),
        bindparam("date_to", date_to, Date),
    )
