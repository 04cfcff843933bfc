"""Statistics on cards (T5): over a period, with a picture of the months."""

from __future__ import annotations

import sys
from datetime import date
from typing import Any

import pygal
from flask import Blueprint, Response, request, url_for
from flask_babel import format_date, gettext
from pygal.etree import etree
from pygal.style import Style
from sqlalchemy.orm import Session

from domain import campaigns, contacts, interaction_groups, salespeople, templates
from domain import statistics as entry_statistics
from web import database
from web.headers import OWN_STYLE_ONLY
from web.pages.records import Answer

# Its finder for plug-ins, of which we use none, is of a kind that Python warns of at every import that fails.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

blueprint = Blueprint("statistics", __name__, url_prefix="/statistics")

NOUNS: dict[str, Any] = {
    "template": templates,
    "group": interaction_groups,
    "salesperson": salespeople,
    "campaign": campaigns,
    "contact": contacts,
}
LEAST_MONTHS, MOST_MONTHS = 12, 36
# Drawn on whatever lies behind, light or dark.
STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="#7c868d",
    foreground_strong="#7c868d",
    foreground_subtle="#7c868d",
    guide_stroke_color="#7c868d40",
    major_guide_stroke_color="#7c868d60",
    colors=("#2b8a99",),
    font_family="system-ui, sans-serif",
)


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
    drawn = pygal.Bar(
        js=[], style=STYLE, height=220, width=900, show_legend=False, margin=8, x_label_rotation=0,
        show_minor_x_labels=False, x_labels_major_every=3, truncate_label=-1,
        no_data_text=gettext("No interactions"),
    )  # fmt: skip
    counts = {month.month: month.interactions_count for month in months}
    labels = _months(months[0].month, months[-1].month) if months else []
    drawn.x_labels = [format_date(month, "LLL yy") for month in labels]
    drawn.add(gettext("Interactions"), [counts.get(month, 0) for month in labels])
    response = Response(_without_script(drawn.render_tree()), mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = OWN_STYLE_ONLY
    return response


def _without_script(drawn: Any) -> bytes:
    """Write a picture without the script that its maker always puts in."""
    for part in list(drawn.iter()):
        for child in list(part):
            if str(child.tag).endswith("script"):
                part.remove(child)
    return bytes(etree.tostring(drawn, encoding="utf-8"))


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
