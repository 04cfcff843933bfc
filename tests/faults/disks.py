"""A disk that is full when a test wants it: a small tmpfs under a tablespace. Only root can mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from ops.faults.stack import FragileStack

TABLESPACE = "small"


class Disk:
    """A tmpfs.

    Parameters
    ----------
    folder
        Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resize(self, megabytes: int) -> None:
        """Give it another size."""
        _run("mount", "-o", f"remount,size={megabytes}m", str(self._folder))


class CannotMount(Exception):
    """This machine lets nobody mount a tmpfs, or not us."""


@contextmanager
def small_disk_for(stack: FragileStack, table: str, folder: Path, *, megabytes: int) -> Iterator[Disk]:
    """Keep a table's rows on a disk of so many megabytes for the length of a block.

    Parameters
    ----------
    folder
        Where the disk is mounted; the account that runs PostgreSQL must be able to reach it.

    Raises
    ------
    CannotMount
        If this is not root, or a container without that right.
    """
    folder.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotMount(f"a tmpfs cannot be mounted here: {error}") from None
    try:
        owner = stack.postgres.cluster.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        _outside_transaction(stack, f"CREATE TABLESPACE {TABLESPACE} LOCATION '{folder}'")
        try:
            stack.rows(f"ALTER TABLE {table} SET TABLESPACE {TABLESPACE}")
            yield Disk(folder)
        finally:
            stack.rows(f"ALTER TABLE {table} SET TABLESPACE pg_default")
            _outside_transaction(stack, "CHECKPOINT", f"DROP TABLESPACE {TABLESPACE}")
    finally:
        _run("umount", "--lazy", str(folder))


def _outside_transaction(stack: FragileStack, *statements: str) -> None:
    with stack.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
