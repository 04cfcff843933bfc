"""Adding contacts to a segment by what is known of them (S5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import criteria_actions, jobs, records, segments
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults
from domain.job_engine import Chunk, Kind, register
from domain.jobs import Job
from domain.segments import Segment

# Contacts per chunk: inserting 50,000 thin lines takes about a third of a second.
CHUNK = 50_000

PLACES = ("country_code", "city", "post_code", "territory_code", "language_code")
MEMBERSHIPS = {
    "mailing_groups": "mailing_group",
    "industry_groups": "industry_group",
    "business_relations": "business_relation",
    "job_responsibilities": "job_responsibility",
}
CONTACT_FILTERS = ("no", "type", "name", "salesperson_code", *PLACES)
OPTIONS = ("allow_existing", "ignore_exclusion")


def take(values: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, bool]]:
    """Check what an action was asked with; return action, filters and options.

    Every filter is a list of texts; several values of one field are ORed, different fields ANDed.

    Raises
    ------
    Invalid
        Naming every fault; `filter_missing` if there is no filter and no explicit `all`.
    """
    faults = Faults()
    action = values.get("action", "add")
    if action != "add":
        faults.add("action", "not_a_choice", v.shown(action), choices=["add"])
    filters = _take_filters(values.get("filters") or {}, faults)
    options = {
        name: bool(value)
        for name, value in v.take(
            {name: values[name] for name in OPTIONS if name in values},
            {name: v.flag() for name in OPTIONS},
            faults,
        ).items()
    }
    for name in set(values) - {"action", "filters", *OPTIONS}:
        faults.add(name, "unknown_field")
    if not filters and not faults:
        faults.add("filters", "filter_missing")
    faults.raise_if_any()
    return action, filters, options


def _take_filters(given: Any, faults: Faults) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        faults.add("filters", "invalid", v.shown(given))
        return {}
    filters: dict[str, Any] = {}
    contact = given.get("contact") or {}
    if isinstance(contact, Mapping):
        taken = _take_lists(contact, CONTACT_FILTERS, "filters.contact.", faults)
        if taken:
            filters["contact"] = taken
    else:
        faults.add("filters.contact", "invalid", v.shown(contact))
    rest = {name: value for name, value in given.items() if name not in ("contact", "all")}
    filters.update(_take_lists(rest, tuple(MEMBERSHIPS), "filters.", faults))
    if given.get("all") is True:
        filters["all"] = True
    elif given.get("all") not in (None, False):
        faults.add("filters.all", "invalid", v.shown(given["all"]))
    return filters


def _take_lists(
    given: Mapping[str, Any], known: Iterable[str], prefix: str, faults: Faults
) -> dict[str, list[str]]:
    known = tuple(known)
    taken: dict[str, list[str]] = {}
    for name, value in given.items():
        if name not in known:
            faults.add(prefix + name, "unknown_field")
            continue
        listed = [] if value is None else value if isinstance(value, list | tuple) else [value]
        for position, item in enumerate(listed):
            path = f"{prefix}{name}.{position}" if isinstance(value, list | tuple) else prefix + name
            if not v.is_text(item):
                faults.add(path, "invalid", v.shown(item))
            elif name == "type" and item not in ("company", "person"):
                faults.add(path, "not_a_choice", item, choices=["company", "person"])
            elif len(item) > v.NAME_LIMIT:
                faults.add(path, "too_long", v.shown(item), limit=v.NAME_LIMIT)
        if listed:
            taken[name] = list(listed)
    return taken


def matching(filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make the SQL condition on contact `c` that says `filters`, and its parameters.

    Names match by "contains", everything else by equality, both ignoring case (S5). People inherit industry
    groups and business relations of their company.
    """
    conditions = ["true"]
    parameters: dict[str, Any] = {}

    def given(name: str, values: list[str]) -> str:
        parameters[name] = [value.lower() for value in values]
        return f"ANY(CAST(:{name} AS text[]))"

    contact = filters.get("contact", {})
    for name in ("no", "type", *PLACES):
        if name in contact:
            conditions.append(f"lower(c.{name}) = {given(name, contact[name])}")
    if "name" in contact:
        parameters["name"] = [records.pattern(value) for value in contact["name"]]
        conditions.append("c.name ILIKE ANY(CAST(:name AS text[]))")
    if "salesperson_code" in contact:
        conditions.append(
            "c.salesperson_id IN (SELECT id FROM salesperson WHERE lower(code) = "
            f"{given('salesperson_code', contact['salesperson_code'])})"
        )
    for name, kind in MEMBERSHIPS.items():
        if name in filters:
            inherits = kind in ("industry_group", "business_relation")
            holders = "(c.id, c.company_id)" if inherits else "(c.id)"
            conditions.append(
                "EXISTS (SELECT FROM contact_membership m "
                f"WHERE m.kind = '{kind}' AND m.contact_id IN {holders} "
                f"AND lower(m.code) = {given(name, filters[name])})"
            )
    return " AND ".join(conditions), parameters


MATCHED = """
    matched AS (
        SELECT c.id, c.no, c.type, c.name, c.company_id,
               CASE
                   WHEN c.privacy_blocked OR c.erased_at IS NOT NULL THEN 'blocked'
                   WHEN NOT :allow_existing AND EXISTS (
                       SELECT FROM segment_line l WHERE l.segment_id = :segment_id AND l.contact_id = c.id)
                   THEN 'existing'
                   WHEN c.exclude_from_segment AND NOT :ignore_exclusion THEN 'excluded'
               END AS left_out
        FROM contact c
        WHERE {condition}
    )
"""
COUNTS = """
    SELECT count(*) FILTER (WHERE left_out IS NULL) AS added,
           count(*) FILTER (WHERE left_out = 'blocked') AS blocked,
           count(*) FILTER (WHERE left_out = 'existing') AS existing,
           count(*) FILTER (WHERE left_out = 'excluded') AS excluded
    FROM matched
"""
# Order of new lines (S4): company name, no company first; company number; the company before its people; name.
# Each chunk carries its contacts as an array, 8 bytes each, so the order is found once and no row leaves the server.
PLAN = """
    WITH {matched}, ordered AS (
        SELECT c.id, row_number() OVER (
            ORDER BY lower(CASE c.type WHEN 'company' THEN c.name ELSE o.name END) NULLS FIRST,
                     lower(CASE c.type WHEN 'company' THEN c.no ELSE o.no END) NULLS FIRST,
                     c.type, lower(c.name), c.id) AS position
        FROM matched c
        LEFT JOIN contact o ON o.id = c.company_id
        WHERE c.left_out IS NULL
    ), cut AS (
        INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size, contact_ids)
        SELECT :job_id, 1 + (position - 1) / :chunk, 1, :last_line_no + min(position),
               :last_line_no + max(position), count(*), array_agg(id ORDER BY position)
        FROM ordered
        GROUP BY (position - 1) / :chunk
    )
    {counts}
"""
INSERT_LINES = text("""
    INSERT INTO segment_line (segment_id, line_no, contact_id)
    SELECT :segment_id, k.range_from + c.position - 1, c.id
    FROM job_chunk k, unnest(k.contact_ids) WITH ORDINALITY c(id, position)
    WHERE k.job_id = :job_id AND k.no = :no
""")


def _parameters(segment_id: int, options: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "segment_id": segment_id,
        "allow_existing": options.get("allow_existing", False),
        "ignore_exclusion": options.get("ignore_exclusion", False),
    }


def count(session: Session, segment: Segment, *, values: Mapping[str, Any]) -> dict[str, int]:
    """Return the result an action would have now; nothing is changed."""
    _, filters, options = take(values)
    condition, parameters = matching(filters)
    row = session.execute(
        text(f"WITH {MATCHED.format(condition=condition)} {COUNTS}"),
        {**_parameters(segment.id, options), **parameters},
    ).one()
    return {**row._mapping, "removed": 0}


def request(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for an action on a segment; actions on one segment queue one after the other (S10).

    Raises
    ------
    Invalid
        Naming every fault of the request.
    LoggingInProgress
        If the segment is frozen.
    """
    action, filters, options = take(values)
    locked = segments.get(session, segment.no, lock=True)
    if locked.status == segments.Status.LOGGING:
        raise segments.LoggingInProgress(no=segment.no)
    return jobs.create(
        session,
        kind=CriteriaActionKind.name,
        parameters={"segment_no": locked.no, "action": action, "filters": filters, **options},
        working={"segment_id": locked.id, "filters": filters, "options": options},
        serial_key=segments.serial_key(locked),
        actor=actor,
    )


@register
class CriteriaActionKind(Kind):
    """Adds the contacts that match, as they are when the job is planned."""

    name = "criteria_action"
    undoes = True

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Find the contacts, put them in order and cut them into chunks, in one statement."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        condition, parameters = matching(job.working["filters"])
        row = session.execute(
            text(PLAN.format(matched=MATCHED.format(condition=condition), counts=COUNTS)),
            {
                **_parameters(segment.id, job.working["options"]),
                **parameters,
                "job_id": job.id,
                "chunk": CHUNK,
                "last_line_no": segment.last_line_no,
            },
        ).one()
        job.working = {**job.working, "counts": dict(row._mapping)}
        return ()

    def work(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Write the lines of one chunk."""
        session.execute(
            INSERT_LINES, {"segment_id": job.working["segment_id"], "job_id": job.id, "no": chunk.no}
        )

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Count the new lines on the segment and keep the action (S7)."""
        counts = job.working["counts"]
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        segment.lines_count += counts["added"]
        segment.last_line_no += counts["added"]
        criteria_actions.keep(
            session,
            segment_id=segment.id,
            action="add",
            manual=False,
            filters=job.working["filters"],
            options=job.working["options"],
            added=counts["added"],
            removed=0,
            actor_id=job.created_by,
            job_id=job.id,
        )
        if counts["added"] >= CHUNK:
            session.execute(text("ANALYZE segment_line"))
        return {**counts, "removed": 0}

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take the lines of one chunk out again."""
        segments.delete_lines(session, job.working["segment_id"], first=chunk.range_from, last=chunk.range_to)
