"""Finding entries that were recorded without a segment: they have small indexes that cost a segment nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import text

from domain import interaction_texts
from domain.interaction_question import SUMMED, Found, Question

# So few entries without a segment are all read, whatever the order, by their dates if those are few; more are met soon
# enough in the order itself, and even sooner where an index has one salesperson's, user's or wording's in that order.
FEW_OUTSIDE, FEW_IN_ORDER, FEW_DAYS = 5_000, 100, 100
# Days looked at one by one for a period that lies behind many newer entries.
MANY_DAYS = 4_000
PEOPLE = ("salesperson_code", "user")
PERIOD = ("date_from", "date_to", "origin", "canceled")


def find(question: Question) -> list[Found]:
    """Find the first entries of the list among those without a segment."""
    if question.filters.get("origin") == ["segment"] or any(
        question.asks_only(name) for name in ("logged_segment_no", "segment_no")
    ):
        return []
    if not question.order.by_date and (period := _period_outside(question)):
        return _outside_by_day(question, period)
    days = _days_outside(question)
    if days is not None:
        return _few_outside(question, days) if days else []
    if "q" in question.filters:
        found = interaction_texts.find(question, "interaction_outside", among=_of_one_person(question))
        if found is not None:
            return found
    return question.find(
        "SELECT i.entry_no, i.date FROM interaction_outside i"
        f" WHERE true {question.conditions} {question.wording}"
        f" ORDER BY {question.order.sql} LIMIT :limit"
    )


def _is_in_order(question: Question) -> bool:
    """Tell whether an index without segments has what is asked for, and nothing else, in the order of the list."""
    others = set(question.filters) - {
        "template_code",
        *PEOPLE,
        *(PERIOD[:2] if question.order.by_date else ()),
    }
    return not others and (bool(_one_person(question)) or question.has_one_wording)


def _one_person(question: Question) -> set[str]:
    """Name the filters by which one salesperson, one user is asked for."""
    return {name for name in PEOPLE if question.asks_one(name)}


def _of_one_person(question: Question) -> str:
    """Make the condition of one salesperson, one user; their entries have an index in either order."""
    made, _ = question.conditions_of(_one_person(question))
    return made


def _few_outside(question: Question, days: Sequence[dt.date]) -> list[Found]:
    return question.find(
        "WITH i AS MATERIALIZED (SELECT i.entry_no, i.date FROM interaction_outside i"
        f" WHERE {'i.date = ANY(:days)' if len(days) <= FEW_DAYS else 'true'} {question.conditions} {question.wording})"
        f" SELECT entry_no, date FROM i ORDER BY {question.order.sql} LIMIT :limit",
        days=days,
    )


def _outside_by_day(question: Question, period: tuple[dt.date, dt.date]) -> list[Found]:
    """Look at the nearest entries of days, as those of a period may lie behind a million others.

    A page is in as many days as it has entries at most: those whose nearest entry is nearest.
    """
    of_day = f"""
        SELECT i.entry_no, i.date FROM interaction_outside i WHERE i.date = d.day {question.conditions}
        ORDER BY {question.order.sql}
    """
    return question.find(
        f"""
        SELECT i.entry_no, i.date
        FROM (
            SELECT i.date AS day
            FROM (
                SELECT day::date FROM generate_series(CAST(:first_day AS date), :last_day, interval '1 day') day
            ) d
            CROSS JOIN LATERAL ({of_day} LIMIT 1) i
            ORDER BY {question.order.sql} LIMIT :limit
        ) d
        CROSS JOIN LATERAL ({of_day} LIMIT :limit) i
        ORDER BY {question.order.sql} LIMIT :limit
        """,
        first_day=period[0],
        last_day=period[1],
    )


def _period_outside(question: Question) -> tuple[dt.date, dt.date] | None:
    """Tell the first and last day, if a period of not too many days is asked for, at most of one person."""
    others = set(question.filters) - {*PERIOD, *_one_person(question)}
    if others or not set(PERIOD[:2]) & set(question.filters):
        return None
    made, parameters = question.conditions_of(PERIOD[:2])
    nearest = "SELECT min(i.date), max(i.date) FROM interaction i WHERE i.logged_segment_no IS NULL"
    first, last = question.session.execute(text(f"{nearest} {made}"), parameters).one()
    return (first, last) if first and (last - first).days < MANY_DAYS else None


def _days_outside(question: Question) -> list[dt.date] | None:
    """List the dates on which entries without a segment match, or None if those are not few."""
    if not set(question.filters) & set(SUMMED):
        return None
    made, parameters = question.conditions_of((*SUMMED, *PERIOD[:2]))
    most = FEW_IN_ORDER if _is_in_order(question) else FEW_OUTSIDE
    days: list[dt.date] | None = question.session.scalar(
        text(_DAYS_OUTSIDE.format(conditions=made)), {**parameters, "most": most}
    )
    return days


# Index: interaction_total_outside_salesperson_idx, interaction_total_outside_template_idx.
_DAYS_OUTSIDE = """
    SELECT CASE WHEN count(*) < :most AND coalesce(sum(entries), 0) <= :most
                THEN coalesce(array_agg(DISTINCT date), '{{}}') END
    FROM (
        SELECT i.date, i.entries
        FROM (
            SELECT t.date, t.entries, t.salesperson_id, t.campaign_entry_no, v.template_id, v.group_id, c.campaign_id
            FROM interaction_total t
            LEFT JOIN interaction_template_version v ON v.id = t.template_version_id
            LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
            WHERE t.logged_segment_no IS NULL
        ) i
        WHERE true {conditions}
        LIMIT :most
    ) i
"""
