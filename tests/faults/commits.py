"""Commits that are on disk and not answered yet: PostgreSQL waits for a standby that is not there.

So the moment between a commit and its answer, which is otherwise too short to be hit, lasts as long as it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from ops.faults.stack import FragileStack

# Workers' sessions in that moment that have written to a table.
WRITERS = """
    SELECT a.client_port FROM pg_stat_activity a
    WHERE a.application_name = 'interlog-worker' AND a.wait_event = 'SyncRep'
      AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = to_regclass(:written))
"""
# A wait that is canceled is an answer: what is on this disk stays.
ANSWER = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE client_port = :port AND wait_event = 'SyncRep'"
)


@contextmanager
def held(stack: FragileStack) -> Iterator[None]:
    """Let no commit be answered for the length of a block; a restart of PostgreSQL ends it as well."""
    hold(stack)
    try:
        yield
    finally:
        _configure(stack, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


def hold(stack: FragileStack) -> None:
    """Let no commit be answered before PostgreSQL is restarted; `release_at_restart` has to be called before that."""
    _configure(stack, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")


def release_at_restart(stack: FragileStack) -> None:
    """Let commits be answered again after the next start: servers read their settings some time after they are told to,
    so call it when the hold is seen to work."""
    _configure(stack, "ALTER SYSTEM RESET synchronous_standby_names")


def waiting(stack: FragileStack, written: str) -> list[int]:
    """Return the ports of workers whose commit, which has written to a table, is not answered."""
    return [row.client_port for row in stack.rows(WRITERS, written=written)]


def answer(stack: FragileStack, port: int) -> None:
    """Let the commit of one session be answered while the others are held."""
    stack.rows(ANSWER, port=port)


def _configure(stack: FragileStack, *statements: str) -> None:
    with stack.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
