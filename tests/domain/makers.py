"""Makers of master data for tests: what is not said is left at its default."""

from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, campaigns, contacts, interaction_groups, number_series, salespeople, templates
from domain.campaigns import Campaign
from domain.contacts import Contact
from domain.errors import Refusal
from domain.interaction_groups import InteractionGroup
from domain.number_series import NumberSeries
from domain.salespeople import Salesperson
from domain.templates import InteractionTemplate


def make_salesperson(session: Session, code: str = "HR", **values: Any) -> Salesperson:
    """Make a salesperson."""
    return salespeople.create(session, values={"code": code, **values}, actor=actors.system(session))


def make_campaign(session: Session, **values: Any) -> Campaign:
    """Make a campaign."""
    return campaigns.create(session, values=values, actor=actors.system(session))


def make_group(session: Session, code: str = "LETTER", **values: Any) -> InteractionGroup:
    """Make an interaction group."""
    return interaction_groups.create(session, values={"code": code, **values}, actor=actors.system(session))


def make_template(session: Session, code: str = "BUS", **values: Any) -> InteractionTemplate:
    """Make a template, in a group of its own unless one is given."""
    if "group_code" not in values:
        values["group_code"] = make_group(session, f"G-{code}").code
    return templates.create(session, values={"code": code, **values}, actor=actors.system(session))


def make_contact(session: Session, name: str = "Anna", **values: Any) -> Contact:
    """Make a contact, a person unless another type is given."""
    return contacts.create(
        session, values={"type": "person", "name": name, **values}, actor=actors.system(session)
    )


def make_company(session: Session, name: str = "Cane Showroom", **values: Any) -> Contact:
    """Make a company."""
    return make_contact(session, name, type="company", **values)


def make_series(session: Session, code: str = "S", **values: Any) -> NumberSeries:
    """Make a number series, starting at S01 unless told otherwise."""
    values = {"code": code, "starting_no": "S01", **values}
    return number_series.create(session, values=values, actor=actors.system(session))


def make_segment(session: Session, no: str = "SM1", **columns: Any) -> int:
    """Make the row of a segment; return its id."""
    columns = {"no": no, "created_by": actors.system(session).id, **columns}
    return insert(session, "segment", columns, returning="id")


def make_line(session: Session, segment_id: int, line_no: int, contact_id: int, **columns: Any) -> None:
    """Make the row of a segment line."""
    columns = {"segment_id": segment_id, "line_no": line_no, "contact_id": contact_id, **columns}
    insert(session, "segment_line", columns)


def make_entry(session: Session, contact: Contact, template: InteractionTemplate, **columns: Any) -> int:
    """Make an interaction of today with the wording the template has now; return its entry number."""
    columns = {
        "entry_no": session.scalar(text("SELECT next_entry_nos(1)")),
        "contact_id": contact.id,
        "company_id": contact.id if contact.type == "company" else contact.company_id,
        "template_version_id": template.version_id,
        "actor_id": actors.system(session).id,
        "date": "2026-03-10",
        "description": "A letter",
        **columns,
    }
    return insert(session, "interaction", columns, returning="entry_no")


def make_logged_segment(session: Session, segment_no: str = "SM1", **columns: Any) -> int:
    """Make the row of a complete logged segment whose range holds whatever tests number; return its number.

    The sequence of entry numbers is not rolled back with a test, so a short range would depend on the tests before.
    """
    columns = {
        "segment_id": 0,
        "segment_no": segment_no,
        "description": "Event",
        "actor_id": actors.system(session).id,
        "status": "logged",
        "first_entry_no": 1,
        "last_entry_no": 100_000,
        "job_id": session.scalar(text("SELECT gen_random_uuid()")),
        "logged_at": None if columns.get("status") == "logging" else "2026-03-10",
        **columns,
    }
    return insert(session, "logged_segment", columns, returning="no")


def make_campaign_entry(session: Session, campaign: Campaign, **columns: Any) -> int:
    """Make the row of a campaign entry; return its number."""
    return insert(session, "campaign_entry", {"campaign_id": campaign.id, **columns}, returning="entry_no")


def insert(session: Session, table: str, columns: dict[str, Any], *, returning: str = "1") -> int:
    """Insert a row of plain columns."""
    session.flush()
    names, holders = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    statement = text(f"INSERT INTO {table} ({names}) VALUES ({holders}) RETURNING {returning}")
    return int(session.execute(statement, columns).scalar_one())


def wait_for_a_lock(session: Session, other: Future[Any]) -> None:
    """Return when the transaction of `other` waits for a lock of this one."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not other.done():
        # What is known of activity is kept for the transaction unless thrown away.
        session.execute(text("SELECT pg_stat_clear_snapshot()"))
        if session.scalar(waiting):
            return
    raise AssertionError(f"it did not wait: {other}")


def faults_of(refused: pytest.ExceptionInfo[Refusal]) -> set[tuple[str, str]]:
    """Say which fields a refusal speaks of, with the codes of their faults."""
    return {(fault.field, fault.code) for fault in refused.value.faults}
