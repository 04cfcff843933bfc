"""Works on a job in this process until it is done: so a command works without running workers, and they help.

If this process dies, the job goes on where a worker runs.
"""

import time
from typing import Any

import click
from sqlalchemy.orm import Session, sessionmaker

from domain import job_engine, job_kinds, jobs
from domain.database import transaction
from domain.jobs import FINAL, Job

__all__ = ["job_kinds", "work_until_final"]

# How often to look whether others are done with what they took.
SECONDS_BETWEEN_LOOKS = 0.2


def work_until_final(sessions: sessionmaker[Session], job: Job, *, label: str) -> dict[str, Any]:
    """Work until a job is in a final state, showing its progress under a label; describe it."""
    described = _describe(sessions, job)
    shown = 0
    with click.progressbar(length=1000, label=label) as bar:
        while described["state"] not in FINAL:
            if not job_engine.work_one(sessions):
                time.sleep(SECONDS_BETWEEN_LOOKS)
            described = _describe(sessions, job)
            reached = int(described["progress"] * 1000)
            bar.update(reached - shown)
            shown = reached
    return described


def _describe(sessions: sessionmaker[Session], job: Job) -> dict[str, Any]:
    with transaction(sessions) as session:
        return jobs.describe(session, [jobs.get(session, job.id)])[0]
