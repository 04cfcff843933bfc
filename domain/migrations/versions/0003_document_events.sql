-- Document events (D1-D9): the inbox, and the ledger of what became of each.

-- An event is stored once for each (source, event_id) and never changes but for its outcome. `hash` is that of its
-- content. A rejected one came through the stream or the Celery door and could not be read: it has a raw text, and
-- perhaps no id; the hash of that text keeps it from being kept twice.
-- What the recorder found is kept beside what came, because a later print of the same document may make this one the
-- print that opens the entry, or no longer (D6), whatever master data say by then.
CREATE TABLE document_event (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text,
    event_id text,
    hash bytea NOT NULL,
    door text NOT NULL CHECK (door IN ('http', 'stream', 'task')),
    received_at timestamptz NOT NULL DEFAULT now(),
    actor_id integer NOT NULL,
    type text,
    time timestamptz,
    data jsonb,
    envelope jsonb,
    raw text,
    window_hours integer NOT NULL,
    document_type text,
    document_no text,
    document_version integer NOT NULL DEFAULT 0,
    document_occurrence integer NOT NULL DEFAULT 0,
    outcome text NOT NULL DEFAULT 'received' CHECK (
        outcome IN ('received', 'recorded', 'reprint', 'ignored', 'unresolved', 'suppressed', 'rejected')),
    reasons jsonb,
    attempts integer NOT NULL DEFAULT 0,
    contact_id bigint,
    salesperson_id integer,
    campaign_id integer,
    entry_no bigint,
    CONSTRAINT document_event_rejected_check CHECK ((outcome = 'rejected') = (raw IS NOT NULL)),
    CONSTRAINT document_event_content_check CHECK (
        outcome = 'rejected' OR num_nulls(source, event_id, type, time, document_type, document_no) = 0),
    CONSTRAINT document_event_entry_check CHECK ((outcome IN ('recorded', 'reprint')) = (entry_no IS NOT NULL))
);
CREATE UNIQUE INDEX document_event_id_key ON document_event (event_id, source) WHERE outcome <> 'rejected';
CREATE UNIQUE INDEX document_event_raw_key ON document_event (hash) WHERE outcome = 'rejected';
-- What waits, oldest first: empty but for a moment.
CREATE INDEX document_event_received_idx ON document_event (position) WHERE outcome = 'received';
-- What needs somebody's attention: the ledger by these outcomes, and replay.
CREATE INDEX document_event_outcome_idx ON document_event (outcome, position)
    WHERE outcome NOT IN ('received', 'recorded');
-- The prints of one document (D6); the ledger by document number.
CREATE INDEX document_event_document_idx ON document_event (document_no, document_type, contact_id);
-- The ledger by source, by the doors that few come through, by contact and by time of the event. Of a million events, a
-- source without any was told in 325 ms without its index, in 5 ms with it.
CREATE INDEX document_event_source_idx ON document_event (source, position);
CREATE INDEX document_event_door_idx ON document_event (door, position) WHERE door <> 'http';
CREATE INDEX document_event_contact_idx ON document_event (contact_id, position) WHERE contact_id IS NOT NULL;
CREATE INDEX document_event_time_idx ON document_event (time);
-- Each event is written twice, so a table that grows by millions a day wants vacuuming by what changed, not by share.
ALTER TABLE document_event SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05);

-- What came under an id that was taken, with another content (D1); the same one is kept once.
CREATE TABLE document_event_conflict (
    position bigint NOT NULL REFERENCES document_event ON DELETE CASCADE,
    hash bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    door text NOT NULL CHECK (door IN ('http', 'stream', 'task')),
    type text NOT NULL,
    time timestamptz,
    data jsonb NOT NULL,
    PRIMARY KEY (position, hash)
);

-- Who has sent events of which source: a service reads the events of the sources it sent (U1).
CREATE TABLE document_source (
    actor_id integer NOT NULL REFERENCES actor,
    source text NOT NULL,
    PRIMARY KEY (actor_id, source)
);

-- The reprint guard (D6) as a running aggregate: over the prints of one document in order of time, source and id, the
-- print that each one counts on. A print that comes less than its window after the opening one counts on that; else it
-- opens another. A window of 0 hours gives every print an entry of its own.
CREATE TYPE opening_print AS (at timestamptz, position bigint);
CREATE FUNCTION next_opening_print(
    opening opening_print, at timestamptz, window_hours integer, event_position bigint
) RETURNS opening_print LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN (opening).at IS NULL OR at - (opening).at >= make_interval(hours => window_hours)
                THEN (at, event_position)::opening_print ELSE opening END
$$;
CREATE AGGREGATE opening_print(timestamptz, integer, bigint) (
    SFUNC = next_opening_print, STYPE = opening_print, PARALLEL = SAFE);

-- All prints of the documents that some events are about. Index: document_event_pkey, document_event_document_idx.
CREATE FUNCTION document_prints(positions bigint[]) RETURNS SETOF document_event LANGUAGE sql STABLE AS $$
    SELECT e.*
    FROM (
        SELECT DISTINCT document_no, document_type, contact_id, document_version, document_occurrence
        FROM document_event WHERE position = ANY(positions)
    ) d
    JOIN document_event e ON
        e.document_no = d.document_no AND e.document_type = d.document_type AND e.contact_id = d.contact_id
        AND e.document_version = d.document_version AND e.document_occurrence = d.document_occurrence
$$;

-- The active entry that collects what is recorded of one document type for a campaign (D5), NULL if there is none: a
-- canceled one is never used again (I9). Index: campaign_entry_campaign_id_idx.
CREATE FUNCTION open_document_campaign_entry(campaign integer, type text) RETURNS integer
LANGUAGE sql STABLE STRICT AS $$
    SELECT entry_no FROM campaign_entry
    WHERE campaign_id = campaign AND document_type = type AND logged_segment_no IS NULL AND canceled_at IS NULL
    ORDER BY entry_no LIMIT 1
$$;

-- Entries that belong to no segment, by their campaign entry: it counts them, and its date is that of the earliest.
-- Empty for segments, whose entries lie in the range of their numbers.
CREATE INDEX interaction_campaign_entry_no_idx ON interaction (campaign_entry_no, date, time_of_day)
    WHERE campaign_entry_no IS NOT NULL AND logged_segment_no IS NULL;
