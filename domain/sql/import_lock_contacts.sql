-- Lock the contacts that the rows of a chunk are about, and then keep the companies they refer to from being changed
-- into persons, so that what is checked next stays true. In order of key, so that two chunks wait, not deadlock.
-- Index: import_row_pkey, contact_no_key.
WITH r AS MATERIALIZED (
    SELECT no, company_no FROM import_row
    WHERE job_id = :job_id AND row_no BETWEEN :range_from AND :range_to AND phase = :phase AND errors IS NULL
), own AS MATERIALIZED (
    SELECT id FROM contact
    WHERE id = ANY(ARRAY(
        SELECT c.id FROM r, LATERAL (SELECT id FROM contact WHERE lower(no) = lower(r.no) LIMIT 1) c))
    ORDER BY id FOR UPDATE
), companies AS MATERIALIZED (
    SELECT id FROM contact
    WHERE id = ANY(ARRAY(
        SELECT o.id FROM r, LATERAL (SELECT id FROM contact WHERE lower(no) = lower(r.company_no) LIMIT 1) o))
    ORDER BY id FOR KEY SHARE
)
SELECT (SELECT count(*) FROM own) AS known, (SELECT count(*) FROM companies) AS companies
