-- People and access -----------------------------------------------------------------------------------

-- Whoever does something: a user, a token, the system itself. Entries and jobs carry its key.
CREATE TABLE actor (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL
);
CREATE UNIQUE INDEX actor_name_key ON actor (lower(name));

CREATE TABLE salesperson (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    name text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '',
    blocked boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX salesperson_code_key ON salesperson (lower(code));

CREATE TABLE app_user (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor_id integer NOT NULL REFERENCES actor UNIQUE,
    name text NOT NULL,
    display_name text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '',
    password_hash text,
    role text NOT NULL CHECK (role IN ('viewer', 'salesperson', 'marketing', 'admin', 'service')),
    salesperson_id integer REFERENCES salesperson,
    language_code text CHECK (language_code IN ('en', 'ru')),
    active boolean NOT NULL DEFAULT true,
    sign_in_link_hash bytea,
    sign_in_link_expires_at timestamptz,
    session_epoch integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX app_user_name_key ON app_user (lower(name));

CREATE TABLE api_token (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor_id integer NOT NULL REFERENCES actor,
    name text NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('viewer', 'salesperson', 'marketing', 'admin', 'service')),
    salesperson_id integer REFERENCES salesperson,
    created_by integer REFERENCES actor,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id integer NOT NULL REFERENCES actor,
    action text NOT NULL,
    object_type text NOT NULL,
    object_key text NOT NULL,
    changes jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_object_idx ON audit (object_type, object_key, id);

-- Answers already given, kept in the transaction that gave them.
CREATE TABLE idempotency_key (
    actor_id integer NOT NULL REFERENCES actor,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor_id, key)
);
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);

-- Numbers and setup -----------------------------------------------------------------------------------

CREATE TABLE number_series (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    description text NOT NULL DEFAULT '',
    starting_no text NOT NULL,
    last_no_used text,
    increment integer NOT NULL DEFAULT 1 CHECK (increment > 0),
    allow_manual boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX number_series_code_key ON number_series (lower(code));

CREATE TABLE setup (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    segment_nos_id integer REFERENCES number_series,
    contact_nos_id integer REFERENCES number_series,
    campaign_nos_id integer REFERENCES number_series,
    timezone text NOT NULL DEFAULT 'UTC',
    reprint_window_hours integer NOT NULL DEFAULT 24 CHECK (reprint_window_hours >= 0),
    contact_pressure_days integer NOT NULL DEFAULT 0 CHECK (contact_pressure_days >= 0),
    company_name text NOT NULL DEFAULT ''
);

-- Master data -----------------------------------------------------------------------------------------

CREATE TABLE campaign (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    no text NOT NULL,
    description text NOT NULL DEFAULT '',
    starting_date date,
    ending_date date,
    salesperson_id integer REFERENCES salesperson
);
CREATE UNIQUE INDEX campaign_no_key ON campaign (lower(no));

CREATE TABLE interaction_group (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    description text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX interaction_group_code_key ON interaction_group (lower(code));

CREATE TABLE interaction_template (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    description text NOT NULL DEFAULT '',
    group_id integer NOT NULL REFERENCES interaction_group,
    version_id integer NOT NULL,
    unit_cost numeric(12, 2) NOT NULL DEFAULT 0 CHECK (unit_cost >= 0),
    unit_duration_min integer NOT NULL DEFAULT 0 CHECK (unit_duration_min >= 0),
    information_flow text CHECK (information_flow IN ('outbound', 'inbound')),
    initiated_by text CHECK (initiated_by IN ('us', 'them')),
    correspondence_type text DEFAULT 'email' CHECK (correspondence_type IN ('hard_copy', 'email', 'fax')),
    ignore_contact_correspondence_type boolean NOT NULL DEFAULT false,
    campaign_id integer REFERENCES campaign,
    campaign_target boolean NOT NULL DEFAULT false,
    campaign_response boolean NOT NULL DEFAULT false,
    language_code text,
    retired boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX interaction_template_code_key ON interaction_template (lower(code));

-- What an entry says of its template as it was when logged; never updated. Entries refer to a version.
CREATE TABLE interaction_template_version (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template_id integer NOT NULL REFERENCES interaction_template,
    description text NOT NULL,
    group_id integer NOT NULL REFERENCES interaction_group
);
CREATE INDEX interaction_template_version_template_id_idx ON interaction_template_version (template_id);
ALTER TABLE interaction_template ADD CONSTRAINT interaction_template_version_id_fkey
    FOREIGN KEY (version_id) REFERENCES interaction_template_version DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE interaction_template_language (
    template_id integer NOT NULL REFERENCES interaction_template ON DELETE CASCADE,
    language_code text NOT NULL,
    subject text NOT NULL DEFAULT '',
    PRIMARY KEY (template_id, language_code)
);
CREATE UNIQUE INDEX interaction_template_language_key ON interaction_template_language
    (template_id, lower(language_code));

CREATE TABLE template_setup (
    document_type text PRIMARY KEY,
    template_id integer NOT NULL REFERENCES interaction_template
);

-- What logging looks at comes first, numbers before texts: a row is read up to the last column needed.
CREATE TABLE contact (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id bigint REFERENCES contact,
    erased_at timestamptz,
    salesperson_id integer REFERENCES salesperson,
    exclude_from_segment boolean NOT NULL DEFAULT false,
    privacy_blocked boolean NOT NULL DEFAULT false,
    type text NOT NULL CHECK (type IN ('company', 'person')),
    language_code text,
    correspondence_type text CHECK (correspondence_type IN ('hard_copy', 'email', 'fax')),
    email text NOT NULL DEFAULT '',
    no text NOT NULL,
    name text NOT NULL DEFAULT '',
    phone text NOT NULL DEFAULT '',
    mobile_phone text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    post_code text NOT NULL DEFAULT '',
    city text NOT NULL DEFAULT '',
    country_code text NOT NULL DEFAULT '',
    territory_code text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contact_company_of_person_check CHECK (company_id IS NULL OR type = 'person')
);
CREATE UNIQUE INDEX contact_no_key ON contact (lower(no));
CREATE INDEX contact_company_id_idx ON contact (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX contact_salesperson_id_idx ON contact (salesperson_id) WHERE salesperson_id IS NOT NULL;

-- An account belongs to at most one contact (C1).
CREATE TABLE contact_account (
    type text NOT NULL CHECK (type IN ('customer', 'vendor')),
    no text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contact ON DELETE CASCADE,
    PRIMARY KEY (type, no)
);
CREATE UNIQUE INDEX contact_account_no_key ON contact_account (type, lower(no));
CREATE INDEX contact_account_contact_id_idx ON contact_account (contact_id);

-- Mailing groups, industry groups, business relations, job responsibilities: free codes, made by being used.
CREATE TABLE contact_membership (
    kind text NOT NULL
        CHECK (kind IN ('mailing_group', 'industry_group', 'business_relation', 'job_responsibility')),
    code text NOT NULL,
    contact_id bigint NOT NULL REFERENCES contact ON DELETE CASCADE,
    PRIMARY KEY (contact_id, kind, code)
);
CREATE INDEX contact_membership_code_idx ON contact_membership (kind, lower(code), contact_id);

-- Jobs ------------------------------------------------------------------------------------------------

CREATE TABLE job (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (
        state IN ('queued', 'running', 'canceling', 'succeeded', 'refused', 'failed', 'canceled')),
    ending text CHECK (ending IN ('canceled', 'refused', 'failed')),
    parameters jsonb NOT NULL DEFAULT '{}',
    working jsonb NOT NULL DEFAULT '{}',
    serial_key text,
    created_by integer NOT NULL REFERENCES actor,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    total bigint NOT NULL DEFAULT 0,
    result jsonb,
    problem jsonb,
    CONSTRAINT job_finished_check
        CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'refused', 'failed', 'canceled')))
);
CREATE UNIQUE INDEX job_position_key ON job (position);
CREATE INDEX job_open_idx ON job (serial_key, position) WHERE finished_at IS NULL;

CREATE TABLE job_chunk (
    job_id uuid NOT NULL REFERENCES job ON DELETE CASCADE,
    no integer NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 0 AND 4),
    range_from bigint NOT NULL DEFAULT 0,
    range_to bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0,
    contact_ids bigint[],
    state text NOT NULL DEFAULT 'pending' CHECK (
        state IN ('pending', 'running', 'done', 'failed', 'dropped', 'undone')),
    attempt integer NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0,
    claimed_at timestamptz,
    finished_at timestamptz,
    outcome jsonb,
    error text,
    PRIMARY KEY (job_id, no)
);
CREATE INDEX job_chunk_open_idx ON job_chunk (job_id, step, no) WHERE state IN ('pending', 'running');

-- A request to cancel: inserting it stops claims at once, without waiting for chunks at work.
CREATE TABLE job_cancel (
    job_id uuid PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    actor_id integer NOT NULL REFERENCES actor,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- An uploaded file, in pieces that fit a worker's memory whatever the size of the whole.
CREATE TABLE job_file (
    job_id uuid NOT NULL REFERENCES job ON DELETE CASCADE,
    no integer NOT NULL,
    piece bytea NOT NULL,
    PRIMARY KEY (job_id, no)
);

-- Segments --------------------------------------------------------------------------------------------

-- NULL = inherit; '' and campaign 0 = blank on purpose (API: ""). So campaign_id carries no foreign key.
CREATE TABLE segment (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    no text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'logging', 'hidden')),
    description text NOT NULL DEFAULT '',
    date date,
    salesperson_id integer REFERENCES salesperson,
    campaign_id integer,
    template_id integer REFERENCES interaction_template,
    correspondence_type text CHECK (correspondence_type IN ('', 'hard_copy', 'email', 'fax')),
    ignore_contact_correspondence_type boolean,
    unit_cost numeric(12, 2) CHECK (unit_cost >= 0),
    unit_duration_min integer CHECK (unit_duration_min >= 0),
    information_flow text CHECK (information_flow IN ('', 'outbound', 'inbound')),
    initiated_by text CHECK (initiated_by IN ('', 'us', 'them')),
    campaign_target boolean,
    campaign_response boolean,
    language_code text,
    subject text,
    lines_count integer NOT NULL DEFAULT 0,
    last_line_no integer NOT NULL DEFAULT 0,
    created_by integer NOT NULL REFERENCES actor,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- 'hidden': being made or being taken away by a job; it exists for nobody and holds no number.
CREATE UNIQUE INDEX segment_no_key ON segment (lower(no)) WHERE status <> 'hidden';

-- No foreign keys: the statements that insert lines join what they refer to; `interlog verify` proves it.
CREATE TABLE segment_line (
    segment_id integer NOT NULL,
    line_no integer NOT NULL,
    contact_id bigint NOT NULL,
    template_id integer,
    salesperson_id integer,
    campaign_id integer,
    date date,
    duration_min integer CHECK (duration_min >= 0),
    campaign_target boolean,
    campaign_response boolean,
    cost numeric(12, 2) CHECK (cost >= 0),
    description text,
    subject text,
    correspondence_type text CHECK (correspondence_type IN ('', 'hard_copy', 'email', 'fax')),
    language_code text,
    information_flow text CHECK (information_flow IN ('', 'outbound', 'inbound')),
    initiated_by text CHECK (initiated_by IN ('', 'us', 'them')),
    evaluation text CHECK (
        evaluation IN ('very_positive', 'positive', 'neutral', 'negative', 'very_negative')),
    PRIMARY KEY (segment_id, line_no)
);
CREATE INDEX segment_line_contact_id_idx ON segment_line (contact_id, segment_id);
-- The few lines that say something of their own; totals and campaigns of a segment are read from here.
CREATE INDEX segment_line_overridden_idx ON segment_line (segment_id, line_no) WHERE num_nonnulls(
    template_id, salesperson_id, campaign_id, date, duration_min, campaign_target, campaign_response, cost,
    description, subject, correspondence_type, language_code, information_flow, initiated_by, evaluation) > 0;

-- How lines came and went (S7).
CREATE TABLE criteria_action (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment_id integer NOT NULL REFERENCES segment ON DELETE CASCADE,
    no integer NOT NULL,
    action text NOT NULL CHECK (action IN ('add', 'reduce', 'refine')),
    manual boolean NOT NULL DEFAULT false,
    filters jsonb NOT NULL DEFAULT '{}',
    options jsonb NOT NULL DEFAULT '{}',
    added integer NOT NULL DEFAULT 0,
    removed integer NOT NULL DEFAULT 0,
    actor_id integer NOT NULL REFERENCES actor,
    job_id uuid REFERENCES job ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (segment_id, no)
);

-- Logged segments, campaign entries and the log ----------------------------------------------------------

-- first_entry_no + line_no - 1 is the number of a line's entry, so the log's primary key lists a logged
-- segment in order of its lines and is the fuse against logging a line twice (docs/decisions/0001).
CREATE TABLE logged_segment (
    no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment_id integer NOT NULL,
    segment_no text NOT NULL,
    description text NOT NULL,
    date date,
    actor_id integer NOT NULL REFERENCES actor,
    status text NOT NULL DEFAULT 'logging' CHECK (status IN ('logging', 'logged')),
    first_entry_no bigint NOT NULL,
    last_entry_no bigint NOT NULL,
    interactions_count integer NOT NULL DEFAULT 0,
    skipped_count integer NOT NULL DEFAULT 0,
    campaign_entries_count integer NOT NULL DEFAULT 0,
    job_id uuid NOT NULL,
    logged_at timestamptz,
    canceled_at timestamptz,
    canceled_by integer REFERENCES actor,
    deleted_at timestamptz,
    CONSTRAINT logged_segment_logged_at_check CHECK ((status = 'logged') = (logged_at IS NOT NULL))
);
CREATE UNIQUE INDEX logged_segment_segment_no_key ON logged_segment (lower(segment_no)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX logged_segment_job_id_key ON logged_segment (job_id);
CREATE INDEX logged_segment_unfinished_idx ON logged_segment (first_entry_no, last_entry_no) WHERE status = 'logging';

CREATE TABLE logged_segment_skip (
    logged_segment_no integer NOT NULL REFERENCES logged_segment ON DELETE CASCADE,
    line_no integer NOT NULL,
    contact_id bigint NOT NULL,
    problems text[] NOT NULL,
    PRIMARY KEY (logged_segment_no, line_no)
);

CREATE TABLE campaign_entry (
    entry_no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id integer NOT NULL REFERENCES campaign,
    logged_segment_no integer REFERENCES logged_segment,
    segment_no text,
    document_type text,
    description text NOT NULL DEFAULT '',
    date date,
    salesperson_id integer REFERENCES salesperson,
    canceled_at timestamptz,
    canceled_by integer REFERENCES actor
);
CREATE INDEX campaign_entry_campaign_id_idx ON campaign_entry (campaign_id, entry_no);
CREATE INDEX campaign_entry_logged_segment_no_idx ON campaign_entry (logged_segment_no);

CREATE SEQUENCE interaction_entry_no_seq;

-- Gives the first of `wanted` consecutive entry numbers. The lock lasts for two statements only: leaving the
-- inner block by an exception releases it, while what a sequence gave out is never taken back. It runs with the
-- rights of the schema's owner, so that the application's role needs none on the sequence.
CREATE FUNCTION next_entry_nos(wanted bigint) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first bigint;
BEGIN
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('interaction_entry_no_seq', 0));
        first := nextval('interaction_entry_no_seq');
        PERFORM setval('interaction_entry_no_seq', first + wanted - 1);
        RAISE EXCEPTION USING ERRCODE = 'IL001';
    EXCEPTION WHEN SQLSTATE 'IL001' THEN
        RETURN first;
    END;
END $$;

-- The log. No foreign keys (they halve the insert rate); the statements that insert join what they refer to
-- and `interlog verify` proves it. A NULL description is the logged segment's, a NULL subject the description.
CREATE TABLE interaction (
    entry_no bigint PRIMARY KEY,
    contact_id bigint NOT NULL,
    company_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    canceled_at timestamptz,
    canceled_by integer,
    logged_segment_no integer,
    campaign_entry_no integer,
    template_version_id integer NOT NULL,
    actor_id integer NOT NULL,
    salesperson_id integer,
    date date NOT NULL,
    duration_min integer NOT NULL DEFAULT 0,
    document_version integer,
    document_occurrence integer,
    times_printed integer,
    time_of_day time(0),
    campaign_target boolean NOT NULL DEFAULT false,
    campaign_response boolean NOT NULL DEFAULT false,
    attempt_failed boolean NOT NULL DEFAULT false,
    cost numeric(12, 2) NOT NULL DEFAULT 0,
    information_flow text CHECK (information_flow IN ('outbound', 'inbound')),
    initiated_by text CHECK (initiated_by IN ('us', 'them')),
    correspondence_type text CHECK (correspondence_type IN ('hard_copy', 'email', 'fax')),
    language_code text,
    evaluation text CHECK (
        evaluation IN ('very_positive', 'positive', 'neutral', 'negative', 'very_negative')),
    description text,
    subject text,
    contact_via text,
    opportunity_no text,
    document_type text,
    document_no text,
    CONSTRAINT interaction_description_check CHECK (description IS NOT NULL OR logged_segment_no IS NOT NULL)
);
CREATE INDEX interaction_contact_id_idx ON interaction (contact_id, date, entry_no);
CREATE INDEX interaction_company_id_idx ON interaction (company_id, date, entry_no) WHERE company_id <> contact_id;
CREATE INDEX interaction_document_idx ON interaction (document_no, document_type) WHERE document_no IS NOT NULL;
CREATE INDEX interaction_canceled_idx ON interaction (entry_no) WHERE canceled_at IS NOT NULL;

CREATE TABLE interaction_comment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_no bigint NOT NULL,
    comment text NOT NULL,
    actor_id integer NOT NULL REFERENCES actor,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX interaction_comment_entry_no_idx ON interaction_comment (entry_no);

-- The entries there are for anybody: an entry of a segment counts only when its segment is complete (L8), and
-- its three ways of being canceled (own, logged segment's, campaign entry's) are shown as one (E3).
-- Both conditions are plain tests for NULL because the planner knows how many rows pass those: with a comparison of
-- status and a coalesce it expected one row of a million (one logged segment) and sorted them all, 2.7 s for a page
-- of the log instead of 1 ms.
CREATE VIEW interaction_visible AS
SELECT
    i.entry_no, i.contact_id, i.company_id, i.created_at, i.date, i.time_of_day,
    coalesce(i.description, s.description) AS description,
    coalesce(i.subject, i.description, s.description) AS subject,
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
LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
WHERE s.no IS NULL OR s.logged_at IS NOT NULL;

-- What applies to the lines of a segment as far as no contact and no override is known: one row for lines that take
-- the header's template (line_template_id 0), one for each template a line could have instead, whose cost, duration,
-- flow, initiated by, target and response win over the header's, and one (-1) for a template that is not there. So a
-- line joins a row that is computed once per statement instead of half a dozen tables.
CREATE VIEW segment_line_default AS
SELECT
    s.id AS segment_id, k.line_template_id,
    nullif(s.description, '') AS description, s.subject, s.salesperson_id, s.date,
    t.id AS template_id, t.version_id AS template_version_id, t.group_id,
    t.retired AS template_retired, t.id IS NOT NULL AND NOT t.retired AS template_ready,
    nullif(d.campaign_id, 0) AS wanted_campaign_id, m.id AS campaign_id,
    m.id IS NOT NULL OR coalesce(d.campaign_id, 0) = 0 AS campaign_ready,
    coalesce(k.unit_cost, t.unit_cost) AS cost,
    coalesce(k.unit_duration_min, t.unit_duration_min) AS duration_min,
    coalesce(k.information_flow, t.information_flow) AS information_flow,
    coalesce(k.initiated_by, t.initiated_by) AS initiated_by,
    coalesce(k.campaign_target, t.campaign_target) AS campaign_target,
    coalesce(k.campaign_response, t.campaign_response) AS campaign_response,
    coalesce(
        CASE WHEN s.ignore_contact_correspondence_type THEN s.correspondence_type END,
        CASE WHEN t.ignore_contact_correspondence_type THEN coalesce(t.correspondence_type, '') END
    ) AS correspondence_type_before_contact,
    coalesce(s.correspondence_type, t.correspondence_type) AS correspondence_type_after_contact,
    d.language_code, nullif(tl.subject, '') AS language_subject
FROM segment s
CROSS JOIN LATERAL (
    SELECT 0 AS line_template_id, s.template_id, s.unit_cost, s.unit_duration_min, s.information_flow, s.initiated_by,
           s.campaign_target, s.campaign_response
    UNION ALL
    SELECT o.id, o.id, NULL, NULL, NULL, NULL, NULL, NULL FROM interaction_template o
    UNION ALL
    SELECT -1, NULL, NULL, NULL, NULL, NULL, NULL, NULL
) k
LEFT JOIN interaction_template t ON t.id = k.template_id
LEFT JOIN interaction_template_language ts
    ON ts.template_id = t.id AND lower(ts.language_code) = lower(s.language_code)
CROSS JOIN LATERAL (
    SELECT
        coalesce(s.campaign_id, t.campaign_id) AS campaign_id,
        coalesce(CASE s.language_code WHEN '' THEN '' END, ts.language_code, t.language_code) AS language_code
) d
LEFT JOIN campaign m ON m.id = d.campaign_id
LEFT JOIN interaction_template_language tl
    ON tl.template_id = t.id AND lower(tl.language_code) = lower(d.language_code);

-- What each line will be logged with (S3) and what stands against it (S9): the one definition, read by the line
-- list, the check and the logging. d = what applies without contact and overrides.
CREATE VIEW segment_line_effective AS
SELECT
    l.segment_id, l.line_no, l.contact_id,
    CASE WHEN c.type = 'company' THEN c.id ELSE c.company_id END AS company_id,
    d.template_id, d.template_version_id, d.group_id,
    coalesce(l.description, d.description) AS description,
    coalesce(
        l.subject, d.subject,
        CASE WHEN l.language_code IS NULL AND tl.template_id IS NULL THEN d.language_subject
             ELSE nullif(tl.subject, '') END,
        l.description, d.description) AS subject,
    p.id AS salesperson_id,
    CASE WHEN l.campaign_id IS NULL THEN d.campaign_id
         ELSE (SELECT m.id FROM campaign m WHERE m.id = l.campaign_id) END AS campaign_id,
    nullif(e.correspondence_type, '') AS correspondence_type,
    nullif(coalesce(l.language_code, tl.language_code, d.language_code), '') AS language_code,
    e.date,
    coalesce(l.cost, d.cost) AS cost,
    coalesce(l.duration_min, d.duration_min) AS duration_min,
    nullif(coalesce(l.information_flow, d.information_flow), '') AS information_flow,
    nullif(coalesce(l.initiated_by, d.initiated_by), '') AS initiated_by,
    coalesce(l.campaign_target, d.campaign_target, false) AS campaign_target,
    coalesce(l.campaign_response, d.campaign_response, false) AS campaign_response,
    l.evaluation,
    e.ready,
    CASE WHEN NOT e.ready THEN array_remove(ARRAY[
        CASE WHEN c.id IS NULL THEN 'contact_missing' END,
        CASE WHEN c.erased_at IS NOT NULL THEN 'contact_erased' END,
        CASE WHEN c.privacy_blocked THEN 'privacy_blocked' END,
        CASE WHEN d.template_id IS NULL THEN 'template_missing' END,
        CASE WHEN d.template_retired THEN 'template_retired' END,
        CASE WHEN e.salesperson_id IS NULL THEN 'salesperson_missing' END,
        CASE WHEN e.salesperson_id IS NOT NULL AND p.id IS NULL THEN 'salesperson_unknown' END,
        CASE WHEN p.blocked THEN 'salesperson_blocked' END,
        CASE WHEN e.date IS NULL THEN 'date_missing' END,
        CASE WHEN NOT e.campaign_ready THEN 'campaign_unknown' END], NULL)
    END AS problems,
    -- Templates have no content yet, so whatever has a type cannot be sent (S9).
    CASE WHEN nullif(e.correspondence_type, '') IS NOT NULL THEN array_remove(ARRAY[
        CASE WHEN CASE e.correspondence_type WHEN 'email' THEN c.email WHEN 'hard_copy' THEN c.address
            ELSE c.phone END = '' THEN 'address_missing' END,
        'content_missing'], NULL)
    END AS sending_problems,
    e.correspondence_type = 'email' AND c.email = '' AS email_missing,
    c.exclude_from_segment AS excluded,
    num_nonnulls(l.template_id, l.salesperson_id, l.campaign_id, l.date, l.duration_min, l.campaign_target,
        l.campaign_response, l.cost, l.description, l.subject, l.correspondence_type, l.language_code,
        l.information_flow, l.initiated_by, l.evaluation) > 0 AS overridden
FROM segment_line l
LEFT JOIN segment_line_default d
    ON d.segment_id = l.segment_id
    AND d.line_template_id = CASE
        WHEN l.template_id IS NULL THEN 0
        WHEN l.template_id IN (SELECT o.id FROM interaction_template o) THEN l.template_id
        ELSE -1 END
LEFT JOIN contact c ON c.id = l.contact_id
LEFT JOIN salesperson p ON p.id = coalesce(l.salesperson_id, d.salesperson_id, c.salesperson_id)
LEFT JOIN interaction_template_language tl
    ON tl.template_id = d.template_id AND lower(tl.language_code) = lower(coalesce(l.language_code, c.language_code))
CROSS JOIN LATERAL (
    SELECT
        coalesce(l.salesperson_id, d.salesperson_id, c.salesperson_id) AS salesperson_id,
        coalesce(l.date, d.date) AS date,
        coalesce(
            l.correspondence_type, d.correspondence_type_before_contact,
            c.correspondence_type, d.correspondence_type_after_contact) AS correspondence_type,
        CASE WHEN l.campaign_id IS NULL THEN d.campaign_ready
             ELSE l.campaign_id = 0 OR l.campaign_id IN (SELECT m.id FROM campaign m) END AS campaign_ready,
        c.id IS NOT NULL AND c.erased_at IS NULL AND NOT c.privacy_blocked
            AND d.template_ready
            AND p.id IS NOT NULL AND NOT p.blocked
            AND coalesce(l.date, d.date) IS NOT NULL
            AND CASE WHEN l.campaign_id IS NULL THEN d.campaign_ready
                     ELSE l.campaign_id = 0 OR l.campaign_id IN (SELECT m.id FROM campaign m) END
            AS ready
) e;

-- A fresh service (N1) ---------------------------------------------------------------------------------

INSERT INTO actor (name) VALUES ('system');
INSERT INTO number_series (code, description, starting_no) VALUES
    ('SEGMENT', 'Segments', 'SM00001'),
    ('CONTACT', 'Contacts', 'CT000001'),
    ('CAMPAIGN', 'Campaigns', 'CP0001');
INSERT INTO setup (segment_nos_id, contact_nos_id, campaign_nos_id)
SELECT (SELECT id FROM number_series WHERE code = 'SEGMENT'),
       (SELECT id FROM number_series WHERE code = 'CONTACT'),
       (SELECT id FROM number_series WHERE code = 'CAMPAIGN');
