-- Reject rows of a file whose number an earlier row has, or one of whose accounts an earlier row or another contact
-- has: the first row stands whichever worker comes to it. Index: import_row_pkey, contact_account_no_key.
WITH row AS (
    SELECT row_no, no, accounts FROM import_row WHERE job_id = :job_id AND errors IS NULL
), account AS (
    SELECT row.row_no, row.no AS contact_no, a.position - 1 AS position, split_part(a.account, ':', 1) AS type,
           substr(a.account, strpos(a.account, ':') + 1) AS no
    FROM row, unnest(string_to_array(row.accounts, '|')) WITH ORDINALITY a(account, position)
), held AS (
    SELECT g.row_no, g.position
    FROM account g
    JOIN contact_account a ON a.type = g.type AND lower(a.no) = lower(g.no)
    JOIN contact c ON c.id = a.contact_id
    WHERE lower(c.no) IS DISTINCT FROM lower(g.contact_no)
), repeated AS (
    SELECT row_no, 'no' AS field, 'already_exists' AS code, no AS value, jsonb_build_object('row', first) AS params
    FROM (
        SELECT row_no, no, min(row_no) OVER (PARTITION BY lower(no)) AS first FROM row WHERE no IS NOT NULL
    ) n
    WHERE row_no > first
    UNION ALL
    SELECT row_no, 'accounts.' || position || '.no', 'account_taken', no,
           jsonb_strip_nulls(jsonb_build_object('type', type, 'row', CASE WHEN NOT held THEN first END))
    FROM (
        SELECT g.*, h.row_no IS NOT NULL AS held,
               min(g.row_no) FILTER (WHERE h.row_no IS NULL) OVER (PARTITION BY g.type, lower(g.no)) AS first
        FROM account g
        LEFT JOIN held h ON h.row_no = g.row_no AND h.position = g.position
    ) a
    WHERE held OR row_no > first
), wrong AS (
    SELECT row_no, jsonb_agg(jsonb_build_object('field', field, 'code', code, 'value', value, 'params', params)) AS errors
    FROM repeated
    GROUP BY row_no
)
UPDATE import_row r SET errors = wrong.errors
FROM wrong
WHERE r.job_id = :job_id AND r.row_no = wrong.row_no
