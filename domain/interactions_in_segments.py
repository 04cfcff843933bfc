"""Finding entries in logged segments: the sums tell which ranges of entry numbers have what matches (decision 11).

The newest of those ranges are read and looked into, as many as it takes to fill a page, however many there are.
Segments that were logged a moment ago are not summed up yet; all of them are looked into.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import text

from domain import interaction_texts
from domain.interaction_question import CAMPAIGN, SEGMENT, SUMMED, Found, Order, Question

# What the sums know of entries of segments.
SUMMED_WITH_SEGMENT = (*SUMMED, "user", "origin", *SEGMENT, "date_from", "date_to")
# Filters by which campaign entries are asked for.
CAMPAIGNS = (CAMPAIGN, "campaign_entry_no")
# Filters that lead to few of the sums, in no order, and so many segments that say a text at most: by date all of those
# are read at once. One salesperson, one wording of a template have theirs in order.
NARROW, FEW_SAY = {"template_code", "salesperson_code", "user", *CAMPAIGNS, *SEGMENT}, 50
# Ranges read, and looked into, at once; doubled with each time that did not fill the page.
FIRST_LOOK = 8


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


def find(question: Question) -> list[Found]:
    """Find the first entries of the list among those of logged segments."""
    if _has_no_segment(question):
        return []
    said = _said(question)
    summed_up = [] if said is None else _walk(question, _pieces(question, said), _ALL)
    return summed_up + _look_into(question, _not_summed_up(question), _ALL)


def _walk(question: Question, pieces: Iterator[Piece], source: Source) -> list[Found]:
    found: list[Found] = []
    look = FIRST_LOOK
    # How many entries of a piece have texts of their own, nobody knows.
    enough = question.limit if source is _ALL else math.inf
    while len(found) < question.limit and (taken := _next(pieces, look, enough)):
        found += _look_into(question, taken, source)
        look *= 2
    return found


def _next(pieces: Iterator[Piece], most: int, enough: float) -> list[Piece]:
    """Take pieces until they have enough entries together, or are as many as are looked into at once."""
    taken: list[Piece] = []
    expected = 0
    for piece in islice(pieces, most):
        taken.append(piece)
        expected += piece.entries
        if expected >= enough:
            break
    return taken


def _has_no_segment(question: Question) -> bool:
    return question.asks_only("document_type") or "segment" not in question.filters.get(
        "origin", ("segment",)
    )


class Said(NamedTuple):
    """What says a text that is searched for: a condition on the sums `i`, and whether it leads to few of them."""

    condition: str = ""
    is_narrow: bool = False


def _said(question: Question) -> Said | None:
    """Find out which segments, which wordings of templates say a text that is searched for; None if none does."""
    if "q" not in question.filters:
        return Said()
    segments, wordings = question.session.execute(
        text(_SAID), {**question.parameters, "few": FEW_SAY + 1}
    ).one()
    by = [condition for condition, says in ((_BY_SEGMENT, segments), (_BY_WORDING, wordings)) if says]
    return Said(f"AND ({' OR '.join(by)})", not wordings and segments <= FEW_SAY) if by else None


def _pieces(question: Question, said: Said) -> Iterator[Piece]:
    """List where entries may match, in order, read as they are taken; those on the pages before are left out."""
    made, parameters = question.conditions_of(SUMMED_WITH_SEGMENT)
    order = question.order
    is_narrow = _is_narrow(question, said)
    most = None if is_narrow else FIRST_LOOK
    pieces_of = _IN_ORDER_OF_DATES if order.by_date else _IN_ORDER_OF_NUMBERS
    beyond, place = _beyond_page(order)
    campaigns = _of_campaigns(question)
    while True:
        statement = pieces_of.format(
            conditions=f"{made} {question.wording} {said.condition}",
            beyond=f"{campaigns} {beyond}",
            entries=_WEIGHTS[question.canceled],
            segment=_JOINED if is_narrow else _ONE_BY_ONE,
            direction=order.direction,
        )
        rows = question.session.execute(
            text(statement), {**question.parameters, **parameters, **place, "most": most}
        ).all()
        pieces = [Piece(*row) for row in rows]
        yield from (_rest_of(piece, order) for piece in pieces)
        if most is None or len(pieces) < most:
            return
        beyond, place = _beyond_piece(order, pieces[-1])
        most *= 2


def _is_narrow(question: Question, said: Said) -> bool:
    """Tell whether what is asked for leads to few of the sums, which no index has in the order of the list."""
    if not question.order.by_date or question.asks_one("salesperson_code") or question.has_one_wording:
        return False
    return said.is_narrow or not NARROW.isdisjoint(question.filters)


def _of_campaigns(question: Question) -> str:
    """Leave out the segments that have no campaign entry of what is asked for; by date their sums have an index."""
    names = [name for name in CAMPAIGNS if question.asks_only(name)]
    if not names or question.order.by_date:
        return ""
    made, _ = question.conditions_of(names)
    return f"AND s.no IN (SELECT i.logged_segment_no FROM ({_CAMPAIGN_ENTRIES}) i WHERE true {made})"


def _beyond_page(order: Order) -> tuple[str, dict[str, Any]]:
    """Make the condition that leaves out pieces on the pages before."""
    if order.after_entry_no is None:
        return "", {}
    if order.by_date:
        return f"AND i.date {'<=' if order.descending else '>='} :after_date", {}
    return f"AND s.{'first_entry_no <=' if order.descending else 'last_entry_no >='} :after_entry_no", {}


def _beyond_piece(order: Order, piece: Piece) -> tuple[str, dict[str, Any]]:
    """Make the condition that leaves out a piece and those before it; the date also alone, for an index."""
    comparison = "<" if order.descending else ">"
    if not order.by_date:
        return f"AND s.first_entry_no {comparison} :beyond_first", {"beyond_first": piece.first}
    return (
        f"AND i.date {comparison}= :beyond_day AND (i.date, i.first) {comparison} (:beyond_day, :beyond_first)",
        {"beyond_day": piece.day, "beyond_first": piece.first},
    )


def _not_summed_up(question: Question) -> list[Piece]:
    """List the segments that were logged a moment ago."""
    made, parameters = question.conditions_of(SEGMENT)
    rows = question.session.execute(text(_NOT_SUMMED_UP.format(conditions=made)), parameters)
    return [Piece(*row) for row in rows]


def _look_into(question: Question, pieces: Sequence[Piece], source: Source) -> list[Found]:
    """Find the first entries of each piece in order.

    What a piece has is read in order until it is enough, and looked up in the view of all one by one: OFFSET 0
    keeps the planner from reading, looking up and sorting all of it, as it does where it expects few matches.
    """
    if not pieces:
        return []
    by_date = question.order.by_date and pieces[0].day is None
    # Asked once: what is asked twice, the planner takes for much rarer than it is.
    of_the_rest = " ".join([source.condition, *question.of_the_rest])
    direction = question.order.direction
    return question.find(
        f"""
        SELECT e.entry_no, e.date
        FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[]), CAST(:days AS date[]))
            WITH ORDINALITY p(first, last, day, n)
        CROSS JOIN LATERAL (
            SELECT i.entry_no, i.date
            FROM (
                SELECT * FROM {source.relation} i
                WHERE i.entry_no BETWEEN p.first AND p.last AND (p.day IS NULL OR i.date = p.day) {question.of_row}
                ORDER BY i.entry_no {direction} OFFSET 0
            ) o
            CROSS JOIN LATERAL (
                SELECT * FROM interaction_visible i
                WHERE i.entry_no = o.entry_no {of_the_rest} {question.beyond} OFFSET 0
            ) i
            ORDER BY {question.order.sql if by_date else f"o.entry_no {direction}"} LIMIT :limit
        ) e
        ORDER BY p.n
        """,
        firsts=[piece.first for piece in pieces],
        lasts=[piece.last for piece in pieces],
        days=[piece.day for piece in pieces],
    )


def find_personal(question: Question) -> list[Found]:
    """Find those with texts of their own, if a text is searched for."""
    if "q" not in question.filters or _has_no_segment(question):
        return []
    found = interaction_texts.find(question, "interaction_personal")
    return _walk(question, _pieces(question, Said()), _PERSONAL) if found is None else found


def _rest_of(piece: Piece, order: Order) -> Piece:
    """Leave out what is on the pages before, of a piece on the very day they end."""
    if order.after_entry_no is None or piece.day != order.after_date:
        return piece
    if order.descending:
        return piece._replace(last=min(piece.last, order.after_entry_no - 1))
    return piece._replace(first=max(piece.first, order.after_entry_no + 1))


# How many entries of a row of sums match at most, by what is asked of canceled ones.
_ACTIVE = "CASE WHEN s.canceled_at IS NULL AND c.canceled_at IS NULL THEN t.interactions ELSE 0 END"
_WEIGHTS = {"": "t.entries", "true": f"t.entries - {_ACTIVE}", "false": _ACTIVE}
_SUMS = """
    SELECT s.first_entry_no AS first, s.last_entry_no AS last, t.date, t.salesperson_id, t.campaign_entry_no,
           v.template_id, v.group_id, c.campaign_id, s.actor_id, 'segment' AS origin, s.first_entry_no AS entry_no,
           CASE WHEN s.deleted_at IS NULL THEN s.no END AS logged_segment_no, s.no, t.template_version_id,
           {entries} AS entries
    FROM interaction_total t
    LEFT JOIN interaction_template_version v ON v.id = t.template_version_id
    LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
"""
_JOINED = "JOIN logged_segment s ON s.no = t.logged_segment_no AND s.summed_up_at IS NOT NULL"
_ONE_BY_ONE = """CROSS JOIN LATERAL (
    SELECT * FROM logged_segment s WHERE s.no = t.logged_segment_no AND s.summed_up_at IS NOT NULL OFFSET 0
) s"""
# Segment by segment, or sum by sum: beside many sums without a segment, the planner takes a join of those with one for
# far fewer than they are, and reads them all. Index: logged_segment_summed_up_idx, and that of the sums of a segment.
_IN_ORDER_OF_NUMBERS = f"""
    SELECT s.first_entry_no AS first, s.last_entry_no AS last, NULL::date AS day, i.entries
    FROM logged_segment s
    CROSS JOIN LATERAL (
        SELECT sum(i.entries)::bigint AS entries
        FROM ({_SUMS} WHERE t.logged_segment_no = s.no) i
        WHERE true {{conditions}}
    ) i
    WHERE s.summed_up_at IS NOT NULL AND i.entries > 0 {{beyond}}
    ORDER BY first {{direction}}
    LIMIT :most
"""
# Index: interaction_total_segment_date_idx, interaction_total_segment_salesperson_date_idx,
# interaction_total_segment_template_date_idx.
_IN_ORDER_OF_DATES = f"""
    SELECT i.first, max(i.last) AS last, i.date AS day, sum(i.entries)::bigint AS entries
    FROM (
        {_SUMS} {{segment}} WHERE t.logged_segment_no IS NOT NULL
    ) i
    WHERE true {{conditions}} {{beyond}}
    GROUP BY i.first, day
    HAVING sum(i.entries) > 0
    ORDER BY day {{direction}}, i.first {{direction}}
    LIMIT :most
"""
_CAMPAIGN_ENTRIES = "SELECT entry_no AS campaign_entry_no, campaign_id, logged_segment_no FROM campaign_entry"
_ALL = Source("interaction", "")
_PERSONAL = Source("interaction_personal", "AND o.said ILIKE ANY(:q)")
# What entries of a segment say unless they say something of their own.
_SEGMENTS = "SELECT no FROM logged_segment WHERE description ILIKE ANY(:q) OR subject ILIKE ANY(:q)"
_WORDINGS = "SELECT version_id FROM interaction_template_version_language WHERE subject ILIKE ANY(:q)"
_SAID = f"SELECT (SELECT count(*) FROM ({_SEGMENTS} LIMIT :few) s), EXISTS ({_WORDINGS})"
_BY_SEGMENT, _BY_WORDING = f"i.no IN ({_SEGMENTS})", f"i.template_version_id IN ({_WORDINGS})"
_NOT_SUMMED_UP = """
    SELECT i.entry_no, i.last_entry_no, NULL::date, i.interactions_count
    FROM (
        SELECT first_entry_no AS entry_no, last_entry_no, interactions_count,
               CASE WHEN deleted_at IS NULL THEN no END AS logged_segment_no
        FROM logged_segment WHERE logged_at IS NOT NULL AND summed_up_at IS NULL
    ) i
    WHERE true {conditions}
"""
