-- A page of the entries of a contact, the newest first; of a company, its people's merged with its own. What is still
-- being logged exists for nobody and is left out inside each branch, so that a page is full.
-- Index: interaction_contact_id_idx and interaction_company_id_idx backwards, then interaction_pkey for each row.
SELECT
    i.entry_no, i.date, i.time_of_day AS time, i.description, i.information_flow, i.evaluation, i.attempt_failed,
    CASE WHEN i.origin = 'manual' AND i.contact_via IS NOT NULL THEN 'call' ELSE i.origin END AS kind,
    i.canceled, i.template_description, i.cost, i.duration_min, i.contact_via, i.correspondence_type,
    i.logged_segment_no, i.segment_no, i.document_type, i.document_no, i.times_printed,
    k.no AS contact_no, k.name AS contact_name, p.code AS salesperson_code, m.no AS campaign_no,
    (SELECT count(*) FROM interaction_comment c WHERE c.entry_no = i.entry_no) AS comments_count
FROM (
    (SELECT e.entry_no, e.date FROM interaction e
     WHERE e.contact_id = :contact_id
       AND (e.date, e.entry_no) < (CAST(:after_date AS date), CAST(:after_entry_no AS bigint))
       AND NOT EXISTS (SELECT FROM logged_segment s WHERE s.no = e.logged_segment_no AND s.logged_at IS NULL)
     ORDER BY e.date DESC, e.entry_no DESC LIMIT :limit)
    UNION ALL
    (SELECT e.entry_no, e.date FROM interaction e
     WHERE :with_people AND e.company_id = :contact_id AND e.company_id <> e.contact_id
       AND (e.date, e.entry_no) < (CAST(:after_date AS date), CAST(:after_entry_no AS bigint))
       AND NOT EXISTS (SELECT FROM logged_segment s WHERE s.no = e.logged_segment_no AND s.logged_at IS NULL)
     ORDER BY e.date DESC, e.entry_no DESC LIMIT :limit)
    ORDER BY date DESC, entry_no DESC LIMIT :limit
) chosen
JOIN interaction_visible i ON i.entry_no = chosen.entry_no
LEFT JOIN contact k ON k.id = i.contact_id
LEFT JOIN salesperson p ON p.id = i.salesperson_id
LEFT JOIN campaign m ON m.id = i.campaign_id
ORDER BY i.date DESC, i.entry_no DESC
