-- Bring the rows of an archive back with their comments, and take them off what their logged segments count as purged.
-- The sums beside the log count what comes into a segment only when that is logged (0004), so these rows are added here.
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
    RETURNING *
), commented AS (
    INSERT INTO interaction_comment (entry_no, comment, actor_id, created_at)
    SELECT e.entry_no, n.comment, n.actor_id, n.created_at
    FROM restored e
    JOIN archived r ON r.entry_no = e.entry_no AND r.comments IS NOT NULL
    CROSS JOIN LATERAL json_to_recordset(r.comments) n(comment text, actor_id integer, created_at timestamptz)
), counted AS (
    INSERT INTO interaction_total (logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date,
        entries, interactions, cost, duration_min, target_contacts, responses)
    SELECT logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date, count(*),
           count(*) FILTER (WHERE canceled_at IS NULL),
           coalesce(sum(cost) FILTER (WHERE canceled_at IS NULL), 0),
           coalesce(sum(duration_min) FILTER (WHERE canceled_at IS NULL), 0),
           count(*) FILTER (WHERE canceled_at IS NULL AND campaign_target),
           count(*) FILTER (WHERE canceled_at IS NULL AND campaign_response)
    FROM restored
    WHERE logged_segment_no IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
)
UPDATE logged_segment s SET purged_count = s.purged_count - n.count
FROM (SELECT logged_segment_no, count(*) AS count FROM restored GROUP BY 1) n
WHERE s.no = n.logged_segment_no
