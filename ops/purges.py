"""Purges from the command line: asked for as a job, and worked on here until it is done, with or without workers."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session, sessionmaker

from domain import actors, clock_guard, purge_archives, purging
from domain.database import make_engine, make_sessions, transaction
from domain.jobs import State
from ops.errors import OpsError
from ops.job_runner import work_until_final


def purge(
    database_url: str, *, filters: Mapping[str, Any], archive: bool, preview: bool, yes: bool
) -> dict[str, Any] | None:
    """Count what matches, ask, delete; return the job's result, None if nothing was deleted.

    Parameters
    ----------
    filters
        Those of `domain.purging`, dates as texts.
    yes
        Do not ask.

    Raises
    ------
    OpsError
        If the purge does not come to its end.
    """
    with _sessions(database_url) as sessions:
        with transaction(sessions) as session:
            clock_guard.observe(session, passed=None)
        with transaction(sessions) as session:
            count = purging.preview(session, filters=filters)["matching"]
        click.echo(f"{count:,} canceled entries match")
        if preview or not count:
            return None
        if not yes:
            click.confirm("delete them for good?", abort=True)
        with transaction(sessions) as session:
            values = {"filters": filters, "archive": archive, "confirm": True}
            job = purging.request(session, values=values, actor=actors.system(session))
        done = work_until_final(sessions, job, label="Deleting canceled entries")
        result: dict[str, Any] = done["result"] or {"deleted": 0}
        if done["state"] != State.SUCCEEDED:
            code = (done["problem"] or {}).get("code", "")
            raise OpsError(
                f"the purge was {done['state']} {code}; {result['deleted']:,} entries were deleted before"
            )
        click.echo(f"{result['deleted']:,} deleted")
        return result


def restore(database_url: str, file: Path) -> dict[str, int]:
    """Bring the entries of an archive back; return how many."""
    with _sessions(database_url) as sessions, transaction(sessions) as session, file.open("rb") as opened:
        result = purge_archives.restore(session, file=opened, actor=actors.system(session))
    click.echo(
        f"{result['restored']:,} restored, {result['existing']:,} were there, "
        f"{result['erased']:,} of erased contacts left out"
    )
    return result


def confirm_clock(database_url: str) -> None:
    """Believe PostgreSQL's clock as it is, after asking."""
    with _sessions(database_url) as sessions, transaction(sessions) as session:
        clock_guard.confirm(session, actor=actors.system(session))
    click.echo(f"confirmed; this machine's clock says {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC")


@contextmanager
def _sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(database_url, process="purge", statement_timeout_ms=0)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()
