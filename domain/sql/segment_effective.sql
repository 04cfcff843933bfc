-- What applies to the lines of segments as far as no contact is known: S3 without its contact rules.
-- Index: segment_pkey.
SELECT
    s.id AS segment_id, t.id AS template_id, g.code AS group_code,
    nullif(s.description, '') AS description,
    coalesce(s.subject, nullif(tl.subject, ''), nullif(s.description, '')) AS subject,
    s.salesperson_id,
    nullif(coalesce(s.campaign_id, t.campaign_id), 0) AS campaign_id,
    nullif(coalesce(
        CASE WHEN s.ignore_contact_correspondence_type THEN s.correspondence_type END,
        CASE WHEN t.ignore_contact_correspondence_type THEN coalesce(t.correspondence_type, '') END,
        s.correspondence_type, t.correspondence_type), '') AS correspondence_type,
    nullif(e.language_code, '') AS language_code,
    s.date,
    coalesce(s.unit_cost, t.unit_cost) AS cost,
    coalesce(s.unit_duration_min, t.unit_duration_min) AS duration_min,
    nullif(coalesce(s.information_flow, t.information_flow), '') AS information_flow,
    nullif(coalesce(s.initiated_by, t.initiated_by), '') AS initiated_by,
    coalesce(s.campaign_target, t.campaign_target, false) AS campaign_target,
    coalesce(s.campaign_response, t.campaign_response, false) AS campaign_response,
    NULL::text AS evaluation
FROM segment s
LEFT JOIN interaction_template t ON t.id = s.template_id
LEFT JOIN interaction_group g ON g.id = t.group_id
LEFT JOIN interaction_template_language ts
    ON ts.template_id = t.id AND lower(ts.language_code) = lower(s.language_code)
CROSS JOIN LATERAL (
    SELECT coalesce(CASE s.language_code WHEN '' THEN '' END, ts.language_code, t.language_code) AS language_code
) e
LEFT JOIN interaction_template_language tl
    ON tl.template_id = t.id AND lower(tl.language_code) = lower(e.language_code)
WHERE s.id = ANY(:ids)
