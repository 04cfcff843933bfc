"""The faults that need no preparation: kill, pause, empty, restart. Each leaves the system to come back by itself.

A strike does what its first line says and waits only until the blow has fallen, and where it says so until what was
struck is back.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ops.faults.stack import FragileStack, lives, wait_for
from ops.processes import send_signal

# Longer than beat's sweep, so that the hints that replace lost ones are lost as well.
FLUSHING_SECONDS = 2.0


def kill_the_parent_of_the_pool(stack: FragileStack) -> None:
    """Kill -9 of a worker's parent, which leaves its pool without one; waits for another worker."""
    leader, pool = stack.leader("worker"), stack.members("worker")
    stack.kill(leader)
    wait_for_another(stack, "worker", leader)
    assert not any(map(lives, pool)), "pool processes live on without a parent"


def kill_leader(stack: FragileStack, name: str) -> None:
    """Kill -9 of a process and those it started; waits for another."""
    leader = stack.leader(name)
    if leader is None:
        return
    for pid in (leader, *stack.members(name)):
        send_signal(pid, signal.SIGKILL)
    wait_for_another(stack, name, leader)


def wait_for_another(stack: FragileStack, name: str, leader: int | None) -> None:
    """Wait until another process has the role of one that was killed."""
    wait_for(lambda: stack.leader(name) not in (None, leader), f"another {name}")


def flush_redis(stack: FragileStack) -> None:
    """FLUSHALL."""
    with stack.broker() as broker:
        broker.flushall()


def keep_redis_empty(stack: FragileStack) -> None:
    """FLUSHALL again and again for two seconds, so that what replaces the lost hints is lost as well."""
    end = time.monotonic() + FLUSHING_SECONDS
    with stack.broker() as broker:
        while time.monotonic() < end:
            broker.flushall()


def kill_redis(stack: FragileStack) -> None:
    """Kill -9 of Redis, which starts empty."""
    stack.redis.kill()
    stack.redis.start()


def restart_postgres(stack: FragileStack) -> None:
    """Immediate restart of PostgreSQL."""
    stack.postgres.restart()


@contextmanager
def paused(*pids: int | None) -> Iterator[None]:
    """Stop processes for the length of a block (SIGSTOP, then SIGCONT)."""
    there = [pid for pid in pids if pid is not None]
    try:
        for pid in there:
            send_signal(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in there:
            send_signal(pid, signal.SIGCONT)
