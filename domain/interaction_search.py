"""Finding a page of the log among millions of entries without an index for every filter (docs/decisions/0011).

An index on salesperson, template, campaign, date … would each slow logging down. Instead, the sums beside the log
tell which logged segments have entries that match, on which dates and how many: a page is found by looking into the
newest of those ranges of entry numbers, as many as it takes, and merging what was recorded without a segment, which
has small indexes of its own that cost a segment nothing.

A contact, a company and a document are found by their own indexes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import interaction_filters, records
from domain.interaction_filters import Filters

# Found by an index of their own, and few: whatever the order, all of them are read and sorted.
FEW = frozenset({"contact_no", "company_no", "document_no"})
# What the sums know of entries.
SUMMED = (
    "template_code", "group_code", "salesperson_code", "campaign_no", "campaign_entry_no", "user", "origin",
    "logged_segment_no", "segment_no", "date_from", "date_to",
)  # fmt: skip
# What keeps a search within the ranges that have what matches: the sums, and the texts of segments and templates.
RANGED = frozenset({*SUMMED, "q", "canceled", "document_type"})
# So few entries without a segment, on so few days, are read by their dates, whatever the order; more are met soon
# enough in the order itself.
FEW_OUTSIDE, FEW_DAYS = 5_000, 60
# Ranges looked into at once, doubled with each look that did not fill the page.
FIRST_LOOK = 8

Found = tuple[int, dt.date]


class Piece(NamedTuple):
    """Entries of one logged segment, on one date if the order is by date; `entries` at most match."""

    first: int
    last: int
    day: dt.date | None
    entries: int


class Order(NamedTuple):
    """How a page is sorted and where it begins: beyond an entry number, or a date and an entry number."""

    by_date: bool
    descending: bool
    after_date: dt.date | None = None
    after_entry_no: int | None = None

    @property
    def sql(self) -> str:
        """What follows ORDER BY, for visible entry `i`."""
        direction = "DESC" if self.descending else "ASC"
        return f"i.date {direction}, i.entry_no {direction}" if self.by_date else f"i.entry_no {direction}"

    def beyond(self) -> tuple[str, dict[str, Any]]:
        """Make the condition that leaves out the pages before."""
        if self.after_entry_no is None:
            return "", {}
        comparison = "<" if self.descending else ">"
        if self.by_date:
            return (
                f"AND (i.date, i.entry_no) {comparison} (:after_date, :after_entry_no)",
                {"after_date": self.after_date, "after_entry_no": self.after_entry_no},
            )
        return f"AND i.entry_no {comparison} :after_entry_no", {"after_entry_no": self.after_entry_no}

    def key(self, found: Found) -> tuple[Any, ...]:
        """What entries are compared by."""
        entry_no, day = found
        return (day, entry_no) if self.by_date else (entry_no,)


def find(session: Session, filters: Filters, *, order: Order, limit: int, company: bool = True) -> list[int]:
    """Find the entry numbers of a page, in order.

    Parameters
    ----------
    filters
        As `interaction_filters.take` returns them.
    company
        Whether `contact_no` of a company includes its people's entries.
    """
    search = _Search(session, filters, order, limit, company=company)
    if FEW & set(filters):
        found = search.direct("MATERIALIZED")
    elif not order.by_date and not set(filters) & RANGED:
        found = search.direct("NOT MATERIALIZED")
    else:
        every = {*search.segments(), *search.own_texts(), *search.outside()}
        found = sorted(every, key=order.key, reverse=order.descending)
    return [entry_no for entry_no, _day in found[:limit]]


class _Search:
    """One search: its conditions and their parameters, and the ways to look."""

    def __init__(
        self, session: Session, filters: Filters, order: Order, limit: int, *, company: bool
    ) -> None:
        self._session, self._filters, self._order = session, filters, order
        made, self._parameters = interaction_filters.conditions(session, filters, company=company)
        beyond, after = order.beyond()
        self._conditions = " ".join([*made, beyond])
        self._parameters |= {**after, "limit": limit}
        self._limit = limit

    def _execute(self, statement: str, **parameters: Any) -> list[Found]:
        rows = self._session.execute(text(statement), {**self._parameters, **parameters})
        return [(row.entry_no, row.date) for row in rows]

    def direct(self, materialized: str) -> list[Found]:
        """Look at the whole log; materialized if the filter leads to few entries, else in order until it is enough."""
        unfinished = ""
        parameters: dict[str, Any] = {}
        for position, (first, last) in enumerate(self._session.execute(_UNFINISHED).all()):
            # A scan in order of entry numbers stays out of what is being logged right now.
            parameters |= {f"first{position}": first, f"last{position}": last}
            unfinished += f" AND i.entry_no NOT BETWEEN :first{position} AND :last{position}"
        return self._execute(
            f"WITH i AS {materialized} (SELECT i.entry_no, i.date FROM interaction_visible i"
            f" WHERE true {self._conditions}{unfinished})"
            f" SELECT entry_no, date FROM i ORDER BY {self._order.sql} LIMIT :limit",
            **parameters,
        )

    def segments(self) -> list[Found]:
        """Look into the logged segments that have what matches, in order, until it is enough."""
        if self._has_no_segment():
            return []
        found: list[Found] = []
        look, pieces = FIRST_LOOK, list(self._pieces())
        while pieces and len(found) < self._limit:
            taken, expected = 0, 0
            while taken < min(look, len(pieces)) and expected < self._limit:
                expected += pieces[taken].entries
                taken += 1
            found += self._look_into(pieces[:taken])
            pieces, look = pieces[taken:], look * 2
        return found + self._look_into(self._not_summed_up())

    def _has_no_segment(self) -> bool:
        return _only(self._filters, "document_type") or "segment" not in self._filters.get(
            "origin", ("segment",)
        )

    def _pieces(self) -> Iterator[Piece]:
        """List where entries may match, in order; those behind the pages before are left out."""
        made, parameters = interaction_filters.conditions(
            self._session, {name: self._filters[name] for name in SUMMED if name in self._filters}
        )
        if "q" in self._filters:
            made.append(_SAYS)
        order, beyond = self._order, ""
        if order.after_entry_no is not None:
            beyond = (
                f"AND i.date {'<=' if order.descending else '>='} :after_date"
                if order.by_date
                else f"AND i.{'first <=' if order.descending else 'last >='} :after_entry_no"
            )
        direction = "DESC" if order.descending else "ASC"
        day = "i.date" if order.by_date else "NULL::date"
        rows = self._session.execute(
            text(
                _PIECES.format(
                    day=day,
                    conditions=" ".join([*made, beyond]),
                    entries=_WEIGHTS[_canceled(self._filters)],
                    order=f"day {direction}, i.first {direction}"
                    if order.by_date
                    else f"i.first {direction}",
                )
            ),
            {**self._parameters, **parameters},
        )
        return (Piece(*row) for row in rows)

    def _not_summed_up(self) -> list[Piece]:
        """List the segments that were logged a moment ago."""
        return [Piece(*row) for row in self._session.execute(_NOT_SUMMED_UP)]

    def _look_into(self, pieces: Sequence[Piece]) -> list[Found]:
        if not pieces:
            return []
        direction = "DESC" if self._order.descending else "ASC"
        return self._execute(
            f"""
            SELECT e.entry_no, e.date
            FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[]), CAST(:days AS date[]))
                WITH ORDINALITY p(first, last, day, n)
            CROSS JOIN LATERAL (
                SELECT i.entry_no, i.date FROM interaction_visible i
                WHERE i.entry_no BETWEEN p.first AND p.last AND (p.day IS NULL OR i.date = p.day) {self._conditions}
                ORDER BY {self._order.sql if pieces[0].day is None else f"i.entry_no {direction}"} LIMIT :limit
            ) e
            ORDER BY p.n
            """,
            firsts=[piece.first for piece in pieces],
            lasts=[piece.last for piece in pieces],
            days=[piece.day for piece in pieces],
        )

    def own_texts(self) -> list[Found]:
        """Look at entries of segments that have texts of their own, if a text is searched for."""
        if "q" not in self._filters or self._has_no_segment():
            return []
        return self._execute(
            "SELECT i.entry_no, i.date FROM interaction o JOIN interaction_visible i ON i.entry_no = o.entry_no"
            " WHERE o.logged_segment_no IS NOT NULL AND (o.description IS NOT NULL OR o.subject IS NOT NULL)"
            " AND (o.description ILIKE ANY(:q) OR o.subject ILIKE ANY(:q))"
            f" {self._conditions} ORDER BY {self._order.sql} LIMIT :limit"
        )

    def outside(self) -> list[Found]:
        """Look at what was recorded without a segment."""
        if self._filters.get("origin") == ["segment"] or any(
            _only(self._filters, name) for name in ("logged_segment_no", "segment_no")
        ):
            return []
        days = self._days_outside()
        if days == []:
            return []
        return self._execute(
            f"WITH i AS {'NOT MATERIALIZED' if days is None else 'MATERIALIZED'} ("
            "SELECT i.entry_no, i.date FROM interaction_outside i"
            f" WHERE true {'' if days is None else 'AND i.date = ANY(:days)'} {self._conditions})"
            f" SELECT entry_no, date FROM i ORDER BY {self._order.sql} LIMIT :limit",
            **({} if days is None else {"days": days}),
        )

    def _days_outside(self) -> list[dt.date] | None:
        """List the dates on which entries without a segment match, or None if there are too many to tell."""
        names = (*SUMMED[:5], "date_from", "date_to")
        summed = {name: self._filters[name] for name in names if name in self._filters}
        if not summed:
            return None
        made, parameters = interaction_filters.conditions(self._session, summed)
        rows = self._session.execute(
            text(_OUTSIDE.format(conditions=" ".join(made))), {**parameters, "most": FEW_OUTSIDE}
        ).all()
        if len(rows) == FEW_OUTSIDE or sum(row.entries for row in rows) > FEW_OUTSIDE:
            return None
        days = sorted({row.date for row in rows})
        return days if len(days) <= FEW_DAYS else None


def _only(filters: Filters, name: str) -> bool:
    """Tell whether a filter asks for values alone, not for what is blank."""
    return name in filters and records.BLANK not in filters[name]


def _canceled(filters: Mapping[str, Sequence[str]]) -> str:
    given = set(filters.get("canceled", ()))
    return given.pop() if len(given) == 1 else ""


# How many entries of a row of sums match at most, by what is asked of canceled ones.
_ACTIVE = "CASE WHEN s.canceled_at IS NULL AND c.canceled_at IS NULL THEN t.interactions ELSE 0 END"
_WEIGHTS = {"": "t.entries", "true": f"t.entries - {_ACTIVE}", "false": _ACTIVE}
_PIECES = """
    SELECT i.first, i.last, {day} AS day, sum(i.entries)::bigint AS entries
    FROM (
        SELECT s.first_entry_no AS first, s.last_entry_no AS last, t.date, t.salesperson_id, t.campaign_entry_no,
               v.template_id, v.group_id, c.campaign_id, s.actor_id, 'segment' AS origin, s.first_entry_no AS entry_no,
               CASE WHEN s.deleted_at IS NULL THEN s.no END AS logged_segment_no, s.no, t.template_version_id,
               {entries} AS entries
        FROM interaction_total t
        JOIN logged_segment s ON s.no = t.logged_segment_no AND s.summed_up_at IS NOT NULL
        JOIN interaction_template_version v ON v.id = t.template_version_id
        LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
    ) i
    WHERE true {conditions}
    GROUP BY i.first, i.last, day
    HAVING sum(i.entries) > 0
    ORDER BY {order}
"""
# What entries of a segment say unless they say something of their own.
_SAYS = """
    AND (i.no IN (SELECT no FROM logged_segment WHERE description ILIKE ANY(:q) OR subject ILIKE ANY(:q))
      OR i.template_version_id IN (
          SELECT version_id FROM interaction_template_version_language WHERE subject ILIKE ANY(:q)))
"""
_OUTSIDE = """
    SELECT i.date, i.entries
    FROM (
        SELECT t.date, t.entries, t.salesperson_id, t.campaign_entry_no, v.template_id, v.group_id, c.campaign_id
        FROM interaction_total t
        JOIN interaction_template_version v ON v.id = t.template_version_id
        LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
        WHERE t.logged_segment_no IS NULL
    ) i
    WHERE true {conditions}
    LIMIT :most
"""
_NOT_SUMMED_UP = text("""
    SELECT first_entry_no, last_entry_no, NULL::date, interactions_count FROM logged_segment
    WHERE logged_at IS NOT NULL AND summed_up_at IS NULL
""")
_UNFINISHED = text("SELECT first_entry_no, last_entry_no FROM logged_segment WHERE status = 'logging'")
