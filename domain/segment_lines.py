"""Lines of a segment: a contact each, and only what differs from the header (S2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, criteria_actions, inherited, line_history, records, segments
from domain import values as v
from domain.actors import Actor
from domain.contacts import Contact
from domain.database import Base
from domain.errors import Conflict, Fault, Faults, Invalid, NotFound
from domain.segments import Segment

THING = "segment_line"
MOST_AT_ONCE = 10_000
# So many new lines change what the planner should expect.
MANY = 10_000


class SegmentLine(Base):
    """One line. NULL inherits; '' and campaign 0 are blank on purpose."""

    __tablename__ = "segment_line"

    segment_id: Mapped[int] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    template_id: Mapped[int | None]
    salesperson_id: Mapped[int | None]
    campaign_id: Mapped[int | None]
    date: Mapped[dt.date | None]
    duration_min: Mapped[int | None]
    campaign_target: Mapped[bool | None]
    campaign_response: Mapped[bool | None]
    cost: Mapped[Decimal | None]
    description: Mapped[str | None]
    subject: Mapped[str | None]
    correspondence_type: Mapped[str | None]
    language_code: Mapped[str | None]
    information_flow: Mapped[str | None]
    initiated_by: Mapped[str | None]
    evaluation: Mapped[str | None]


class ContactInSegment(Conflict):
    """The contact is on a line of the segment already (S4)."""

    code: ClassVar[str] = "contact_in_segment"


@dataclass(frozen=True)
class Added:
    """What adding many contacts did; `excluded` are those that carry the "exclude from segment" mark (C2)."""

    added: int
    existing: int
    blocked: int
    excluded: int


PAGE = """
    SELECT e.*, c.no AS contact_no, c.name AS contact_name, o.no AS company_no,
           g.code AS group_code, {recent} AS contacted_recently, {duplicate} AS duplicate_contact
    FROM segment_line_effective e
    LEFT JOIN contact c ON c.id = e.contact_id
    LEFT JOIN contact o ON o.id = e.company_id
    LEFT JOIN interaction_group g ON g.id = e.group_id
    WHERE e.segment_id = :segment_id AND e.line_no {comparison} :after {conditions}
    ORDER BY e.line_no {direction}
    LIMIT :limit
"""
# An active entry within N days either side of the line's date (S9); 0 days is off.
RECENT = """
    (:days > 0 AND EXISTS (
        SELECT FROM interaction_visible i
        WHERE i.contact_id = e.contact_id AND NOT i.canceled
          AND i.date BETWEEN e.date - CAST(:days AS integer) AND e.date + CAST(:days AS integer)))
"""
DUPLICATE = """
    EXISTS (SELECT FROM segment_line d WHERE d.segment_id = e.segment_id AND d.contact_id = e.contact_id
            AND d.line_no <> e.line_no)
"""
WARNINGS = {
    "email_missing": "e.email_missing",
    "excluded": "e.excluded",
    "contacted_recently": RECENT,
    "duplicate_contact": DUPLICATE,
}
# Which lines a filter is about; `line_nos` names them one by one.
FILTERS = ("contact_no", "q", "problem", "warning", "overridden", "line_nos")
# Index: segment_line_pkey.
SELECTED = """
    SELECT e.line_no FROM segment_line_effective e
    LEFT JOIN contact c ON c.id = e.contact_id
    WHERE e.segment_id = :segment_id {conditions}
"""


def tell_planner(session: Session, *, added: int) -> None:
    """Let the planner know of lines that a job has just added, if they are many.

    Autovacuum comes only after a minute; until then each page of a big new segment would read all of it. If somebody
    is analyzing already, that will do.
    """
    if added >= MANY:
        session.execute(text("ANALYZE (SKIP_LOCKED) segment_line"))


def page(
    session: Session,
    segment: Segment,
    *,
    filters: Mapping[str, Sequence[str]],
    after: int | None = None,
    limit: int = 50,
    newest_first: bool = False,
) -> list[dict[str, Any]]:
    """Read a page of lines by number, in API shape, with their effective values, problems and warnings.

    Parameters
    ----------
    filters
        `contact_no`; `q` (number or name of the contact contains it); `problem` (codes, or `any`); `warning` (codes);
        `overridden` (`true`, `false`).
    after
        Number of the last line of the page before.
    """
    conditions, parameters = _conditions(session, filters)
    comparison, direction, start = ("<", "DESC", records.LAST) if newest_first else (">", "ASC", 0)
    statement = PAGE.format(
        recent=RECENT, duplicate=DUPLICATE, conditions=" ".join(conditions), comparison=comparison,
        direction=direction,
    )  # fmt: skip
    rows = session.execute(
        text(statement),
        {
            "segment_id": segment.id,
            "after": start if after is None else after,
            "limit": limit,
            "days": pressure_days(session),
            **parameters,
        },
    ).all()
    return _describe(session, segment, rows)


def selected(session: Session, filters: Mapping[str, Sequence[Any]]) -> tuple[str, dict[str, Any]]:
    """Make the statement that gives the numbers of the lines of `:segment_id` that `filters` mean; no filter: all.

    Filters are those of `page`, and `line_nos`.
    """
    conditions, parameters = _conditions(session, filters)
    return SELECTED.format(conditions=" ".join(conditions)), {**parameters, "days": pressure_days(session)}


def pressure_days(session: Session) -> int:
    """Return the N of S9 (days either side of a line's date) from the setup; 0 is off."""
    return int(session.execute(text("SELECT contact_pressure_days FROM setup")).scalar_one())


def _conditions(session: Session, filters: Mapping[str, Sequence[Any]]) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if filters.get("contact_no"):
        ids = records.ids_of(session, Contact.id, Contact.no, filters["contact_no"])
        conditions.append("AND e.contact_id = ANY(:contact_ids)")
        parameters["contact_ids"] = list(ids.values())
    if filters.get("line_nos"):
        conditions.append("AND e.line_no = ANY(CAST(:line_nos AS integer[]))")
        parameters["line_nos"] = list(filters["line_nos"])
    if filters.get("q"):
        conditions.append("AND (c.no ILIKE ANY(CAST(:q AS text[])) OR c.name ILIKE ANY(CAST(:q AS text[])))")
        parameters["q"] = [records.pattern(text) for text in filters["q"] if v.is_text(text)]
    if filters.get("warning"):
        known = [WARNINGS[code] for code in filters["warning"] if code in WARNINGS]
        conditions.append(f"AND ({' OR '.join(known) or 'false'})")
    if filters.get("problem"):
        conditions.append("AND NOT e.ready AND (:any_problem OR e.problems && CAST(:problems AS text[]))")
        parameters["any_problem"] = "any" in filters["problem"]
        parameters["problems"] = list(filters["problem"])
    if filters.get("overridden"):
        conditions.append("AND e.overridden = ANY(:overridden)")
        parameters["overridden"] = [given == "true" for given in filters["overridden"]]
    return conditions, parameters


def _describe(session: Session, segment: Segment, rows: Sequence[Any]) -> list[dict[str, Any]]:
    lines = {
        line.line_no: line
        for line in session.scalars(
            select(SegmentLine)
            .where(
                SegmentLine.segment_id == segment.id, SegmentLine.line_no.in_([row.line_no for row in rows])
            )
            .execution_options(populate_existing=True)
        )
    }
    codes = inherited.codes(session, [*rows, *lines.values()])
    return [
        {
            "line_no": row.line_no,
            "contact_no": row.contact_no,
            "contact_name": row.contact_name,
            "company_no": row.company_no,
            "overrides": overrides(lines[row.line_no], codes),
            "effective": {
                name: codes.of(field.column, getattr(row, field.column))
                for name, field in inherited.LINE.items()
            }
            | {"group_code": row.group_code},
            "problems": row.problems or [],
            "warnings": _warnings(row),
        }
        for row in rows
    ]


def overrides(line: SegmentLine, codes: inherited.Codes) -> dict[str, Any]:
    """Return what the line says of its own, under API names; what it inherits is left out."""
    return {
        name: codes.of(field.column, getattr(line, field.column))
        for name, field in inherited.LINE.items()
        if getattr(line, field.column) is not None
    }


def _warnings(row: Any) -> list[str]:
    return [code for code in WARNINGS if getattr(row, code)]


def get(session: Session, segment: Segment, line_no: int, *, lock: bool = False) -> SegmentLine:
    """Find a line by its number; raise `NotFound` if there is none."""
    line = session.get(
        SegmentLine, (segment.id, line_no), with_for_update=lock or None, populate_existing=lock
    )
    if line is None:
        raise NotFound(THING, line_no)
    return line


def describe(session: Session, segment: Segment, line: SegmentLine) -> dict[str, Any]:
    """Give one line its API shape."""
    return page(session, segment, filters={}, after=line.line_no - 1, limit=1)[0]


def add(
    session: Session, segment: Segment, *, contact_no: str | None, values: Mapping[str, Any],
    allow_existing: bool, actor: Actor,
) -> SegmentLine:  # fmt: skip
    """Add one contact by hand, with overrides (S4); excluded ones are allowed (C2).

    Raises
    ------
    Invalid
        For an unknown, blocked or erased contact, and for every fault of the overrides.
    ContactInSegment
        If it is there already and `allow_existing` is false.
    """
    segment = segments.editable(session, segment)
    faults = Faults()
    columns = inherited.take(session, values, inherited.LINE, faults)
    contact = _contact(session, contact_no, faults)
    faults.raise_if_any()
    assert contact is not None
    if not allow_existing and _on_line(session, segment, contact.id):
        raise ContactInSegment([Fault("contact_no", "contact_in_segment", contact_no)], contact_no=contact_no)
    line = SegmentLine(
        segment_id=segment.id, line_no=segment.last_line_no + 1, contact_id=contact.id, **columns
    )
    session.add(line)
    _record_added(session, segment, 1, contact_nos=[contact.no], actor=actor)
    return line


def _contact(session: Session, contact_no: str | None, faults: Faults) -> Contact | None:
    if not contact_no:
        faults.add("contact_no", "required")
        return None
    contact = records.refer(session, Contact, Contact.no, contact_no, field="contact_no", faults=faults)
    if contact is None:
        return None
    if contact.erased_at is not None:
        faults.add("contact_no", "contact_erased", contact_no)
    elif contact.privacy_blocked:
        faults.add("contact_no", "privacy_blocked", contact_no)
    return contact


def _on_line(session: Session, segment: Segment, contact_id: int) -> bool:
    return bool(
        session.execute(
            text(
                "SELECT EXISTS (SELECT FROM segment_line WHERE segment_id = :segment_id AND contact_id = :contact_id)"
            ),
            {"segment_id": segment.id, "contact_id": contact_id},
        ).scalar_one()
    )


ADD_MANY = text("""
    WITH given AS (
        SELECT c.id, min(g.position) AS position, c.privacy_blocked OR c.erased_at IS NOT NULL AS blocked,
               c.exclude_from_segment AS excluded,
               EXISTS (SELECT FROM segment_line l WHERE l.segment_id = :segment_id AND l.contact_id = c.id) AS there
        FROM unnest(CAST(:nos AS text[])) WITH ORDINALITY g(no, position)
        JOIN contact c ON lower(c.no) = lower(g.no)
        GROUP BY c.id
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY position) AS position
        FROM given WHERE NOT blocked AND (:allow_existing OR NOT there)
    ), added AS (
        INSERT INTO segment_line (segment_id, line_no, contact_id)
        SELECT :segment_id, :last_line_no + position, id FROM numbered
    )
    SELECT (SELECT count(*) FROM numbered) AS added,
           count(*) FILTER (WHERE blocked) AS blocked,
           count(*) FILTER (WHERE there AND NOT blocked AND NOT :allow_existing) AS existing,
           count(*) FILTER (WHERE excluded AND NOT blocked AND (:allow_existing OR NOT there)) AS excluded
    FROM given
""")


def add_many(
    session: Session, segment: Segment, *, contact_nos: Sequence[str], allow_existing: bool, actor: Actor
) -> Added:
    """Add contacts by hand in the order given, at most 10,000; blocked ones are left out and counted (C3).

    Raises
    ------
    Invalid
        For each unknown number; then nothing is added.
    """
    segment = segments.editable(session, segment)
    _check_known(session, contact_nos)
    row = session.execute(
        ADD_MANY,
        {
            "segment_id": segment.id,
            "nos": list(contact_nos),
            "allow_existing": allow_existing,
            "last_line_no": segment.last_line_no,
        },
    ).one()
    if row.added:
        left_out = {"existing": row.existing, "blocked": row.blocked}
        _record_added(session, segment, row.added, contact_nos=contact_nos, actor=actor, left_out=left_out)
    return Added(row.added, row.existing, row.blocked, row.excluded)


def _check_known(session: Session, contact_nos: Sequence[str]) -> None:
    faults = Faults()
    if len(contact_nos) > MOST_AT_ONCE:
        faults.add("contact_nos", "too_large", len(contact_nos), limit=MOST_AT_ONCE)
    elif not contact_nos:
        faults.add("contact_nos", "required")
    faults.raise_if_any()
    known = records.ids_of(session, Contact.id, Contact.no, contact_nos)
    unknown = [
        Fault(f"contact_nos.{position}", "unknown", no)
        for position, no in enumerate(contact_nos)
        if no not in known
    ]
    if unknown:
        raise Invalid(unknown)


def change(
    session: Session, segment: Segment, line: SegmentLine, *, values: Mapping[str, Any], actor: Actor
) -> SegmentLine:
    """Change overrides of a line: None inherits again, "" is blank on purpose where that is possible.

    Raises
    ------
    Invalid
        Naming every fault.
    LoggingInProgress, SegmentBusy
        If the segment may not be edited now.
    """
    segment = segments.editable(session, segment)
    line = get(session, segment, line.line_no, lock=True)
    before = overrides(line, inherited.codes(session, [line]))
    faults = Faults()
    columns = inherited.take(session, values, inherited.LINE, faults)
    faults.raise_if_any()
    for column, value in columns.items():
        setattr(line, column, value)
    session.flush()
    audit.record_difference(
        session, actor=actor, action="change", object_type=THING,
        object_key=f"{segment.no}/{line.line_no}", before=before,
        after=overrides(line, inherited.codes(session, [line])),
    )  # fmt: skip
    return line


def remove(session: Session, segment: Segment, line: SegmentLine, *, actor: Actor) -> None:
    """Take a line out by hand; the numbers of the others stay (S4)."""
    segment = segments.editable(session, segment)
    line = get(session, segment, line.line_no, lock=True)
    contact_no = session.scalars(select(Contact.no).where(Contact.id == line.contact_id)).first()
    session.expunge(line)
    _take_out(session, segment, [line.line_no], contact_nos=[contact_no] if contact_no else [], actor=actor)


def _take_out(
    session: Session, segment: Segment, line_nos: Sequence[int], *, contact_nos: Iterable[str], actor: Actor
) -> int:
    """Move lines to the history and keep it as one action by hand (S7); return how many there were."""
    action_no = criteria_actions.next_no(session, segment.id)
    removed = line_history.take_out(session, segment.id, action_no=action_no, line_nos=line_nos)
    segment.lines_count -= removed
    session.flush()
    criteria_actions.keep(
        session,
        segment_id=segment.id,
        action="reduce",
        manual=True,
        filters={"contact": {"no": list(contact_nos)}},
        options={},
        removed=removed,
        actor_id=actor.id,
    )
    return removed


def _record_added(
    session: Session,
    segment: Segment,
    lines: int,
    *,
    contact_nos: Iterable[str],
    actor: Actor,
    left_out: Mapping[str, int] | None = None,
) -> None:
    """Count lines that came by hand and keep it as a criteria action, one per request (S7)."""
    numbers = (segment.last_line_no + 1, segment.last_line_no + lines)
    segment.lines_count += lines
    segment.last_line_no += lines
    session.flush()
    criteria_actions.keep(
        session,
        segment_id=segment.id,
        action="add",
        manual=True,
        filters={"contact": {"no": list(contact_nos)}},
        options={},
        added=lines,
        numbers=numbers,
        left_out=left_out,
        actor_id=actor.id,
    )
