"""Campaigns, and the campaign entries that say what was logged for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Select,
    bindparam,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, number_series, records, statistics
from domain import values as v
from domain.actors import Actor
from domain.database import Base
from domain.errors import Faults, NotFound
from domain.salespeople import Salesperson

THING = "campaign"
ENTRY = "campaign_entry"
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


class CampaignEntry(Base):
    """What one logged segment or one document type brought to a campaign (L5, D5, I9)."""

    __tablename__ = "campaign_entry"

    entry_no: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    logged_segment_no: Mapped[int | None] = mapped_column(Integer)
    segment_no: Mapped[str | None]
    document_type: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="", server_default="")
    date: Mapped[dt.date | None]
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))
    canceled_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    canceled_by: Mapped[int | None] = mapped_column(ForeignKey("actor.id"))


def get(session: Session, key: str, *, lock: bool = False) -> Campaign:
    """Find a campaign by number, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, Campaign, Campaign.no, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50
) -> list[Campaign]:
    """Read a page by number; filters `q` (no, description) and `salesperson_code`."""
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
    return records.page(session, Campaign, Campaign.no, conditions=conditions, after=after, limit=limit)


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
        columns="count(*), coalesce(sum(cost), 0), coalesce(sum(duration_min), 0), "
        "count(*) FILTER (WHERE campaign_target), count(*) FILTER (WHERE campaign_response)",
    )
    nothing = (*statistics.NOTHING, 0, 0)
    return [dict(zip(STATISTICS, rows.get(thing.id, nothing), strict=True)) for thing in things]


def get_entry(session: Session, entry_no: int, *, lock: bool = False) -> CampaignEntry:
    """Find a campaign entry by number; raise `NotFound` if there is none or it is still being logged."""
    query = _entries().where(CampaignEntry.entry_no == entry_no)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    entry = session.scalars(query).one_or_none() if 0 < entry_no <= v.LARGEST_INTEGER else None
    if entry is None:
        raise NotFound(ENTRY, entry_no)
    return entry


def entries(
    session: Session, campaign: Campaign, *, after: int | None = None, limit: int = 50
) -> list[CampaignEntry]:
    """Read a page of a campaign's entries by number ascending, as far as their segments are logged (L8)."""
    query = _entries().where(CampaignEntry.campaign_id == campaign.id)
    if after is not None:
        query = query.where(CampaignEntry.entry_no > after)
    return list(session.scalars(query.order_by(CampaignEntry.entry_no).limit(limit)))


def describe_entries(session: Session, things: Sequence[CampaignEntry]) -> list[dict[str, Any]]:
    """Give campaign entries their API shape.

    One below a canceled logged segment is canceled too (E3). `interactions_count` counts active interactions,
    and all of them while the entry is canceled. The link to a deleted logged segment is not shown (E6).
    """
    codes = records.keys_of(
        session, Salesperson.id, Salesperson.code, {thing.salesperson_id for thing in things}
    )
    nos = records.keys_of(session, Campaign.id, Campaign.no, {thing.campaign_id for thing in things})
    rows = session.execute(_ENTRY_FACTS, {"entry_nos": [thing.entry_no for thing in things]}).mappings()
    facts = {row["entry_no"]: row for row in rows}
    return [
        {
            "entry_no": thing.entry_no,
            "campaign_no": nos[thing.campaign_id],
            "segment_no": facts[thing.entry_no]["segment_no"],
            "logged_segment_no": facts[thing.entry_no]["logged_segment_no"],
            "document_type": thing.document_type,
            "description": thing.description,
            "date": thing.date,
            "salesperson_code": codes.get(thing.salesperson_id),
            "canceled": facts[thing.entry_no]["canceled"],
            "interactions_count": facts[thing.entry_no]["interactions_count"],
        }
        for thing in things
    ]


# A segment's interactions lie in the range of entry numbers of its logged segment, so the primary key of the
# log finds them; those without a segment are found by their campaign entry, which has no index yet.
_ENTRY_FACTS = text("""
    SELECT e.entry_no,
           CASE WHEN s.deleted_at IS NULL THEN e.segment_no END AS segment_no,
           CASE WHEN s.deleted_at IS NULL THEN e.logged_segment_no END AS logged_segment_no,
           c.canceled, coalesce(own.count, ranged.count, 0) AS interactions_count
    FROM campaign_entry e
    LEFT JOIN logged_segment s ON s.no = e.logged_segment_no
    CROSS JOIN LATERAL (SELECT coalesce(e.canceled_at, s.canceled_at) IS NOT NULL AS canceled) c
    LEFT JOIN LATERAL (
        SELECT count(*) AS count FROM interaction i
        WHERE i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no AND i.campaign_entry_no = e.entry_no
          AND (c.canceled OR i.canceled_at IS NULL)
    ) ranged ON s.no IS NOT NULL
    LEFT JOIN (
        SELECT i.campaign_entry_no AS entry_no,
               count(*) FILTER (WHERE x.canceled_at IS NOT NULL OR i.canceled_at IS NULL) AS count
        FROM interaction i
        JOIN campaign_entry x ON x.entry_no = i.campaign_entry_no
        WHERE x.entry_no = ANY(:entry_nos) AND x.logged_segment_no IS NULL
        GROUP BY i.campaign_entry_no
    ) own ON own.entry_no = e.entry_no
    WHERE e.entry_no = ANY(:entry_nos)
""").bindparams(bindparam("entry_nos", type_=ARRAY(Integer)))


def _entries() -> Select[CampaignEntry]:
    return select(CampaignEntry).where(
        text(
            "NOT EXISTS (SELECT FROM logged_segment s"
            " WHERE s.no = campaign_entry.logged_segment_no AND s.status = 'logging')"
        )
    )


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
