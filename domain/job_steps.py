"""What a job is made of: steps, chunks, and the kind that says what is done at each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.jobs import Job


class Step(IntEnum):
    """What a chunk is for; a step begins when the ones before it have nothing open."""

    PLAN = 0  # check and cut
    WORK = 1  # the rows, a range at a time
    FINISH = 2  # make it count, all at once
    UNDO = 3  # take the rows of one work chunk away again
    UNDONE = 4  # put back how it was


@dataclass(frozen=True)
class Chunk:
    """One piece of a job.

    Parameters
    ----------
    range_from, range_to
        First and last of whatever the kind counts (line numbers, row numbers).
    size
        Rows in it, for the progress.
    phase
        Chunks of a later phase wait until those of the earlier ones are done.
    no
        Number of the chunk in its job; set by the engine.
    """

    range_from: int = 0
    range_to: int = 0
    size: int = 0
    phase: int = 0
    no: int = -1


def cut(first: int, last: int, *, most: int, least: int = 5_000, share: int = 8) -> list[Chunk]:
    """Cut a range into chunks of about one `share`th of it, but `least` to `most` long, so that all workers help."""
    size = min(most, max(least, -(-(last - first + 1) // share)))
    return [
        Chunk(start, min(start + size - 1, last), min(size, last - start + 1))
        for start in range(first, last + 1, size)
    ]


def leave_rest(session: Session, job: Job, chunk: Chunk, *, range_from: int, size: int) -> None:
    """Have a chunk at work end early: what is left of its range becomes a chunk of its own.

    Parameters
    ----------
    range_from
        First of what is left.
    size
        Rows of what is left.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:job_id, 0))"), {"job_id": str(job.id)}
    )
    parameters = {"job_id": job.id, "no": chunk.no, "range_from": range_from, "size": size}
    session.execute(
        text("""
            INSERT INTO job_chunk (job_id, no, step, range_from, range_to, size, phase)
            SELECT job_id, (SELECT max(no) + 1 FROM job_chunk WHERE job_id = :job_id),
                   step, :range_from, range_to, :size, phase
            FROM job_chunk WHERE job_id = :job_id AND no = :no
        """),
        parameters,
    )
    session.execute(
        text(
            "UPDATE job_chunk SET range_to = :range_from - 1, size = size - :size "
            "WHERE job_id = :job_id AND no = :no"
        ),
        parameters,
    )


class Kind:
    """What a kind of job does at each step. Every method runs in one transaction and may be run again."""

    name: ClassVar[str]
    undoes: ClassVar[bool] = (
        False  # whether chunks that are done must be taken back when the job ends otherwise
    )
    # REPEATABLE READ: all statements of a chunk see one state of the master data. READ COMMITTED suits a kind
    # whose chunks lock before they look, and take turns at a row such as a number series.
    isolation: ClassVar[str] = "REPEATABLE READ"

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Check, freeze what must stay as it is, and cut the work. A `Refusal` ends the job as refused.

        Chunks are returned, or written to `job_chunk` by a statement of the kind's own, numbered from 1.
        """
        raise NotImplementedError

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any] | None:
        """Do one chunk; what is returned is kept with it. A `Refusal` ends the job as refused."""
        raise NotImplementedError

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Make the work count and return the job's result."""
        raise NotImplementedError

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether the whole job is done in a moment, so that whoever asks for it may wait for it."""
        return False

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take back what `work` did for this chunk."""

    def undone(self, session: Session, job: Job) -> None:
        """Put back how it was before the job."""

    def explain(self, session: Session, job: Job) -> Mapping[str, Any] | None:
        """Say more about why the job ended than what it ended with; asked when all is put back, and may fail."""
        return None


KINDS: dict[str, Kind] = {}


def register(kind: type[Kind]) -> type[Kind]:
    """Class decorator: make a kind known to the engine."""
    KINDS[kind.name] = kind()
    return kind
