-- Claim one chunk of work: pending ones, or running ones whose owner is gone. A live owner holds the row lock and
-- is skipped; a dead one's fell with its socket. Differences of time are absolute because clocks jump both ways.
-- Kinds that this worker does not know are left to newer ones. Index: job_open_idx, then job_chunk_open_idx.
WITH chosen AS (
    SELECT c.job_id, c.no, j.kind, j.working->>'request_id' AS request_id
    FROM job j
    JOIN job_chunk c ON c.job_id = j.id AND c.state IN ('pending', 'running')
    WHERE j.finished_at IS NULL
      AND j.kind = ANY(CAST(:kinds AS text[]))
      AND (c.step >= 3) = (j.ending IS NOT NULL)
      AND (j.ending IS NOT NULL OR NOT EXISTS (SELECT FROM job_cancel k WHERE k.job_id = j.id))
      AND NOT EXISTS (
          SELECT FROM job_chunk o
          WHERE o.job_id = j.id AND o.state IN ('pending', 'running') AND (o.step, o.phase) < (c.step, c.phase)
            AND (o.step >= 3) = (j.ending IS NOT NULL))
      AND (j.serial_key IS NULL OR NOT EXISTS (
          SELECT FROM job e
          WHERE e.serial_key = j.serial_key AND e.position < j.position AND e.finished_at IS NULL))
      AND CASE c.state
          WHEN 'running' THEN abs(extract(epoch FROM clock_timestamp() - c.claimed_at))
              > greatest(:grace, least(30, :backoff * 2 ^ least(c.attempt, 10)))
          ELSE c.attempt = 0 OR abs(extract(epoch FROM clock_timestamp() - c.claimed_at))
              > least(5, :backoff * 2 ^ least(c.attempt, 10))
      END
    ORDER BY j.position, c.no
    LIMIT 1
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE job_chunk c
SET state = 'running', attempt = c.attempt + 1, claimed_at = clock_timestamp()
FROM chosen
WHERE c.job_id = chosen.job_id AND c.no = chosen.no
RETURNING c.job_id, chosen.kind, c.no, c.step, c.attempt, chosen.request_id
