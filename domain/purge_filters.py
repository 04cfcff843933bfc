"""Which entries a purge means: its filters, and what is canceled (E3, E5).

What the view `interaction_visible` calls canceled is said here in the two ways that a purge needs it: as a condition on
entries of a range, for the statement that deletes, and as a query that finds them by indexes, for the plan.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import records
from domain import values as v
from domain.campaigns import Campaign
from domain.contacts import Contact
from domain.errors import Faults
from domain.interaction_groups import InteractionGroup
from domain.salespeople import Salesperson
from domain.templates import InteractionTemplate

LARGEST_ENTRY_NO = 2**63 - 1
LONGEST_DAYS = 36_500


def _day(value: object) -> dt.date | None:
    """Check a date, which is a text where filters were kept."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise v.Bad("invalid") from None
    return v.day(value)


CHECKS: dict[str, v.Check] = {
    "entry_no_from": v.whole(LARGEST_ENTRY_NO),
    "entry_no_to": v.whole(LARGEST_ENTRY_NO),
    "contact_no": v.code(),
    "date_from": _day,
    "date_to": _day,
    "campaign_no": v.code(),
    "group_code": v.code(),
    "template_code": v.code(),
    "salesperson_code": v.code(),
    "canceled_for_days": v.whole(LONGEST_DAYS),
}
REFERENCES: dict[str, tuple[Any, Any]] = {
    "contact_no": (Contact, Contact.no),
    "campaign_no": (Campaign, Campaign.no),
    "group_code": (InteractionGroup, InteractionGroup.code),
    "template_code": (InteractionTemplate, InteractionTemplate.code),
    "salesperson_code": (Salesperson, Salesperson.code),
}
CONDITIONS = {
    "entry_no_from": "i.entry_no >= :entry_no_from",
    "entry_no_to": "i.entry_no <= :entry_no_to",
    "contact_no": "i.contact_id = :contact_no",
    "date_from": "i.date >= CAST(:date_from AS date)",
    "date_to": "i.date <= CAST(:date_to AS date)",
    "campaign_no": (
        "i.campaign_entry_no IN (SELECT e.entry_no FROM campaign_entry e WHERE e.campaign_id = :campaign_no)"
    ),
    "group_code": (
        "i.template_version_id IN (SELECT t.id FROM interaction_template_version t WHERE t.group_id = :group_code)"
    ),
    "template_code": (
        "i.template_version_id IN "
        "(SELECT t.id FROM interaction_template_version t WHERE t.template_id = :template_code)"
    ),
    "salesperson_code": "i.salesperson_id = :salesperson_code",
}


@dataclass(frozen=True)
class Filters:
    """Which canceled entries are meant.

    Parameters
    ----------
    given
        As they were given and are shown: codes and numbers, dates as ISO texts.
    bound
        The values of `CONDITIONS`: keys of rows for codes.
    """

    given: dict[str, Any]
    bound: dict[str, Any]

    @property
    def days(self) -> int:
        """For how many days they have been canceled at least."""
        return int(self.given.get("canceled_for_days") or 0)


def read(session: Session, values: Mapping[str, Any], faults: Faults, *, prefix: str = "filters.") -> Filters:
    """Check filters and look up what they name; a blank one is none. Every fault is noted."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    taken = v.take(given, CHECKS, faults, prefix=prefix)
    shown: dict[str, Any] = {}
    bound: dict[str, Any] = {}
    for name, value in taken.items():
        shown[name] = bound[name] = value.isoformat() if isinstance(value, dt.date) else value
        if name in REFERENCES:
            model, key_column = REFERENCES[name]
            found = records.refer(session, model, key_column, value, field=prefix + name, faults=faults)
            if found is not None:
                shown[name], bound[name] = getattr(found, key_column.key), found.id
    bound.pop("canceled_for_days", None)
    return Filters(shown, bound)


def read_checked(session: Session, values: Mapping[str, Any]) -> Filters:
    """Read filters; raise `Invalid` naming every fault."""
    faults = Faults()
    found = read(session, values, faults)
    faults.raise_if_any()
    return found


def conditions(names: Iterable[str]) -> str:
    """Make the part of a WHERE for the filters with these names."""
    return "".join(f" AND {CONDITIONS[name]}" for name in names)


def doomed(*, above: bool) -> str:
    """Say that an entry `i` goes: by its own cancel or, where there are such, by that of something above it."""
    if not above:
        return "i.canceled_at <= :cutoff"
    return (
        "(i.canceled_at <= :cutoff OR i.canceled_at IS NULL AND (i.logged_segment_no = ANY(:segments) "
        "OR i.campaign_entry_no = ANY(:campaign_entries)))"
    )


def has_above(session: Session) -> bool:
    """Tell whether there is anything whose cancel takes entries along."""
    return any(session.execute(_ABOVE).one())


def candidates(session: Session, bound: Mapping[str, Any]) -> str:
    """Make the query for the entries that would go now, as `doomed` says, each once and found by an index."""
    filters = conditions(bound)
    above = session.execute(_ABOVE).one()
    found = [f"SELECT i.entry_no FROM interaction i WHERE i.canceled_at <= :cutoff{filters}"]
    if above.segments:
        found.append(_BELOW_SEGMENTS + filters)
    if above.campaign_entries:
        found.append(_BELOW_CAMPAIGN_ENTRIES + filters)
    if above.loose:
        found.append(_BELOW_LOOSE_CAMPAIGN_ENTRIES + filters)
    return " UNION ALL ".join(found)


_ABOVE = text("""
    SELECT EXISTS (SELECT FROM logged_segment WHERE canceled_at IS NOT NULL) AS segments,
           EXISTS (SELECT FROM campaign_entry WHERE canceled_at IS NOT NULL AND logged_segment_no IS NOT NULL)
               AS campaign_entries,
           EXISTS (SELECT FROM campaign_entry WHERE canceled_at IS NOT NULL AND logged_segment_no IS NULL) AS loose
""")
# Index: primary key, by the segment's range of entry numbers.
_BELOW_SEGMENTS = """
    SELECT i.entry_no
    FROM logged_segment s
    JOIN interaction i ON i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no AND i.logged_segment_no = s.no
    WHERE s.canceled_at <= :cutoff AND s.logged_at IS NOT NULL AND i.canceled_at IS NULL
"""
_BELOW_CAMPAIGN_ENTRIES = """
    SELECT i.entry_no
    FROM campaign_entry c
    JOIN logged_segment s ON s.no = c.logged_segment_no
    JOIN interaction i ON i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no
        AND i.logged_segment_no = s.no AND i.campaign_entry_no = c.entry_no
    WHERE c.canceled_at <= :cutoff AND s.logged_at IS NOT NULL AND i.canceled_at IS NULL
      AND (s.canceled_at IS NULL OR s.canceled_at > :cutoff)
"""
# Index: interaction_campaign_entry_range_idx.
_BELOW_LOOSE_CAMPAIGN_ENTRIES = """
    SELECT i.entry_no
    FROM campaign_entry c
    JOIN interaction i ON i.campaign_entry_no = c.entry_no AND i.logged_segment_no IS NULL
    WHERE c.canceled_at <= :cutoff AND i.canceled_at IS NULL
"""
