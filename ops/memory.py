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
        Kilobytes since each child began or `forget_peaks` was called; None when there are no children, or no /proc.
    """
    peaks = [peak for child in children(pid) if (peak := _kilobytes(child, "VmHWM"))]
    return max(peaks, default=None)


def forget_peaks(pid: int) -> None:
    """Let the peaks of a process's children begin anew, where the kernel lets us (proc(5), clear_refs)."""
    for child in children(pid):
        with suppress(OSError):
            Path(f"/proc/{child}/clear_refs").write_text("5")


def of_family(pid: int) -> int:
    """Return the kilobytes that a process and its children hold now: what each has for itself, and the largest share.

    Of PostgreSQL that is the private memory of all backends, and the buffers, which are counted once.
    """
    family = [pid, *children(pid)]
    private = sum(_kilobytes(one, "RssAnon") for one in family)
    return private + max((_kilobytes(one, "RssShmem") for one in family), default=0)


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    return [child for child in running_processes() if parent(child) == pid]


def parent(pid: int) -> int | None:
    """Return the parent of a process, None when there is none such or no /proc."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def _kilobytes(pid: int, name: str) -> int:
    """Return a line of /proc/PID/status, 0 when the process is gone."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0
