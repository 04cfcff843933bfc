-- What the search on every page offers besides pages (domain/thing_search.py). Numbers and codes match by their
-- beginning, names by the beginnings of their words. Each part reads a bounded number of rows: by contact_no_key and
-- contact_name_words_idx, the newest few thousand segments and campaigns by their primary keys, entries by
-- interaction_pkey and interaction_document_idx, jobs by job_pkey and job_position_key.
(
    SELECT 'contact' AS kind, c.no AS key, c.name, coalesce(o.name, c.city) AS detail
    FROM (
        SELECT * FROM contact WHERE lower(no) >= :typed ORDER BY lower(no) LIMIT :limit
    ) c
    LEFT JOIN contact o ON o.id = c.company_id
    WHERE starts_with(lower(c.no), :typed)
)
UNION ALL
(
    SELECT 'contact', c.no, c.name, coalesce(o.name, c.city)
    FROM (
        SELECT * FROM contact
        WHERE to_tsvector('simple', translate(name, 'ёЁ', 'еЕ')) @@ to_tsquery('simple', :query)
        LIMIT :candidates
    ) c
    LEFT JOIN contact o ON o.id = c.company_id
    ORDER BY NOT starts_with(translate(lower(c.name), 'ё', 'е'), :typed), lower(c.name), c.no
    LIMIT :limit
)
UNION ALL
(
    SELECT 'segment', s.no, s.description, NULL
    FROM (SELECT * FROM segment WHERE status <> 'hidden' ORDER BY id DESC LIMIT :newest) s
    WHERE starts_with(lower(s.no), :typed) OR translate(lower(s.description), 'ё', 'е') ~ ALL (:patterns)
    LIMIT :limit
)
UNION ALL
(
    SELECT 'logged_segment', s.no::text, s.description, s.segment_no
    FROM (
        SELECT no, segment_no, description, deleted_at FROM logged_segment ORDER BY no DESC LIMIT :newest
    ) s
    WHERE s.deleted_at IS NULL AND (
        s.no = :number OR starts_with(lower(s.segment_no), :typed)
        OR translate(lower(s.description), 'ё', 'е') ~ ALL (:patterns))
    LIMIT :limit
)
UNION ALL
(
    SELECT 'interaction', i.entry_no::text, i.description, k.name
    FROM interaction_visible i LEFT JOIN contact k ON k.id = i.contact_id
    WHERE i.entry_no = :number
)
UNION ALL
(
    SELECT 'postponed_interaction', p.entry_no::text, coalesce(p.description, ''), k.name
    FROM postponed_interaction p JOIN contact k ON k.id = p.contact_id
    WHERE p.entry_no = :number
)
UNION ALL
(
    SELECT 'interaction', i.entry_no::text, i.document_no, k.name
    FROM (SELECT * FROM interaction_visible WHERE document_no = :given LIMIT :candidates) i
    LEFT JOIN contact k ON k.id = i.contact_id
    ORDER BY i.entry_no DESC
    LIMIT :limit
)
UNION ALL
(
    SELECT n.kind, n.key, n.name, NULL
    FROM (
        (SELECT 'campaign' AS kind, no AS key, description AS name FROM campaign ORDER BY id DESC LIMIT :newest)
        UNION ALL
        (SELECT 'interaction_template', code, description FROM interaction_template ORDER BY id DESC LIMIT :newest)
        UNION ALL
        (SELECT 'salesperson', code, name FROM salesperson ORDER BY id DESC LIMIT :newest)
    ) n
    WHERE starts_with(lower(n.key), :typed) OR translate(lower(n.name), 'ё', 'е') ~ ALL (:patterns)
    LIMIT 3 * :limit
)
UNION ALL
(
    SELECT 'job', j.id::text, j.kind, j.parameters ->> 'segment_no'
    FROM job j
    WHERE j.id BETWEEN CAST(:first_job AS uuid) AND CAST(:last_job AS uuid)
    LIMIT :limit
)
UNION ALL
(
    SELECT 'job', j.id::text, j.kind, j.parameters ->> 'segment_no'
    FROM (SELECT * FROM job ORDER BY position DESC LIMIT :newest_jobs) j
    WHERE lower(j.parameters ->> 'segment_no') = :typed
    LIMIT :limit
)
