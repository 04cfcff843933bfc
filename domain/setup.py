"""The marketing setup: number series in use, time zone, windows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain import audit, records
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults
from domain.number_series import NumberSeries, Setup

THING = "setup"
SERIES_FIELDS: tuple[str, ...] = ("segment_nos", "contact_nos", "campaign_nos")
STORED: tuple[str, ...] = (
    *SERIES_FIELDS,
    "timezone",
    "reprint_window_hours",
    "contact_pressure_days",
    "company_name",
)
LONGEST_WINDOW_HOURS = 87_600
LONGEST_PRESSURE_DAYS = 3_650
CHECKS: dict[str, v.Check] = {
    **dict.fromkeys(SERIES_FIELDS, v.code()),
    "timezone": v.text(required=True),
    "reprint_window_hours": v.whole(LONGEST_WINDOW_HOURS, blank=24),
    "contact_pressure_days": v.whole(LONGEST_PRESSURE_DAYS),
    "company_name": v.text(),
}


def get(session: Session, *, lock: bool = False) -> Setup:
    """Read the setup; with `lock`, keep others from changing it until the transaction ends."""
    query = select(Setup)
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one()


def today(session: Session) -> dt.date:
    """Say which date it is now in the time zone of the setup, by the database's clock (I4, S1)."""
    date: dt.date = session.execute(
        text("SELECT (now() AT TIME ZONE timezone)::date FROM setup")
    ).scalar_one()
    return date


def change(session: Session, setup: Setup, *, values: Mapping[str, Any], actor: Actor) -> Setup:
    """Change the given fields; raise `Invalid` naming every fault. Number series are given by code."""
    setup = get(session, lock=True)
    faults = Faults()
    taken = v.take(values, CHECKS, faults)
    for field in SERIES_FIELDS:
        if field in taken:
            series = records.refer(
                session, NumberSeries, NumberSeries.code, taken.pop(field), field=field, faults=faults
            )
            taken[f"{field}_id"] = series.id if series else None
    if "timezone" in taken and not is_timezone(session, taken["timezone"]):
        faults.add("timezone", "unknown", taken["timezone"])
    faults.raise_if_any()
    before = describe(session, setup)
    records.assign(setup, taken)
    session.flush()
    audit.record_difference(
        session,
        actor=actor,
        action="change",
        object_type=THING,
        object_key=THING,
        before=before,
        after=describe(session, setup),
    )
    return setup


def describe(session: Session, setup: Setup) -> dict[str, Any]:
    """Give the setup its API shape."""
    ids = {field: getattr(setup, f"{field}_id") for field in SERIES_FIELDS}
    codes = records.keys_of(session, NumberSeries.id, NumberSeries.code, ids.values())
    return {
        **{field: codes.get(id) for field, id in ids.items()},
        "timezone": setup.timezone,
        "reprint_window_hours": setup.reprint_window_hours,
        "contact_pressure_days": setup.contact_pressure_days,
        "company_name": setup.company_name,
    }


def is_timezone(session: Session, name: str) -> bool:
    """Tell whether both we and the database know a time zone of this name."""
    known = text("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = :name)")
    return name in _timezones() and bool(session.scalar(known, {"name": name}))


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())
