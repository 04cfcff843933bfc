-- What an interaction with one contact will be recorded with (I2 to I4) and what the checks of I1 look at: one row,
-- whatever is missing. It is S3 without a segment; a test holds it against the view segment_line_effective.
-- Index: contact_pkey, interaction_template_pkey, interaction_template_language_key.
SELECT
    c.id AS contact_id, c.no AS contact_no, c.name AS contact_name, c.phone AS contact_phone,
    c.erased_at IS NOT NULL AS contact_erased, c.privacy_blocked,
    CASE WHEN c.type = 'company' THEN c.id ELSE c.company_id END AS company_id,
    t.id AS template_id, t.code AS template_code, t.version_id AS template_version_id, t.retired AS template_retired,
    g.code AS group_code,
    e.description,
    coalesce(l.subject, nullif(te.subject, ''), e.description) AS subject,
    p.id AS salesperson_id, p.code AS salesperson_code, p.blocked AS salesperson_blocked,
    m.id AS campaign_id, m.no AS campaign_no,
    nullif(coalesce(
        l.correspondence_type,
        CASE WHEN t.ignore_contact_correspondence_type THEN coalesce(t.correspondence_type, '') END,
        c.correspondence_type, t.correspondence_type), '') AS correspondence_type,
    nullif(e.language_code, '') AS language_code,
    coalesce(l.date, n.moment::date) AS date,
    coalesce(l.time_of_day, CASE WHEN n.minute::date = n.moment::date THEN n.minute::time ELSE '23:59' END)
        AS time_of_day,
    coalesce(l.cost, t.unit_cost, 0) AS cost,
    coalesce(l.duration_min, t.unit_duration_min, 0) AS duration_min,
    nullif(coalesce(l.information_flow, t.information_flow), '') AS information_flow,
    nullif(coalesce(l.initiated_by, t.initiated_by), '') AS initiated_by,
    coalesce(l.campaign_target, t.campaign_target, false) AS campaign_target,
    coalesce(l.campaign_response, t.campaign_response, false) AS campaign_response,
    coalesce(l.attempt_failed, false) AS attempt_failed,
    l.evaluation, l.contact_via, l.opportunity_no
FROM jsonb_to_record(:typed) AS l (
    contact_id bigint, template_id integer, salesperson_id integer, campaign_id integer, date date,
    time_of_day time(0), duration_min integer, phone_call boolean, attempt_failed boolean, campaign_target boolean,
    campaign_response boolean, cost numeric, information_flow text, initiated_by text, correspondence_type text,
    language_code text, evaluation text, description text, subject text, contact_via text, opportunity_no text)
CROSS JOIN LATERAL (
    SELECT s.moment, date_trunc('minute', s.moment + interval '59.999999 seconds') AS minute
    FROM (SELECT now() AT TIME ZONE timezone AS moment FROM setup) s
) n
LEFT JOIN contact c ON c.id = l.contact_id
LEFT JOIN template_setup u ON u.document_type = 'outgoing_call' AND l.phone_call
LEFT JOIN interaction_template t ON t.id = coalesce(l.template_id, u.template_id)
LEFT JOIN interaction_group g ON g.id = t.group_id
LEFT JOIN salesperson p ON p.id = coalesce(l.salesperson_id, :own_salesperson_id, c.salesperson_id)
LEFT JOIN campaign m ON m.id = coalesce(l.campaign_id, t.campaign_id)
LEFT JOIN interaction_template_language tc
    ON tc.template_id = t.id AND lower(tc.language_code) = lower(c.language_code)
CROSS JOIN LATERAL (
    SELECT coalesce(l.language_code, tc.language_code, t.language_code) AS language_code,
           coalesce(l.description, nullif(t.description, '')) AS description
) e
LEFT JOIN interaction_template_language te
    ON te.template_id = t.id AND lower(te.language_code) = lower(e.language_code)
