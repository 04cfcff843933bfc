-- Note on the rows of a chunk what the database has against them; contacts are looked up one by one, as a hash of
-- all of them for every chunk took five times as long with 500,000.
-- Index: import_row_pkey, contact_no_key, salesperson_code_key, contact_company_id_idx, contact_account_no_key.
WITH verdict AS (
    SELECT r.row_no, wrong.errors
    FROM import_row r
    LEFT JOIN LATERAL (
        SELECT id, type, company_id, erased_at, privacy_blocked FROM contact WHERE lower(no) = lower(r.no) LIMIT 1) c ON true
    LEFT JOIN LATERAL (
        SELECT id, no, type FROM contact WHERE lower(no) = lower(r.company_no) LIMIT 1) o ON true
    LEFT JOIN salesperson s ON lower(s.code) = lower(r.salesperson_code)
    CROSS JOIN LATERAL (
        SELECT
            c.id IS NULL AND r.type IS NULL AS type_missing,
            c.id IS NULL AND r.name IS NULL AS name_missing,
            c.id IS NULL AND r.no IS NOT NULL AND NOT :allow_manual AS manual_no,
            c.erased_at IS NOT NULL AS erased,
            c.privacy_blocked AND r.privacy_blocked IS FALSE AS unblocked,
            r.salesperson_code IS NOT NULL AND s.id IS NULL AS salesperson_unknown,
            r.company_no IS NOT NULL AND o.id IS NULL AS company_unknown,
            coalesce(r.type, c.type) = 'company' AND (
                r.company_no IS NOT NULL
                OR c.company_id IS NOT NULL AND NOT 'company_no' = ANY(CAST(:fields AS text[]))
            ) AS company_of_company,
            coalesce(r.type, c.type) = 'person' AND o.id IS NOT NULL AND (
                o.type <> 'company' OR o.id = c.id OR r.phase = 2 AND EXISTS (
                    SELECT FROM import_row x
                    WHERE x.job_id = :job_id AND x.phase = 2 AND x.errors IS NULL AND lower(x.no) = lower(o.no))
            ) AS not_a_company,
            c.type = 'company' AND r.type = 'person' AND EXISTS (
                SELECT FROM contact p WHERE p.company_id = c.id) AS has_people,
            r.accounts <> '' AND EXISTS (
                SELECT FROM unnest(string_to_array(r.accounts, '|')) g(account)
                JOIN contact_account a ON a.type = split_part(g.account, ':', 1)
                    AND lower(a.no) = lower(substr(g.account, strpos(g.account, ':') + 1))
                WHERE a.contact_id IS DISTINCT FROM c.id) AS accounts_taken
    ) f
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('field', field, 'code', code, 'value', value, 'params', params)) AS errors
        FROM (
            SELECT field, code, value, params FROM (VALUES
                (f.type_missing, 'type', 'required', NULL, jsonb '{}'),
                (f.name_missing, 'name', 'required', NULL, '{}'),
                (f.manual_no, 'no', 'manual_number_not_allowed', r.no, '{}'),
                (f.erased, 'no', 'privacy_blocked', r.no, '{"reason": "erased"}'),
                (f.unblocked, 'privacy_blocked', 'privacy_blocked', r.no, '{}'),
                (f.salesperson_unknown, 'salesperson_code', 'unknown', r.salesperson_code, '{}'),
                (f.company_unknown, 'company_no', 'unknown', r.company_no, '{}'),
                (f.company_of_company, 'company_no', 'invalid', r.company_no, '{"reason": "company_of_company"}'),
                (f.not_a_company, 'company_no', 'invalid', r.company_no, '{"reason": "not_a_company"}'),
                (f.has_people, 'type', 'in_use', 'person', '{"used_by": "contact"}')
            ) one(found, field, code, value, params)
            WHERE found
            UNION ALL
            SELECT 'accounts.' || g.position - 1 || '.no', 'account_taken', a.no, jsonb_build_object('type', a.type)
            FROM unnest(string_to_array(r.accounts, '|')) WITH ORDINALITY g(account, position)
            JOIN contact_account a ON a.type = split_part(g.account, ':', 1)
                AND lower(a.no) = lower(substr(g.account, strpos(g.account, ':') + 1))
            WHERE f.accounts_taken AND a.contact_id IS DISTINCT FROM c.id
        ) found
    ) wrong
    WHERE r.job_id = :job_id AND r.row_no BETWEEN :range_from AND :range_to AND r.phase = :phase AND r.errors IS NULL
      AND (f.type_missing OR f.name_missing OR f.manual_no OR f.erased OR f.unblocked OR f.salesperson_unknown
           OR f.company_unknown OR f.company_of_company OR f.not_a_company OR f.has_people OR f.accounts_taken)
)
UPDATE import_row r SET errors = v.errors
FROM verdict v
WHERE r.job_id = :job_id AND r.row_no = v.row_no
