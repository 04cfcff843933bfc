"""Commits that are on disk and not answered yet: PostgreSQL waits for a standby that is not there.

So the moment between a commit and its answer, which is otherwise too short to be hit, lasts as long as it is wanted.
"""

from __future__ import annotations

from sqlalchemy import text

from ops.faults.stack import FragileStack

# Workers' sessions in that moment that have written to a table.
WRITERS = """
    SELECT a.client_port FROM pg_stat_activity a
    WHERE a.application_name = 'interlog-worker' AND a.wait_event = 'SyncRep'
      AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = to_regclass(:written))
"""


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


def _configure(stack: FragileStack, *statements: str) -> None:
    with stack.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
