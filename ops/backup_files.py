"""What a backup looks like on disk, and how the programs of PostgreSQL are called for it.

A folder holds all of it::

    manifest.json   what made it, when, of which schema; a checksum of every other file
    database/       the database, in pg_dump's directory format
    archives/       the archives of purges

A file, whose name ends in `.dump`, holds the database alone, in pg_dump's custom format.
"""

import hashlib
import json
import os
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import make_url

from ops.errors import OpsError
from ops.processes import last_line
from ops.server_programs import client_program

DATABASE = "database"
ARCHIVES = "archives"
MANIFEST = "manifest.json"
FILE_SUFFIX = ".dump"
# Words of the lines that tell why a program failed.
TELLING = ("error", "FATAL", "ERROR", "detail")


@dataclass(frozen=True)
class Manifest:
    """What a backup is of.

    Attributes
    ----------
    made_at
        When, by the clock of PostgreSQL.
    postgres
        Version of the server.
    schema
        Revision of the schema.
    files
        SHA-256 of every file, by its path in the folder.
    """

    made_at: str
    postgres: str
    schema: str
    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Put it into a backup's folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read that of a backup's folder.

        Raises
        ------
        OpsError
            If the folder is no backup.
        """
        try:
            return cls(**json.loads((folder / MANIFEST).read_text()))
        except (OSError, ValueError, TypeError):
            raise OpsError(
                f"{folder} is no backup: it has no {MANIFEST} that can be read; a backup that broke off has none"
            ) from None


@dataclass(frozen=True)
class Server:
    """The database that a backup is made of or brought back into, as the programs of PostgreSQL are told of it."""

    url: str

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Open a connection; each statement is a transaction."""
        return psycopg.connect(self._address, connect_timeout=3, autocommit=True)

    @property
    def major(self) -> int:
        """Return 18 for PostgreSQL 18.6."""
        with self.connect() as connection:
            return connection.info.server_version // 10_000

    def program(self, name: str, *arguments: str) -> list[str]:
        """Return the call of a client program on this database; its password is in `environment`."""
        known = {k: v for k, v in conninfo_to_dict(self._address).items() if k != "password"}
        address = f"--dbname={make_conninfo('', **known)}"
        return [str(client_program(name, server_major=self.major)), address, "--no-password", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of such a call: a password among the arguments would be seen by everybody."""
        password = conninfo_to_dict(self._address).get("password")
        return os.environ | ({"PGPASSWORD": str(password)} if password else {})

    @property
    def _address(self) -> str:
        return make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)


def run(command: list[str], environment: dict[str, str], *, what: str) -> str:
    """Run a program; return its output.

    Parameters
    ----------
    what
        What is done, for the message.

    Raises
    ------
    OpsError
        If it fails, with the telling line of what it said.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OpsError(f"{what} failed: {reason(done.stderr)}")
    return done.stdout


def reason(said: str) -> str:
    """Return the line of what a program said that tells why it failed."""
    return last_line(said, prefer=TELLING) or "it was ended from outside"


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path there."""
    return {
        path.relative_to(folder).as_posix(): checksum(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def versions_of(dump: Path, *, server: Server) -> tuple[int, int]:
    """Return the major versions of the server that a dump was made of, and of the program that made it.

    Raises
    ------
    OpsError
        If it is no dump of an Interlog database.
    """
    command = [str(client_program("pg_restore", server_major=server.major)), "--list", str(dump)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.findall(r"^; +Dumped (?:from database|by pg_dump) version: (\d+)", listed.stdout, re.MULTILINE)
    if listed.returncode != 0 or len(found) != 2:
        raise OpsError(f"{dump} is no dump that can be read: {reason(listed.stderr)}")
    if " TABLE public alembic_version " not in listed.stdout:
        raise OpsError(f"{dump} is a dump of something else: Interlog's tables are not in it")
    return int(found[0]), int(found[1])
