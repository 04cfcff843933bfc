"""The values of an interaction with one contact: what may be typed, what follows from it, what stands against it.

They are typed into a form that may be left for later, so they are kept as they were typed: None is "as the defaults
say", "" is blank on purpose, as on the lines of a segment. What they come to is computed by one statement
(`interaction_effective.sql`), for the form, for the check and for what is recorded alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from domain import comments, inherited, sql
from domain import values as v
from domain.actors import Actor
from domain.contacts import Contact
from domain.database import json_param
from domain.errors import Faults
from domain.salespeople import Salesperson

LARGEST_ENTRY_NO = 2**63 - 1


def _time_of_day(value: object) -> dt.time | None:
    if value is not None and not isinstance(value, dt.time):
        raise v.Bad("invalid")
    return value


def _foreign_no(value: object) -> str | None:
    return None if value is None else v.foreign_no(value)


def _contact_via(value: object) -> str | None:
    via: str = v.text()(value)
    return via.strip() or None


def _entry_no(value: object) -> int | None:
    return None if value is None else v.whole(LARGEST_ENTRY_NO, blank=None)(value)


def _successful(value: object) -> bool:
    return True if value is None else bool(v.flag()(value))


# What is not inherited, each with its check; the rest is what a line of a segment may say of its own (S2).
OWN: dict[str, v.Check] = {
    "contact_no": v.code(),
    "source_entry_no": _entry_no,
    "phone_call": v.flag(),
    "time": _time_of_day,
    "successful": _successful,
    "contact_via": _contact_via,
    "opportunity_no": _foreign_no,
    "comments": comments.check,
}
AS_GIVEN = ("source_entry_no", "phone_call", "contact_via", "opportunity_no", "comments")
FIELDS: tuple[str, ...] = (*OWN, *inherited.LINE)


def take(session: Session, values: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Turn given values into columns of `postponed_interaction` (and `comments`), noting every fault.

    The contact is locked, so that it is not erased before what refers to it is committed. What an entry that it is
    started from says of contact, salesperson, campaign and opportunity is filled in where nothing is given (I6).
    """
    taken = v.take({name: value for name, value in values.items() if name in OWN}, OWN, faults)
    columns = inherited.take(
        session, {name: value for name, value in values.items() if name not in OWN}, inherited.LINE, faults
    )
    if columns.get("salesperson_id") and session.get_one(Salesperson, columns["salesperson_id"]).blocked:
        faults.add("salesperson_code", "salesperson_blocked", values["salesperson_code"])
    if taken.get("contact_no") is not None:
        columns["contact_id"] = _contact_id(session, taken["contact_no"], faults)
    elif "contact_no" in taken:
        columns["contact_id"] = None
    if "time" in taken:
        columns["time_of_day"] = taken["time"]
    if "successful" in taken:
        columns["attempt_failed"] = not taken["successful"]
    columns |= {name: taken[name] for name in AS_GIVEN if name in taken}
    if columns.get("source_entry_no") is not None:
        _fill_in(session, columns, faults)
    return columns


def _contact_id(session: Session, contact_no: str, faults: Faults) -> int | None:
    """Find the contact and keep it as it is; blocked and erased ones are refused (C3, C4)."""
    contact = session.scalars(
        select(Contact)
        .where(func.lower(Contact.no) == func.lower(contact_no))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if contact is None:
        faults.add("contact_no", "unknown", contact_no)
        return None
    _refuse_contact(faults, contact_no, erased=contact.erased_at is not None, blocked=contact.privacy_blocked)
    return contact.id


def keep_contact(session: Session, contact_id: int) -> None:
    """Keep a contact as it is until the transaction ends, so that an erasure does not miss what refers to it."""
    session.execute(text("SELECT FROM contact WHERE id = :id FOR SHARE"), {"id": contact_id})


def _refuse_contact(faults: Faults, contact_no: str, *, erased: bool, blocked: bool) -> None:
    if erased:
        faults.add("contact_no", "contact_erased", contact_no)
    elif blocked:
        faults.add("contact_no", "privacy_blocked", contact_no)


_SOURCE = text("""
    SELECT i.contact_id, k.no AS contact_no, i.salesperson_id, i.campaign_id, i.opportunity_no
    FROM interaction_visible i JOIN contact k ON k.id = i.contact_id
    WHERE i.entry_no = :entry_no
""")


def _fill_in(session: Session, columns: dict[str, Any], faults: Faults) -> None:
    source = session.execute(_SOURCE, {"entry_no": columns["source_entry_no"]}).one_or_none()
    if source is None:
        faults.add("source_entry_no", "unknown", columns["source_entry_no"])
        return
    if columns.get("contact_id") is None and "contact_no" not in faults.fields():
        columns["contact_id"] = _contact_id(session, source.contact_no, faults)
    for name in ("salesperson_id", "campaign_id", "opportunity_no"):
        if columns.get(name) is None:
            columns[name] = getattr(source, name)


def effective(session: Session, columns: Mapping[str, Any], *, actor: Actor) -> Row[Any]:
    """Compute what an interaction will be recorded with if `actor` records it now (I2 to I4).

    Parameters
    ----------
    columns
        Columns of `postponed_interaction`, as far as there are any.
    """
    typed = {
        name: str(value) if isinstance(value, Decimal | dt.date | dt.time) else value
        for name, value in columns.items()
        if not isinstance(value, dt.datetime)
    }
    return session.execute(
        sql.load("interaction_effective").bindparams(json_param("typed", typed)),
        {"own_salesperson_id": actor.salesperson_id},
    ).one()


def preview(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Row[Any]:
    """Compute what applies to a form as it stands; what cannot be taken counts as not typed."""
    return effective(session, take(session, values, Faults()), actor=actor)


def check(applies: Row[Any], columns: Mapping[str, Any], faults: Faults) -> None:
    """Note what stands against recording an interaction (I1, I3, I8, C3, T3); a field has one fault at most."""
    known = faults.fields()
    found = Faults()
    if applies.contact_id is None:
        found.add("contact_no", "required")
    else:
        _refuse_contact(
            found, applies.contact_no, erased=applies.contact_erased, blocked=applies.privacy_blocked
        )
    if applies.template_id is None:
        call = columns.get("phone_call")
        found.add("template_code", "outgoing_call_template_missing" if call else "required")
    elif applies.template_retired:
        found.add("template_code", "template_retired", applies.template_code)
    if applies.salesperson_id is None:
        found.add("salesperson_code", "required")
    elif applies.salesperson_blocked:
        found.add("salesperson_code", "salesperson_blocked", applies.salesperson_code)
    if applies.description is None and "template_code" not in known:
        found.add("description", "required")
    if columns.get("phone_call") and not applies.contact_via:
        found.add("contact_via", "required")
    faults.extend(fault for fault in found.noted if fault.field not in known)
