"""Statistics on cards (T5): over a period, with a picture of the months."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, request, url_for
from flask_babel import format_date
from sqlalchemy.orm import Session

from domain import campaigns, contacts, interaction_groups, salespeople, templates
from domain import statistics as entry_statistics
from web import database
from web.pages import charts
from web.pages.records import Answer

blueprint = Blueprint("statistics", __name__, url_prefix="/statistics")

NOUNS: dict[str, Any] = {
    "template": templates,
    "group": interaction_groups,
    "salesperson": salespeople,
    "campaign": campaigns,
    "contact": contacts,
}
LEAST_MONTHS, MOST_MONTHS = 12, 36


def of(session: Session, by: str, thing: Any, filter: dict[str, str]) -> dict[str, Any]:
    """Give a card what it shows of statistics: those of the period that the request names, or of all time.

    Parameters
    ----------
    by
        What kind of thing it is, one of `NOUNS`.
    filter
        The filter of the log under which its entries are found.
    """
    period = {name: _day(request.args.get(name)) for name in ("date_from", "date_to")}
    given: dict[str, Any] = {name: day.isoformat() for name, day in period.items() if day}
    key = next(iter(filter.values()))
    return {
        "statistics": NOUNS[by].statistics_fields(session, [thing], **period)[0],
        "statistics_filter": {**filter, **given, "canceled": "false"},
        "statistics_period": period,
        "statistics_chart": url_for("pages.statistics.chart", by=by, key=key, **given),
    }


@blueprint.get("/<any(template, group, salesperson, campaign, contact):by>/<key>.svg")
def chart(by: str, key: str) -> Answer:
    """Draw the interactions of each month, the latest three years at most."""
    session = database.session()
    thing = NOUNS[by].get(session, key)
    what: Any = "company" if by == "contact" and thing.type == contacts.COMPANY else by
    months = entry_statistics.by_month(
        session,
        by=what,
        id=thing.id,
        date_from=_day(request.args.get("date_from")),
        date_to=_day(request.args.get("date_to")),
    )
    drawn = charts.bars(height=220, show_minor_x_labels=False, x_labels_major_every=3)
    counts = {month.month: month.interactions_count for month in months}
    labels = _months(months[0].month, months[-1].month) if months else []
    charts.fill(
        drawn,
        [format_date(month, "LLL yy") for month in labels],
        [counts.get(month, 0) for month in labels],
    )
    return charts.answer(drawn)


def _months(first: date, last: date) -> list[date]:
    """List the months from the first to the last, the empty ones among them: a year at least, three at most."""
    begin, end = first.year * 12 + first.month - 1, last.year * 12 + last.month
    begin = min(max(begin, end - MOST_MONTHS), end - LEAST_MONTHS)
    return [date(number // 12, number % 12 + 1, 1) for number in range(max(begin, 12), end)]


def _day(given: str | None) -> date | None:
    """Read a date of the request; what is none is no limit."""
    try:
        return date.fromisoformat(given or "")
    except ValueError:
        return None
