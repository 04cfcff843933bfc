"""The high-water mark of PostgreSQL's clock, so that a clock that jumped ahead does not purge early (E7, decision 15).

The mark is the latest time that was believed. Beats move it: while one runs, time passes as fast as on a clock of its
own that nobody can set. When nobody has looked for a while, because everything was stopped, up to three days are
believed. Whatever is further ahead is kept as `seen_ahead`; until the clock is back, or somebody confirms it, every
purge is refused. Cutoffs follow the mark, not the clock, so that a jump does no harm before a beat has noticed it.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit
from domain.actors import Actor
from domain.database import Base
from domain.errors import Conflict

THING = "clock"

# How far two clocks may part, and how far ahead of the mark a cutoff may be counted from.
SLACK = dt.timedelta(hours=1)
# How long everything may have been stopped without anybody being asked afterwards: a long weekend.
LONGEST_STOP = dt.timedelta(hours=72)
# The mark is moved when it is older than this, so that a beat that looks every second writes seldom.
STEP = dt.timedelta(seconds=10)


class ClockSuspect(Conflict):
    """PostgreSQL's clock is further ahead than can be; nothing is purged until somebody confirms it (E7)."""

    code = "clock_suspect"


class ClockMark(Base):
    """The one row of the mark."""

    __tablename__ = "clock_mark"

    id: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default="true")
    at: Mapped[dt.datetime] = mapped_column(server_default=text("clock_timestamp()"))
    seen_ahead: Mapped[dt.datetime | None]


_LOOK = text("""
    SELECT clock_timestamp() AS now, at, seen_ahead, clock_timestamp() > at + :step AS is_old,
           clock_timestamp() <= at + :slack AS is_near,
           clock_timestamp() > at + least(CAST(:passed AS interval) + :slack, :longest_stop) AS is_ahead
    FROM clock_mark
""")


def observe(session: Session, *, passed: dt.timedelta | None = None) -> bool:
    """Look at the clock and move the mark; tell whether the clock can be believed.

    Parameters
    ----------
    passed
        How much time has passed since the caller's last look, by a clock that cannot be set; None at its first one.
    """
    parameters = {"slack": SLACK, "longest_stop": LONGEST_STOP, "step": STEP}
    look = session.execute(_LOOK, {**parameters, "passed": LONGEST_STOP if passed is None else passed}).one()
    if look.seen_ahead is None and not look.is_ahead:
        if look.is_old:
            session.execute(text("UPDATE clock_mark SET at = greatest(at, :now)"), {"now": look.now})
        return True
    if look.is_near:
        session.execute(text("UPDATE clock_mark SET seen_ahead = NULL"))
        return True
    if look.seen_ahead is None:
        session.execute(text("UPDATE clock_mark SET seen_ahead = :now"), {"now": look.now})
    return False


def cutoff(session: Session, *, days: int = 0) -> dt.datetime:
    """Return the time up to which something must have been canceled, to be purged now.

    Parameters
    ----------
    days
        How many times 24 hours ago it was at the latest (E5).

    Raises
    ------
    ClockSuspect
        If the clock is further ahead than can be.
    """
    row = session.execute(
        text("""
            SELECT seen_ahead IS NOT NULL OR clock_timestamp() > at + :longest_stop AS is_suspect,
                   CASE WHEN :days = 0 THEN now()
                        ELSE least(now(), at + :slack) - make_interval(hours => 24 * CAST(:days AS integer)) END
                       AS cutoff
            FROM clock_mark
        """),
        {"longest_stop": LONGEST_STOP, "slack": SLACK, "days": days},
    ).one()
    if row.is_suspect:
        raise ClockSuspect()
    found: dt.datetime = row.cutoff
    return found


def suspicion(session: Session) -> dict[str, dt.datetime] | None:
    """Return `now`, what the clock says, and `believed`, the mark, while it cannot be believed; else None."""
    row = session.execute(
        text("""
            SELECT clock_timestamp() AS now, at AS believed FROM clock_mark
            WHERE seen_ahead IS NOT NULL OR clock_timestamp() > at + :longest_stop
        """),
        {"longest_stop": LONGEST_STOP},
    ).first()
    return dict(row._mapping) if row else None


def confirm(session: Session, *, actor: Actor) -> None:
    """Believe the clock as it is: an operator has looked at it."""
    mark = session.scalars(text("SELECT at FROM clock_mark FOR UPDATE")).one()
    now = session.scalars(
        text("UPDATE clock_mark SET at = clock_timestamp(), seen_ahead = NULL RETURNING at")
    ).one()
    audit.record(
        session,
        actor=actor,
        action="confirm",
        object_type=THING,
        object_key=THING,
        changes={"at": [mark.isoformat(), now.isoformat()]},
    )
