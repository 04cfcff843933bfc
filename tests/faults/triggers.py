"""Functions of PostgreSQL that get in the way of the application's statements, for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.faults.stack import FragileStack


@contextmanager
def trigger(stack: FragileStack, name: str, *, body: str, when: str) -> Iterator[None]:
    """Have a function called whenever something happens to a table.

    Parameters
    ----------
    name
        What function and trigger are called.
    body
        What stands between BEGIN and END of the function.
    when
        What stands between CREATE and EXECUTE FUNCTION, with the name in it.
    """
    stack.rows(f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
        CREATE {when} EXECUTE FUNCTION {name}()
    """)
    try:
        yield
    finally:
        stack.rows(f"DROP FUNCTION {name}() CASCADE")
