"""Entries of the log as a mapped class, the way most applications write rows. Only baselines use it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from celery import Celery
from sqlalchemy import Engine, Table, create_engine
from sqlalchemy.orm import Session, registry

from domain import hints

QUEUE = "bench-task-per-contact"


class Contact:
    """A contact."""

    id: int
    type: str
    company_id: int | None
    salesperson_id: int | None
    language_code: str | None


class Entry:
    """An entry of the log."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)


_mapped = registry()


def engine(url: str) -> Engine:
    """Return an engine, with both classes mapped to the tables that are there."""
    made = create_engine(url)
    if not list(_mapped.mappers):
        for mapped, table in ((Contact, "contact"), (Entry, "interaction")):
            columns = Table(table, _mapped.metadata, autoload_with=made, resolve_fks=False)
            _mapped.map_imperatively(mapped, columns)
    return made


@cache
def own_engine() -> Engine:
    """Return the engine of a worker process."""
    return engine(os.environ["DATABASE_URL"])


def values(contact: Contact, *, entry_no: int, template_version_id: int, actor_id: int) -> dict[str, Any]:
    """Return what an entry of a contact says."""
    return {
        "entry_no": entry_no,
        "contact_id": contact.id,
        "company_id": contact.id if contact.type == "company" else contact.company_id,
        "logged_segment_no": 1,
        "template_version_id": template_version_id,
        "actor_id": actor_id,
        "salesperson_id": contact.salesperson_id,
        "date": "2026-03-01",
        "duration_min": 2,
        "cost": 2.4,
        "information_flow": "outbound",
        "initiated_by": "us",
        "language_code": contact.language_code,
    }


app = Celery("bench", broker=os.environ.get("REDIS_URL"), set_as_current=False)
app.conf.update(hints.BROKER, task_ignore_result=True)


@app.task(name="bench.log_contact")
def log_contact(*, contact_id: int, **given: int) -> None:
    """Read a contact, write its entry, commit: one task for each contact."""
    with Session(own_engine()) as session:
        contact = session.get_one(Contact, contact_id)
        session.add(Entry(**values(contact, **given)))
        session.commit()
