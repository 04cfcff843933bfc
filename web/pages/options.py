"""Codes offered while typing: the first ones of each noun, each with its name. Any other code can be typed too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from domain import campaigns as campaign_nouns
from domain import (
    interaction_groups,
    templates,
)
from domain import (
    logged_segments as logged_nouns,
)
from domain import (
    number_series as series_nouns,
)
from domain import (
    salespeople as salesperson_nouns,
)
from domain import (
    saved_criteria as criteria_nouns,
)
from web import database

LIMIT = 300

Options = Callable[[], Iterable[tuple[str, str]]]


def _offer(module: ModuleType, key: str, name: str) -> Options:
    def listed() -> list[tuple[str, str]]:
        things = module.page(database.session(), filters={}, limit=LIMIT)
        return [(getattr(thing, key), getattr(thing, name)) for thing in things]

    return listed


salespeople = _offer(salesperson_nouns, "code", "name")
campaigns = _offer(campaign_nouns, "no", "description")
interaction_templates = _offer(templates, "code", "description")
groups = _offer(interaction_groups, "code", "description")
number_series = _offer(series_nouns, "code", "description")
saved_criteria = _offer(criteria_nouns, "code", "description")


def logged_segments() -> list[tuple[str, str]]:
    """Offer the latest logged segments."""
    found = logged_nouns.page(database.session(), filters={}, limit=LIMIT, newest_first=True)
    return [(str(logged.no), f"{logged.segment_no} {logged.description}") for logged in found]
