-- Write the entries listed in purge_doomed as CSV, with what they refer to by code and their comments. Indexes: primary
-- keys; interaction_comment_entry_no_idx.
COPY (
    SELECT {stored}, k.no, k.name, o.no, t.code, v.description, g.code, p.code, m.no, s.segment_no, a.name,
           coalesce(i.canceled_at, least(s.canceled_at, c.canceled_at)),
           CASE WHEN i.canceled_at IS NOT NULL THEN i.canceled_by
                WHEN c.canceled_at IS NULL OR s.canceled_at <= c.canceled_at THEN s.canceled_by
                ELSE c.canceled_by END,
           (SELECT json_agg(json_build_object('comment', n.comment, 'actor_id', n.actor_id, 'created_at', n.created_at)
                            ORDER BY n.id)
            FROM interaction_comment n WHERE n.entry_no = i.entry_no)
    FROM purge_doomed d
    JOIN interaction i ON i.entry_no = d.entry_no
    LEFT JOIN contact k ON k.id = i.contact_id
    LEFT JOIN contact o ON o.id = i.company_id
    LEFT JOIN interaction_template_version v ON v.id = i.template_version_id
    LEFT JOIN interaction_template t ON t.id = v.template_id
    LEFT JOIN interaction_group g ON g.id = v.group_id
    LEFT JOIN salesperson p ON p.id = i.salesperson_id
    LEFT JOIN logged_segment s ON s.no = i.logged_segment_no
    LEFT JOIN campaign_entry c ON c.entry_no = i.campaign_entry_no
    LEFT JOIN campaign m ON m.id = c.campaign_id
    LEFT JOIN actor a ON a.id = i.actor_id
    ORDER BY i.entry_no
) TO STDOUT (FORMAT csv)
