-- Finding entries by a text (E1, docs/decisions/0010): what a segment's entries say alike is kept once, with the logged
-- segment and with the version of the template; an entry has a text of its own only where it says something else. So
-- few rows of the log have texts, and those are found by their trigrams.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The subjects of a template in its languages (T2), as they were when logged; never updated.
CREATE TABLE interaction_template_version_language (
    version_id integer NOT NULL REFERENCES interaction_template_version ON DELETE CASCADE,
    language_code text NOT NULL CHECK (language_code = lower(language_code)),
    subject text NOT NULL,
    PRIMARY KEY (version_id, language_code)
);
-- Entries of before keep their version, which has no languages, and their subjects.
WITH made AS (
    INSERT INTO interaction_template_version (template_id, description, group_id)
    SELECT id, description, group_id FROM interaction_template t
    WHERE EXISTS (SELECT FROM interaction_template_language l WHERE l.template_id = t.id AND l.subject <> '')
    RETURNING id, template_id
), now AS (
    UPDATE interaction_template t SET version_id = made.id FROM made WHERE made.template_id = t.id
)
INSERT INTO interaction_template_version_language (version_id, language_code, subject)
SELECT made.id, lower(l.language_code), l.subject
FROM made JOIN interaction_template_language l ON l.template_id = made.template_id
WHERE l.subject <> '';

-- The subject of the header as it was when logged.
ALTER TABLE logged_segment ADD COLUMN subject text;

CREATE OR REPLACE VIEW interaction_visible AS
SELECT
    i.entry_no, i.contact_id, i.company_id, i.created_at, i.date, i.time_of_day,
    coalesce(i.description, s.description) AS description,
    coalesce(i.subject, s.subject, l.subject, i.description, s.description) AS subject,
    i.information_flow, i.initiated_by, i.correspondence_type, i.language_code, i.evaluation,
    v.template_id, v.description AS template_description, v.group_id,
    i.cost, i.duration_min, i.actor_id, i.salesperson_id,
    c.campaign_id, i.campaign_entry_no, i.campaign_target, i.campaign_response,
    CASE WHEN s.deleted_at IS NULL THEN i.logged_segment_no END AS logged_segment_no,
    CASE WHEN s.deleted_at IS NULL THEN s.segment_no END AS segment_no,
    i.attempt_failed, i.contact_via, i.opportunity_no,
    i.document_type, i.document_no, i.document_version, i.document_occurrence, i.times_printed,
    CASE WHEN i.logged_segment_no IS NOT NULL THEN 'segment'
         WHEN i.document_type IS NOT NULL THEN 'document' ELSE 'manual' END AS origin,
    i.canceled_at IS NOT NULL OR s.canceled_at IS NOT NULL OR c.canceled_at IS NOT NULL AS canceled,
    coalesce(i.canceled_at, least(s.canceled_at, c.canceled_at)) AS canceled_at,
    CASE WHEN i.canceled_at IS NOT NULL THEN i.canceled_by
         WHEN c.canceled_at IS NULL OR s.canceled_at <= c.canceled_at THEN s.canceled_by
         ELSE c.canceled_by END AS canceled_by
FROM interaction i
JOIN interaction_template_version v ON v.id = i.template_version_id
LEFT JOIN logged_segment s ON s.no = i.logged_segment_no
LEFT JOIN interaction_template_version_language l
    ON l.version_id = i.template_version_id AND l.language_code = lower(i.language_code)
    AND i.logged_segment_no IS NOT NULL
LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
WHERE s.no IS NULL OR s.logged_at IS NOT NULL;

-- Without a segment an entry has its own description, and a subject if that is another. What is said stands in one
-- expression here and another one below, and PostgreSQL keeps statistics of each: so it knows how many entries have a
-- text, and how many of which kind.
CREATE OR REPLACE VIEW interaction_outside AS
SELECT
    i.entry_no, i.contact_id, i.company_id, i.created_at, i.date, i.description, i.subject,
    i.evaluation, v.template_id, v.group_id, i.actor_id, i.salesperson_id,
    c.campaign_id, i.campaign_entry_no, NULL::integer AS logged_segment_no, i.document_type, i.document_no,
    CASE WHEN i.document_type IS NOT NULL THEN 'document' ELSE 'manual' END AS origin,
    i.canceled_at IS NOT NULL OR c.canceled_at IS NOT NULL AS canceled,
    i.description || E'\n' || coalesce(i.subject, '') AS said, i.template_version_id
FROM interaction i
JOIN interaction_template_version v ON v.id = i.template_version_id
LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
WHERE i.logged_segment_no IS NULL;

-- Lists in the order of dates, without a segment by salesperson and template, and by evaluation:
CREATE INDEX interaction_outside_salesperson_date_idx ON interaction (salesperson_id, date, entry_no)
    WHERE logged_segment_no IS NULL;
CREATE INDEX interaction_outside_template_date_idx ON interaction (template_version_id, date, entry_no)
    WHERE logged_segment_no IS NULL;
CREATE INDEX interaction_evaluation_date_idx ON interaction (evaluation, date, entry_no) WHERE evaluation IS NOT NULL;
CREATE INDEX interaction_outside_said_idx ON interaction
    USING gin ((description || E'\n' || coalesce(subject, '')) gin_trgm_ops) WHERE logged_segment_no IS NULL;
-- Entries of segments that say something of their own: their texts, and for texts that many of them have their order.
CREATE VIEW interaction_personal AS
SELECT entry_no, date, coalesce(subject, '') || E'\n' || coalesce(description, '') AS said FROM interaction
WHERE logged_segment_no IS NOT NULL AND (description IS NOT NULL OR subject IS NOT NULL);
CREATE INDEX interaction_personal_said_idx ON interaction
    USING gin ((coalesce(subject, '') || E'\n' || coalesce(description, '')) gin_trgm_ops)
    WHERE logged_segment_no IS NOT NULL AND (description IS NOT NULL OR subject IS NOT NULL);
CREATE INDEX interaction_personal_idx ON interaction (entry_no)
    WHERE logged_segment_no IS NOT NULL AND (description IS NOT NULL OR subject IS NOT NULL);
CREATE INDEX interaction_personal_date_idx ON interaction (date, entry_no)
    WHERE logged_segment_no IS NOT NULL AND (description IS NOT NULL OR subject IS NOT NULL);
