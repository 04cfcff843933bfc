"""Values that may be left to inherit: those of a segment's header and of its lines (S2).

NULL means "inherit". Five of them can also be blank on purpose; that is '' in the database and in the API, and
campaign 0. A value given here wins over everything below it in the order of S3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from domain import records
from domain import values as v
from domain.campaigns import Campaign
from domain.errors import Faults
from domain.salespeople import Salesperson
from domain.templates import InteractionTemplate

NO_CAMPAIGN = 0


@dataclass(frozen=True)
class Inherited:
    """One such value.

    Parameters
    ----------
    column
        Its column in `segment` or `segment_line`.
    check
        Check of what was given, where that is not None.
    blankable
        Whether "" means blank on purpose.
    """

    column: str
    check: v.Check
    blankable: bool = False


def _answer(value: object) -> bool:
    if not isinstance(value, bool):
        raise v.Bad("invalid")
    return value


def _text(limit: int) -> v.Check:
    return v.text(limit, required=True)


TEMPLATE = Inherited("template_id", v.code(required=True))
SALESPERSON = Inherited("salesperson_id", v.code(required=True))
CAMPAIGN = Inherited("campaign_id", v.code(required=True), blankable=True)
CORRESPONDENCE_TYPE = Inherited("correspondence_type", v.choice(*v.CORRESPONDENCE_TYPES), blankable=True)
LANGUAGE = Inherited("language_code", v.code(required=True), blankable=True)
INFORMATION_FLOW = Inherited("information_flow", v.choice(*v.INFORMATION_FLOWS), blankable=True)
INITIATED_BY = Inherited("initiated_by", v.choice(*v.INITIATORS), blankable=True)

COMMON: dict[str, Inherited] = {
    "template_code": TEMPLATE,
    "subject": Inherited("subject", _text(v.SUBJECT_LIMIT)),
    "salesperson_code": SALESPERSON,
    "campaign_no": CAMPAIGN,
    "correspondence_type": CORRESPONDENCE_TYPE,
    "language_code": LANGUAGE,
    "date": Inherited("date", v.day),
    "information_flow": INFORMATION_FLOW,
    "initiated_by": INITIATED_BY,
    "campaign_target": Inherited("campaign_target", _answer),
    "campaign_response": Inherited("campaign_response", _answer),
}
HEADER: dict[str, Inherited] = {
    **COMMON,
    "ignore_contact_correspondence_type": Inherited("ignore_contact_correspondence_type", _answer),
    "unit_cost": Inherited("unit_cost", v.amount),
    "unit_duration_min": Inherited("unit_duration_min", v.whole(v.MOST_MINUTES)),
}
LINE: dict[str, Inherited] = {
    **COMMON,
    "description": Inherited("description", _text(v.NAME_LIMIT)),
    "cost": Inherited("cost", v.amount),
    "duration_min": Inherited("duration_min", v.whole(v.MOST_MINUTES)),
    "evaluation": Inherited(
        "evaluation", v.choice("very_positive", "positive", "neutral", "negative", "very_negative")
    ),
}


def take(
    session: Session,
    values: Mapping[str, Any],
    fields: Mapping[str, Inherited],
    faults: Faults,
    *,
    prefix: str = "",
) -> dict[str, Any]:
    """Turn given values into columns, noting every fault.

    Parameters
    ----------
    values
        API field names to values; None inherits, "" is blank on purpose where that is possible.
    fields
        `HEADER` or `LINE`.

    Returns
    -------
    Column names to what is stored there.
    """
    checks = {name: _or_inherit(field) for name, field in fields.items()}
    taken = v.take(values, checks, faults, prefix=prefix)
    return {
        fields[name].column: _reference(session, fields[name], path=prefix + name, value=value, faults=faults)
        for name, value in taken.items()
    }


def _or_inherit(field: Inherited) -> v.Check:
    def check(value: object) -> Any:
        if value is None or (value == "" and field.blankable):
            return value
        if value == "":
            raise v.Bad("invalid")
        return field.check(value)

    return check


def _reference(session: Session, field: Inherited, *, path: str, value: Any, faults: Faults) -> Any:
    if value is None:
        return None
    match field.column:
        case "template_id":
            template = records.refer(
                session, InteractionTemplate, InteractionTemplate.code, value, field=path, faults=faults
            )
            if template is not None and template.retired:
                faults.add(path, "template_retired", value)
            return template.id if template else None
        case "salesperson_id":
            salesperson = records.refer(
                session, Salesperson, Salesperson.code, value, field=path, faults=faults
            )
            return salesperson.id if salesperson else None
        case "campaign_id":
            if value == "":
                return NO_CAMPAIGN
            campaign = records.refer(session, Campaign, Campaign.no, value, field=path, faults=faults)
            return campaign.id if campaign else None
    return value


@dataclass(frozen=True)
class Codes:
    """Codes of what a page of rows refers to, read in one query per kind."""

    templates: Mapping[int | None, str]
    salespeople: Mapping[int | None, str]
    campaigns: Mapping[int | None, str]

    def of(self, column: str, value: Any) -> Any:
        """Show a stored value as the API does: a code for an id, "" for no campaign on purpose."""
        match column:
            case "template_id":
                return self.templates.get(value)
            case "salesperson_id":
                return self.salespeople.get(value)
            case "campaign_id":
                return "" if value == NO_CAMPAIGN else self.campaigns.get(value)
        return value


def codes(session: Session, rows: Iterable[Any]) -> Codes:
    """Read the codes of everything `rows` refer to in `template_id`, `salesperson_id` and `campaign_id`."""
    rows = list(rows)

    def ids(column: str) -> set[int | None]:
        return {getattr(row, column) for row in rows}

    return Codes(
        records.keys_of(session, InteractionTemplate.id, InteractionTemplate.code, ids("template_id")),
        records.keys_of(session, Salesperson.id, Salesperson.code, ids("salesperson_id")),
        records.keys_of(session, Campaign.id, Campaign.no, ids("campaign_id")),
    )
