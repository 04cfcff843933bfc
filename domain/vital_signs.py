"""How the service is doing, as far as the database knows: what metrics tell and alarms watch."""

from __future__ import annotations

from sqlalchemy.orm import Session

from domain import sql
from domain.clock_guard import LONGEST_STOP
from domain.document_events import Outcome

# Of what nobody needs to know how much more there is.
MOST = 10_000
# What somebody can do something about.
UNSETTLED = (Outcome.UNRESOLVED, Outcome.IGNORED, Outcome.REJECTED)


def read(session: Session) -> dict[str, dict[str, float]]:
    """Return each sign by its name, as values by label; what has no labels has one, `""`."""
    rows = session.execute(
        sql.load("vital_signs"),
        {
            "most": MOST,
            "unsettled": [outcome.value for outcome in UNSETTLED],
            "longest_stop": LONGEST_STOP,
            "beat": "interlog-beat",
        },
    )
    signs: dict[str, dict[str, float]] = {}
    for name, label, value in rows:
        signs.setdefault(name, {})[label] = value
    return signs
