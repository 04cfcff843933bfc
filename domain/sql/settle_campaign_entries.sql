-- A campaign entry of documents has the date and salesperson of its earliest entry; one that a correction left without
-- any goes, so that the order in which prints came leaves no trace (D6). Index: interaction_campaign_entry_no_idx.
WITH earliest AS (
    SELECT g.entry_no, i.found, i.date, i.salesperson_id
    FROM unnest(CAST(:entry_nos AS integer[])) g(entry_no)
    LEFT JOIN LATERAL (
        SELECT true AS found, i.date, i.salesperson_id FROM interaction i
        WHERE i.campaign_entry_no = g.entry_no AND i.logged_segment_no IS NULL
        ORDER BY i.date, i.time_of_day, i.document_no, i.document_version, i.document_occurrence, i.contact_id
        LIMIT 1
    ) i ON true
), gone AS (
    DELETE FROM campaign_entry x USING earliest e
    WHERE x.entry_no = e.entry_no AND e.found IS NULL AND x.document_type IS NOT NULL AND x.canceled_at IS NULL
)
UPDATE campaign_entry x SET date = e.date, salesperson_id = e.salesperson_id
FROM earliest e
WHERE x.entry_no = e.entry_no AND e.found AND x.document_type IS NOT NULL
  AND (x.date, x.salesperson_id) IS DISTINCT FROM (e.date, e.salesperson_id)
