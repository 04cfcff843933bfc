-- How the service is doing, a row for each thing that is told: name, label, value. Everything here is small, capped or
-- an estimate of PostgreSQL's own. Indexes: job_open_idx, job_chunk_open_idx, document_event_received_idx,
-- document_event_outcome_idx.
WITH open_job AS (
    SELECT id, created_at FROM job WHERE finished_at IS NULL
), open_chunk AS (
    SELECT c.attempt FROM open_job j JOIN job_chunk c ON c.job_id = j.id WHERE c.state IN ('pending', 'running')
), waiting AS (
    SELECT position, received_at FROM document_event WHERE outcome = 'received'
), due AS (
    SELECT s.next_run_at, coalesce(j.state, s.last_state) AS last_state
    FROM purge_schedule s LEFT JOIN job j ON j.id = s.last_job_id WHERE s.enabled
), activity AS (
    SELECT application_name AS process, state_change, xact_start FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
)
SELECT 'jobs' AS name, state AS label, count(*)::float8 AS value
FROM job WHERE finished_at IS NULL OR finished_at > now() - interval '1 day' GROUP BY state
UNION ALL SELECT 'oldest_open_job_seconds', '', coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)
FROM open_job
UNION ALL SELECT 'open_chunks', '', count(*) FROM open_chunk
UNION ALL SELECT 'chunk_attempts', '', coalesce(max(attempt), 0) FROM open_chunk
UNION ALL SELECT 'document_events_waiting', '', count(*) FROM waiting
UNION ALL SELECT 'document_events_oldest_seconds', '', coalesce((
    SELECT extract(epoch FROM clock_timestamp() - received_at) FROM waiting ORDER BY position LIMIT 1), 0)
UNION ALL SELECT 'document_events_unsettled', kind, (
    SELECT count(*) FROM (SELECT FROM document_event WHERE outcome = kind LIMIT :most) e)
FROM unnest(CAST(:unsettled AS text[])) kind
UNION ALL SELECT 'document_event_conflicts', '', count(*)
FROM (SELECT FROM document_event_conflict LIMIT :most) c
UNION ALL SELECT 'purge_overdue_seconds', '',
    greatest(coalesce(extract(epoch FROM clock_timestamp() - min(next_run_at)), 0), 0)
FROM due
UNION ALL SELECT 'purge_schedules_failed', '', count(*) FROM due WHERE last_state IN ('refused', 'failed')
UNION ALL SELECT 'clock_suspect', '',
    (seen_ahead IS NOT NULL OR clock_timestamp() > at + CAST(:longest_stop AS interval))::integer
FROM clock_mark
UNION ALL SELECT 'clock_ahead_seconds', '', greatest(extract(epoch FROM clock_timestamp() - at), 0) FROM clock_mark
UNION ALL SELECT 'beat_last_sweep_seconds', '', coalesce((
    SELECT extract(epoch FROM clock_timestamp() - max(state_change)) FROM activity WHERE process = :beat), 'Infinity')
UNION ALL SELECT 'database_connections', CASE WHEN process LIKE 'interlog-%' THEN substr(process, 10) ELSE 'other' END,
    count(*)
FROM activity GROUP BY 2
UNION ALL SELECT 'database_connections_limit', '', current_setting('max_connections')::integer
UNION ALL SELECT 'oldest_transaction_seconds', '',
    greatest(coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0), 0)
FROM activity
UNION ALL SELECT 'database_bytes', '', pg_database_size(current_database())
UNION ALL SELECT 'log_bytes', '', pg_total_relation_size('interaction')
UNION ALL SELECT 'entries', '', greatest(reltuples, 0) FROM pg_class WHERE oid = 'interaction'::regclass
UNION ALL SELECT 'log_dead_rows', '', n_dead_tup FROM pg_stat_user_tables WHERE relid = 'interaction'::regclass
