"""Postponed interactions: forms that were left to be finished later (P1 to P4).

They have a table of their own, so the log and its statistics never meet them, and an entry number from the log's
sequence, so that finishing keeps it. Whoever finishes, changes or deletes one takes the lock of its row first; of two
at once the second finds it gone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, func, or_, select, text
from sqlalchemy import delete as delete_rows
from sqlalchemy.dialects.postgresql import TIME
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, audit, comments, inherited, interaction_creation, interaction_values, records
from domain.actors import Actor
from domain.contacts import Contact
from domain.database import Base
from domain.errors import Faults, Forbidden, NotFound
from domain.salespeople import Salesperson

THING = "postponed_interaction"
STORED: tuple[str, ...] = interaction_values.FIELDS


class Postponed(Base):
    """What was typed. NULL = what the defaults say on finishing; '' and campaign 0 = blank on purpose."""

    __tablename__ = "postponed_interaction"

    entry_no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("contact.id"))
    source_entry_no: Mapped[int | None] = mapped_column(BigInteger)
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    template_id: Mapped[int | None] = mapped_column(ForeignKey("interaction_template.id"))
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))
    campaign_id: Mapped[int | None]
    date: Mapped[dt.date | None]
    time_of_day: Mapped[dt.time | None] = mapped_column(TIME(precision=0))
    duration_min: Mapped[int | None]
    phone_call: Mapped[bool] = mapped_column(default=False, server_default="false")
    attempt_failed: Mapped[bool] = mapped_column(default=False, server_default="false")
    campaign_target: Mapped[bool | None]
    campaign_response: Mapped[bool | None]
    cost: Mapped[Decimal | None]
    information_flow: Mapped[str | None]
    initiated_by: Mapped[str | None]
    correspondence_type: Mapped[str | None]
    language_code: Mapped[str | None]
    evaluation: Mapped[str | None]
    description: Mapped[str | None]
    subject: Mapped[str | None]
    contact_via: Mapped[str | None]
    opportunity_no: Mapped[str | None]


COLUMNS = tuple(column.name for column in Postponed.__table__.columns)


def get(session: Session, entry_no: int, *, lock: bool = False) -> Postponed:
    """Find a postponed interaction; raise `NotFound` if there is none, or not any more (P3)."""
    query = select(Postponed).where(Postponed.entry_no == entry_no)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = (
        session.scalars(query).one_or_none() if 0 < entry_no <= interaction_values.LARGEST_ENTRY_NO else None
    )
    if found is None:
        raise NotFound(THING, entry_no)
    return found


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: int | None = None, limit: int = 50,
    company: bool = True, newest_first: bool = True,
) -> list[Postponed]:  # fmt: skip
    """Read a page by entry number.

    Parameters
    ----------
    filters
        `contact_no`, `salesperson_code`, `user`, `source_entry_no`; values are ORed, `none` is blank.
    company
        Whether `contact_no` of a company takes in its people's.
    """
    conditions: list[ColumnElement[bool]] = []
    if filters.get("contact_no"):
        ids = list(records.ids_of(session, Contact.id, Contact.no, filters["contact_no"]).values())
        own = Postponed.contact_id.in_(ids)
        people = Postponed.contact_id.in_(select(Contact.id).where(Contact.company_id.in_(ids)))
        conditions.append(or_(own, people) if company else own)
    if filters.get("salesperson_code"):
        conditions.append(
            records.filter_by_code(
                session,
                Postponed.salesperson_id,
                Salesperson.id,
                Salesperson.code,
                filters["salesperson_code"],
            )
        )
    if filters.get("user"):
        conditions.append(
            records.filter_by_code(
                session, Postponed.actor_id, actors.ActorRow.id, actors.ActorRow.name, filters["user"]
            )
        )
    if filters.get("source_entry_no"):
        conditions.append(Postponed.source_entry_no.in_(_numbers(filters["source_entry_no"])))
    query = select(Postponed).where(*conditions)
    ordered = records.in_order(query, Postponed.entry_no, after=after, limit=limit, newest_first=newest_first)
    return list(session.scalars(ordered))


def _numbers(values: Sequence[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 19]


def describe(session: Session, things: Sequence[Postponed]) -> list[dict[str, Any]]:
    """Give postponed interactions their API shape, as they were typed."""
    codes = inherited.codes(session, things)
    contacts = {
        contact.id: contact
        for contact in session.scalars(
            select(Contact).where(Contact.id.in_({thing.contact_id for thing in things}))
        )
    }
    users = actors.names(session, {thing.actor_id for thing in things})
    written: dict[int, list[str]] = {thing.entry_no: [] for thing in things}
    for entry_no, comment in session.execute(_COMMENTS, {"entry_nos": list(written)}):
        written[entry_no].append(comment)
    return [
        {
            "entry_no": thing.entry_no,
            "contact_no": contacts[thing.contact_id].no,
            "contact_name": contacts[thing.contact_id].name,
            "source_entry_no": thing.source_entry_no,
            "phone_call": thing.phone_call,
            "time": thing.time_of_day,
            "successful": not thing.attempt_failed,
            "contact_via": thing.contact_via,
            "opportunity_no": thing.opportunity_no,
            "comments": written[thing.entry_no],
            **{
                name: codes.of(field.column, getattr(thing, field.column))
                for name, field in inherited.LINE.items()
            },
            "user": users[thing.actor_id],
            "created_at": thing.created_at,
        }
        for thing in things
    ]


_COMMENTS = text("""
    SELECT entry_no, comment FROM interaction_comment
    WHERE entry_no = ANY(CAST(:entry_nos AS bigint[])) ORDER BY id
""")


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Postponed:
    """Leave an interaction for later: only the contact is needed (P1).

    Date, time and salesperson are kept as the form had them when it was left (I3, I4).

    Raises
    ------
    Invalid
        Naming every fault of what was typed.
    """
    faults = Faults()
    columns = interaction_values.take(session, values, faults)
    _need_contact(columns, faults)
    faults.raise_if_any()
    applies = interaction_values.effective(session, columns, actor=actor)
    for name in ("date", "time_of_day", "salesperson_id"):
        if columns.get(name) is None and not (name == "salesperson_id" and applies.salesperson_blocked):
            columns[name] = getattr(applies, name)
    entry_no = interaction_creation.next_entry_no(session)
    written = columns.pop("comments", [])
    thing = Postponed(entry_no=entry_no, actor_id=actor.id, **columns)
    session.add(thing)
    session.flush()
    comments.write(session, entry_no, written, actor=actor)
    _record(session, thing, actor=actor, action="create", before={})
    return thing


def change(session: Session, thing: Postponed, *, values: Mapping[str, Any], actor: Actor) -> Postponed:
    """Postpone again: what is given replaces values and comments (P4); None is "as the defaults say" again.

    Raises
    ------
    Invalid
        Naming every fault.
    NotFound
        If it was finished or deleted meanwhile.
    """
    thing = get(session, thing.entry_no, lock=True)
    before = _stored(session, thing)
    faults = Faults()
    columns = interaction_values.take(session, values, faults)
    if "contact_id" in columns:
        _need_contact(columns, faults)
    faults.raise_if_any()
    written = columns.pop("comments", None)
    records.assign(thing, columns)
    session.flush()
    if written is not None:
        comments.write(session, thing.entry_no, written, actor=actor)
    _record(session, thing, actor=actor, action="change", before=before)
    return thing


def _need_contact(columns: Mapping[str, Any], faults: Faults) -> None:
    if columns.get("contact_id") is None and "contact_no" not in faults.fields():
        faults.add("contact_no", "required")


def finish(session: Session, thing: Postponed, *, values: Mapping[str, Any], actor: Actor) -> int:
    """Turn a postponed interaction into an entry of the log under the same number (P3); return that.

    Parameters
    ----------
    values
        What is changed on this occasion.

    Raises
    ------
    Invalid
        Naming every fault, what is missing included (I1).
    NotFound
        If somebody else finished or deleted it first.
    """
    thing = get(session, thing.entry_no, lock=True)
    faults = Faults()
    changed = interaction_values.take(session, values, faults)
    columns = {name: getattr(thing, name) for name in COLUMNS} | changed
    if "contact_id" not in changed:
        interaction_values.keep_contact(session, thing.contact_id)
    applies = interaction_creation.check(session, columns, faults, actor=actor)
    if "comments" in changed:
        comments.write(session, thing.entry_no, changed["comments"], actor=actor)
    session.delete(thing)
    session.flush()
    interaction_creation.record(session, thing.entry_no, applies, actor=actor, action="finish")
    return thing.entry_no


def delete(session: Session, things: Sequence[Postponed], *, actor: Actor) -> None:
    """Delete postponed interactions with their comments (P4).

    Raises
    ------
    Forbidden
        If one is not the actor's to delete: a salesperson deletes their own (U1).
    NotFound
        If one was finished or deleted meanwhile.
    """
    entry_nos = sorted(thing.entry_no for thing in things)
    there = session.scalars(
        select(Postponed)
        .where(Postponed.entry_no.in_(entry_nos))
        .order_by(Postponed.entry_no)
        .with_for_update()
    ).all()
    if len(there) < len(entry_nos):
        missing = set(entry_nos) - {thing.entry_no for thing in there}
        raise NotFound(THING, min(missing))
    for thing in there:
        if not actor.may_change(actor_id=thing.actor_id, salesperson_id=thing.salesperson_id):
            raise Forbidden()
    described = describe(session, there)
    remove(session, entry_nos)
    for before in described:
        audit.record_difference(
            session, actor=actor, action="delete", object_type=THING, object_key=str(before["entry_no"]),
            before={name: before[name] for name in STORED}, after={},
        )  # fmt: skip


def remove(session: Session, entry_nos: Sequence[int]) -> None:
    """Take postponed interactions and their comments out of their tables."""
    session.execute(
        text("DELETE FROM interaction_comment WHERE entry_no = ANY(CAST(:entry_nos AS bigint[]))"),
        {"entry_nos": list(entry_nos)},
    )
    session.execute(delete_rows(Postponed).where(Postponed.entry_no.in_(entry_nos)))


def _stored(session: Session, thing: Postponed) -> dict[str, Any]:
    shape = describe(session, [thing])[0]
    return {name: shape[name] for name in STORED}


def _record(
    session: Session, thing: Postponed, *, actor: Actor, action: str, before: Mapping[str, Any]
) -> None:
    audit.record_difference(
        session, actor=actor, action=action, object_type=THING, object_key=str(thing.entry_no),
        before=before, after=_stored(session, thing),
    )  # fmt: skip
