"""Imports from the command line: the file is kept as a job, and worked on here until it is done.

So it works without running workers, and with them they help. If this process dies, the job goes on where a worker
runs.
"""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, contact_import
from domain.database import make_engine, make_sessions, transaction
from domain.errors import Fault, Invalid
from domain.jobs import Job, State
from ops.errors import OpsError
from ops.job_runner import work_until_final

BYTES_AT_ONCE = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"
# Rejected rows that are printed.
SHOWN = 20


def contacts(
    database_url: str, file: Path, *, columns: Mapping[str, str], constants: Mapping[str, str]
) -> dict[str, Any]:
    """Import contacts from a file, showing progress and what was rejected; return the job's result.

    Parameters
    ----------
    database_url
        The migrated database.
    file
        CSV, plain or compressed with gzip.
    columns, constants
        `mapping` and `defaults` of `domain.contact_import.request`.

    Raises
    ------
    OpsError
        If the file is refused, or the import does not come to its end.
    """
    engine = make_engine(database_url, process="import")
    sessions = make_sessions(engine)
    try:
        job = _keep(sessions, file, columns, constants)
        described = work_until_final(sessions, job, label="Importing contacts")
    finally:
        engine.dispose()
    if described["state"] != State.SUCCEEDED:
        raise OpsError(_why(described))
    result: dict[str, Any] = described["result"]
    _print(result)
    return result


def _keep(
    sessions: sessionmaker[Session], file: Path, columns: Mapping[str, str], constants: Mapping[str, str]
) -> Job:
    try:
        with transaction(sessions) as session:
            return contact_import.request(
                session,
                pieces=_pieces(file),
                actor=actors.system(session),
                mapping=columns,
                defaults=constants,
            )
    except Invalid as invalid:
        raise OpsError(f"{file.name} is refused: {_sentence(invalid.faults)}") from None
    except (OSError, EOFError) as error:
        raise OpsError(f"{file} cannot be read: {error}") from None


def _pieces(file: Path) -> Iterator[bytes]:
    """Read a file piece by piece, unpacking it if it is packed."""
    with file.open("rb") as plain:
        packed = plain.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        plain.seek(0)
        with gzip.open(plain) if packed else plain as opened:
            while piece := opened.read(BYTES_AT_ONCE):
                yield piece


def _why(described: Mapping[str, Any]) -> str:
    """Say in one line why an import ended otherwise, and what of it is in."""
    problem = described["problem"] or {}
    faults = [_fault(error) for error in problem.get("errors", ())]
    reason = _sentence(faults) if faults else problem.get("params", {}).get("error", "")
    result = described["result"] or {"created": 0, "updated": 0}
    kept = f"{result['created']:,} contacts were made and {result['updated']:,} changed before that"
    return f"the import was {described['state']}{': ' if reason else ''}{reason}; {kept}"


def _print(result: Mapping[str, Any]) -> None:
    click.echo(
        f"{result['created']:,} created, {result['updated']:,} updated, {result['rejected']:,} rejected"
    )
    for row in result["rejected_rows"][:SHOWN]:
        no = f" ({row['no']})" if row["no"] else ""
        click.echo(f"  row {row['row']}{no}: {_sentence([_fault(error) for error in row['errors']])}")
    if result["rejected"] > SHOWN:
        click.echo(f"  and {result['rejected'] - SHOWN:,} more")


def _fault(error: Mapping[str, Any]) -> Fault:
    return Fault(error["field"], error["code"], error["value"], error.get("params") or {})


def _sentence(faults: list[Fault]) -> str:
    # only where there is something to say: it takes a second to load
    from web.messages import message

    return "; ".join(message(fault).rstrip(".") for fault in faults)
