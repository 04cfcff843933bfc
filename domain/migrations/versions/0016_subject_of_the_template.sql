-- What its template says of a line in its language, beside the subject that the line will have: logging keeps a subject
-- that is another. It had looked that up once more, by the language, among the wordings of the template's version.
CREATE OR REPLACE VIEW segment_line_effective AS
SELECT
    l.segment_id, l.line_no, l.contact_id,
    CASE WHEN c.type = 'company' THEN c.id ELSE c.company_id END AS company_id,
    d.template_id, d.template_version_id, d.group_id,
    coalesce(l.description, d.description) AS description,
    coalesce(l.subject, d.subject, e.template_subject, l.description, d.description) AS subject,
    p.id AS salesperson_id,
    CASE WHEN l.campaign_id IS NULL THEN d.campaign_id
         ELSE (SELECT m.id FROM campaign m WHERE m.id = l.campaign_id) END AS campaign_id,
    nullif(e.correspondence_type, '') AS correspondence_type,
    nullif(coalesce(l.language_code, tl.language_code, d.language_code), '') AS language_code,
    e.date,
    coalesce(l.cost, d.cost) AS cost,
    coalesce(l.duration_min, d.duration_min) AS duration_min,
    nullif(coalesce(l.information_flow, d.information_flow), '') AS information_flow,
    nullif(coalesce(l.initiated_by, d.initiated_by), '') AS initiated_by,
    coalesce(l.campaign_target, d.campaign_target, false) AS campaign_target,
    coalesce(l.campaign_response, d.campaign_response, false) AS campaign_response,
    l.evaluation,
    e.ready,
    CASE WHEN NOT e.ready THEN array_remove(ARRAY[
        CASE WHEN c.id IS NULL THEN 'contact_missing' END,
        CASE WHEN c.erased_at IS NOT NULL THEN 'contact_erased' END,
        CASE WHEN c.privacy_blocked THEN 'privacy_blocked' END,
        CASE WHEN d.template_id IS NULL THEN 'template_missing' END,
        CASE WHEN d.template_retired THEN 'template_retired' END,
        CASE WHEN e.salesperson_id IS NULL THEN 'salesperson_missing' END,
        CASE WHEN e.salesperson_id IS NOT NULL AND p.id IS NULL THEN 'salesperson_unknown' END,
        CASE WHEN p.blocked THEN 'salesperson_blocked' END,
        CASE WHEN e.date IS NULL THEN 'date_missing' END,
        CASE WHEN NOT e.campaign_ready THEN 'campaign_unknown' END], NULL)
    END AS problems,
    -- Templates have no content yet, so whatever has a type cannot be sent (S9).
    CASE WHEN nullif(e.correspondence_type, '') IS NOT NULL THEN array_remove(ARRAY[
        CASE WHEN CASE e.correspondence_type WHEN 'email' THEN c.email WHEN 'hard_copy' THEN c.address
            ELSE c.phone END = '' THEN 'address_missing' END,
        'content_missing'], NULL)
    END AS sending_problems,
    e.correspondence_type = 'email' AND c.email = '' AS email_missing,
    c.exclude_from_segment AS excluded,
    num_nonnulls(l.template_id, l.salesperson_id, l.campaign_id, l.date, l.duration_min, l.campaign_target,
        l.campaign_response, l.cost, l.description, l.subject, l.correspondence_type, l.language_code,
        l.information_flow, l.initiated_by, l.evaluation) > 0 AS overridden,
    e.template_subject
FROM segment_line l
LEFT JOIN segment_line_default d
    ON d.segment_id = l.segment_id
    AND d.line_template_id = CASE
        WHEN l.template_id IS NULL THEN 0
        WHEN l.template_id IN (SELECT o.id FROM interaction_template o) THEN l.template_id
        ELSE -1 END
LEFT JOIN contact c ON c.id = l.contact_id
LEFT JOIN salesperson p ON p.id = coalesce(l.salesperson_id, d.salesperson_id, c.salesperson_id)
LEFT JOIN interaction_template_language tl
    ON tl.template_id = d.template_id AND lower(tl.language_code) = lower(coalesce(l.language_code, c.language_code))
CROSS JOIN LATERAL (
    SELECT
        coalesce(l.salesperson_id, d.salesperson_id, c.salesperson_id) AS salesperson_id,
        coalesce(l.date, d.date) AS date,
        CASE WHEN l.language_code IS NULL AND tl.template_id IS NULL THEN d.language_subject
             ELSE nullif(tl.subject, '') END AS template_subject,
        coalesce(
            l.correspondence_type, d.correspondence_type_before_contact,
            c.correspondence_type, d.correspondence_type_after_contact) AS correspondence_type,
        CASE WHEN l.campaign_id IS NULL THEN d.campaign_ready
             ELSE l.campaign_id = 0 OR l.campaign_id IN (SELECT m.id FROM campaign m) END AS campaign_ready,
        c.id IS NOT NULL AND c.erased_at IS NULL AND NOT c.privacy_blocked
            AND d.template_ready
            AND p.id IS NOT NULL AND NOT p.blocked
            AND coalesce(l.date, d.date) IS NOT NULL
            AND CASE WHEN l.campaign_id IS NULL THEN d.campaign_ready
                     ELSE l.campaign_id = 0 OR l.campaign_id IN (SELECT m.id FROM campaign m) END
            AS ready
) e;

-- As before, with its lines sorted by contact (0011).
DO $$
DECLARE
    lines text := 'segment_line l';
    definition text := pg_get_viewdef('segment_line_effective'::regclass);
BEGIN
    IF length(replace(definition, lines, '')) <> length(definition) - length(lines) THEN
        RAISE EXCEPTION USING MESSAGE = 'segment_line_effective does not read segment_line once';
    END IF;
    EXECUTE 'CREATE OR REPLACE VIEW segment_line_effective_by_contact AS '
        || replace(definition, lines, '(SELECT * FROM segment_line ORDER BY segment_id, contact_id) l');
END $$;
