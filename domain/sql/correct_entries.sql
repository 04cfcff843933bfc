-- Bring entries that were there before into line with their prints (D6): how many there are, and, if a late one opens
-- the entry now, date, time, description, salesperson, user, opportunity and campaign. An entry moves to another
-- campaign entry only if its campaign is another. Index: document_event_document_idx, interaction_pkey.
UPDATE interaction i SET
    times_printed = w.times_printed, date = w.date, time_of_day = w.time_of_day, description = w.description,
    salesperson_id = w.salesperson_id, actor_id = w.actor_id, opportunity_no = w.opportunity_no,
    campaign_entry_no = w.campaign_entry_no
FROM (
    SELECT p.entry_no, p.times_printed, p.actor_id, s.id AS salesperson_id,
           (p.time AT TIME ZONE u.timezone)::date AS date, (p.time AT TIME ZONE u.timezone)::time(0) AS time_of_day,
           coalesce(nullif(p.data->>'description', ''), v.description) AS description,
           p.data->>'opportunity_no' AS opportunity_no,
           CASE WHEN x.campaign_id = p.campaign_id THEN x.entry_no
                ELSE open_document_campaign_entry(p.campaign_id, p.document_type) END AS campaign_entry_no
    FROM (
        SELECT e.*, count(*) OVER (PARTITION BY e.entry_no) AS times_printed
        FROM document_prints(CAST(:positions AS bigint[])) e
        WHERE e.entry_no < :first_entry_no
    ) p
    JOIN interaction h ON h.entry_no = p.entry_no
    JOIN interaction_template_version v ON v.id = h.template_version_id
    CROSS JOIN setup u
    LEFT JOIN campaign_entry x ON x.entry_no = h.campaign_entry_no
    LEFT JOIN salesperson s ON s.id = p.salesperson_id
    WHERE p.outcome = 'recorded'
) w
WHERE i.entry_no = w.entry_no
  AND (i.times_printed, i.date, i.time_of_day, i.description, i.salesperson_id, i.actor_id, i.opportunity_no,
       i.campaign_entry_no)
      IS DISTINCT FROM
      (w.times_printed, w.date, w.time_of_day, w.description, w.salesperson_id, w.actor_id, w.opportunity_no,
       w.campaign_entry_no)
