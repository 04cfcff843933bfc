SET LOCAL lock_timeout = '2s';

-- The highest time that was believed of PostgreSQL's clock (E7, docs/decisions/0015). seen_ahead: what the clock said
-- when it was last found further ahead than can be; until that is over or confirmed, nothing is purged.
CREATE TABLE clock_mark (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_ahead timestamptz
);
INSERT INTO clock_mark DEFAULT VALUES;

-- What purges and housekeeping keep to.
CREATE TABLE purge_setup (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    purge_rows_limit bigint NOT NULL DEFAULT 5000000 CHECK (purge_rows_limit > 0),
    keep_jobs_days integer NOT NULL DEFAULT 180 CHECK (keep_jobs_days >= 1),
    keep_idempotency_keys_hours integer NOT NULL DEFAULT 48 CHECK (keep_idempotency_keys_hours >= 24),
    keep_document_data_days integer NOT NULL DEFAULT 1095 CHECK (keep_document_data_days >= 31),
    keep_canceled_segments_days integer NOT NULL DEFAULT 0 CHECK (keep_canceled_segments_days >= 0),
    -- events up to this position are without data already
    document_data_gone_to bigint NOT NULL DEFAULT 0
);
INSERT INTO purge_setup DEFAULT VALUES;

-- Finding the last of the old events; positions grow with time.
CREATE INDEX document_event_received_at_idx ON document_event USING brin (received_at);

-- When what is started by itself. The state of the last run is that of its job; a run that was refused has none.
CREATE TABLE purge_schedule (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    work text NOT NULL DEFAULT 'purge' CHECK (work IN ('purge', 'housekeeping')),
    name text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    filters jsonb NOT NULL DEFAULT '{}',
    archive boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    next_run_at timestamptz,
    last_started_at timestamptz,
    last_job_id uuid,
    last_state text,
    last_problem jsonb,
    CONSTRAINT purge_schedule_next_run_at_check CHECK (enabled = (next_run_at IS NOT NULL))
);
CREATE UNIQUE INDEX purge_schedule_name_key ON purge_schedule (lower(name)) WHERE work = 'purge';
CREATE UNIQUE INDEX purge_schedule_housekeeping_key ON purge_schedule (work) WHERE work = 'housekeeping';
INSERT INTO purge_schedule (work, name, cron, next_run_at)
VALUES ('housekeeping', 'housekeeping', '30 3 * * *', now() + interval '1 hour');

-- What was purged: kept for ever, longer than jobs and schedules (E7, E8).
CREATE TABLE purge_record (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL UNIQUE,
    schedule text,
    actor_id integer NOT NULL REFERENCES actor,
    filters jsonb NOT NULL,
    archive boolean NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (
        state IN ('queued', 'running', 'succeeded', 'refused', 'failed', 'canceled')),
    deleted bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    archive_file text,
    archive_sha256 text,
    archive_rows bigint,
    CONSTRAINT purge_record_finished_at_check CHECK ((finished_at IS NULL) = (state IN ('queued', 'running')))
);
CREATE INDEX purge_record_schedule_idx ON purge_record (schedule, id) WHERE schedule IS NOT NULL;

-- Entries of it that were purged: interactions_count stays as logged (L5), and nothing counts the rows anew.
ALTER TABLE logged_segment ADD COLUMN purged_count integer NOT NULL DEFAULT 0;

-- Entries below a campaign entry without a segment; those of segments are found by their range of numbers.
CREATE INDEX interaction_campaign_entry_range_idx ON interaction (campaign_entry_no, entry_no)
    WHERE campaign_entry_no IS NOT NULL AND logged_segment_no IS NULL;

-- A purge leaves dead rows by the hundred thousand. With the default (a fifth of the table) a log of ten million would
-- carry two million of them; from here on it is cleaned up after a hundredth or 50,000, with short pauses (docs/operations.md).
ALTER TABLE interaction SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 50000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
ALTER TABLE interaction_comment SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);
ALTER TABLE job_chunk SET (autovacuum_vacuum_scale_factor = 0.05);
