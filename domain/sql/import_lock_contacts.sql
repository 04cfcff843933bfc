-- Lock the contacts that the rows of a chunk are about, and then keep the companies they refer to from being changed
-- into persons, so that what is checked next stays true. In order of key, so that two chunks wait, not deadlock.
-- Index: import_row_pkey, contact_no_key.
WITH r AS MATERIALIZED (
    SELECT lower(no) AS no, lower(company_no) AS company_no FROM import_row
    WHERE job_id = :job_id AND row_no BETWEEN :range_from AND :range_to AND phase = :phase AND errors IS NULL
), own AS MATERIALIZED (
    SELECT id FROM contact WHERE lower(no) IN (SELECT no FROM r) ORDER BY id FOR UPDATE
), companies AS MATERIALIZED (
    SELECT id FROM contact WHERE lower(no) IN (SELECT company_no FROM r) ORDER BY id FOR KEY SHARE
)
SELECT (SELECT count(*) FROM own) AS known, (SELECT count(*) FROM companies) AS companies
