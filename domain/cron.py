"""Cron expressions in a time zone: when the next runs are, clocks going forward and back included.

croniter knows the expressions; what a clock change makes of them is decided here, as cron daemons do it. A time that is
skipped comes as much later as the clock was put on; a time that comes twice counts once, unless the expression runs
every hour, which goes on every hour.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import croniter

LIMIT = 100
FIELDS = 5
# Further than any clock change, and so far back the walk begins.
MOST_CHANGE = dt.timedelta(hours=3)


def is_expression(text: str) -> bool:
    """Tell whether `text` is a cron expression of five fields that ever comes true."""
    if len(text.split()) != FIELDS or len(text) > LIMIT or not croniter.is_valid(text):
        return False
    return next(_local_times(text, dt.datetime(2000, 1, 1)), None) is not None  # noqa: DTZ001


def following(expression: str, timezone: str, after: dt.datetime, *, count: int = 1) -> list[dt.datetime]:
    """Return the next `count` instants at which an expression comes true after an instant, in UTC."""
    zone = ZoneInfo(timezone)
    begin = after.astimezone(zone).replace(tzinfo=None) - MOST_CHANGE
    every_hour = expression.split()[1].startswith("*")
    found: list[dt.datetime] = []
    times = _local_times(expression, begin)
    # Instants of later local times come before the second passing of earlier ones: so look a change further.
    for local in times:
        for fold in (0, 1) if every_hour else (0,):
            instant = local.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC)
            if instant > after and instant not in found:
                found.append(instant)
        if len(found) > count and local - MOST_CHANGE > sorted(found)[count - 1].astimezone(zone).replace(
            tzinfo=None
        ):
            break
    return list(islice(sorted(found), count))


def _local_times(expression: str, begin: dt.datetime) -> Iterator[dt.datetime]:
    """Give the times of a wall clock that is never changed; none where there is none for years."""
    try:
        yield from croniter(expression, begin, ret_type=dt.datetime, max_years_between_matches=8)
    except ValueError:
        return
