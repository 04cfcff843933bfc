"""What EXPLAIN says, for tests of what a statement reads."""

from collections.abc import Iterator
from typing import Any


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return every node of a plan, as `FORMAT JSON` gives it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
