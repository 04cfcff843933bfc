"""Cancel, restore and evaluate many entries in a job (E2, U1; docs/decisions/0012).

What is selected is fixed when it is asked for: entries made later, and segments that are being logged at that moment,
are not touched. The plan finds the entries, in order of their numbers, and cuts them into chunks of equal size, each a
range of entry numbers. A chunk looks at its range once more, decides for each entry whether it is changed, unchanged or
refused, and keeps the three counts with itself, so the result is a sum over what is committed. An entry belongs to one
chunk, so none is looked at twice, whatever is killed.

A job that is canceled keeps what it did; its result says how much that is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import interaction_filters, interactions, jobs
from domain import values as v
from domain.actors import MAY_CHANGE, Actor
from domain.errors import Faults
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job

# Entries per chunk, about a second: an entry that is canceled gets a row version in every index of the log, and a
# record in the audit.
CHUNK = 20_000
# Entries that can be named one by one; more are selected by a filter.
MOST_NAMED = 10_000
# Refused entries that the result names.
MOST_REFUSED = 20

Change = Literal["cancel", "restore", "evaluate"]


def request(session: Session, *, change: Change, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for a change of many entries.

    Parameters
    ----------
    values
        One of `entry_nos` (at most 10,000), `filter` (the filters of the list, each with one value or several) and
        `all` (true); to evaluate, also `evaluation`, where None clears.

    Raises
    ------
    Invalid
        Naming every fault; `filter_missing` if nothing is selected.
    """
    faults = Faults()
    evaluation = _take_evaluation(change, values, faults)
    selection = _take_selection(session, values, faults)
    faults.raise_if_any()
    shown = {**selection, **evaluation}
    if "entry_nos" in selection:
        shown |= {"entry_nos": selection["entry_nos"][:MOST_REFUSED], "entries": len(selection["entry_nos"])}
    frozen = session.execute(_FREEZE).one()
    return jobs.create(
        session,
        kind=_KINDS[change].name,
        parameters=shown,
        working={
            **selection,
            **evaluation,
            "scope": actor.scope(),
            "asked_at": frozen.asked_at.isoformat(),
            "last_entry_no": frozen.last_entry_no,
            "unfinished": frozen.unfinished,
        },
        actor=actor,
    )


_FREEZE = text("""
    SELECT now() AS asked_at, coalesce((SELECT max(entry_no) FROM interaction), 0) AS last_entry_no,
           coalesce((SELECT jsonb_agg(no) FROM logged_segment WHERE logged_at IS NULL), '[]') AS unfinished
""")


def _take_evaluation(change: Change, values: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    if change != "evaluate":
        return {}
    if "evaluation" not in values:
        faults.add("evaluation", "required")
        return {}
    return v.take(
        {"evaluation": values["evaluation"]},
        {"evaluation": v.choice(*interaction_filters.EVALUATIONS)},
        faults,
    )


def _take_selection(session: Session, values: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    given = [name for name in ("entry_nos", "filter", "all") if values.get(name)]
    for name in set(values) - {"entry_nos", "filter", "all", "evaluation"}:
        faults.add(name, "unknown_field")
    if len(given) > 1:
        faults.add(given[1], "invalid", reason="one_selection")
    elif not given:
        faults.add("filter", "filter_missing")
    elif given == ["entry_nos"]:
        return {"entry_nos": _take_entry_nos(session, values["entry_nos"], faults)}
    elif given == ["filter"]:
        taken = interaction_filters.take(values["filter"], faults, prefix="filter.")
        if not taken and not faults:
            faults.add("filter", "filter_missing")
        return {"filter": taken}
    return {"all": True}


def _take_entry_nos(session: Session, given: Any, faults: Faults) -> list[int]:
    if not isinstance(given, list | tuple):
        faults.add("entry_nos", "invalid", v.shown(given))
        return []
    if len(given) > MOST_NAMED:
        faults.add("entry_nos", "too_long", limit=MOST_NAMED)
        return []
    numbers = [no if isinstance(no, int) and 0 < no < 2**63 else 0 for no in given]
    there = set(
        session.scalars(
            text("SELECT entry_no FROM interaction_visible WHERE entry_no = ANY(:numbers)"),
            {"numbers": numbers},
        )
    )
    for position, no in enumerate(given):
        if numbers[position] not in there:
            faults.add(f"entry_nos.{position}", "unknown", v.shown(no))
    return sorted(there)


# Index: the log's primary key, or that of the filter.
_PLAN = """
    INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size)
    SELECT :job_id, part + 1, 1, min(entry_no), max(entry_no), count(*)
    FROM (
        SELECT i.entry_no, (row_number() OVER (ORDER BY i.entry_no) - 1) / :chunk AS part
        FROM interaction_visible i
        WHERE i.entry_no <= :last_entry_no {conditions}
    ) e
    GROUP BY part
"""
# One snapshot and one pass: what is decided of an entry, the change, its record. Index: the log's primary key.
_WORK = """
    WITH chosen AS MATERIALIZED (
        SELECT i.entry_no, e.evaluation,
               CASE WHEN NOT {may_change} THEN 'forbidden' {verdict} ELSE 'changed' END AS verdict
        FROM interaction_visible i
        JOIN interaction e ON e.entry_no = i.entry_no
        LEFT JOIN logged_segment s ON s.no = e.logged_segment_no
        LEFT JOIN campaign_entry c ON c.entry_no = e.campaign_entry_no
        WHERE i.entry_no BETWEEN :range_from AND :range_to
          AND e.entry_no BETWEEN :range_from AND :range_to {conditions}
    ), changed AS (
        UPDATE interaction e SET {change} FROM chosen WHERE chosen.verdict = 'changed' AND e.entry_no = chosen.entry_no
    ), audited AS (
        INSERT INTO audit (actor_id, action, object_type, object_key, changes)
        SELECT :actor_id, :action, :thing, entry_no::text, {record} FROM chosen WHERE verdict = 'changed'
    ), refused AS (
        SELECT entry_no, verdict AS code FROM chosen
        WHERE verdict NOT IN ('changed', 'unchanged') ORDER BY entry_no LIMIT :most_refused
    )
    SELECT count(*) FILTER (WHERE verdict = 'changed') AS changed,
           count(*) FILTER (WHERE verdict = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE verdict NOT IN ('changed', 'unchanged')) AS refused,
           (SELECT coalesce(jsonb_agg(r ORDER BY r.entry_no), '[]') FROM refused r) AS refused_entries
    FROM chosen
"""
_COUNTS = text("""
    SELECT coalesce(sum((outcome->>'changed')::bigint), 0)::bigint AS changed,
           coalesce(sum((outcome->>'unchanged')::bigint), 0)::bigint AS unchanged,
           coalesce(sum((outcome->>'refused')::bigint), 0)::bigint AS refused,
           (SELECT coalesce(jsonb_agg(r), '[]') FROM (
                SELECT r FROM job_chunk k, jsonb_array_elements(k.outcome->'refused_entries') r
                WHERE k.job_id = :job_id AND k.step = 1 AND k.state = 'done'
                ORDER BY k.no, r->'entry_no' LIMIT :most_refused
           ) first) AS refused_entries
    FROM job_chunk WHERE job_id = :job_id AND step = 1 AND state = 'done'
""")


class _BulkChange(Kind):
    """What the three kinds have in common; each says when nothing is to be done, why not, and what is."""

    action: ClassVar[Change]
    verdict: ClassVar[str]
    change: ClassVar[str]
    record: ClassVar[str]

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Cut the selected entries into chunks, in one statement."""
        conditions, parameters = _selected(session, job)
        session.execute(
            text(_PLAN.format(conditions=conditions)), {**parameters, "job_id": job.id, "chunk": CHUNK}
        )
        return ()

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Change the entries of one range."""
        conditions, parameters = _selected(session, job)
        statement = _WORK.format(
            may_change=MAY_CHANGE,
            verdict=self.verdict,
            change=self.change,
            record=self.record,
            conditions=conditions,
        )
        row = session.execute(
            text(statement),
            {
                **parameters,
                **job.working["scope"],
                "range_from": chunk.range_from,
                "range_to": chunk.range_to,
                "actor_id": job.created_by,
                "action": self.action,
                "thing": interactions.THING,
                "most_refused": MOST_REFUSED,
                "new_evaluation": job.working.get("evaluation"),
            },
        ).one()
        return dict(row._mapping)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Add up what the chunks did."""
        row = session.execute(_COUNTS, {"job_id": job.id, "most_refused": MOST_REFUSED}).one()
        return dict(row._mapping)

    def undone(self, session: Session, job: Job) -> None:
        """Say what was done before the job was stopped; it stays."""
        job.result = dict(self.finish(session, job))


def _selected(session: Session, job: Job) -> tuple[str, dict[str, Any]]:
    """Make the conditions on visible entry `i` that a job's selection was fixed with, and their parameters."""
    working = job.working
    conditions = ["AND i.created_at <= :asked_at"]
    parameters: dict[str, Any] = {
        "asked_at": dt.datetime.fromisoformat(working["asked_at"]),
        "last_entry_no": working["last_entry_no"],
    }
    if working["unfinished"]:
        conditions.append("AND (i.logged_segment_no IS NULL OR i.logged_segment_no <> ALL(:unfinished))")
        parameters["unfinished"] = working["unfinished"]
    if "entry_nos" in working:
        conditions.append("AND i.entry_no = ANY(CAST(:entry_nos AS bigint[]))")
        parameters["entry_nos"] = working["entry_nos"]
    if "filter" in working:
        more, values = interaction_filters.conditions(session, working["filter"])
        conditions += more
        parameters |= values
    return " ".join(conditions), parameters


@register
class CancelInteractions(_BulkChange):
    """Cancels entries by themselves (E3)."""

    name = "cancel_interactions"
    action = "cancel"
    verdict = "WHEN e.canceled_at IS NOT NULL THEN 'unchanged'"
    change = "canceled_at = now(), canceled_by = :actor_id"
    record = """ '{"canceled": [false, true]}'::jsonb """


@register
class RestoreInteractions(_BulkChange):
    """Restores entries that were canceled by themselves; not below something canceled (E4)."""

    name = "restore_interactions"
    action = "restore"
    verdict = """
        WHEN s.canceled_at IS NOT NULL OR c.canceled_at IS NOT NULL THEN 'above_canceled'
        WHEN e.canceled_at IS NULL THEN 'unchanged'
    """
    change = "canceled_at = NULL, canceled_by = NULL"
    record = """ '{"canceled": [true, false]}'::jsonb """


@register
class EvaluateInteractions(_BulkChange):
    """Gives entries an evaluation, or takes it away (I5)."""

    name = "evaluate_interactions"
    action = "evaluate"
    verdict = "WHEN e.evaluation IS NOT DISTINCT FROM CAST(:new_evaluation AS text) THEN 'unchanged'"
    change = "evaluation = CAST(:new_evaluation AS text)"
    record = "jsonb_build_object('evaluation', jsonb_build_array(evaluation, CAST(:new_evaluation AS text)))"


_KINDS: dict[Change, type[_BulkChange]] = {
    "cancel": CancelInteractions,
    "restore": RestoreInteractions,
    "evaluate": EvaluateInteractions,
}
