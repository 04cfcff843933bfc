"""Archives of purges: the rows in a compressed CSV file before they go, and back again (E8).

A row of the file is an entry: its stored columns as they were, what they refer to by code for whoever reads it, when
and by whom it was canceled in effect, and its comments as JSON. The file is written in pieces, one for every part that
a purge deletes, each a gzip member of its own: it is written, brought to disk, read back and counted while the rows are
locked, and only then they are deleted. Which pieces count stands in the chunks that are committed, so what a chunk
left behind that died is passed over; the end of the job strings the pieces together.

Workers on several hosts must share the folder (`INTERLOG_ARCHIVE_FOLDER`). One that does not see what the plan made
there deletes nothing.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import psycopg
from psycopg import sql as psql
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import audit, settings, sql
from domain.actors import Actor
from domain.errors import Conflict

# What a part's rows weigh little more with; 6 takes four times as long.
COMPRESSION = 3
BYTES_AT_ONCE = 1024 * 1024
# Comments of an entry and its text are one cell.
LARGEST_CELL = 2**31 - 1
# Beside the columns of the table `interaction`, in this order.
READABLE = (
    "contact_no", "contact_name", "company_no", "template_code", "template_description", "group_code",
    "salesperson_code", "campaign_no", "segment_no", "user", "canceled_in_effect_at", "canceled_in_effect_by",
    "comments",
)  # fmt: skip


class ArchiveBroken(Exception):
    """What was read back from the archive is not what was written; the rows stay."""


class ArchiveNotShared(Exception):
    """The archive folder of this worker is not that of the worker that planned the purge."""


class Archive(NamedTuple):
    """A finished archive.

    Parameters
    ----------
    file
        Its name in the archive folder.
    sha256
        Checksum of the file.
    rows
        Entries in it.
    """

    file: str
    sha256: str
    rows: int


def open_folder(job_id: uuid.UUID) -> None:
    """Make the folder of a purge's pieces."""
    _pieces_of(job_id).mkdir(parents=True, exist_ok=True)


def write_piece(session: Session, job_id: uuid.UUID) -> dict[str, Any]:
    """Write the rows listed in `purge_doomed`, by number, and read them back; return name, rows and checksum.

    Raises
    ------
    ArchiveNotShared
        If the folder that the plan made is not here.
    ArchiveBroken
        If what is on disk is not what was written.
    """
    folder = _pieces_of(job_id)
    if not folder.is_dir():
        raise ArchiveNotShared(f"{folder} is not there: all workers must share INTERLOG_ARCHIVE_FOLDER")
    path = folder / f"{uuid.uuid4().hex}.csv.gz"
    written = hashlib.sha256()
    with path.open("wb") as file:
        with gzip.GzipFile(
            filename="", fileobj=file, mode="wb", compresslevel=COMPRESSION, mtime=0
        ) as packed:
            for block in _rows(session):
                written.update(block)
                packed.write(block)
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)
    rows, content, checksum = _read_back(path)
    if content != written.hexdigest():
        raise ArchiveBroken(f"{path.name} is not what was written")
    return {"file": path.name, "rows": rows, "sha256": checksum}


def join(session: Session, job_id: uuid.UUID) -> Archive | None:
    """Make one file of the pieces that count; None where nothing was archived.

    Raises
    ------
    ArchiveBroken
        If a piece is missing or not what it was.
    """
    pieces = session.execute(
        text("""
            SELECT p.piece->>'file' AS file, (p.piece->>'rows')::bigint AS rows, p.piece->>'sha256' AS sha256
            FROM job_chunk c, jsonb_array_elements(c.outcome->'pieces') WITH ORDINALITY p(piece, position)
            WHERE c.job_id = :job_id AND c.step = 1 AND c.state = 'done'
            ORDER BY c.range_from, p.position
        """),
        {"job_id": job_id},
    ).all()
    if not pieces:
        shutil.rmtree(_pieces_of(job_id), ignore_errors=True)
        return None
    record = session.execute(
        text("SELECT id, to_char(started_at, 'YYYYMMDD') AS day FROM purge_record WHERE job_id = :job_id"),
        {"job_id": job_id},
    ).one()
    path = settings.archive_folder() / f"purge-{record.id:06}-{record.day}.csv.gz"
    unfinished = _pieces_of(job_id) / "joined"
    joined = hashlib.sha256()
    # After a crash between the two, the pieces may be gone and the file there: then that is looked at.
    if _pieces_of(job_id).is_dir():
        with unfinished.open("wb") as file:
            _copy(io.BytesIO(gzip.compress(_header(session), mtime=0)), file, joined)
            for piece in pieces:
                own = hashlib.sha256()
                with (_pieces_of(job_id) / piece.file).open("rb") as source:
                    _copy(source, file, joined, own)
                if own.hexdigest() != piece.sha256:
                    raise ArchiveBroken(f"{piece.file} is not what it was")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        _sync(path.parent)
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    if joined.hexdigest() not in (checksum, hashlib.sha256().hexdigest()):
        raise ArchiveBroken(f"{path.name} is not what was written")
    shutil.rmtree(_pieces_of(job_id), ignore_errors=True)
    return Archive(path.name, checksum, sum(piece.rows for piece in pieces))


def columns(session: Session) -> list[str]:
    """Return the columns of the log as they are stored."""
    return list(
        session.scalars(
            text("""
                SELECT attname::text FROM pg_attribute
                WHERE attrelid = 'interaction'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
            """)
        )
    )


class ArchiveForeign(Conflict):
    """What the rows refer to is not there, or something else by now: nothing was brought back."""

    code = "archive_foreign"


def restore(session: Session, *, file: BinaryIO, actor: Actor) -> dict[str, int]:
    """Bring the entries of an archive back, canceled, with their comments, in one transaction.

    An entry comes back as it was stored. Where what canceled it (a logged segment, a campaign entry) has been restored
    meanwhile, its cancel becomes its own. Entries that are there already are left alone, and those of contacts who were
    erased meanwhile stay away.

    Parameters
    ----------
    file
        The archive, compressed.

    Returns
    -------
    dict
        `restored`, `existing`, `erased`.

    Raises
    ------
    ArchiveForeign
        If the file is no archive, or refers to what this service does not have.
    """
    stored = columns(session)
    with gzip.open(file, "rb") as packed:
        try:
            given = packed.readline().decode().strip().split(",")
        except (OSError, EOFError, UnicodeDecodeError):
            given = []
        if not {"entry_no", "contact_id", *READABLE} <= set(given):
            raise ArchiveForeign(reason="this is no archive of a purge")
        kept = [name for name in given if name in stored]
        _load(session, given, kept, packed)
    missing = session.execute(sql.load("archive_missing")).all()
    if missing:
        raise ArchiveForeign(reason=", ".join(f"{row.thing} {row.key}" for row in missing))
    session.execute(
        text(
            "SELECT FROM logged_segment WHERE no IN (SELECT logged_segment_no FROM archived) FOR NO KEY UPDATE"
        )
    )
    session.execute(
        text(
            "SELECT entry_no FROM campaign_entry WHERE entry_no IN (SELECT campaign_entry_no FROM archived) FOR SHARE"
        )
    )
    result = session.execute(text(_COUNT_ARCHIVED)).one()
    names = psql.SQL(", ").join(map(psql.Identifier, kept))
    values = psql.SQL(", ").join(_RESTORED.get(name, psql.Identifier("r", name)) for name in kept)
    _driver(session).execute(psql.SQL(sql.load("archive_restore").text).format(columns=names, values=values))
    audit.record(
        session,
        actor=actor,
        action="restore",
        object_type="archive",
        object_key=str(getattr(file, "name", "")).rpartition("/")[2],
        changes={"restored": [None, result.restored]},
    )
    return dict(result._mapping)


def _header(session: Session) -> bytes:
    return (",".join([*columns(session), *READABLE]) + "\n").encode()


def _rows(session: Session) -> Iterator[bytes]:
    """Have PostgreSQL write the listed rows as CSV."""
    stored = psql.SQL(", ").join(psql.Identifier("i", name) for name in columns(session))
    query = psql.SQL(sql.load("purge_archive_rows").text).format(stored=stored)
    with _driver(session).cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            yield bytes(block)


def _read_back(path: Path) -> tuple[int, str, str]:
    """Read a piece from disk: its rows, the checksum of its content and that of the file."""
    content = hashlib.sha256()

    def lines() -> Iterator[str]:
        with gzip.open(path, "rb") as packed:
            for line in packed:
                content.update(line)
                yield line.decode()

    csv.field_size_limit(LARGEST_CELL)
    rows = sum(1 for _ in csv.reader(lines()))
    with path.open("rb") as file:
        return rows, content.hexdigest(), hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: BinaryIO, target: BinaryIO, *checksums: Any) -> None:
    while block := source.read(BYTES_AT_ONCE):
        target.write(block)
        for checksum in checksums:
            checksum.update(block)


def _pieces_of(job_id: uuid.UUID) -> Path:
    return settings.archive_folder() / f".{job_id}"


def _sync(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _load(session: Session, given: Sequence[str], kept: Sequence[str], packed: Any) -> None:
    """Put the rows of an archive into a table of this transaction, in the types of the log."""
    connection = _driver(session)
    own = psql.SQL(", ").join(map(psql.Identifier, kept))
    connection.execute(
        psql.SQL(
            "CREATE TEMPORARY TABLE archived ON COMMIT DROP AS SELECT {} FROM interaction WHERE false"
        ).format(own)
    )
    for name in given:
        if name not in kept:
            kind = {
                "canceled_in_effect_at": "timestamptz",
                "canceled_in_effect_by": "integer",
                "comments": "json",
            }
            connection.execute(
                psql.SQL("ALTER TABLE archived ADD COLUMN {} {}").format(
                    psql.Identifier(name), psql.SQL(kind.get(name, "text"))
                )
            )
    names = psql.SQL(", ").join(map(psql.Identifier, given))
    with (
        connection.cursor() as cursor,
        cursor.copy(psql.SQL("COPY archived ({}) FROM STDIN (FORMAT csv)").format(names)) as copy,
    ):
        while block := packed.read(BYTES_AT_ONCE):
            copy.write(block)
    connection.execute("ANALYZE archived")


def _driver(session: Session) -> psycopg.Connection[Any]:
    return session.connection().connection.driver_connection  # type: ignore[return-value]


# An own cancel stays; without one the entry gets one, unless what canceled it still does.
_RESTORED = {
    "canceled_at": psql.SQL(
        "CASE WHEN r.canceled_at IS NULL AND s.canceled_at IS NULL AND c.canceled_at IS NULL "
        "THEN r.canceled_in_effect_at ELSE r.canceled_at END"
    ),
    "canceled_by": psql.SQL(
        "CASE WHEN r.canceled_at IS NULL AND s.canceled_at IS NULL AND c.canceled_at IS NULL "
        "THEN r.canceled_in_effect_by ELSE r.canceled_by END"
    ),
}
_COUNT_ARCHIVED = """
    SELECT count(*) FILTER (WHERE i.entry_no IS NULL AND k.erased_at IS NULL) AS restored,
           count(*) FILTER (WHERE i.entry_no IS NOT NULL) AS existing,
           count(*) FILTER (WHERE i.entry_no IS NULL AND k.erased_at IS NOT NULL) AS erased
    FROM archived r
    JOIN contact k ON k.id = r.contact_id
    LEFT JOIN interaction i ON i.entry_no = r.entry_no
"""
