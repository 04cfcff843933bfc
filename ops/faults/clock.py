"""A clock of a process that can be put ahead or back while it runs, by libfaketime."""

from __future__ import annotations

from pathlib import Path

import libfaketime

LIBRARY = Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
NOT_BUILT = "libfaketime was not built here"


class Clock:
    """The clock of a process, set through a file.

    Parameters
    ----------
    file
        Where it stands; the process must be able to read it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        """Put it ahead or back, such as `+10y` or `-1h`."""
        self._file.write_text(offset)
        self._file.chmod(0o644)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to look at this clock."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
