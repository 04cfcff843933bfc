"""What the cases look at of a job's chunks."""

from __future__ import annotations

from ops.faults.company import Company


def at_work(company: Company, job_id: str) -> dict[int, int]:
    """Map the number of each chunk that is claimed and not done to that of its attempt."""
    query = "SELECT no, attempt FROM job_chunk WHERE job_id = :id AND state = 'running'"
    return {row.no: row.attempt for row in company.stack.rows(query, id=job_id)}


def were_claimed_again(company: Company, job_id: str, chunks: dict[int, int]) -> bool:
    """Tell whether chunks have a later attempt than the given ones, or were done by those after all."""
    done = done_at(company, job_id)
    now = at_work(company, job_id) | done
    return all(now.get(no, 0) > attempt or done.get(no) == attempt for no, attempt in chunks.items())


def done_at(company: Company, job_id: str) -> dict[int, int]:
    """Map the number of each chunk that is done to that of the attempt which did it."""
    query = "SELECT no, attempt FROM job_chunk WHERE job_id = :id AND state = 'done'"
    return {row.no: row.attempt for row in company.stack.rows(query, id=job_id)}


def has_started(company: Company, *job_ids: str) -> bool:
    """Tell whether a worker has taken up all of these jobs."""
    query = "SELECT count(*) FROM job WHERE id = ANY(CAST(:ids AS uuid[])) AND started_at IS NOT NULL"
    return bool(company.stack.value(query, ids=list(job_ids)) == len(job_ids))
