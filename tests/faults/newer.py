"""What a newer version has and the running one has not: a kind of job. Workers of it are started with --include."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.job_steps import Chunk, Kind, cut, register
from domain.jobs import Job


@register
class Stamp(Kind):
    """Writes the number of each chunk into the job."""

    name = "stamp"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Cut a few chunks."""
        return cut(1, 20, most=5, least=5)

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any]:
        """Count what a chunk stands for."""
        session.execute(text("SELECT 1"))
        return {"stamped": chunk.size}

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Add it up."""
        query = "SELECT sum((outcome->>'stamped')::int) FROM job_chunk WHERE job_id = :id"
        return {"stamped": session.execute(text(query), {"id": job.id}).scalar_one()}
