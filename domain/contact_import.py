"""Importing contacts from a CSV file (API.md, /contacts/import; C1, C3).

The upload is kept in pieces; the plan reads them as a stream, checks each row's cells and stages the rows; chunks of
staged rows are then checked against the database and written, set-based. A bad row is reported with its number and
reasons, and the rest goes in. What must never happen: a row twice, a number given out for nothing, an order of the
rows that decides whether a person finds their company. So

- companies are a phase of their own, and people come when all companies of the file are there, whichever row they
  stand on; companies that become persons come last, when the people of the file have left or joined them;
- a chunk locks the contacts it writes and the companies it refers to before it looks at them (READ COMMITTED);
- imports queue one after the other, so what the plan found repeated within a file stays so.

A number or an account that an earlier good row of the file has is refused to the later ones: two rows with one
number are a mistake that somebody should see, not a contest that the last one wins. An account moves from one
contact to another in two imports: taken away in the first, given in the second.

Canceling stops the import; what went in until then stays, and the result says how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import actors, audit, contact_file, jobs, number_series, records, sql
from domain.actors import Actor
from domain.contact_file import Encoding, Layout, Row, find_layout
from domain.contact_links import MEMBERSHIPS
from domain.database import json_param
from domain.errors import Fault, Faults, Invalid
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job
from domain.number_series import NumberSeriesExhausted, NumberSeriesMissing
from domain.salespeople import Salesperson

# Bytes of the upload per row of job_file.
PIECE = 1_000_000
# Staged rows per chunk.
CHUNK = 5_000
# Rows that one COPY stages; each is a statement, which must end within the statement timeout.
BATCH = 5_000
# The plan is one task of a worker, which has 45 s.
MOST_ROWS = 1_000_000
# Rejected rows that the result lists.
LISTED = 1_000

COMPANIES, PEOPLE, BECOMING_PEOPLE = range(3)


def request(
    session: Session,
    *,
    pieces: Iterable[bytes],
    actor: Actor,
    mapping: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Job:
    """Keep an uploaded file and ask for its contacts to be imported; imports queue one after the other.

    Parameters
    ----------
    pieces
        The bytes of the CSV file in any cut: UTF-8 (BOM allowed), comma or semicolon, a header row. Read once, never
        held as a whole.
    mapping
        For each field of a contact the column that fills it, or a pattern such as `{first_name} {last_name}` or
        `BANK{id}`; columns not named are left alone. Without it the columns are named like the fields.
    defaults
        For fields without a column the value of all rows, such as `type`: `company`.

    Raises
    ------
    Invalid
        If the file is empty or not UTF-8, or columns are unknown, missing or there twice; the caller rolls back.
    NumberSeriesMissing
        If the file has no numbers and the setup names no series to take them from (N1).
    """
    encoding = Encoding()
    cut = _cut(pieces)
    first = next(cut, b"")
    layout = find_layout(encoding.decode(first), mapping=mapping, defaults=defaults)
    _check_defaults(session, defaults or {})
    if "no" not in layout.fields:
        number_series.check_available(session, field="contact_nos")
    job = jobs.create(
        session,
        kind=ContactImport.name,
        parameters={"mapping": dict(mapping or {}), "defaults": dict(defaults or {})},
        working={"delimiter": layout.delimiter, "width": layout.width, "sources": layout.sources},
        serial_key=ContactImport.name,
        actor=actor,
    )
    piece = first
    no = 0
    while piece:
        session.execute(
            text("INSERT INTO job_file (job_id, no, piece) VALUES (:job_id, :no, :piece)"),
            {"job_id": job.id, "no": no, "piece": piece},
        )
        piece, no = next(cut, b""), no + 1
        encoding.decode(piece, last=not piece)
    return job


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream of bytes anew, into pieces of `PIECE` bytes."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)


def _check_defaults(session: Session, defaults: Mapping[str, str]) -> None:
    faults = Faults()
    records.refer(
        session,
        Salesperson,
        Salesperson.code,
        defaults.get("salesperson_code"),
        field="defaults.salesperson_code",
        faults=faults,
    )
    faults.raise_if_any()


@register
class ContactImport(Kind):
    """Makes and changes contacts as the rows of a file say."""

    name = "import_contacts"
    # Chunks lock before they look, and take turns at the number series.
    isolation: ClassVar[str] = "READ COMMITTED"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Stage the rows of the file, find what is repeated in it, and cut."""
        layout = Layout(**job.working)
        rows = contact_file.read(_pieces(session, job), layout)
        staged = 0
        while batch := list(islice(rows, BATCH)):
            staged += len(batch)
            if staged > MOST_ROWS:
                raise Invalid([Fault("file", "too_large", staged, {"limit": MOST_ROWS})])
            _stage(session, job, layout, batch)
        if staged >= BATCH:
            session.execute(text("ANALYZE import_row"))
        parameters = {"job_id": job.id, "chunk": CHUNK}
        if "no" in layout.fields:
            session.execute(SET_PHASES, parameters)
        if {"no", "accounts"} & set(layout.fields):
            session.execute(sql.load("import_find_repeated"), parameters)
        session.execute(sql.load("import_cut"), parameters)
        session.execute(text("DELETE FROM job_file WHERE job_id = :job_id"), parameters)
        return ()

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Check the rows of one chunk against the database and write the good ones."""
        fields = Layout(**job.working).fields
        parameters = {
            "job_id": job.id,
            "phase": chunk.phase,
            "range_from": chunk.range_from,
            "range_to": chunk.range_to,
            "fields": fields,
            "links": [kind for field, kind in MEMBERSHIPS.items() if field in fields],
        }
        session.execute(sql.load("import_lock_contacts"), parameters)
        manual = Faults()
        number_series.check_manual(session, field="contact_nos", no="", faults=manual)
        session.execute(sql.load("import_reject_rows"), {**parameters, "allow_manual": not manual})
        nos = _numbers(session, job, parameters)
        if "accounts" in fields:
            session.execute(DELETE_ACCOUNTS, parameters)
        if parameters["links"]:
            session.execute(DELETE_MEMBERSHIPS, parameters)
        written = session.execute(sql.load("import_write_contacts"), {**parameters, "nos": nos}).one()
        rejected = session.execute(COUNT_REJECTED, parameters).scalar_one()
        return {**written._mapping, "rejected": rejected}

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Report, and take away what was staged."""
        return _report(session, job)

    def undone(self, session: Session, job: Job) -> None:
        """Report what went in before the end, which stays, and take away what was staged."""
        planned = session.execute(
            text("SELECT EXISTS (SELECT FROM job_chunk WHERE job_id = :job_id AND step = 1)"),
            {"job_id": job.id},
        ).scalar_one()
        if planned:
            job.result = {**_report(session, job), "kept": True}
        session.execute(text("DELETE FROM job_file WHERE job_id = :job_id"), {"job_id": job.id})


def _pieces(session: Session, job: Job) -> Iterator[bytes]:
    no = 0
    while True:
        piece = session.execute(
            text("SELECT piece FROM job_file WHERE job_id = :job_id AND no = :no"),
            {"job_id": job.id, "no": no},
        ).scalar_one_or_none()
        if piece is None:
            return
        yield bytes(piece)
        no += 1


def _stage(session: Session, job: Job, layout: Layout, rows: list[Row]) -> None:
    connection: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    columns = ", ".join(("job_id", "row_no", "phase", "errors", *layout.fields))
    type_at = layout.fields.index("type") if "type" in layout.fields else None
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY import_row ({columns}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            is_company = type_at is not None and row.values[type_at] == "company"
            errors = Jsonb(row.errors) if row.errors else None
            copy.write_row((job.id, row.no, COMPANIES if is_company else PEOPLE, errors, *row.values))


def _numbers(session: Session, job: Job, parameters: Mapping[str, Any]) -> list[str]:
    """Give out the numbers that the good rows of a chunk need, if there are any; else the rows are rejected."""
    count = session.execute(COUNT_UNNUMBERED, parameters).scalar_one()
    if not count:
        return []

    def held(session: Session, nos: Any) -> set[str]:
        """What a later row of the file brings along counts as held: it must not be taken for this contact."""
        return set(session.scalars(HELD, {"job_id": job.id, "nos": list(nos)}))

    try:
        return number_series.next_nos(session, field="contact_nos", count=count, taken=held)
    except (NumberSeriesMissing, NumberSeriesExhausted) as refusal:
        error: dict[str, Any] = {"field": "no", "code": refusal.code, "value": None, "params": {}}
        session.execute(REJECT_UNNUMBERED.bindparams(json_param("errors", [error])), parameters)
        return []


def _report(session: Session, job: Job) -> dict[str, Any]:
    """Count what the chunks did, list the first rejected rows, record the import (U2), drop the staged rows."""
    counts = dict(session.execute(COUNTS, {"job_id": job.id}).one()._mapping)
    rejected = session.execute(REJECTED_ROWS, {"job_id": job.id, "most": LISTED}).all()
    audit.record(
        session,
        actor=actors.of(session, job.created_by),
        action="import_contacts",
        object_type="job",
        object_key=str(job.id),
        changes={name: [None, count] for name, count in counts.items()},
    )
    session.execute(text("DELETE FROM import_row WHERE job_id = :job_id"), {"job_id": job.id})
    if counts["created"] >= CHUNK:
        session.execute(text("ANALYZE contact"))
    return {**counts, "rejected_rows": [dict(row._mapping) for row in rejected]}


IN_CHUNK = "job_id = :job_id AND row_no BETWEEN :range_from AND :range_to AND phase = :phase"

# Rows that say nothing of their type, or another than the contact has. Index: contact_no_key.
SET_PHASES = text(f"""
    UPDATE import_row r SET phase = p.phase
    FROM import_row i
    JOIN contact c ON lower(c.no) = lower(i.no)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN coalesce(i.type, c.type) = 'company' THEN {COMPANIES}
                    WHEN c.type = 'company' THEN {BECOMING_PEOPLE} ELSE {PEOPLE} END AS phase
    ) p
    WHERE i.job_id = :job_id AND i.errors IS NULL AND i.phase <> p.phase
      AND r.job_id = i.job_id AND r.row_no = i.row_no
""")
COUNT_UNNUMBERED = text(f"SELECT count(*) FROM import_row WHERE {IN_CHUNK} AND errors IS NULL AND no IS NULL")
REJECT_UNNUMBERED = text(
    f"UPDATE import_row SET errors = :errors WHERE {IN_CHUNK} AND errors IS NULL AND no IS NULL"
)
COUNT_REJECTED = text(f"SELECT count(*) FROM import_row WHERE {IN_CHUNK} AND errors IS NOT NULL")
HELD = text("""
    SELECT n.no FROM unnest(CAST(:nos AS text[])) n(no), LATERAL (
        (SELECT FROM contact c WHERE lower(c.no) = lower(n.no) LIMIT 1)
        UNION ALL (SELECT FROM import_row r WHERE r.job_id = :job_id AND lower(r.no) = lower(n.no) LIMIT 1)
    ) held
""")
KNOWN = f"""
    SELECT c.id FROM import_row r, LATERAL (SELECT id FROM contact WHERE lower(no) = lower(r.no) LIMIT 1) c
    WHERE {IN_CHUNK} AND errors IS NULL
"""
DELETE_ACCOUNTS = text(f"DELETE FROM contact_account WHERE contact_id = ANY(ARRAY({KNOWN}))")
DELETE_MEMBERSHIPS = text(
    f"DELETE FROM contact_membership WHERE contact_id = ANY(ARRAY({KNOWN})) AND kind = ANY(CAST(:links AS text[]))"
)
COUNTS = text("""
    SELECT coalesce(sum((outcome->>'created')::bigint), 0)::bigint AS created,
           coalesce(sum((outcome->>'updated')::bigint), 0)::bigint AS updated,
           coalesce(sum((outcome->>'rejected')::bigint), 0)::bigint AS rejected
    FROM job_chunk
    WHERE job_id = :job_id AND step = 1 AND state = 'done'
""")
REJECTED_ROWS = text("""
    SELECT row_no AS row, no, errors FROM import_row
    WHERE job_id = :job_id AND errors IS NOT NULL
    ORDER BY row_no
    LIMIT :most
""")
