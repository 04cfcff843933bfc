"""Lists of contacts that somebody brings along: numbers or e-mail addresses, pasted or from a CSV file."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import segment_lines
from domain import values as v
from domain.errors import Faults

MOST_CHARACTERS = 1_000_000
HEADERS = ("no", "contact_no", "email")
SEPARATORS = re.compile(r"[\s,;|]+")

# An address that several contacts share stands for all of them. Index: contact_no_key; addresses are looked up in one
# pass over the contacts.
FIND = text("""
    WITH given AS (SELECT entry, position FROM unnest(CAST(:entries AS text[])) WITH ORDINALITY g(entry, position))
    SELECT g.entry, c.no, g.position FROM given g JOIN contact c ON lower(c.no) = lower(g.entry)
    UNION ALL
    SELECT g.entry, c.no, g.position FROM given g JOIN contact c ON lower(c.email) = lower(g.entry)
    WHERE strpos(g.entry, '@') > 0
    ORDER BY position, no
""")


@dataclass(frozen=True)
class Found:
    """What a list stands for.

    Attributes
    ----------
    contact_nos
        Numbers of the contacts that were found, in the order of the list, each once.
    unknown
        Entries that no contact has.
    """

    contact_nos: list[str]
    unknown: list[str]


def read(listed: str) -> list[str]:
    """Return the entries of a list, each once ignoring case.

    A text whose first line names a column `no`, `contact_no` or `email` is read as CSV, of which that column counts;
    in any other, entries are separated by blanks, commas, semicolons or lines.

    Raises
    ------
    Invalid
        If there is none, or the text is too long.
    """
    faults = Faults()
    if len(listed) > MOST_CHARACTERS:
        faults.add("list", "too_long", None, limit=MOST_CHARACTERS)
    elif not v.is_text(listed):
        faults.add("list", "invalid")
    faults.raise_if_any()
    entries = {entry.lower(): entry for entry in _entries(listed.lstrip("\ufeff"))}
    if not entries:
        faults.add("list", "required")
    elif len(entries) > segment_lines.MOST_AT_ONCE:
        faults.add("list", "too_large", len(entries), limit=segment_lines.MOST_AT_ONCE)
    faults.raise_if_any()
    return list(entries.values())


def _entries(listed: str) -> list[str]:
    lines = listed.splitlines()
    head = lines[0] if lines else ""
    delimiter = ";" if ";" in head else ","
    names = [name.strip().strip('"').lower() for name in head.split(delimiter)]
    column = next((names.index(name) for name in HEADERS if name in names), None)
    if column is None:
        return [entry for entry in SEPARATORS.split(listed) if entry]
    rows = csv.reader(lines[1:], delimiter=delimiter)
    return [row[column].strip() for row in rows if len(row) > column and row[column].strip()]


def find(session: Session, listed: str) -> Found:
    """Find the contacts that a list stands for.

    Raises
    ------
    Invalid
        If nothing can be made of the text.
    """
    entries = read(listed)
    rows = session.execute(FIND, {"entries": entries}).all()
    known = {row.entry for row in rows}
    return Found(
        list(dict.fromkeys(row.no for row in rows)), [entry for entry in entries if entry not in known]
    )
