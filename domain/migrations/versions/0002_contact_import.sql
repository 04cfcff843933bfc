-- Work in phases: chunks of a later one wait until the earlier ones are done.
ALTER TABLE job_chunk ADD COLUMN phase smallint NOT NULL DEFAULT 0;
DROP INDEX job_chunk_open_idx;
CREATE INDEX job_chunk_open_idx ON job_chunk (job_id, step, phase, no) WHERE state IN ('pending', 'running');

-- The rows of a file that is being imported: cells in the shape they are kept in, or what is wrong with them.
-- NULL = the file has no such column, or a blank that is kept as one; lists are separated by '|'.
CREATE TABLE import_row (
    job_id uuid NOT NULL REFERENCES job ON DELETE CASCADE,
    row_no bigint NOT NULL,
    phase smallint NOT NULL,
    errors jsonb,
    no text,
    type text,
    name text,
    company_no text,
    email text,
    phone text,
    mobile_phone text,
    address text,
    post_code text,
    city text,
    country_code text,
    territory_code text,
    language_code text,
    salesperson_code text,
    correspondence_type text,
    exclude_from_segment boolean,
    privacy_blocked boolean,
    mailing_groups text,
    industry_groups text,
    business_relations text,
    job_responsibilities text,
    accounts text,
    PRIMARY KEY (job_id, row_no)
);
CREATE INDEX import_row_no_idx ON import_row (job_id, lower(no)) WHERE no IS NOT NULL;
