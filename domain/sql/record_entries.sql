-- Write the entries that get their numbers now, each as the print that opens it says (D4), and count them in the sums
-- beside the log. Templates in the setup for documents have no languages (T4), so neither language nor subject come from
-- one.
-- Index: document_event_document_idx, contact_pkey, campaign_entry_campaign_id_idx.
WITH entry AS (
    INSERT INTO interaction (
        entry_no, contact_id, company_id, campaign_entry_no, template_version_id, actor_id, salesperson_id, date,
        time_of_day, cost, duration_min, information_flow, initiated_by, campaign_target, campaign_response,
        correspondence_type, description, opportunity_no, document_type, document_no, document_version,
        document_occurrence, times_printed)
    SELECT p.entry_no, c.id, CASE WHEN c.type = 'company' THEN c.id ELSE c.company_id END,
           open_document_campaign_entry(p.campaign_id, p.document_type), t.version_id, p.actor_id, s.id,
           (p.time AT TIME ZONE u.timezone)::date, (p.time AT TIME ZONE u.timezone)::time(0),
           t.unit_cost, t.unit_duration_min, t.information_flow, t.initiated_by, t.campaign_target, t.campaign_response,
           CASE WHEN t.ignore_contact_correspondence_type THEN t.correspondence_type
                ELSE coalesce(c.correspondence_type, t.correspondence_type) END,
           coalesce(nullif(p.data->>'description', ''), t.description), p.data->>'opportunity_no', p.document_type,
           p.document_no, p.document_version, p.document_occurrence, p.times_printed
    FROM (
        SELECT e.*, count(*) OVER (PARTITION BY e.entry_no) AS times_printed
        FROM document_prints(CAST(:positions AS bigint[])) e
        WHERE e.entry_no >= :first_entry_no
    ) p
    JOIN contact c ON c.id = p.contact_id
    JOIN template_setup k ON k.document_type = p.document_type
    JOIN interaction_template t ON t.id = k.template_id
    CROSS JOIN setup u
    LEFT JOIN salesperson s ON s.id = p.salesperson_id
    WHERE p.outcome = 'recorded'
    ORDER BY p.entry_no
    RETURNING campaign_entry_no, template_version_id, salesperson_id, date, cost, duration_min, campaign_target,
              campaign_response
)
INSERT INTO interaction_total (campaign_entry_no, template_version_id, salesperson_id, date, entries, interactions, cost,
    duration_min, target_contacts, responses)
SELECT campaign_entry_no, template_version_id, salesperson_id, date, count(*), count(*), sum(cost), sum(duration_min),
       count(*) FILTER (WHERE campaign_target), count(*) FILTER (WHERE campaign_response)
FROM entry
GROUP BY 1, 2, 3, 4
