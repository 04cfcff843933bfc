"""Which process of this machine is at the other end of a session of PostgreSQL."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ops.faults.stack import FragileStack
from ops.processes import running_processes

# How the statement begins that logs.
LOGGING = "-- Log the lines of one range"
# Sessions of the application that wait for a lock while they run a statement that begins like this.
WAITING = """
    SELECT client_port FROM pg_stat_activity
    WHERE application_name = 'interlog-worker' AND wait_event_type = 'Lock' AND query LIKE :statement
"""
# And those that run such a statement, as long as it works.
WORKING = """
    SELECT client_port FROM pg_stat_activity
    WHERE application_name = 'interlog-worker' AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Lock'
      AND query LIKE :statement
    ORDER BY pid
"""


def working_processes(stack: FragileStack, statement: str) -> list[int]:
    """Return the workers' processes that are in the middle of a statement that begins like this."""
    found = stack.rows(WORKING, statement=f"{statement}%")
    return [pid for row in found if (pid := process_at(row.client_port))]


def waiting_process(stack: FragileStack, statement: str) -> int | None:
    """Return the worker's process whose statement waits for a lock, None if none does.

    Parameters
    ----------
    statement
        How the statement begins.
    """
    found = stack.rows(WAITING, statement=f"{statement}%")
    return process_at(found[0].client_port) if found else None


def process_at(port: int) -> int | None:
    """Return the process that has a connection from this port of 127.0.0.1, None if none has."""
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {fields[9] for fields in sockets if fields[1] == f"0100007F:{port:04X}"} - {"0"}
    links = {f"socket:[{inode}]" for inode in inodes}
    return next((pid for pid in running_processes() if not links.isdisjoint(_open_files(pid))), None)


def _open_files(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found
