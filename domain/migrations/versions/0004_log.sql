SET LOCAL lock_timeout = '2s';

-- Statistics (docs/decisions/0011) -----------------------------------------------------------------------

-- summed_up_at: its entries are in interaction_total; until then statistics read them from the log.
-- deleting_job_id: a job is making its cancel that of its entries; it can no longer be restored (E6).
ALTER TABLE logged_segment ADD COLUMN summed_up_at timestamptz, ADD COLUMN deleting_job_id uuid;
CREATE INDEX logged_segment_not_summed_up_idx ON logged_segment (no)
    WHERE logged_at IS NOT NULL AND summed_up_at IS NULL;

-- How many entries there are of each kind, and what those cost that are not canceled by themselves. What is said of an
-- entry is the sum over its kind, so a change adds a row (loose) and rewrites none, and nobody waits for anybody; rows
-- are merged now and then. Canceling a logged segment or campaign entry changes nothing here: who reads looks there.
CREATE TABLE interaction_total (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    is_loose boolean NOT NULL DEFAULT true,
    logged_segment_no integer,
    campaign_entry_no integer,
    template_version_id integer NOT NULL,
    salesperson_id integer,
    date date NOT NULL,
    entries bigint NOT NULL,
    interactions bigint NOT NULL,
    cost numeric(20, 2) NOT NULL,
    duration_min bigint NOT NULL,
    target_contacts bigint NOT NULL,
    responses bigint NOT NULL
);
-- Statistics of a template or group, a salesperson, a campaign; finding where a list's entries are.
CREATE INDEX interaction_total_template_version_id_idx ON interaction_total (template_version_id, date);
CREATE INDEX interaction_total_salesperson_id_idx ON interaction_total (salesperson_id, date);
CREATE INDEX interaction_total_campaign_entry_no_idx ON interaction_total (campaign_entry_no);
-- The active entries of a logged segment, and summing it up.
CREATE INDEX interaction_total_logged_segment_no_idx ON interaction_total (logged_segment_no)
    WHERE logged_segment_no IS NOT NULL;
-- Merging what changed.
CREATE INDEX interaction_total_loose_idx ON interaction_total (id) WHERE is_loose;

-- Entries of a segment are summed up when it is logged, all others as they come. The condition stands in the trigger,
-- not in the function, so that logging a segment pays for a look at a column and no more (within what two runs differ).
CREATE FUNCTION count_interaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO interaction_total (campaign_entry_no, template_version_id, salesperson_id, date, entries, interactions,
        cost, duration_min, target_contacts, responses)
    SELECT NEW.campaign_entry_no, NEW.template_version_id, NEW.salesperson_id, NEW.date, 1, n, n * NEW.cost,
           n * NEW.duration_min, n * NEW.campaign_target::integer, n * NEW.campaign_response::integer
    FROM (SELECT CASE WHEN NEW.canceled_at IS NULL THEN 1 ELSE 0 END AS n) counted;
    RETURN NULL;
END $$;
CREATE TRIGGER interaction_counted_insert AFTER INSERT ON interaction
    FOR EACH ROW WHEN (NEW.logged_segment_no IS NULL) EXECUTE FUNCTION count_interaction();

-- What an update or deletion made of the sums: the new rows less the old ones. Entries of a segment that is being
-- logged or undone are not counted yet.
CREATE FUNCTION count_interaction_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO interaction_total (logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date,
            entries, interactions, cost, duration_min, target_contacts, responses)
        SELECT d.logged_segment_no, d.campaign_entry_no, d.template_version_id, d.salesperson_id, d.date,
               sum(d.sign), sum(d.active), sum(d.active * d.cost), sum(d.active * d.duration_min),
               sum(d.active * d.campaign_target::integer), sum(d.active * d.campaign_response::integer)
        FROM (SELECT -1 AS sign, CASE WHEN o.canceled_at IS NULL THEN -1 ELSE 0 END AS active, o.* FROM old_rows o
              UNION ALL
              SELECT 1, CASE WHEN n.canceled_at IS NULL THEN 1 ELSE 0 END, n.* FROM new_rows n) d
        LEFT JOIN logged_segment s ON s.no = d.logged_segment_no
        WHERE s.no IS NULL OR s.logged_at IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5
        HAVING sum(d.sign) <> 0 OR sum(d.active) <> 0 OR sum(d.active * d.cost) <> 0
            OR sum(d.active * d.duration_min) <> 0 OR sum(d.active * d.campaign_target::integer) <> 0
            OR sum(d.active * d.campaign_response::integer) <> 0;
    ELSE
        INSERT INTO interaction_total (logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date,
            entries, interactions, cost, duration_min, target_contacts, responses)
        SELECT d.logged_segment_no, d.campaign_entry_no, d.template_version_id, d.salesperson_id, d.date, -count(*),
               -sum(d.active), -sum(d.active * d.cost), -sum(d.active * d.duration_min),
               -sum(d.active * d.campaign_target::integer), -sum(d.active * d.campaign_response::integer)
        FROM (SELECT CASE WHEN o.canceled_at IS NULL THEN 1 ELSE 0 END AS active, o.* FROM old_rows o) d
        LEFT JOIN logged_segment s ON s.no = d.logged_segment_no
        WHERE s.no IS NULL OR s.logged_at IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER interaction_counted_update AFTER UPDATE ON interaction
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_interaction_changes();
CREATE TRIGGER interaction_counted_delete AFTER DELETE ON interaction
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_interaction_changes();

CREATE FUNCTION forget_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM interaction_total;
    RETURN NULL;
END $$;
CREATE TRIGGER interaction_counted_truncate AFTER TRUNCATE ON interaction
    FOR EACH STATEMENT EXECUTE FUNCTION forget_totals();

-- The active entries, summed by what statistics ask for (T5): from the totals, and from the log for the logged segments
-- that are not summed up yet.
CREATE VIEW interaction_counted AS
SELECT v.template_id, v.group_id, t.salesperson_id, c.campaign_id, t.date,
       t.interactions, t.cost, t.duration_min, t.target_contacts, t.responses
FROM interaction_total t
JOIN interaction_template_version v ON v.id = t.template_version_id
LEFT JOIN logged_segment s ON s.no = t.logged_segment_no
LEFT JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no
WHERE s.canceled_at IS NULL AND c.canceled_at IS NULL AND (s.no IS NULL OR s.summed_up_at IS NOT NULL)
UNION ALL
SELECT v.template_id, v.group_id, i.salesperson_id, c.campaign_id, i.date,
       1, i.cost, i.duration_min, i.campaign_target::integer, i.campaign_response::integer
FROM logged_segment s
JOIN interaction i ON i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no AND i.logged_segment_no = s.no
JOIN interaction_template_version v ON v.id = i.template_version_id
LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
WHERE s.logged_at IS NOT NULL AND s.summed_up_at IS NULL
  AND s.canceled_at IS NULL AND i.canceled_at IS NULL AND c.canceled_at IS NULL;

-- What was recorded without a segment before there were totals; logged segments are summed up by a job.
INSERT INTO interaction_total (is_loose, campaign_entry_no, template_version_id, salesperson_id, date, entries,
    interactions, cost, duration_min, target_contacts, responses)
SELECT false, campaign_entry_no, template_version_id, salesperson_id, date, count(*), count(*) FILTER (WHERE active),
       coalesce(sum(cost) FILTER (WHERE active), 0), coalesce(sum(duration_min) FILTER (WHERE active), 0),
       count(*) FILTER (WHERE active AND campaign_target), count(*) FILTER (WHERE active AND campaign_response)
FROM (SELECT i.*, i.canceled_at IS NULL AS active FROM interaction i WHERE i.logged_segment_no IS NULL) i
GROUP BY 2, 3, 4, 5;

-- Finding entries in a large log -------------------------------------------------------------------------

-- What was recorded without a segment, as interaction_visible has it; lists ask for it apart (domain/interaction_search).
CREATE VIEW interaction_outside AS
SELECT
    i.entry_no, i.contact_id, i.company_id, i.created_at, i.date, i.description,
    coalesce(i.subject, i.description) AS subject, i.evaluation, v.template_id, v.group_id, i.actor_id, i.salesperson_id,
    c.campaign_id, i.campaign_entry_no, NULL::integer AS logged_segment_no, i.document_type, i.document_no,
    CASE WHEN i.document_type IS NOT NULL THEN 'document' ELSE 'manual' END AS origin,
    i.canceled_at IS NOT NULL OR c.canceled_at IS NOT NULL AS canceled
FROM interaction i
JOIN interaction_template_version v ON v.id = i.template_version_id
LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
WHERE i.logged_segment_no IS NULL;

-- None of these holds an entry that is logged with a segment, so logging one pays for looks at a column: five of them
-- and the trigger took 0.97 to 1.07 of the time without them (200,000 rows, best of seven); one full
-- index by salesperson took 1.42 of it.
-- The list by entry number, and by date or with a filter that few match:
CREATE INDEX interaction_outside_idx ON interaction (entry_no) WHERE logged_segment_no IS NULL;
CREATE INDEX interaction_outside_date_idx ON interaction (date, entry_no) WHERE logged_segment_no IS NULL;
CREATE INDEX interaction_outside_salesperson_idx ON interaction (salesperson_id, entry_no)
    WHERE logged_segment_no IS NULL;
CREATE INDEX interaction_outside_template_idx ON interaction (template_version_id, entry_no)
    WHERE logged_segment_no IS NULL;
-- The list by evaluation; entries get theirs after they were logged, a few of many:
CREATE INDEX interaction_evaluation_idx ON interaction (evaluation, entry_no) WHERE evaluation IS NOT NULL;

-- Lists as people keep them (docs/architecture.md) --------------------------------------------------------

-- Filters of a list saved under a name, and the columns somebody wants to see.
CREATE TABLE saved_filter (
    user_id integer NOT NULL REFERENCES app_user ON DELETE CASCADE,
    list text NOT NULL,
    name text NOT NULL,
    filters jsonb NOT NULL,
    PRIMARY KEY (user_id, list, name)
);
CREATE TABLE chosen_columns (
    user_id integer NOT NULL REFERENCES app_user ON DELETE CASCADE,
    list text NOT NULL,
    columns text[] NOT NULL,
    PRIMARY KEY (user_id, list)
);
