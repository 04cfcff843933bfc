"""Replay: document events that could not be recorded are tried again, after the setup or a link was mended (D7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import document_events, document_recording, jobs, records
from domain import values as v
from domain.actors import Actor
from domain.document_events import FILTERS, REPLAYABLE
from domain.errors import Faults
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job

MOST_IDS = 10_000
# Events tried in one transaction, as many as the recorder takes.
CHUNK = document_recording.BATCH

_REPLAYABLE = ", ".join(f"'{outcome}'" for outcome in REPLAYABLE)
# Index: document_event_outcome_idx.
CUT = """
    INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size)
    SELECT :job_id, 1 + piece, 1, min(position), max(position), count(*)
    FROM (
        SELECT e.position, (row_number() OVER (ORDER BY e.position) - 1) / :chunk AS piece
        FROM document_event e WHERE e.outcome IN ({replayable}) {conditions}
    ) p
    GROUP BY piece
"""
# Index: document_event_outcome_idx.
COUNT = "SELECT count(*) FROM document_event e WHERE e.outcome IN ({replayable}) {conditions}"
UNCHANGED = "SELECT count(*) FROM document_event e WHERE e.outcome NOT IN ({replayable}) {conditions}"
TAKE = """
    SELECT e.position FROM document_event e
    WHERE e.position BETWEEN :range_from AND :range_to AND e.outcome IN ({replayable}) {conditions}
    ORDER BY e.position FOR UPDATE
"""
OUTCOMES = text("""
    SELECT outcome, count(*) FROM document_event WHERE position = ANY(CAST(:positions AS bigint[])) GROUP BY outcome
""")


def request(session: Session, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for events to be tried again: some by `source` and `ids` or by `positions`, all that match a `filter`, or
    `all`.

    Raises
    ------
    Invalid
        Naming every fault; `filter_missing` if nothing is chosen.
    """
    filters = _chosen_by(session, values)[0]
    return jobs.create(
        session, kind=Replay.name, parameters=dict(values), working={"filters": filters}, actor=actor
    )


def count(session: Session, *, values: Mapping[str, Any]) -> int:
    """Count the events that such a request would try again now; raises as `request` does."""
    _, conditions, parameters = _chosen_by(session, values)
    statement = COUNT.format(replayable=_REPLAYABLE, conditions=conditions)
    return int(session.execute(text(statement), parameters).scalar_one())


def _chosen_by(
    session: Session, values: Mapping[str, Any]
) -> tuple[dict[str, list[str]], str, dict[str, Any]]:
    faults = Faults()
    filters = _take(values, faults)
    conditions, parameters = document_events.conditions_of(session, filters if not faults else {}, faults)
    faults.raise_if_any()
    return filters, " ".join(conditions), parameters


def _take(values: Mapping[str, Any], faults: Faults) -> dict[str, list[str]]:
    """Read what was chosen as filters of the ledger."""
    for name in set(values) - {"source", "ids", "positions", "filter", "all"}:
        faults.add(name, "unknown_field")
    if positions := values.get("positions"):
        return {"position": [str(position) for position in positions]}
    if "ids" in values or "source" in values:
        chosen = {
            "source": _texts("source", values.get("source"), faults),
            "id": _texts("ids", values.get("ids"), faults),
        }
        for name, field in (("source", "source"), ("id", "ids")):
            if not chosen[name] and not faults:
                faults.add(field, "required")
        for other in {"filter", "all"} & {name for name, value in values.items() if value}:
            faults.add(other, "invalid", v.shown(values[other]))
        return chosen
    given = values.get("filter")
    if given is not None and not isinstance(given, Mapping):
        faults.add("filter", "invalid", v.shown(given))
        return {}
    filters: dict[str, list[str]] = {}
    for name, value in (given or {}).items():
        if name not in FILTERS:
            faults.add(f"filter.{name}", "unknown_field")
        elif listed := _texts(f"filter.{name}", value, faults):
            filters[name] = listed
    if values.get("all") not in (None, False, True):
        faults.add("all", "invalid", v.shown(values["all"]))
    if not filters and values.get("all") is not True and not faults:
        faults.add("filter", "filter_missing")
    return filters


def _texts(field: str, value: object, faults: Faults) -> list[str]:
    """Read one text or a list of them."""
    listed = list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
    if len(listed) > MOST_IDS:
        faults.add(field, "too_large", len(listed), limit=MOST_IDS)
        return []
    for item in listed:
        if isinstance(item, bool):
            continue
        if not v.is_text(item):
            faults.add(field, "invalid", v.shown(item))
            return []
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in listed]


@register
class Replay(Kind):
    """Tries events again that are ignored, unresolved or suppressed, as they are when the job is planned."""

    name = "replay"
    # Each chunk waits for the recorder's lock and must then see what the recorder has just committed.
    isolation = "READ COMMITTED"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Cut the events that can be tried; count those that are recorded or rejected, which stay as they are."""
        conditions, parameters = self._chosen(session, job)
        session.execute(
            text(CUT.format(replayable=_REPLAYABLE, conditions=conditions)),
            {**parameters, "job_id": job.id, "chunk": CHUNK},
        )
        unchanged = session.execute(
            text(UNCHANGED.format(replayable=_REPLAYABLE, conditions=conditions)), parameters
        ).scalar_one()
        job.working = {**job.working, "unchanged": unchanged}
        return ()

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Try the events of one range that still can be."""
        session.execute(text(f"SELECT pg_advisory_xact_lock({records.RECORDING})"))
        conditions, parameters = self._chosen(session, job)
        positions = list(
            session.scalars(
                text(TAKE.format(replayable=_REPLAYABLE, conditions=conditions)),
                {**parameters, "range_from": chunk.range_from, "range_to": chunk.range_to},
            )
        )
        document_recording.record(session, positions)
        outcomes: dict[str, int] = dict(session.execute(OUTCOMES, {"positions": positions}).all())
        return {**outcomes, "unchanged": chunk.size - len(positions)}

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Add up what became of the events."""
        names = ("recorded", "reprint", "ignored", "unresolved", "suppressed", "unchanged")
        sums = ", ".join(
            f"coalesce(sum((outcome->>'{name}')::bigint), 0)::bigint AS {name}" for name in names
        )
        row = session.execute(
            text(f"SELECT {sums} FROM job_chunk WHERE job_id = :job_id AND step = 1"), {"job_id": job.id}
        ).one()
        result = dict(row._mapping)
        return {**result, "unchanged": result["unchanged"] + job.working["unchanged"]}

    def _chosen(self, session: Session, job: Job) -> tuple[str, dict[str, Any]]:
        faults = Faults()
        conditions, parameters = document_events.conditions_of(session, job.working["filters"], faults)
        faults.raise_if_any()
        return " ".join(conditions), parameters
