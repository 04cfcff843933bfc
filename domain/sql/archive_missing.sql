-- Name what the rows of an archive refer to and is not there, or is something else: the first few. Indexes: primary keys.
SELECT thing, key FROM (
    SELECT DISTINCT 'contact' AS thing, r.contact_no AS key FROM archived r
    LEFT JOIN contact k ON k.id = r.contact_id AND k.no = r.contact_no WHERE k.id IS NULL
    UNION ALL
    SELECT DISTINCT 'company', r.company_no FROM archived r
    LEFT JOIN contact k ON k.id = r.company_id AND k.no = r.company_no WHERE r.company_id IS NOT NULL AND k.id IS NULL
    UNION ALL
    SELECT DISTINCT 'interaction_template', r.template_code FROM archived r
    LEFT JOIN (interaction_template_version v JOIN interaction_template t ON t.id = v.template_id)
        ON v.id = r.template_version_id AND t.code = r.template_code WHERE v.id IS NULL
    UNION ALL
    SELECT DISTINCT 'salesperson', r.salesperson_code FROM archived r
    LEFT JOIN salesperson p ON p.id = r.salesperson_id AND p.code = r.salesperson_code
    WHERE r.salesperson_id IS NOT NULL AND p.id IS NULL
    UNION ALL
    SELECT DISTINCT 'campaign', r.campaign_no FROM archived r
    LEFT JOIN (campaign_entry c JOIN campaign m ON m.id = c.campaign_id)
        ON c.entry_no = r.campaign_entry_no AND m.no = r.campaign_no
    WHERE r.campaign_entry_no IS NOT NULL AND c.entry_no IS NULL
    UNION ALL
    SELECT DISTINCT 'logged_segment', r.segment_no FROM archived r
    LEFT JOIN logged_segment s ON s.no = r.logged_segment_no AND s.segment_no = r.segment_no
    WHERE r.logged_segment_no IS NOT NULL AND s.no IS NULL
    UNION ALL
    SELECT DISTINCT 'user', r."user" FROM archived r
    LEFT JOIN actor a ON a.id = r.actor_id AND a.name = r."user" WHERE a.id IS NULL
) missing
ORDER BY 1, 2
LIMIT 5
