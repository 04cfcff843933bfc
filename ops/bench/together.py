"""Several things done at once, each in a thread; what fails in one fails the measurement."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ops.errors import OpsError


def at_once(works: Sequence[Callable[[], object]]) -> float:
    """Do several things at once; return the seconds until the last is done."""
    begun = time.perf_counter()
    with _threads(works):
        pass
    return time.perf_counter() - begun


@contextmanager
def beside(*works: Callable[[threading.Event], object]) -> Iterator[None]:
    """Have others at work for the length of a block; the event that each is handed tells when it is over."""
    over = threading.Event()
    with _threads([lambda work=work: work(over) for work in works]):  # type: ignore[misc]
        try:
            yield
        finally:
            over.set()


@contextmanager
def _threads(works: Sequence[Callable[[], object]]) -> Iterator[None]:
    failed: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    if failed:
        raise OpsError(f"what was done at once has failed: {failed[0]}") from failed[0]
