"""Numbers of interactions, their cost and duration (T5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Date, bindparam, text
from sqlalchemy.orm import Session

By = Literal["contact", "company", "salesperson", "campaign", "template", "group"]

FIELDS: tuple[str, ...] = ("interactions_count", "cost_total", "duration_total_min")


class Statistics(NamedTuple):
    """Over active entries: how many, their cost in money, their duration in minutes."""

    interactions_count: int
    cost_total: Decimal
    duration_total_min: int


NOTHING = Statistics(0, Decimal("0.00"), 0)

_ACTIVE = """
    FROM interaction_visible i
    WHERE NOT i.canceled
      AND (cast(:date_from AS date) IS NULL OR i.date >= :date_from)
      AND (cast(:date_to AS date) IS NULL OR i.date <= :date_to)
      AND """

# Which active entries count for which thing. A company has two ways in, each with an index of its own:
# interaction_company_id_idx for its people's entries, interaction_contact_id_idx for its own.
_MATCHING: dict[str, tuple[str, ...]] = {
    "contact": ("i.contact_id = ANY(:ids)",),
    "company": (
        "i.company_id = ANY(:ids) AND i.company_id <> i.contact_id",
        "i.contact_id = ANY(:ids) AND i.company_id = i.contact_id",
    ),
    "salesperson": ("i.salesperson_id = ANY(:ids)",),
    "campaign": ("i.campaign_id = ANY(:ids)",),
    "template": ("i.template_id = ANY(:ids)",),
    "group": ("i.group_id = ANY(:ids)",),
}


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
    rows = aggregate(
        session,
        by=by,
        ids=ids,
        date_from=date_from,
        date_to=date_to,
        columns="count(*), coalesce(sum(cost), 0), coalesce(sum(duration_min), 0)",
    )
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
    columns: str,
) -> dict[int, tuple[Any, ...]]:
    """Aggregate the active entries of each thing that has any.

    Parameters
    ----------
    columns
        Aggregates in SQL over `cost, duration_min, date, campaign_target, campaign_response`.
    """
    if not ids:
        return {}
    entries = " UNION ALL ".join(
        f"SELECT i.{by}_id AS id, i.cost, i.duration_min, i.date, i.campaign_target, i.campaign_response"
        f"{_ACTIVE}{matching}"
        for matching in _MATCHING[by]
    )
    statement = text(f"SELECT id, {columns} FROM ({entries}) entries GROUP BY id").bindparams(
        bindparam("ids", list(ids), ARRAY(BigInteger)),
        bindparam("date_from", date_from, Date),
        bindparam("date_to", date_to, Date),
    )
    return {row[0]: tuple(row[1:]) for row in session.execute(statement)}
