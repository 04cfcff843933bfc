"""The settings of the embedded PostgreSQL."""

import contextlib
import os
from functools import cache
from pathlib import Path

from ops.server_programs import postgres_configuration, postgres_major_version

THROW_AWAY_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
}


@cache
def server_settings() -> dict[str, str]:
    """Return the settings of a server that shares a small machine (2 cores) with the application."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": f"{_shared_buffers_mb()}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "64",
        "jit": "off",
        "client_connection_check_interval": "1s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
    }
    if "--with-lz4" in postgres_configuration():
        settings["wal_compression"] = "lz4"
    if not _has_room_for_shared_memory():
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def _shared_buffers_mb() -> int:
    """Return an eighth of the machine's memory, at most 4,096: a large log logs faster if its contacts fit in."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return max(32, min(4_096, memory // 8 // 2**20))


def _has_room_for_shared_memory() -> bool:
    """Tell whether /dev/shm holds parallel queries: containers often give it 64 MB."""
    try:
        room = os.statvfs("/dev/shm")
    except OSError:
        return False
    return room.f_blocks * room.f_frsize >= 512 * 2**20


def locale_options() -> list[str]:
    """Return initdb's options for UTF-8 text in code point order, the same on every machine."""
    if postgres_major_version() >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]
