-- Find template, contact, salesperson and campaign of the events of a batch (D2-D4) and note them. What cannot be
-- recorded gets its outcome and reasons; the rest becomes received, to be given an entry next.
-- Nothing is kept that was written about somebody who was erased (C4).
-- Index: document_event_pkey, contact_no_key, contact_account_no_key, salesperson_code_key, campaign_no_key.
WITH found AS (
    SELECT e.position, e.document_type, s.template_id, c.id AS contact_id, c.no AS contact_no,
           c.privacy_blocked, c.erased_at IS NOT NULL AS erased,
           g.contact_no AS given_contact_no, g.account_type, g.account_no, g.salesperson_code, g.campaign_no,
           CASE WHEN g.salesperson_code IS NOT NULL THEN p.id
                WHEN g.contact_no IS NOT NULL THEN c.salesperson_id END AS salesperson_id,
           CASE WHEN g.campaign_no IS NOT NULL THEN m.id ELSE t.campaign_id END AS campaign_id,
           g.salesperson_code IS NOT NULL AND p.id IS NULL AS salesperson_unknown,
           g.campaign_no IS NOT NULL AND m.id IS NULL AS campaign_unknown
    FROM document_event e
    CROSS JOIN LATERAL (
        SELECT coalesce(
                   e.data->>'contact_no',
                   CASE WHEN e.data->>'account_type' = 'contact' THEN e.data->>'account_no' END) AS contact_no,
               coalesce(
                   e.data->>'account_type',
                   CASE WHEN e.document_type LIKE 'purchase%' THEN 'vendor' ELSE 'customer' END) AS account_type,
               e.data->>'account_no' AS account_no,
               e.data->>'salesperson_code' AS salesperson_code,
               e.data->>'campaign_no' AS campaign_no
    ) g
    LEFT JOIN template_setup s ON s.document_type = e.document_type
    LEFT JOIN interaction_template t ON t.id = s.template_id
    LEFT JOIN contact n ON lower(n.no) = lower(g.contact_no)
    LEFT JOIN contact_account a
        ON g.contact_no IS NULL AND a.type = g.account_type AND lower(a.no) = lower(g.account_no)
    LEFT JOIN contact c ON c.id = coalesce(n.id, a.contact_id)
    LEFT JOIN salesperson p ON lower(p.code) = lower(g.salesperson_code)
    LEFT JOIN campaign m ON lower(m.no) = lower(g.campaign_no)
    WHERE e.position = ANY(CAST(:positions AS bigint[]))
)
UPDATE document_event e SET
    attempts = e.attempts + 1,
    data = CASE WHEN f.erased THEN e.data - 'description' ELSE e.data END,
    contact_id = f.contact_id,
    salesperson_id = f.salesperson_id,
    campaign_id = f.campaign_id,
    outcome = CASE
        WHEN f.template_id IS NULL THEN 'ignored'
        WHEN f.contact_id IS NULL THEN 'unresolved'
        WHEN f.erased OR f.privacy_blocked THEN 'suppressed'
        ELSE 'received' END,
    reasons = CASE
        WHEN f.template_id IS NULL
            THEN jsonb_build_array(jsonb_build_object('code', 'no_template', 'document_type', f.document_type))
        WHEN f.contact_id IS NULL AND f.given_contact_no IS NOT NULL
            THEN jsonb_build_array(jsonb_build_object('code', 'contact_unknown', 'contact_no', f.given_contact_no))
        WHEN f.contact_id IS NULL
            THEN jsonb_build_array(jsonb_build_object(
                'code', 'no_contact', 'account_type', f.account_type, 'account_no', f.account_no))
        WHEN f.erased
            THEN jsonb_build_array(jsonb_build_object('code', 'contact_erased', 'contact_no', f.contact_no))
        WHEN f.privacy_blocked
            THEN jsonb_build_array(jsonb_build_object('code', 'privacy_blocked', 'contact_no', f.contact_no))
        WHEN f.salesperson_unknown OR f.campaign_unknown
            THEN CASE WHEN f.salesperson_unknown THEN jsonb_build_array(jsonb_build_object(
                     'code', 'salesperson_unknown', 'salesperson_code', f.salesperson_code)) ELSE '[]' END
              || CASE WHEN f.campaign_unknown THEN jsonb_build_array(jsonb_build_object(
                     'code', 'campaign_unknown', 'campaign_no', f.campaign_no)) ELSE '[]' END
        END
FROM found f
WHERE e.position = f.position
RETURNING e.position, e.outcome
