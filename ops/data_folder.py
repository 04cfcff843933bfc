"""The folder that holds everything a stack keeps: databases, secrets, logs, and who runs it.

lock            held by the running stack
secrets/        session key and first password, mode 600
postgres/       the embedded PostgreSQL
redis/          the embedded Valkey
logs/           one file per process
run/stack.json  where the running stack is reached, mode 600
"""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.commands import ROOT
from ops.errors import OpsError
from ops.files import write_private

DEFAULT = ROOT / "var" / "data"
DEFAULT_OF_DEMO = ROOT / "var" / "demo"


@dataclass(frozen=True)
class RunningStack:
    """Where a running stack is reached.

    Attributes
    ----------
    run
        The name of this run, found in the environment of all its processes.
    database_url, redis_url
        Its servers.
    base_url
        Its site.
    """

    run: str
    database_url: str
    redis_url: str
    base_url: str


class DataFolder:
    """A data folder and what is in it.

    Parameters
    ----------
    path
        The folder; made when it is first locked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self._secrets = self.path / "secrets"
        self._announcement = self.path / "run" / "stack.json"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises
        ------
        OpsError
            When it cannot be written to, or another process holds it.
        """
        try:
            for folder, mode in ((self.path, 0o755), (self.logs, 0o755), (self._secrets, 0o700)):
                folder.mkdir(mode=mode, parents=True, exist_ok=True)
            self._announcement.parent.mkdir(mode=0o700, exist_ok=True)
            held = (self.path / "lock").open("a")
        except OSError as error:
            raise OpsError(f"cannot write to the data folder {self.path}: {error.strerror}") from None
        with held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OpsError(f"the data folder {self.path} is in use by another interlog") from None
            yield

    def secret(self, name: str) -> str:
        """Return a secret, made the first time it is asked for."""
        path = self._secrets / name
        with suppress(FileNotFoundError):
            if kept := path.read_text():
                return kept
        write_private(path, secrets.token_urlsafe(32))
        return path.read_text()

    def path_of_secret(self, name: str) -> Path:
        """Return the file that keeps a secret."""
        return self._secrets / name

    def announce(self, stack: RunningStack) -> None:
        """Say where the stack that runs on this folder is reached."""
        write_private(self._announcement, json.dumps(asdict(stack), indent=1))

    def withdraw(self) -> None:
        """Take the announcement back."""
        self._announcement.unlink(missing_ok=True)

    def announced(self) -> RunningStack | None:
        """Return the last announcement; it outlives a stack that was killed."""
        try:
            return RunningStack(**json.loads(self._announcement.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def is_in_use(self) -> bool:
        """Tell whether a process holds the folder."""
        try:
            with (self.path / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def chosen(path: Path | None) -> DataFolder:
    """Return the folder a command means: the given one, else that of the running stack, else the default."""
    if path is not None:
        return DataFolder(path)
    folders = [DataFolder(DEFAULT), DataFolder(DEFAULT_OF_DEMO)]
    return next((folder for folder in folders if folder.is_in_use()), folders[0])
