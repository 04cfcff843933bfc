"""What has passed between us and a contact, the newest first, a company's people included or not.

A page is chosen by two index scans that are merged: those of the contact (interaction_contact_id_idx) and, for
a company, those of its people by the company they had then (interaction_company_id_idx). Each delivers its rows in
order and stops after a page, so the number of entries does not matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from domain import sql
from domain.contacts import Contact
from domain.errors import Fault, Invalid

CALL = "call"  # recorded by hand with a number that was called; the other kinds are the origins of the log


@dataclass(frozen=True)
class Place:
    """Where a page begins: after the entry of this date and number."""

    date: dt.date
    entry_no: int

    def __str__(self) -> str:
        return f"{self.date.isoformat()}~{self.entry_no}"

    @classmethod
    def read(cls, written: str) -> Place:
        """Read what `str` wrote; raise `Invalid` for anything else."""
        day, _, entry_no = written.partition("~")
        try:
            if len(entry_no) < 19:
                return cls(dt.date.fromisoformat(day), int(entry_no))
        except ValueError:
            pass
        raise Invalid([Fault("query.after", "invalid", written)])


def page(
    session: Session, contact: Contact, *, after: Place | None = None, limit: int = 20, company: bool = True
) -> list[dict[str, Any]]:
    """Read a page of a contact's timeline.

    Parameters
    ----------
    after
        The last entry of the page before.
    company
        Whether a company's people are taken in.

    Returns
    -------
    Entries with `kind` (manual, call, segment, document) and what a reader wants to see of them.
    """
    rows = session.execute(
        sql.load("timeline"),
        {
            "contact_id": contact.id,
            "with_people": company and contact.type == "company",
            "after_date": after.date if after else dt.date.max,
            "after_entry_no": after.entry_no if after else 2**63 - 1,
            "limit": limit,
        },
    )
    return [dict(row._mapping) for row in rows]


def place_of(entries: Sequence[dict[str, Any]]) -> Place:
    """Return where the page after these entries begins."""
    return Place(entries[-1]["date"], entries[-1]["entry_no"])
