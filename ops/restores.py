"""Restores: a backup brought back into an empty database, whole or not at all.

pg_restore writes the statements, psql does them in one transaction; with `replace` it begins by dropping what is there.
So whatever goes wrong, the database is as it was. Afterwards the schema is brought to this version, and the data are
proven as by `interlog verify`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from domain import settings
from domain.migrations import revisions, upgrade
from ops import data_folder, verify
from ops.backup_files import ARCHIVES, DATABASE, Manifest, Server, checksum, checksums, reason, versions_of
from ops.connection import data_of, reachable_database
from ops.embedded import EmbeddedPostgres
from ops.errors import OpsError
from ops.server_programs import client_program

IS_EMPTY = """
    SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S'))
"""
IN_USE = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'interlog-%' ORDER BY 1
"""
# One by one, not the schema: who may do what with tables to come is kept with it (ALTER DEFAULT PRIVILEGES). Extensions
# stay, which another role may own.
DROP_EVERYTHING = """
    DO $$
    DECLARE
        statements text[] := ARRAY(
            SELECT format('DROP %s IF EXISTS %s CASCADE', kind, name) FROM (
                SELECT 1, 'VIEW', oid::regclass::text FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
                UNION ALL SELECT 2, 'TABLE', oid::regclass::text FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                UNION ALL SELECT 3, 'SEQUENCE', oid::regclass::text FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
                UNION ALL SELECT 4, 'ROUTINE', oid::regprocedure::text FROM pg_proc p
                WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
                    SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
                UNION ALL SELECT 5, 'TYPE', reltype::regtype::text FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'c'
            ) things(rank, kind, name) ORDER BY rank);
        statement text;
    BEGIN
        FOREACH statement IN ARRAY statements LOOP
            EXECUTE statement;
        END LOOP;
    END $$;
"""


@contextmanager
def target(path: Path | None) -> Iterator[str]:
    """Give the database that a restore goes into: that of DATABASE_URL, else the data folder's, which is started.

    Raises
    ------
    OpsError
        If a stack runs on the folder.
    """
    if given := os.environ.get("DATABASE_URL"):
        yield reachable_database(given)
        return
    folder = data_folder.chosen(path)
    if folder.is_in_use():
        raise OpsError(f"a stack runs on {folder.path}: stop it, restore, and start it again")
    with folder.lock(), EmbeddedPostgres(folder.path / "postgres") as postgres, data_of(folder):
        yield postgres.url


def restore(database_url: str, source: Path, *, replace: bool) -> None:
    """Bring a backup back, bring the schema up to date, prove the data.

    Parameters
    ----------
    source
        A backup's folder, or a `.dump` file.
    replace
        Drop what is in the database.

    Raises
    ------
    OpsError
        If the backup is damaged, does not fit, or the database is in use or not empty; then nothing has changed. Or
        if the data do not agree with themselves, after they were brought back.
    """
    server = Server(database_url)
    dump = _checked(source) if source.is_dir() else source
    _refuse_unless_fit(server, dump)
    _refuse_unless_free(server, replace=replace)
    _load(server, dump, replace=replace)
    click.echo("database: restored")
    if source.is_dir():
        _restore_archives(source / ARCHIVES)
    else:
        click.echo("archives of purges: a file has none; the folder they are in is not touched")
    upgrade(database_url)
    with server.connect() as connection:
        connection.execute("ANALYZE")
    if problems := verify.run(database_url):
        for problem in problems:
            click.echo(problem)
        raise OpsError(f"restored, but {len(problems)} problems found in it")
    click.echo("verified: clean")


def _checked(folder: Path) -> Path:
    """Hold a backup's folder against its manifest; return the dump in it."""
    manifest = Manifest.read(folder)
    found = checksums(folder)
    wrong = sorted(name for name, sha256 in manifest.files.items() if found.get(name) != sha256)
    if wrong:
        raise OpsError(f"the backup is damaged: {', '.join(wrong[:5])} missing or not what was written")
    if manifest.schema not in revisions():
        raise OpsError(
            f"the backup is of a newer Interlog (schema {manifest.schema}): use that version or a later one"
        )
    return folder / DATABASE


def _refuse_unless_fit(server: Server, dump: Path) -> None:
    of_server, of_program = versions_of(dump, server=server)
    if of_server > server.major:
        raise OpsError(
            f"the backup is of PostgreSQL {of_server}, the server is {server.major}: "
            f"restore into PostgreSQL {of_server} or newer"
        )
    client_program("pg_restore", server_major=max(server.major, of_program))


def _refuse_unless_free(server: Server, *, replace: bool) -> None:
    with server.connect() as connection:
        users = [name for (name,) in connection.execute(IN_USE)]
        row = connection.execute(IS_EMPTY).fetchone()
    if users:
        raise OpsError(f"the database is in use by {', '.join(users)}: stop the stack first")
    if row is not None and not row[0] and not replace:
        raise OpsError("the database is not empty: --replace drops what is in it, for good")


def _load(server: Server, dump: Path, *, replace: bool) -> None:
    """Have psql do in one transaction what pg_restore writes; it commits only if all of it came."""
    psql = server.program("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-")
    writer = [
        str(client_program("pg_restore", server_major=server.major)),
        "--no-owner",
        "--no-privileges",
        "--no-comments",
    ]
    begin = "BEGIN;\nSET LOCAL lock_timeout = '10s';\nSET LOCAL client_min_messages = warning;\n" + (
        DROP_EVERYTHING if replace else ""
    )
    with (
        tempfile.TemporaryFile() as psql_said,
        subprocess.Popen(
            psql, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=psql_said, env=server.environment
        ) as doing,
    ):
        assert doing.stdin is not None
        written = None
        try:
            doing.stdin.write(begin.encode())
            doing.stdin.flush()
            written = subprocess.run(
                [*writer, "--file=-", str(dump)],
                stdout=doing.stdin,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            if written.returncode == 0:
                doing.stdin.write(_end().encode())
            doing.stdin.close()
        except BrokenPipeError:
            pass  # psql has said why it ended
        code = doing.wait()
        psql_said.seek(0)
        said = psql_said.read().decode(errors="replace")
    if code != 0 or written is None or written.returncode != 0:
        why = reason(said) if said.strip() else reason(written.stderr if written else "")
        raise OpsError(f"the restore failed, and nothing was changed: {why}")


def _end() -> str:
    """Return the end of the script: a dump of a newer schema is not kept."""
    known = ", ".join(f"'{revision}'" for revision in revisions())
    return f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM public.alembic_version WHERE version_num NOT IN ({known})) THEN
                RAISE 'the backup is of a newer Interlog: use that version or a later one';
            END IF;
        END $$;
        COMMIT;
    """


def _restore_archives(source: Path) -> None:
    """Copy the archives into the archive folder, leaving alone what is there."""
    folder = settings.archive_folder()
    copied, different = 0, []
    for path in sorted(one for one in source.rglob("*") if one.is_file()):
        place = folder / path.relative_to(source)
        if place.exists():
            if checksum(place) != checksum(path):
                different.append(place.name)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        copied += 1
    click.echo(f"archives of purges: {copied} copied to {folder}")
    if different:
        click.echo(f"left alone, as other files of that name are there: {', '.join(different[:5])}")
