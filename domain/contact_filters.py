"""Which contacts an action is about: filters as they are given, and the one SQL condition that says the same (S5).

Different fields are ANDed, several values of one field ORed. Names match by "contains", everything else by equality,
both ignoring case. People inherit industry groups and business relations of their company. All interaction fields
hold for one and the same entry, neither canceled nor postponed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import records
from domain import values as v
from domain.contact_links import MEMBERSHIPS
from domain.errors import Faults

EVALUATIONS = ("very_positive", "positive", "neutral", "negative", "very_negative")
PLACES = ("country_code", "city", "post_code", "territory_code", "language_code")
INHERITED = ("industry_group", "business_relation")
ALL = "all"

Filters = dict[str, Any]


def _text(value: object) -> str:
    if not isinstance(value, str) or not v.is_text(value) or not value.strip():
        raise v.Bad("invalid")
    if len(value) > v.NAME_LIMIT:
        raise v.Bad("too_long", limit=v.NAME_LIMIT)
    return value


def _day(value: object) -> str:
    try:
        if isinstance(value, str) and len(value) == len("2026-03-10"):
            return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise v.Bad("invalid")


CONTACT: dict[str, v.Check] = {
    "no": _text,
    "type": v.choice("company", "person", required=True),
    "name": _text,
    "salesperson_code": _text,
    **dict.fromkeys(PLACES, _text),
}
INTERACTIONS: dict[str, v.Check] = {
    "template_code": _text,
    "group_code": _text,
    "segment_no": _text,
    "logged_segment_no": v.whole(least=1, blank=None),
    "campaign_no": _text,
    "salesperson_code": _text,
    "evaluation": v.choice(*EVALUATIONS, required=True),
    "date_from": _day,
    "date_to": _day,
}
GROUPS: dict[str, v.Check] = dict.fromkeys(MEMBERSHIPS, _text)

# Codes that must exist when they are asked for, and the query that finds those that do.
REFERENCES: dict[tuple[str, str], str] = {
    ("contact", "no"): "SELECT lower(no) FROM contact WHERE lower(no) = ANY(:keys)",
    ("contact", "salesperson_code"): "SELECT lower(code) FROM salesperson WHERE lower(code) = ANY(:keys)",
    ("interactions", "template_code"): (
        "SELECT lower(code) FROM interaction_template WHERE lower(code) = ANY(:keys)"
    ),
    ("interactions", "group_code"): (
        "SELECT lower(code) FROM interaction_group WHERE lower(code) = ANY(:keys)"
    ),
    ("interactions", "campaign_no"): "SELECT lower(no) FROM campaign WHERE lower(no) = ANY(:keys)",
    (
        "interactions",
        "salesperson_code",
    ): "SELECT lower(code) FROM salesperson WHERE lower(code) = ANY(:keys)",
    ("interactions", "logged_segment_no"): (
        "SELECT no::text FROM logged_segment WHERE no::text = ANY(:keys) AND deleted_at IS NULL"
    ),
}


def take(session: Session, given: Any, faults: Faults) -> Filters:
    """Check what was given as `filters`; return it with every field as a list. What says nothing is left out.

    Notes a fault for each value that cannot be taken, each code that does not exist (mailing groups and the like are
    free codes and always do), and `filter_missing` if there is no filter and no explicit `all`.
    """
    if not isinstance(given, Mapping):
        faults.add("filters", "invalid", v.shown(given))
        return {}
    own = Faults()
    filters: Filters = {}
    places: dict[tuple[str, str], dict[str, Any]] = {}
    for name, checks in (("contact", CONTACT), ("interactions", INTERACTIONS)):
        fields = given.get(name)
        if isinstance(fields, Mapping):
            taken = _take_fields(fields, checks, f"filters.{name}.", own, places)
            if taken:
                filters[name] = taken
        elif fields is not None:
            own.add(f"filters.{name}", "invalid", v.shown(fields))
    rest = {name: value for name, value in given.items() if name not in ("contact", "interactions", ALL)}
    filters.update(_take_fields(rest, GROUPS, "filters.", own, places))
    if given.get(ALL) is True:
        filters[ALL] = True
    elif given.get(ALL) not in (None, False):
        own.add(f"filters.{ALL}", "invalid", v.shown(given[ALL]))
    if not filters and not own:
        own.add("filters", "filter_missing")
    if not own:
        _check_known(session, places, own)
    faults.extend(own.noted)
    return filters


def _take_fields(
    given: Mapping[str, Any],
    checks: Mapping[str, v.Check],
    prefix: str,
    faults: Faults,
    places: dict[tuple[str, str], dict[str, Any]],
) -> dict[str, list[Any]]:
    """Take fields of one value or a list; note in `places` where each code that must exist was given."""
    taken: dict[str, list[Any]] = {}
    for name, value in given.items():
        path = prefix + name
        if name not in checks:
            faults.add(path, "unknown_field")
        elif isinstance(value, list | tuple):
            good = _take_each({f"{path}.{at}": item for at, item in enumerate(value)}, checks[name], faults)
        elif value is not None:
            good = _take_each({path: value}, checks[name], faults)
        else:
            continue
        if name in checks and good:
            taken[name] = list(dict.fromkeys(good.values()))
            places[prefix.split(".")[1], name] = good
    return taken


def _take_each(given: Mapping[str, Any], check: v.Check, faults: Faults) -> dict[str, Any]:
    return v.take(given, dict.fromkeys(given, check), faults)


def _check_known(
    session: Session, places: Mapping[tuple[str, str], Mapping[str, Any]], faults: Faults
) -> None:
    for field, query in REFERENCES.items():
        given = {path: str(value).lower() for path, value in places.get(field, {}).items()}
        if not given:
            continue
        known = set(session.scalars(text(query), {"keys": list(given.values())}))
        for path, value in places[field].items():
            if given[path] not in known:
                faults.add(path, "unknown", value)


def condition(filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make the SQL condition on contact `c` that says `filters`, and its parameters.

    What hangs on contacts is compared as a set of their ids, so that a million contacts cost one hash and not a
    million look-ups. Index: contact_membership_code_idx, contact_no_key.
    """
    said = _Said()
    for name, values in filters.get("contact", {}).items():
        said.contact(name, values)
    for field, kind in MEMBERSHIPS.items():
        if field in filters:
            said.membership(field, kind, filters[field])
    if filters.get("interactions"):
        said.interactions(filters["interactions"])
    return " AND ".join(said.conditions) or "true", said.parameters


class _Said:
    """Conditions as they come together, with their parameters."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.parameters: dict[str, Any] = {}

    def any_of(self, name: str, values: Iterable[Any], type: str = "text") -> str:
        """Bind the values of a filter; texts in lower case."""
        self.parameters[name] = [value.lower() if isinstance(value, str) else value for value in values]
        return f"ANY(CAST(:{name} AS {type}[]))"

    def contact(self, name: str, values: list[str]) -> None:
        """Say a filter over a field of the contact's own."""
        if name == "name":
            self.parameters["name"] = [records.pattern(value) for value in values]
            said = "c.name ILIKE ANY(CAST(:name AS text[]))"
        elif name == "type":
            said = f"c.type = {self.any_of(name, values)}"
        elif name == "salesperson_code":
            said = f"c.salesperson_id IN (SELECT id FROM salesperson WHERE lower(code) = {self.any_of(name, values)})"
        else:
            said = f"lower(c.{name}) = {self.any_of(name, values)}"
        self.conditions.append(said)

    def membership(self, field: str, kind: str, codes: list[str]) -> None:
        """Say a filter over mailing groups and the like."""
        members = (
            f"SELECT m.contact_id FROM contact_membership m "
            f"WHERE m.kind = '{kind}' AND lower(m.code) = {self.any_of(field, codes)}"
        )
        if kind in INHERITED:
            members += (
                " UNION ALL SELECT p.id FROM contact_membership m JOIN contact p ON p.company_id = m.contact_id "
                f"WHERE m.kind = '{kind}' AND lower(m.code) = ANY(CAST(:{field} AS text[]))"
            )
        self.conditions.append(f"c.id IN ({members})")

    def interactions(self, fields: Mapping[str, list[Any]]) -> None:
        """Say the filters over one and the same entry."""
        conditions = [
            ENTRY_CONDITIONS[name](self.any_of(f"entry_{name}", values, TYPES.get(name, "text")))
            for name, values in fields.items()
        ]
        self.conditions.append(
            "EXISTS (SELECT FROM interaction_visible i WHERE i.contact_id = c.id AND NOT i.canceled AND "
            + " AND ".join(conditions)
            + ")"
        )


def _refers(column: str, table: str, key: str = "code") -> Callable[[str], str]:
    return lambda given: f"i.{column} IN (SELECT id FROM {table} WHERE lower({key}) = {given})"


TYPES = {"logged_segment_no": "integer", "date_from": "date", "date_to": "date"}
ENTRY_CONDITIONS: dict[str, Callable[[str], str]] = {
    "template_code": _refers("template_id", "interaction_template"),
    "group_code": _refers("group_id", "interaction_group"),
    "campaign_no": _refers("campaign_id", "campaign", "no"),
    "salesperson_code": _refers("salesperson_id", "salesperson"),
    "segment_no": lambda given: f"lower(i.segment_no) = {given}",
    "logged_segment_no": lambda given: f"i.logged_segment_no = {given}",
    "evaluation": lambda given: f"i.evaluation = {given}",
    "date_from": lambda given: f"i.date >= {given}",
    "date_to": lambda given: f"i.date <= {given}",
}
