"""Backups: everything that must not be lost, as it stood at one moment, while the system runs.

pg_dump reads one snapshot and holds nobody up, so a backup is consistent in the middle of any job: a chunk is in it
with its rows and the mark "done", or is one that was claimed and will be claimed again. Redis holds nothing that would
have to be in it (DESIGN 1.4).
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import click

from domain import settings
from ops.backup_files import ARCHIVES, DATABASE, FILE_SUFFIX, Manifest, Server, checksums, run
from ops.errors import OpsError

# A migration that holds a table is waited for so long (milliseconds).
LOCK_WAIT_MS = 30_000
# Reading and packing use a core each.
MOST_PARALLEL = 4
# gzip's fastest: the packing, not the reading, is what takes time.
COMPRESSION = 1


def backup(database_url: str, target: Path) -> None:
    """Make a backup at a place where there is nothing yet, and say what is in it and what is not.

    It is made beside its place and moved there when it is whole, so what broke off is never taken for a backup.

    Parameters
    ----------
    target
        A folder to be made; or a file, if the name ends in `.dump`, for the database alone.

    Raises
    ------
    OpsError
        If there is something already, or a step fails.
    """
    server = Server(database_url)
    target = target.absolute()
    if target.exists():
        raise OpsError(f"{target} is there already: a backup overwrites nothing")
    _refuse_foreign(server)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    make: Callable[[Server, Path], None] = _file if target.suffix == FILE_SUFFIX else _folder
    before = os.umask(0o077)  # customers' data
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        make(server, unfinished)
        if target.exists():
            raise OpsError(f"{target} was made by somebody else meanwhile: a backup overwrites nothing")
        unfinished.rename(target)
    except OSError as error:
        raise OpsError(f"cannot write {target}: {error.strerror}") from None
    finally:
        os.umask(before)
        _remove(unfinished)
    click.echo("not in it: the session key (INTERLOG_SECRET_KEY, or secrets/session_key of the data folder)")
    click.echo("not needed: Redis; what it holds is found again in the database")
    click.echo(str(target))


def _refuse_foreign(server: Server) -> None:
    with server.connect() as connection:
        row = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if row is None or row[0] is None:
        raise OpsError("there is nothing to back up: the database has no tables of Interlog")


def _file(server: Server, path: Path) -> None:
    _dump(server, path, "--format=custom")
    click.echo(f"database: {_size(path)}")
    count = len(_archives(settings.archive_folder()))
    click.echo(
        f"not in it: archives of purges, {count} in {settings.archive_folder()}; a folder has them, too"
    )


def _folder(server: Server, folder: Path) -> None:
    folder.mkdir()
    parallel = min(MOST_PARALLEL, os.cpu_count() or 1)
    _dump(server, folder / DATABASE, "--format=directory", f"--jobs={parallel}")
    click.echo(f"database: {_size(folder / DATABASE)}")
    # After the database: what its records name was there before.
    source = settings.archive_folder()
    found = _archives(source)
    for path in found:
        copy = folder / ARCHIVES / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    click.echo(f"archives of purges: {len(found)}")
    with server.connect() as connection:
        row = connection.execute(
            "SELECT clock_timestamp()::text, current_setting('server_version'), version_num FROM alembic_version"
        ).fetchone()
        named = connection.execute("SELECT archive_file FROM purge_record WHERE archive_file IS NOT NULL")
        missing = sorted({name for (name,) in named} - {path.name for path in found})
    if missing:
        click.echo(
            f"not in it: {len(missing)} archives that records of purges name and {source} does not have: "
            + ", ".join(missing[:5])
        )
    assert row is not None
    made_at, version, schema = row
    Manifest(made_at, version, schema, checksums(folder)).write(folder)


def _dump(server: Server, path: Path, *options: str) -> None:
    command = server.program(
        "pg_dump",
        f"--file={path}",
        f"--compress={COMPRESSION}",
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
        *options,
    )
    run(command, server.environment, what="pg_dump")


def _archives(folder: Path) -> list[Path]:
    """Return the files of the archive folder, pieces of purges under way included."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return f"{sum(one.stat().st_size for one in files) / 1e6:,.1f} MB"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
