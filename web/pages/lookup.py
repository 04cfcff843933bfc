"""What look-up fields offer while somebody types: codes or numbers, each with its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, jsonify, request

from domain import (
    campaigns,
    contacts,
    interaction_groups,
    logged_segments,
    number_series,
    salespeople,
    saved_criteria,
    segments,
    templates,
)
from web import database
from web.pages.records import Answer

blueprint = Blueprint("lookup", __name__, url_prefix="/lookup")
OFFERED = 12
LONGEST = 100


@dataclass(frozen=True)
class Kind:
    """What one kind of field offers.

    Parameters
    ----------
    page
        Reads rows; its filter `q` is what was typed.
    key, name
        Fields of a row: what the field takes, and what it is called.
    filters
        Narrow what is offered.
    options
        Other arguments of `page`.
    """

    page: Callable[..., Sequence[Any]]
    key: str
    name: str
    filters: dict[str, list[str]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "contact": Kind(contacts.page, "no", "name"),
    "company": Kind(contacts.page, "no", "name", filters={"type": ["company"]}),
    "salesperson": Kind(salespeople.page, "code", "name"),
    "template": Kind(templates.page, "code", "description"),
    "group": Kind(interaction_groups.page, "code", "description"),
    "campaign": Kind(campaigns.page, "no", "description"),
    "segment": Kind(segments.page, "no", "description", filters={"status": ["open"]}),
    "number_series": Kind(number_series.page, "code", "description"),
    "saved_criteria": Kind(saved_criteria.page, "code", "description"),
    "logged_segment": Kind(logged_segments.page, "no", "description", options={"newest_first": True}),
}


@blueprint.get("/<kind>")
def offer(kind: str) -> Answer:
    """Offer what contains what was typed; nothing typed offers the first ones."""
    offered = KINDS.get(kind) or abort(404)
    typed = request.args.get("q", "").strip()[:LONGEST]
    filters = {**offered.filters, **({"q": [typed]} if typed else {})}
    found = offered.page(database.session(), filters=filters, limit=OFFERED, **offered.options)
    return jsonify(
        [{"value": str(getattr(row, offered.key)), "label": getattr(row, offered.name)} for row in found]
    )
