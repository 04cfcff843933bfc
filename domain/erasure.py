"""Erasing a person: a right of theirs, which leaves the statistics as they were (C4).

Name, address and free text go, in the contact, in all its entries with their comments, in lines of segments, in what
the audit kept of all these; postponed interactions go altogether. Dates, templates, cost, durations and codes stay, and
the links to accounts too, so that documents printed later are known to be an erased contact's. Archives that purges
wrote earlier are files out of reach, which the result says.

What must never happen: a text that is written beside the erasure and stays. So

- the plan takes the contact's row for itself; whoever records, finishes or comments holds that row FOR SHARE while they
  look whether it is erased, so they come before the plan, and are found, or after it, and are refused;
- whoever logs a segment or records document events does not lock contacts, but leaves erased ones out from the plan's
  commit on; those that began before it may still write. So the finish takes the recorder's lock, and the row of every
  open logging that has a line of the contact (its chunks hold that row while they work), and looks once more for texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, jobs, postponed, records
from domain.actors import Actor
from domain.contacts import THING, Contact
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job

# Entries per chunk; few contacts have as many. 5,000 with their audit and comments take about 0.3 s.
CHUNK = 5_000

# Fields of a contact, an entry or a line that say who somebody is or what was said.
PERSONAL = (
    "name", "email", "phone", "mobile_phone", "address", "post_code", "city", "description", "subject", "contact_via",
    "opportunity_no", "comments",
)  # fmt: skip


def request(session: Session, contact: Contact, *, actor: Actor) -> Job:
    """Ask for a contact to be erased. Asked again, it looks for what has been written since."""
    return jobs.create(
        session,
        kind=Erase.name,
        parameters={"contact_no": contact.no},
        working={"contact_id": contact.id},
        serial_key=f"{Erase.name}:{contact.id}",
        actor=actor,
    )


@register
class Erase(Kind):
    """Blanks a contact and whatever is written about it."""

    name = "erase"
    isolation: ClassVar[str] = "READ COMMITTED"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Blank the contact and cut its entries."""
        parameters = dict(job.working)
        # Who finishes a postponed one holds it and then wants the contact: the same order here.
        session.execute(POSTPONED, parameters)
        session.execute(BLANK_CONTACT, parameters)
        _blank_lines(session, contact_id=parameters["contact_id"])
        entry_nos = list(session.scalars(POSTPONED, parameters))
        postponed.remove(session, entry_nos)
        job.working = {**job.working, "postponed": len(entry_nos)}
        ranges = session.execute(RANGES, {**parameters, "chunk": CHUNK})
        return [Chunk(range_from=row.first, range_to=row.last, size=row.entries) for row in ranges]

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Blank the entries of one range, with their comments and what the audit kept of them."""
        return _blank_entries(session, job.working["contact_id"], chunk.range_from, chunk.range_to)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Blank what was written meanwhile and what is found by the contact alone; record the erasure (U2)."""
        contact_id = job.working["contact_id"]
        session.execute(text(f"SELECT pg_advisory_xact_lock({records.RECORDING})"))
        session.execute(LOCK_LOGGINGS, {"contact_id": contact_id})
        _blank_lines(session, contact_id=contact_id)
        late = _blank_entries(session, contact_id, 0, 2**63 - 1)
        _blank_document_events(session, contact_id)
        contact = session.get_one(Contact, contact_id)
        session.execute(BLANK_AUDIT, {"contact_no": contact.no, "personal": list(PERSONAL)})
        counts = session.execute(COUNTS, {"job_id": job.id}).one()
        result = {
            "contact_no": contact.no,
            "interactions": counts.entries + late["entries"],
            "comments": counts.comments + late["comments"],
            "postponed": job.working["postponed"],
        }
        audit.record(
            session,
            actor=actors.of(session, job.created_by),
            action="erase",
            object_type=THING,
            object_key=contact.no,
            changes={name: [None, count] for name, count in result.items() if name != "contact_no"},
        )
        return {**result, "archives": "not_touched"}


def _blank_lines(session: Session, *, contact_id: int) -> None:
    """Take their own words out of the lines of a contact."""
    for statement in BLANK_LINES:
        session.execute(statement, {"contact_id": contact_id})


def _blank_document_events(session: Session, contact_id: int) -> None:
    """Take the descriptions out of the document events of a contact and of their conflicts."""
    for statement in BLANK_DOCUMENT_EVENTS:
        session.execute(statement, {"contact_id": contact_id})


def _blank_entries(session: Session, contact_id: int, first: int, last: int) -> dict[str, int]:
    row = session.execute(
        BLANK_ENTRIES,
        {"contact_id": contact_id, "first": first, "last": last, "personal": list(PERSONAL)},
    ).one()
    return dict(row._mapping)


BLANK_CONTACT = text("""
    UPDATE contact SET
        erased_at = coalesce(erased_at, now()), name = '', email = '', phone = '', mobile_phone = '', address = '',
        post_code = '', city = ''
    WHERE id = :contact_id
""")
# What lines said in words of their own, those as well that an action took out; from now on they inherit the header's.
# Index: segment_line_contact_id_idx, segment_line_removed_text_idx.
BLANK_LINES = [
    text(f"""
        UPDATE {table} SET description = NULL, subject = NULL
        WHERE contact_id = :contact_id AND (description IS NOT NULL OR subject IS NOT NULL)
    """)
    for table in ("segment_line", "segment_line_removed")
]
POSTPONED = text("SELECT entry_no FROM postponed_interaction WHERE contact_id = :contact_id FOR UPDATE")
RANGES = text("""
    SELECT min(entry_no) AS first, max(entry_no) AS last, count(*) AS entries
    FROM (SELECT entry_no, row_number() OVER (ORDER BY entry_no) - 1 AS position
          FROM interaction WHERE contact_id = :contact_id) e
    GROUP BY position / :chunk ORDER BY 1
""")
# Jobs that read the contact's lines to write their words elsewhere: logging, copying, moving lines out and back.
LOCK_LOGGINGS = text("""
    SELECT FROM job j
    WHERE j.finished_at IS NULL AND EXISTS (
        SELECT FROM segment_line l
        WHERE l.contact_id = :contact_id
          AND l.segment_id IN ((j.working->>'segment_id')::integer, (j.working->>'source_id')::integer)
        UNION ALL
        SELECT FROM segment_line_removed r
        WHERE r.contact_id = :contact_id AND r.segment_id = (j.working->>'segment_id')::integer
          AND (r.description IS NOT NULL OR r.subject IS NOT NULL))
    FOR UPDATE
""")
# Entries of segments that are still being logged are reached too (L8). A line's audit carries the segment's number and
# the line's. Index: interaction_contact_id_idx, interaction_comment_entry_no_idx, audit_object_idx.
BLANK_ENTRIES = text("""
    WITH entry AS MATERIALIZED (
        SELECT i.entry_no, s.segment_no || '/' || (i.entry_no - s.first_entry_no + 1) AS line,
               i.description IS DISTINCT FROM '' OR i.subject IS DISTINCT FROM '' OR i.contact_via IS NOT NULL
                   OR i.opportunity_no IS NOT NULL AS has_text
        FROM interaction i
        LEFT JOIN logged_segment s ON s.no = i.logged_segment_no
        WHERE i.contact_id = :contact_id AND i.entry_no BETWEEN :first AND :last
    ), blanked AS (
        UPDATE interaction i SET description = '', subject = '', contact_via = NULL, opportunity_no = NULL
        FROM entry e WHERE e.has_text AND i.entry_no = e.entry_no
        RETURNING true
    ), commented AS (
        UPDATE interaction_comment c SET comment = ''
        FROM entry e WHERE c.entry_no = e.entry_no AND c.comment <> ''
        RETURNING true
    ), audited AS (
        UPDATE audit a SET changes = a.changes - CAST(:personal AS text[])
        FROM (
            SELECT o.type, CASE o.type WHEN 'segment_line' THEN e.line ELSE e.entry_no::text END AS key
            FROM entry e CROSS JOIN (VALUES ('interaction'), ('postponed_interaction'), ('segment_line')) o (type)
        ) o
        WHERE a.object_type = o.type AND a.object_key = o.key AND a.changes ?| CAST(:personal AS text[])
    )
    SELECT (SELECT count(*) FROM blanked) AS entries, (SELECT count(*) FROM commented) AS comments
""")
# What the audit kept of the contact, of postponed interactions that were deleted, and of lines that are still there.
BLANK_AUDIT = text("""
    UPDATE audit a SET changes = a.changes - CAST(:personal AS text[])
    WHERE a.changes ?| CAST(:personal AS text[]) AND (
        a.object_type = 'contact' AND lower(a.object_key) = lower(:contact_no)
        OR (a.object_type, a.object_key) IN (
            SELECT p.object_type, p.object_key FROM audit p
            WHERE p.object_type = 'postponed_interaction' AND p.changes->'contact_no' ? :contact_no)
        OR (a.object_type, a.object_key) IN (
            SELECT 'segment_line', s.no || '/' || l.line_no
            FROM contact c JOIN segment_line l ON l.contact_id = c.id JOIN segment s ON s.id = l.segment_id
            WHERE c.no = :contact_no
            UNION ALL
            SELECT 'segment_line', s.no || '/' || l.line_no
            FROM contact c JOIN segment_line_removed l ON l.contact_id = c.id JOIN segment s ON s.id = l.segment_id
            WHERE c.no = :contact_no))
""")
# Index: document_event_contact_idx, which holds what is said to be > 0.
BLANK_DOCUMENT_EVENTS = [
    text("""
        UPDATE document_event SET data = data - 'description'
        WHERE contact_id = :contact_id AND contact_id > 0 AND data ? 'description'
    """),
    text("""
        UPDATE document_event_conflict c SET data = c.data - 'description'
        FROM document_event e
        WHERE e.contact_id = :contact_id AND e.contact_id > 0 AND c.position = e.position AND c.data ? 'description'
    """),
]
COUNTS = text("""
    SELECT coalesce(sum((outcome->>'entries')::bigint), 0)::bigint AS entries,
           coalesce(sum((outcome->>'comments')::bigint), 0)::bigint AS comments
    FROM job_chunk WHERE job_id = :job_id AND step = 1 AND state = 'done'
""")
