-- Bring the rows of an archive back with their comments, and take them off what their logged segments count as purged.
-- Indexes: primary keys.
WITH restored AS (
    INSERT INTO interaction ({columns})
    SELECT {values}
    FROM archived r
    JOIN contact k ON k.id = r.contact_id AND k.erased_at IS NULL
    LEFT JOIN logged_segment s ON s.no = r.logged_segment_no
    LEFT JOIN campaign_entry c ON c.entry_no = r.campaign_entry_no
    ORDER BY r.entry_no
    ON CONFLICT (entry_no) DO NOTHING
    RETURNING entry_no, logged_segment_no
), commented AS (
    INSERT INTO interaction_comment (entry_no, comment, actor_id, created_at)
    SELECT e.entry_no, n.comment, n.actor_id, n.created_at
    FROM restored e
    JOIN archived r ON r.entry_no = e.entry_no AND r.comments IS NOT NULL
    CROSS JOIN LATERAL json_to_recordset(r.comments) n(comment text, actor_id integer, created_at timestamptz)
)
UPDATE logged_segment s SET purged_count = s.purged_count - n.count
FROM (SELECT logged_segment_no, count(*) AS count FROM restored GROUP BY 1) n
WHERE s.no = n.logged_segment_no
