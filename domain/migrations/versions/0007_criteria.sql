SET LOCAL lock_timeout = '2s';

-- What undoing an action needs to know: the numbers its lines got. Lines that went are in segment_line_removed.
ALTER TABLE criteria_action
    ADD COLUMN first_line_no integer,
    ADD COLUMN last_line_no integer,
    ADD COLUMN excluded integer NOT NULL DEFAULT 0,
    ADD COLUMN existing integer NOT NULL DEFAULT 0,
    ADD COLUMN blocked integer NOT NULL DEFAULT 0;

-- Numbers were always given after the last one and never taken back, so they follow from the actions, counted from the
-- end; the first action of a follow-up has gaps among its own.
UPDATE criteria_action a
SET last_line_no = r.last_line_no,
    first_line_no = CASE WHEN r.is_first THEN 1 ELSE r.last_line_no - a.added + 1 END
FROM (
    SELECT k.id,
           s.last_line_no - coalesce(sum(k.added) OVER (
               PARTITION BY k.segment_id ORDER BY k.no DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS last_line_no,
           row_number() OVER (PARTITION BY k.segment_id ORDER BY k.no) = 1 AS is_first
    FROM criteria_action k
    JOIN segment s ON s.id = k.segment_id
    WHERE k.added > 0
) r
WHERE r.id = a.id;

-- Lines that an action took out, as they were, until it is undone or the segment goes. A number is in one of the two
-- tables, never in both, and never twice. No foreign keys, as with segment_line.
CREATE TABLE segment_line_removed (
    LIKE segment_line,
    action_no integer NOT NULL,
    PRIMARY KEY (segment_id, line_no)
);

-- The few that say something in words, which erasure looks for.
CREATE INDEX segment_line_removed_text_idx ON segment_line_removed (contact_id)
    WHERE description IS NOT NULL OR subject IS NOT NULL;

-- The lines that a chunk takes out, found once when the action was planned.
ALTER TABLE job_chunk ADD COLUMN line_nos integer[];

-- Actions kept under a code, to be done again on another segment (S8).
CREATE TABLE saved_criteria (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    description text NOT NULL DEFAULT '',
    actions jsonb NOT NULL,
    actor_id integer NOT NULL REFERENCES actor,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX saved_criteria_code_key ON saved_criteria (lower(code));
