"""How much memory processes have needed at most."""

from contextlib import suppress
from pathlib import Path

from ops.processes import running_processes


def peak_of_children(pid: int) -> int | None:
    """Return the largest peak resident size among the children of a process.

    Parameters
    ----------
    pid
        The parent: gunicorn's master, Celery's main process.

    Returns
    -------
    int or None
        Kilobytes since each child began; None when there are no children, or no /proc to ask.
    """
    peaks = [peak for child in running_processes() if _parent(child) == pid and (peak := _peak(child))]
    return max(peaks, default=None)


def _parent(pid: int) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def _peak(pid: int) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return None
