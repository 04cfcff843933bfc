"""Measures how a segment gets its lines and is checked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from domain import actors, contact_import, segment_check, segments
from ops.bench.company import Company, timed
from ops.bench.figures import Figure, Waits
from ops.bench.ground import Ground, Work, seconds_of
from ops.bench.plain import ReadyRows

LINES = "segment_line"
MOST_IMPORTED = 50_000
HEADER_CHANGES = 15

# What a check cannot do without: reaching the contact of each line.
REACH = """
    SELECT count(c.salesperson_id)
    FROM segment_line l LEFT JOIN contact c ON c.id = l.contact_id
    WHERE l.segment_id = (SELECT id FROM segment WHERE no = %s)
"""
CHUNKS = """
    SELECT count(*) FROM job_chunk c JOIN job j ON j.id = c.job_id
    WHERE c.step = 1 AND j.position = (SELECT max(position) FROM job WHERE kind = 'criteria_action')
"""
NEW_CONTACTS = (
    "no, type, name, email, phone, address, post_code, city, country_code, territory_code, language_code, "
    "correspondence_type"
)
CSV = """
    COPY (
        SELECT 'NEW' || lpad(CAST(id AS text), 8, '0') AS no, 'company' AS type, name, email, phone, address,
               post_code, city, country_code, territory_code, language_code, correspondence_type
        FROM contact ORDER BY id LIMIT {rows}
    ) TO STDOUT WITH (FORMAT csv, HEADER)
"""


def add(ground: Ground) -> Iterator[Figure]:
    """Add every contact by a filter, beside the plain insert of the same lines."""
    company = Company(ground, contacts=ground.rows)
    # What is put back are the lines of this segment, which stays.
    company.segment_of_all()
    (chunks,) = ground.row(CHUNKS)
    ready = ReadyRows(ground, LINES, order="segment_id, line_no")

    def emptied() -> str:
        ground.execute(f"TRUNCATE {LINES}")
        ground.settle(LINES)
        return company.make_segment("Everybody again")

    product, plain = ground.in_turns(
        Work("add contacts by filter", ready.count, company.add_all, emptied),
        Work(
            "INSERT … SELECT of the same lines",
            ready.count,
            lambda _: ready.insert(chunks=max(chunks, 1), connections=ground.workers),
            emptied,
        ),
        tables=[LINES],
    )
    ready.drop()
    yield Figure("add", product, plain)


def check(ground: Ground) -> Iterator[Figure | Waits]:
    """Check a segment of everybody, beside the join it cannot do without; change its header meanwhile."""
    company = Company(ground, contacts=ground.rows)
    no = company.segment_of_all()

    def checked(_: None) -> float:
        with ground.client.transaction() as session:
            segment = segments.get(session, no)
            return timed(lambda: segment_check.check(session, segment))

    product, plain = ground.in_turns(
        Work("check a segment", ground.rows, checked),
        Work("lines joined to contacts", ground.rows, lambda _: timed(lambda: ground.row(REACH, [no]))),
    )
    yield Figure("check", product, plain)
    yield Waits(
        "header",
        f"change the header of {ground.rows:,} lines",
        tuple(_change_header(ground, no, turn) for turn in range(HEADER_CHANGES)),
    )
    company.delete_segment(no)


def _change_header(ground: Ground, no: str, turn: int) -> float:
    """Change a header and describe it, as a PATCH does; return the milliseconds."""

    def change() -> None:
        with ground.client.transaction() as session:
            segment = segments.change(
                session,
                segments.get(session, no),
                values={"unit_cost": Decimal(turn), "subject": f"Subject {turn}"},
                actor=actors.system(session),
            )
            segments.describe(session, [segment])

    return timed(change) * 1000


def import_(ground: Ground) -> Iterator[Figure]:
    """Import new contacts from a CSV file, beside COPY of the same file."""
    Company(ground, contacts=ground.rows)
    rows = min(MOST_IMPORTED, ground.rows)
    with ground.connect() as connection, connection.cursor().copy(CSV.format(rows=rows)) as copy:
        pieces = [bytes(piece) for piece in copy]

    def imported(_: None) -> float:
        with ground.client.transaction() as session:
            job = contact_import.request(session, pieces=pieces, actor=actors.system(session))
        return seconds_of(ground.client.finish(job))

    def copied(_: None) -> float:
        statement = f"COPY contact ({NEW_CONTACTS}) FROM STDIN (FORMAT csv, HEADER)"
        with ground.connect() as connection:

            def send() -> None:
                with connection.cursor().copy(statement) as to:
                    to.write(b"".join(pieces))

            return timed(send)

    def without_them() -> None:
        ground.execute("DELETE FROM contact WHERE no LIKE 'NEW%'")
        ground.settle("contact")

    product, plain = ground.in_turns(
        Work("import contacts", rows, imported, without_them),
        Work("COPY of the same file", rows, copied, without_them),
        tables=["contact"],
    )
    without_them()
    yield Figure("import", product, plain)
