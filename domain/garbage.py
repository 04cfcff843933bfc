"""What Python looks through for garbage."""

from __future__ import annotations

import gc


def set_apart() -> None:
    """Set what a process is made of, and keeps as long as it lives, apart from what is looked through.

    To go through it took a web process 45 ms, in the middle of every twentieth page of the log.
    """
    gc.collect()
    gc.freeze()
