"""Campaigns. What was logged for them is in `domain.campaign_entries`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Identity
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, number_series, records, statistics
from domain import values as v
from domain.actors import Actor
from domain.database import Base
from domain.errors import Faults
from domain.salespeople import Salesperson

THING = "campaign"
STORED: tuple[str, ...] = ("no", "description", "starting_date", "ending_date", "salesperson_code")
STATISTICS: tuple[str, ...] = (*statistics.FIELDS, "target_contacts", "responses")
CHECKS: dict[str, v.Check] = {
    "no": v.code(),
    "description": v.text(),
    "starting_date": v.day,
    "ending_date": v.day,
    "salesperson_code": v.code(),
}
REFERENCES = {
    "campaign_entry": "SELECT FROM campaign_entry WHERE campaign_id = :id",
    "interaction_template": "SELECT FROM interaction_template WHERE campaign_id = :id",
    "segment": "SELECT FROM segment WHERE campaign_id = :id AND status <> 'hidden'",
    "segment_line": f"SELECT FROM segment_line WHERE campaign_id = :id AND {records.OVERRIDDEN}",
    "postponed_interaction": "SELECT FROM postponed_interaction WHERE campaign_id = :id",
}


class Campaign(Base):
    """A marketing effort that interactions are made for."""

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    no: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    starting_date: Mapped[dt.date | None]
    ending_date: Mapped[dt.date | None]
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))


def get(session: Session, key: str, *, lock: bool = False) -> Campaign:
    """Find a campaign by number, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, Campaign, Campaign.no, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[Campaign]:  # fmt: skip
    """Read a page by number, or as `sort` says; filters `q` (no, description) and `salesperson_code`."""
    conditions: list[ColumnElement[bool]] = []
    if "q" in filters:
        conditions.append(records.contains([Campaign.no, Campaign.description], filters["q"]))
    if "salesperson_code" in filters:
        conditions.append(
            records.filter_by_code(
                session,
                Campaign.salesperson_id,
                Salesperson.id,
                Salesperson.code,
                filters["salesperson_code"],
            )
        )
    return records.page(
        session, Campaign, Campaign.no, conditions=conditions, after=after, limit=limit, sort=sort
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Campaign:
    """Make a campaign, with the next number of its series unless one is given (N1, N2).

    Raises
    ------
    Invalid
        Naming every fault.
    NumberSeriesMissing, NumberSeriesExhausted
        If a number is wanted and there is none.
    """
    faults = Faults()
    taken = v.take(values, CHECKS, faults, read_only=STATISTICS)
    no = taken.get("no")
    if no is not None:
        number_series.check_manual(session, field="campaign_nos", no=no, faults=faults)
        if records.exists_key(session, Campaign.no, no):
            faults.add("no", "already_exists", no)
    campaign = Campaign()
    columns = _columns(session, campaign, taken, faults)
    faults.raise_if_any()
    records.assign(campaign, columns)
    number_series.add_numbered(session, campaign, field="campaign_nos", values=values)
    _record(session, campaign, actor=actor, action="create", before={})
    return campaign


def change(session: Session, campaign: Campaign, *, values: Mapping[str, Any], actor: Actor) -> Campaign:
    """Change the given fields; raise `Invalid` naming every fault. The number stays."""
    records.lock(session, campaign, thing=THING, key=campaign.no)
    faults = Faults()
    rest = records.key_stays(values, "no", campaign.no, faults)
    taken = v.take(rest, CHECKS, faults, read_only=STATISTICS)
    columns = _columns(session, campaign, taken, faults)
    faults.raise_if_any()
    before = _stored(session, campaign)
    records.assign(campaign, columns)
    session.flush()
    _record(session, campaign, actor=actor, action="change", before=before)
    return campaign


def delete(session: Session, campaign: Campaign, *, actor: Actor) -> None:
    """Delete a campaign nothing refers to; raise `InUse` naming what does (C1)."""
    before = _stored(session, campaign)
    records.remove(
        session,
        campaign,
        thing=THING,
        key_field="no",
        key=campaign.no,
        references=REFERENCES,
        parameters={"id": campaign.id},
    )
    audit.record_difference(
        session,
        actor=actor,
        action="delete",
        object_type=THING,
        object_key=before["no"],
        before=before,
        after={},
    )


def describe(session: Session, things: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Give campaigns their API shape, without statistics."""
    codes = records.keys_of(
        session, Salesperson.id, Salesperson.code, {thing.salesperson_id for thing in things}
    )
    return [
        {
            "no": thing.no,
            "description": thing.description,
            "starting_date": thing.starting_date,
            "ending_date": thing.ending_date,
            "salesperson_code": codes.get(thing.salesperson_id),
        }
        for thing in things
    ]


def statistics_fields(
    session: Session,
    things: Sequence[Campaign],
    *,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
) -> list[dict[str, Any]]:
    """Give the statistics of campaigns (T5) in the order given, ready to be merged into `describe`."""
    rows = statistics.aggregate(
        session,
        by="campaign",
        ids=[thing.id for thing in things],
        date_from=date_from,
        date_to=date_to,
        more="sum(target_contacts)::bigint, sum(responses)::bigint",
    )
    nothing = (*statistics.NOTHING, 0, 0)
    return [dict(zip(STATISTICS, rows.get(thing.id, nothing), strict=True)) for thing in things]


def _columns(
    session: Session, campaign: Campaign, taken: Mapping[str, Any], faults: Faults
) -> dict[str, Any]:
    columns = dict(taken)
    if "salesperson_code" in columns:
        code = columns.pop("salesperson_code")
        salesperson = records.refer(
            session, Salesperson, Salesperson.code, code, field="salesperson_code", faults=faults
        )
        columns["salesperson_id"] = salesperson.id if salesperson else None
    starting = columns.get("starting_date", campaign.starting_date)
    ending = columns.get("ending_date", campaign.ending_date)
    if starting and ending and ending < starting:
        faults.add("ending_date", "invalid", ending, starting_date=starting)
    return columns


def _stored(session: Session, campaign: Campaign) -> dict[str, Any]:
    return describe(session, [campaign])[0]


def _record(
    session: Session, campaign: Campaign, *, actor: Actor, action: str, before: Mapping[str, Any]
) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=campaign.no,
        before=before,
        after=_stored(session, campaign),
    )
