"""Jobs as readers see them: what ended one is told like any other problem, in their language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from domain import job_kinds, jobs
from domain.errors import Fault
from web import messages
from web.errors import Problem

__all__ = ["described", "job_kinds"]


def described(session: Session, rows: Iterable[jobs.Job]) -> list[dict[str, Any]]:
    """Describe jobs with words for what went wrong."""
    return [
        {**job, "problem": _problem(job["problem"]), "result": _result(job["result"])}
        for job in jobs.describe(session, rows)
    ]


def _problem(problem: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give a problem the shape of RFC 9457; findings of a check stay as they are."""
    if problem is None:
        return None
    code, found = problem["code"], problem.get("errors", [])
    faults = [_fault(error) for error in found if "field" in error]
    body = Problem(code, messages.words_for(code, **problem.get("params", {})), faults).body()
    return body if faults else {**body, "errors": found}


def _result(result: dict[str, Any] | None) -> dict[str, Any] | None:
    if not result or "rejected_rows" not in result:
        return result
    rows = [{**row, "errors": [_told(error) for error in row["errors"]]} for row in result["rejected_rows"]]
    return {**result, "rejected_rows": rows}


def _told(error: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "field": error["field"],
        "code": error["code"],
        "value": error.get("value"),
        "message": messages.message(_fault(error)),
    }


def _fault(error: Mapping[str, Any]) -> Fault:
    return Fault(error["field"], error["code"], error.get("value"), error.get("params") or {})
