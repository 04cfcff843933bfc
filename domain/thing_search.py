"""Finding things by what somebody types: a number, a code, words of a name (docs/decisions/0028).

One statement, whatever is typed and however much there is: every part of it reads a bounded number of rows.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, String, bindparam
from sqlalchemy.orm import Session

from domain import sql
from domain import values as v

# Of many contacts that match, so many are put in order; of the small nouns so many of the newest are looked through.
CANDIDATES, NEWEST, NEWEST_JOBS = 200, 2_000, 200
LONGEST = 100
# Beginnings of a job's id that are no longer than this might be anything.
SHORTEST_JOB_ID = 6
LARGEST_NUMBER = 2**63 - 1


class Thing(NamedTuple):
    """Something that was found. `name` of a job is its kind; `detail` tells it from others of the same name."""

    kind: str
    key: str
    name: str
    detail: str | None


def find(session: Session, *, typed: str, limit: int = 5) -> list[Thing]:
    """Find contacts, segments, logged segments, entries, campaigns, templates, salespeople and jobs.

    Parameters
    ----------
    typed
        Words of a name, in any order and each begun at least, or the beginning of a number or code; case does not
        matter, nor whether a Cyrillic "ё" was typed. Entries are found by their own number or their document's.
    limit
        So many of each kind at most.
    """
    given = typed.strip()[:LONGEST]
    words = words_of(given)
    if not words or not v.is_text(given):
        return []
    first_job, last_job = _jobs_of(given)
    number = int(given) if given.isascii() and given.isdecimal() and int(given) <= LARGEST_NUMBER else None
    rows = session.execute(
        sql.load("find_things").bindparams(
            bindparam("number", number, BigInteger),
            bindparam("patterns", [rf"\m{word}" for word in words], ARRAY(String)),
        ),
        {
            "given": given,
            "typed": folded(given),
            "query": " & ".join(f"'{word}':*" for word in words),
            "first_job": first_job,
            "last_job": last_job,
            "limit": limit,
            "candidates": CANDIDATES,
            "newest": NEWEST,
            "newest_jobs": NEWEST_JOBS,
        },
    )
    return list(dict.fromkeys(Thing(*row) for row in rows))


def folded(text: str) -> str:
    """Write a text as texts are compared here: in lower case, "ё" as "е", with single spaces."""
    return " ".join(text.lower().replace("ё", "е").split())


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return re.findall(r"\w+", folded(text))


def _jobs_of(given: str) -> tuple[UUID | None, UUID | None]:
    """Return the ids between which those lie that begin with what was typed."""
    digits = given.replace("-", "")
    if not SHORTEST_JOB_ID <= len(digits) <= 32 or not re.fullmatch("[0-9A-Fa-f]+", digits):
        return None, None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
