"""The faults that need no preparation: kill, pause, empty, restart. Each leaves the system to come back by itself.

A strike does what its first line says and waits only until the blow has fallen, and where it says so until what was
struck is back.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ops.faults.stack import FragileStack, lives, wait_for
from ops.processes import send_signal

Strike = Callable[[FragileStack], None]

# What a worker may take to go (RELIABILITY 3, case 32).
GONE_SECONDS = 12
# Longer than beat's sweep, so that the hints that replace lost ones are lost as well.
FLUSHING_SECONDS = 2.0


def kill_a_pool_process(stack: FragileStack) -> None:
    """kill -9 of a pool process"""
    stack.kill(stack.members("worker")[0])


def kill_the_whole_worker(stack: FragileStack) -> None:
    """kill -9 of a worker and its pool; waits for another"""
    leader = stack.leader("worker")
    stack.kill(leader, *stack.members("worker"))
    wait_for_another(stack, "worker", leader)


def kill_the_parent_of_the_pool(stack: FragileStack) -> None:
    """kill -9 of a worker's parent, which leaves its pool without one; waits for another"""
    leader, pool = stack.leader("worker"), stack.members("worker")
    stack.kill(leader)
    wait_for_another(stack, "worker", leader)
    assert not any(map(lives, pool)), "pool processes live on without a parent"


def kill_web(stack: FragileStack) -> None:
    """kill -9 of web and its processes; waits for another"""
    kill_leader(stack, "web")


def kill_beat(stack: FragileStack) -> None:
    """kill -9 of beat; waits for another"""
    kill_leader(stack, "beat")


def kill_consumer(stack: FragileStack) -> None:
    """kill -9 of the consumer; waits for another"""
    kill_leader(stack, "consumer")


def kill_documents_worker(stack: FragileStack) -> None:
    """kill -9 of the worker for documents and its pool; waits for another"""
    kill_leader(stack, "documents")


def kill_leader(stack: FragileStack, name: str) -> None:
    """kill -9 of a process and those it started; waits for another."""
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
    """FLUSHALL"""
    with stack.broker() as broker:
        broker.flushall()


def keep_redis_empty(stack: FragileStack) -> None:
    """FLUSHALL again and again for two seconds, so that what replaces the lost hints is lost as well"""
    end = time.monotonic() + FLUSHING_SECONDS
    with stack.broker() as broker:
        while time.monotonic() < end:
            broker.flushall()


def kill_redis(stack: FragileStack) -> None:
    """kill -9 of Redis, which starts empty"""
    stack.redis.kill()
    stack.redis.start()


def restart_postgres(stack: FragileStack) -> None:
    """immediate restart of PostgreSQL"""
    stack.postgres.restart()


def stop_worker(stack: FragileStack) -> None:
    """SIGTERM for a worker, which is gone in time and replaced"""
    leader, pool = stack.leader("worker"), stack.members("worker")
    begun = time.monotonic()
    stack.kill(leader, number=signal.SIGTERM)
    wait_for(lambda: stack.leader("worker") != leader, "the worker is gone", seconds=GONE_SECONDS)
    wait_for(lambda: not any(map(lives, pool)), "its pool is gone", seconds=GONE_SECONDS)
    assert time.monotonic() - begun < GONE_SECONDS


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


def title(strike: Strike) -> str:
    """Say what a strike does."""
    return (strike.__doc__ or strike.__name__).partition(";")[0].strip()
