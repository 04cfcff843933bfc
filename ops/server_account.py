"""Who runs PostgreSQL, which refuses to be run by root."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from ops.server_programs import ServerError


class ServerAccount:
    """The system account PostgreSQL runs as: our own, or an unprivileged one when we are root.

    PostgreSQL refuses to run as root. An unprivileged account may not be able to enter the folders above
    the binaries or the data (a project under /root); then the server keeps one capability, the one to pass
    closed folders, and nothing else of root's.
    """

    def __init__(self, user: pwd.struct_passwd | None = None, capability: str | None = None) -> None:
        self.user = user
        self.capability = capability

    @classmethod
    def for_server(cls, binary: Path, folder: Path) -> "ServerAccount":
        """Return the account that can run `binary` on data in `folder`."""
        if os.geteuid() != 0:
            return cls()
        user = _unprivileged_user()
        for capability in (None, "dac_read_search", "dac_override"):
            account = cls(user, capability)
            if account._can_use(binary, folder):
                return account
        raise ServerError(
            f"PostgreSQL does not run as root, and account {user.pw_name} cannot reach {folder} or {binary}: "
            "open the folders above them for it (chmod o+x), use another --data, or start as an ordinary user"
        )

    @property
    def identity(self) -> dict[str, Any]:
        """The arguments for `subprocess` that make the child this account."""
        if self.user is None or self.capability:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def command(self, command: list[str], death_signal: signal.Signals | None = None) -> list[str]:
        """Return the command that runs `command` as this account."""
        if self.user is None or not self.capability:
            return command
        only_this = f"-all,+{self.capability}"
        return [
            "setpriv",
            f"--reuid={self.user.pw_uid}",
            f"--regid={self.user.pw_gid}",
            "--clear-groups",
            # access(2) asks for the real user's rights unless the fixup of capabilities is off
            "--securebits=+no_setuid_fixup",
            f"--inh-caps={only_this}",
            f"--ambient-caps={only_this}",
            f"--bounding-set={only_this}",
            *([f"--pdeathsig={death_signal.name.removeprefix('SIG')}"] if death_signal else []),
            *command,
        ]

    def own(self, *paths: Path) -> None:
        """Give the paths to this account."""
        if self.user is not None:
            for path in paths:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _can_use(self, binary: Path, folder: Path) -> bool:
        if self.capability and not shutil.which("setpriv"):
            return False
        trial = ["sh", "-c", 'test -x "$1" && test -r "$1" && test -x "$2"', "sh", str(binary), str(folder)]
        finished = subprocess.run(
            self.command(trial), **self.identity, cwd="/", capture_output=True, check=False
        )
        return finished.returncode == 0


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError(
        "PostgreSQL does not run as root: there is neither an account postgres nor nobody to run it"
    )
