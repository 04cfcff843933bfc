"""The few big set-based statements, one file each, named after what they do.

A file begins with a comment that says what the statement does and which index carries it.
"""

from functools import cache
from pathlib import Path

from sqlalchemy import TextClause, text

FOLDER = Path(__file__).parent


@cache
def load(name: str) -> TextClause:
    """Return the statement in `name`.sql, its parameters written `:name`."""
    return text((FOLDER / f"{name}.sql").read_text())
