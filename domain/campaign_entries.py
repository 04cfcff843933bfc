"""Campaign entries: what a logged segment, a document type or people brought to a campaign (L5, D5, I9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, DateTime, ForeignKey, Identity, Integer, Select, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import records
from domain import values as v
from domain.campaigns import Campaign
from domain.database import Base
from domain.errors import NotFound
from domain.salespeople import Salesperson

THING = "campaign_entry"


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


def get(session: Session, entry_no: int, *, lock: bool = False) -> CampaignEntry:
    """Find a campaign entry by number; raise `NotFound` if there is none or it is still being logged."""
    query = _entries().where(CampaignEntry.entry_no == entry_no)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    entry = session.scalars(query).one_or_none() if 0 < entry_no <= v.LARGEST_INTEGER else None
    if entry is None:
        raise NotFound(THING, entry_no)
    return entry


def of_campaign(
    session: Session,
    campaign: Campaign,
    *,
    after: int | None = None,
    limit: int = 50,
    newest_first: bool = False,
) -> list[CampaignEntry]:
    """Read a page of a campaign's entries by number, as far as their segments are logged (L8)."""
    query = _entries().where(CampaignEntry.campaign_id == campaign.id)
    ordered = records.in_order(
        query, CampaignEntry.entry_no, after=after, limit=limit, newest_first=newest_first
    )
    return list(session.scalars(ordered))


def open_entry(
    session: Session, *, campaign_id: int, description: str, date: dt.date, salesperson_id: int | None,
    document_type: str | None = None,
) -> int:  # fmt: skip
    """Return the number of the entry that collects what is recorded for a campaign without a segment (I9, D5).

    There is one active entry for each document type, and one for what people record (`document_type` None); it is
    made if there is none. A canceled one is never used again. Whoever needs one locks the campaign, so two at once
    find the same.

    Parameters
    ----------
    description, date, salesperson_id
        What a new entry says; an entry that is there already keeps its own.
    """
    session.execute(text("SELECT FROM campaign WHERE id = :id FOR NO KEY UPDATE"), {"id": campaign_id})
    found = session.scalars(
        select(CampaignEntry.entry_no)
        .where(
            CampaignEntry.campaign_id == campaign_id,
            CampaignEntry.logged_segment_no.is_(None),
            CampaignEntry.document_type.is_not_distinct_from(document_type),
            CampaignEntry.canceled_at.is_(None),
        )
        .order_by(CampaignEntry.entry_no)
        .limit(1)
    ).first()
    if found is not None:
        return found
    made = CampaignEntry(
        campaign_id=campaign_id,
        document_type=document_type,
        description=description,
        date=date,
        salesperson_id=salesperson_id,
    )
    session.add(made)
    session.flush()
    return made.entry_no


def describe(session: Session, things: Sequence[CampaignEntry]) -> list[dict[str, Any]]:
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


# What has been summed up is read from the sums; else a segment's interactions lie in its range of entry numbers.
# Indexes: interaction_total_campaign_entry_no_idx, the log's primary key.
_ENTRY_FACTS = text("""
    SELECT e.entry_no,
           CASE WHEN s.deleted_at IS NULL THEN e.segment_no END AS segment_no,
           CASE WHEN s.deleted_at IS NULL THEN e.logged_segment_no END AS logged_segment_no,
           c.canceled,
           coalesce(summed.count, ranged.count, 0)::bigint AS interactions_count
    FROM campaign_entry e
    LEFT JOIN logged_segment s ON s.no = e.logged_segment_no
    CROSS JOIN LATERAL (SELECT coalesce(e.canceled_at, s.canceled_at) IS NOT NULL AS canceled) c
    LEFT JOIN LATERAL (
        SELECT count(*) AS count FROM interaction i
        WHERE i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no AND i.campaign_entry_no = e.entry_no
          AND (c.canceled OR i.canceled_at IS NULL)
    ) ranged ON s.summed_up_at IS NULL AND s.no IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN c.canceled THEN t.entries ELSE t.interactions END) AS count
        FROM interaction_total t WHERE t.campaign_entry_no = e.entry_no
    ) summed ON s.no IS NULL OR s.summed_up_at IS NOT NULL
    WHERE e.entry_no = ANY(:entry_nos)
""").bindparams(bindparam("entry_nos", type_=ARRAY(Integer)))


def _entries() -> Select[CampaignEntry]:
    return select(CampaignEntry).where(
        text(
            "NOT EXISTS (SELECT FROM logged_segment s"
            " WHERE s.no = campaign_entry.logged_segment_no AND s.status = 'logging')"
        )
    )
