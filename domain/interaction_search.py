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
# What an entry's row says itself, without its segment, template or campaign.
STORED = ("salesperson_code", "user", "campaign_entry_no", "evaluation", "date_from", "date_to")
# What its version of the template says, and its campaign entry.
WORDED = ("template_code", "group_code")
CAMPAIGN = "campaign_no"
# What pieces match as a whole or not at all.
SEGMENT = ("logged_segment_no", "segment_no")
# What keeps a search within the ranges that have what matches: the sums, and the texts of segments and templates.
RANGED = frozenset({*SUMMED, "q", "canceled", "document_type"})
# So few entries without a segment are all read, whatever the order, by their dates if those are few; more are met soon
# enough in the order itself, and even sooner where an index has one salesperson's, user's or wording's in that order.
FEW_OUTSIDE, FEW_IN_ORDER, FEW_DAYS = 5_000, 100, 100
# Ranges looked into at once, doubled with each look that did not fill the page.
FIRST_LOOK = 8
# So many entries, the nearest in the order of the list, tell whether a text is said often: by more than this share.
NEAREST, OFTEN = 5_000, 0.01
# Days looked at one by one for a period that lies behind many newer entries.
MANY_DAYS = 4_000
PEOPLE = ("salesperson_code", "user")
PERIOD = ("date_from", "date_to", "origin", "canceled")

Found = tuple[int, dt.date]


class Piece(NamedTuple):
    """Entries of one logged segment, on one date if the order is by date; `entries` at most match."""

    first: int
    last: int
    day: dt.date | None
    entries: int


class Source(NamedTuple):
    """Where entries of a segment are looked for, and what is asked of them there, as `o`."""

    relation: str
    condition: str


class Order(NamedTuple):
    """How a page is sorted and where it begins: beyond an entry number, or a date and an entry number."""

    by_date: bool
    descending: bool
    after_date: dt.date | None = None
    after_entry_no: int | None = None

    @property
    def direction(self) -> str:
        """`ASC` or `DESC`."""
        return "DESC" if self.descending else "ASC"

    @property
    def sql(self) -> str:
        """What follows ORDER BY, for visible entry `i`."""
        columns = ("i.date", "i.entry_no") if self.by_date else ("i.entry_no",)
        return ", ".join(f"{column} {self.direction}" for column in columns)

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

    def rest_of(self, piece: Piece) -> Piece:
        """Leave out what is on the pages before, of a piece on the very day they end."""
        if self.after_entry_no is None or piece.day != self.after_date:
            return piece
        if self.descending:
            return piece._replace(last=min(piece.last, self.after_entry_no - 1))
        return piece._replace(first=max(piece.first, self.after_entry_no + 1))

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
    session.execute(_TUNING)
    search = _Search(session, filters, order, limit, company=company)
    if FEW & set(filters):
        found = search.direct("MATERIALIZED")
    elif not set(filters) & RANGED and (not order.by_date or _only(filters, "evaluation")):
        found = search.direct("NOT MATERIALIZED")
    else:
        every = {*search.segments(), *search.personal(), *search.outside()}
        found = sorted(every, key=order.key, reverse=order.descending)
    return [entry_no for entry_no, _day in found[:limit]]


class _Search:
    """One search: its conditions and their parameters, and the ways to look."""

    def __init__(
        self, session: Session, filters: Filters, order: Order, limit: int, *, company: bool
    ) -> None:
        self._session, self._filters, self._order = session, filters, order
        made, self._parameters = interaction_filters.conditions(session, filters, company=company)
        self._beyond, after = order.beyond()
        self._conditions = " ".join([*made, self._beyond])
        by_name = dict(zip(filters, made, strict=True))
        of_row = [one for name, one in by_name.items() if name in STORED]
        if _canceled(filters) == "true":
            of_row.append(_IS_CANCELED)
        if _only(filters, CAMPAIGN):
            of_row.append(self._of_campaigns(by_name[CAMPAIGN]))
        self._of_the_rest = [one for name, one in by_name.items() if name not in (*SEGMENT, *STORED, *WORDED)]
        self._parameters |= {**after, "limit": limit}
        self._limit = limit
        self._wording = self._of_wordings() if set(WORDED) & set(filters) else ""
        self._of_row = " ".join([*of_row, self._wording])

    def _of_wordings(self) -> str:
        """Say template and group by what entries refer to, so that PostgreSQL knows how many those are."""
        made, parameters = interaction_filters.conditions(
            self._session,
            {name: self._filters[name] for name in WORDED if name in self._filters},
        )
        ids = self._session.scalars(
            text(f"SELECT i.id FROM interaction_template_version i WHERE true {' '.join(made)}"), parameters
        ).all()
        self._parameters["versions"] = ids[0] if len(ids) == 1 else list(ids)
        return f"AND i.template_version_id {'= :versions' if len(ids) == 1 else '= ANY(:versions)'}"

    def _of_campaigns(self, condition: str) -> str:
        """Say the campaign by the numbers of its entries: as a join it would not be read in order."""
        numbers = text(f"SELECT i.entry_no FROM campaign_entry i WHERE true {condition}")
        self._parameters["campaign_entries"] = list(self._session.scalars(numbers, self._parameters))
        return "AND i.campaign_entry_no = ANY(CAST(:campaign_entries AS integer[]))"

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
        said = [_SAYS] if "q" in self._filters else []
        return self._walk(list(self._pieces(said)), _ALL) + self._look_into(self._not_summed_up(), _ALL)

    def _walk(self, pieces: Sequence[Piece], source: Source) -> list[Found]:
        found: list[Found] = []
        look = FIRST_LOOK
        while pieces and len(found) < self._limit:
            taken, expected = 0, 0
            while taken < min(look, len(pieces)) and expected < self._limit:
                expected += pieces[taken].entries
                taken += 1
            found += self._look_into(pieces[:taken], source)
            pieces, look = pieces[taken:], look * 2
        return found

    def _has_no_segment(self) -> bool:
        return _only(self._filters, "document_type") or "segment" not in self._filters.get(
            "origin", ("segment",)
        )

    def _pieces(self, said: Sequence[str] = ()) -> Iterator[Piece]:
        """List where entries may match, in order; those behind the pages before are left out."""
        made, parameters = interaction_filters.conditions(
            self._session, {name: self._filters[name] for name in SUMMED if name in self._filters}
        )
        order, beyond = self._order, ""
        if order.after_entry_no is not None:
            beyond = (
                f"AND i.date {'<=' if order.descending else '>='} :after_date"
                if order.by_date
                else f"AND i.{'first <=' if order.descending else 'last >='} :after_entry_no"
            )
        direction = order.direction
        day = "i.date" if order.by_date else "NULL::date"
        rows = self._session.execute(
            text(
                _PIECES.format(
                    day=day,
                    conditions=" ".join([*made, *said, beyond]),
                    entries=_WEIGHTS[_canceled(self._filters)],
                    order=f"day {direction}, i.first {direction}"
                    if order.by_date
                    else f"i.first {direction}",
                )
            ),
            {**self._parameters, **parameters},
        )
        return (order.rest_of(Piece(*row)) for row in rows)

    def _not_summed_up(self) -> list[Piece]:
        """List the segments that were logged a moment ago."""
        made, parameters = interaction_filters.conditions(
            self._session, {name: self._filters[name] for name in SEGMENT if name in self._filters}
        )
        rows = self._session.execute(text(_NOT_SUMMED_UP.format(conditions=" ".join(made))), parameters)
        return [Piece(*row) for row in rows]

    def _look_into(self, pieces: Sequence[Piece], source: Source) -> list[Found]:
        """Find the first entries of each piece in order.

        What a piece has is read in order until it is enough, and looked up in the view of all one by one: OFFSET 0
        keeps the planner from reading, looking up and sorting all of it, as it does where it expects few matches.
        """
        if not pieces:
            return []
        by_date = self._order.by_date and pieces[0].day is None
        # Asked once: what is asked twice, the planner takes for much rarer than it is.
        of_the_rest = " ".join([source.condition, *self._of_the_rest])
        direction = self._order.direction
        return self._execute(
            f"""
            SELECT e.entry_no, e.date
            FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[]), CAST(:days AS date[]))
                WITH ORDINALITY p(first, last, day, n)
            CROSS JOIN LATERAL (
                SELECT i.entry_no, i.date
                FROM (
                    SELECT * FROM {source.relation} i
                    WHERE i.entry_no BETWEEN p.first AND p.last AND (p.day IS NULL OR i.date = p.day) {self._of_row}
                    ORDER BY i.entry_no {direction} OFFSET 0
                ) o
                CROSS JOIN LATERAL (
                    SELECT * FROM interaction_visible i
                    WHERE i.entry_no = o.entry_no {of_the_rest} {self._beyond} OFFSET 0
                ) i
                ORDER BY {self._order.sql if by_date else f"o.entry_no {direction}"} LIMIT :limit
            ) e
            ORDER BY p.n
            """,
            firsts=[piece.first for piece in pieces],
            lasts=[piece.last for piece in pieces],
            days=[piece.day for piece in pieces],
        )

    def personal(self) -> list[Found]:
        """Look at entries of segments with texts of their own, if a text is searched for."""
        if "q" not in self._filters or self._has_no_segment():
            return []
        found = self._texts("interaction_personal")
        return self._walk(list(self._pieces()), _PERSONAL) if found is None else found

    def _texts(self, source: str) -> list[Found] | None:
        """Find what says a text: by its trigrams if that is seldom said, else among the nearest.

        None if it is said often, but among the nearest not often enough with whatever else is asked for.
        """
        nearest = (
            f"SELECT i.* FROM {source} i WHERE true {self._beyond} ORDER BY {self._order.sql} LIMIT {NEAREST}"
        )
        often = f"SELECT count(*) FROM ({nearest}) i WHERE i.said ILIKE ANY(:q)"
        if self._session.scalar(text(often), self._parameters) < NEAREST * OFTEN:
            return self._execute(
                "WITH said AS MATERIALIZED"
                f" (SELECT i.entry_no FROM {source} i WHERE i.said ILIKE ANY(:q) {self._beyond})"
                " SELECT i.entry_no, i.date FROM said JOIN interaction_visible i USING (entry_no)"
                f" WHERE true {self._conditions} ORDER BY {self._order.sql} LIMIT :limit"
            )
        found = self._execute(
            f"""
            SELECT o.entry_no, o.date
            FROM (
                SELECT * FROM ({nearest}) i WHERE i.said ILIKE ANY(:q) {self._of_row}
                ORDER BY {self._order.sql} OFFSET 0
            ) o
            CROSS JOIN LATERAL (
                SELECT FROM interaction_visible i WHERE i.entry_no = o.entry_no {self._conditions} OFFSET 0
            ) i
            ORDER BY {self._order.sql.replace("i.", "o.")} LIMIT :limit
            """
        )
        return found if len(found) == self._limit else None

    def outside(self) -> list[Found]:
        """Look at what was recorded without a segment."""
        if self._filters.get("origin") == ["segment"] or any(
            _only(self._filters, name) for name in ("logged_segment_no", "segment_no")
        ):
            return []
        if not self._order.by_date and (period := self._period_outside()):
            return self._outside_by_day(period)
        days = self._days_outside()
        if days is not None:
            return self._few_outside(days) if days else []
        if "q" in self._filters and (found := self._texts("interaction_outside")) is not None:
            return found
        return self._execute(
            "SELECT i.entry_no, i.date FROM interaction_outside i"
            f" WHERE true {self._conditions} {self._wording}"
            f" ORDER BY {self._order.sql} LIMIT :limit"
        )

    def _is_in_order(self) -> bool:
        """Tell whether an index without segments has what is asked for, and nothing else, in the order of the list."""
        others = set(self._filters) - {"template_code", *PEOPLE, *(PERIOD[:2] if self._order.by_date else ())}
        return not others and (bool(self._one_person()) or isinstance(self._parameters.get("versions"), int))

    def _one_person(self) -> set[str]:
        """Name the filters by which one salesperson, one user is asked for."""
        return {
            name for name in PEOPLE if _only(self._filters, name) and isinstance(self._parameters[name], int)
        }

    def _few_outside(self, days: Sequence[dt.date]) -> list[Found]:
        return self._execute(
            "WITH i AS MATERIALIZED (SELECT i.entry_no, i.date FROM interaction_outside i"
            f" WHERE {'i.date = ANY(:days)' if len(days) <= FEW_DAYS else 'true'} {self._conditions} {self._wording})"
            f" SELECT entry_no, date FROM i ORDER BY {self._order.sql} LIMIT :limit",
            days=days,
        )

    def _outside_by_day(self, period: tuple[dt.date, dt.date]) -> list[Found]:
        """Look at the nearest entries of days, as those of a period may lie behind a million others.

        A page is in as many days as it has entries at most: those whose nearest entry is nearest.
        """
        of_day = f"""
            SELECT i.entry_no, i.date FROM interaction_outside i WHERE i.date = d.day {self._conditions}
            ORDER BY {self._order.sql}
        """
        return self._execute(
            f"""
            SELECT i.entry_no, i.date
            FROM (
                SELECT i.date AS day
                FROM (
                    SELECT day::date FROM generate_series(CAST(:first_day AS date), :last_day, interval '1 day') day
                ) d
                CROSS JOIN LATERAL ({of_day} LIMIT 1) i
                ORDER BY {self._order.sql} LIMIT :limit
            ) d
            CROSS JOIN LATERAL ({of_day} LIMIT :limit) i
            ORDER BY {self._order.sql} LIMIT :limit
            """,
            first_day=period[0],
            last_day=period[1],
        )

    def _period_outside(self) -> tuple[dt.date, dt.date] | None:
        """Tell the first and last day, if a period of not too many days is asked for, at most of one person."""
        others = set(self._filters) - {*PERIOD, *self._one_person()}
        if others or not set(PERIOD[:2]) & set(self._filters):
            return None
        made, parameters = interaction_filters.conditions(
            self._session, {name: self._filters[name] for name in PERIOD[:2] if name in self._filters}
        )
        nearest = "SELECT min(i.date), max(i.date) FROM interaction i WHERE i.logged_segment_no IS NULL"
        first, last = self._session.execute(text(f"{nearest} {' '.join(made)}"), parameters).one()
        return (first, last) if first and (last - first).days < MANY_DAYS else None

    def _days_outside(self) -> list[dt.date] | None:
        """List the dates on which entries without a segment match, or None if those are not few."""
        names = (*SUMMED[:5], "date_from", "date_to")
        summed = {name: self._filters[name] for name in names if name in self._filters}
        if not set(summed) - set(PERIOD):
            return None
        made, parameters = interaction_filters.conditions(self._session, summed)
        most = FEW_IN_ORDER if self._is_in_order() else FEW_OUTSIDE
        rows = self._session.execute(
            text(_OUTSIDE.format(conditions=" ".join(made))), {**parameters, "most": most}
        ).all()
        if len(rows) == most or sum(row.entries for row in rows) > most:
            return None
        return sorted({row.date for row in rows})


def _only(filters: Filters, name: str) -> bool:
    """Tell whether a filter asks for values alone, not for what is blank."""
    return name in filters and records.BLANK not in filters[name]


def _canceled(filters: Mapping[str, Sequence[str]]) -> str:
    given = set(filters.get("canceled", ()))
    return given.pop() if len(given) == 1 else ""


# How many entries of a row of sums match at most, by what is asked of canceled ones.
_ACTIVE = "CASE WHEN s.canceled_at IS NULL AND c.canceled_at IS NULL THEN t.interactions ELSE 0 END"
# What `canceled` of the view says, told by the row and two short lists.
_IS_CANCELED = """
    AND (i.canceled_at IS NOT NULL
      OR i.logged_segment_no IN (SELECT no FROM logged_segment WHERE canceled_at IS NOT NULL)
      OR i.campaign_entry_no IN (SELECT entry_no FROM campaign_entry WHERE canceled_at IS NOT NULL))
"""
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
        LEFT JOIN interaction_template_version v ON v.id = t.template_version_id
        LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
    ) i
    WHERE true {conditions}
    GROUP BY i.first, i.last, day
    HAVING sum(i.entries) > 0
    ORDER BY {order}
"""
_ALL = Source("interaction", "")
_PERSONAL = Source("interaction_personal", "AND o.said ILIKE ANY(:q)")
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
        LEFT JOIN interaction_template_version v ON v.id = t.template_version_id
        LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
        WHERE t.logged_segment_no IS NULL
    ) i
    WHERE true {conditions}
    LIMIT :most
"""
_NOT_SUMMED_UP = """
    SELECT i.entry_no, i.last_entry_no, NULL::date, i.interactions_count
    FROM (
        SELECT first_entry_no AS entry_no, last_entry_no, interactions_count,
               CASE WHEN deleted_at IS NULL THEN no END AS logged_segment_no
        FROM logged_segment WHERE logged_at IS NOT NULL AND summed_up_at IS NULL
    ) i
    WHERE true {conditions}
"""
# The planner takes entries that match for spread evenly, and would rather walk along the log for them, past a million
# newer ones, than read theirs by an index from all over it.
_TUNING = text("SET LOCAL random_page_cost = 0.3")
_UNFINISHED = text("SELECT first_entry_no, last_entry_no FROM logged_segment WHERE status = 'logging'")
