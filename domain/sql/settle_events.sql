-- Settle the events of a batch in one pass: find whom and what each is about (D2-D4), say which print counts on which
-- entry (D6), and write both down, so that each event is written once.
--
-- What cannot be recorded gets its outcome and reasons. The rest is put among all prints of its documents, in order of
-- their time, those of purged entries aside. A print that opens an entry keeps the one it opened; one that opens an entry
-- now takes over from a print that no longer does, in order, or gets a new number. An entry is never left without: should
-- there be more of them than prints that open one (windows differed), the prints that opened them still do.
-- Nothing is kept that was written about somebody who was erased (C4).
--
-- Gives the prints of the batch that are on entries, the first of the new numbers, and whether older entries or campaigns
-- are concerned. From `ordered` to `settled` all is done by windows, without joins: the planner expects one row of a batch
-- and would compare each print with each.
-- Index: document_event_pkey, contact_no_key, contact_account_no_key, salesperson_code_key, campaign_no_key;
-- document_event_document_idx, interaction_pkey.
WITH found AS (
    SELECT e.position, e.source, e.event_id, e.time, e.window_hours, e.document_type, e.document_no, e.document_version,
           e.document_occurrence, s.template_id, c.id AS contact_id, c.no AS contact_no,
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
), resolved AS MATERIALIZED (
    SELECT f.*,
           CASE
               WHEN template_id IS NULL THEN 'ignored'
               WHEN contact_id IS NULL THEN 'unresolved'
               WHEN erased OR privacy_blocked THEN 'suppressed'
               ELSE 'received' END AS outcome,
           CASE
               WHEN template_id IS NULL
                   THEN jsonb_build_array(jsonb_build_object('code', 'no_template', 'document_type', document_type))
               WHEN contact_id IS NULL AND given_contact_no IS NOT NULL
                   THEN jsonb_build_array(jsonb_build_object(
                       'code', 'contact_unknown', 'contact_no', given_contact_no))
               WHEN contact_id IS NULL
                   THEN jsonb_build_array(jsonb_build_object(
                       'code', 'no_contact', 'account_type', account_type, 'account_no', account_no))
               WHEN erased
                   THEN jsonb_build_array(jsonb_build_object('code', 'contact_erased', 'contact_no', contact_no))
               WHEN privacy_blocked
                   THEN jsonb_build_array(jsonb_build_object('code', 'privacy_blocked', 'contact_no', contact_no))
               WHEN salesperson_unknown OR campaign_unknown
                   THEN CASE WHEN salesperson_unknown THEN jsonb_build_array(jsonb_build_object(
                            'code', 'salesperson_unknown', 'salesperson_code', salesperson_code)) ELSE '[]' END
                     || CASE WHEN campaign_unknown THEN jsonb_build_array(jsonb_build_object(
                            'code', 'campaign_unknown', 'campaign_no', campaign_no)) ELSE '[]' END
               END AS reasons
    FROM found f
), print AS (
    SELECT position, outcome, NULL::bigint AS entry_no, contact_id, salesperson_id, campaign_id, reasons, source,
           event_id, time, window_hours, document_type, document_no, document_version, document_occurrence
    FROM resolved
    WHERE outcome = 'received'
    UNION ALL
    SELECT e.position, e.outcome, e.entry_no, e.contact_id, e.salesperson_id, e.campaign_id, e.reasons, e.source,
           e.event_id, e.time, e.window_hours, e.document_type, e.document_no, e.document_version, e.document_occurrence
    FROM (
        SELECT DISTINCT document_no, document_type, contact_id, document_version, document_occurrence
        FROM resolved
        WHERE outcome = 'received'
    ) d
    JOIN document_event e ON
        e.document_no = d.document_no AND e.document_type = d.document_type AND e.contact_id = d.contact_id
        AND e.document_version = d.document_version AND e.document_occurrence = d.document_occurrence
    WHERE e.outcome IN ('recorded', 'reprint')
        AND EXISTS (SELECT FROM interaction i WHERE i.entry_no = e.entry_no)
), ordered AS (
    SELECT p.*,
           dense_rank() OVER (
               ORDER BY document_no, document_type, contact_id, document_version, document_occurrence
           ) AS document,
           (opening_print(time, window_hours, position) OVER prints).position AS opening,
           row_number() OVER prints AS turn
    FROM print p
    WINDOW prints AS (
        PARTITION BY document_no, document_type, contact_id, document_version, document_occurrence
        ORDER BY time, source, event_id)
), marked AS (
    SELECT o.*,
           opening = position AND outcome = 'recorded' AS keeps,
           opening = position AND outcome <> 'recorded' AS wants,
           opening <> position AND outcome = 'recorded' AS leaves
    FROM ordered o
), counted AS (
    SELECT m.*,
           count(*) FILTER (WHERE wants) OVER so_far AS wants_so_far,
           count(*) FILTER (WHERE leaves) OVER so_far AS leaves_so_far,
           count(*) FILTER (WHERE wants) OVER whole AS wants_in_all,
           array_agg(entry_no) FILTER (WHERE leaves) OVER whole AS left_behind
    FROM marked m
    WINDOW so_far AS (PARTITION BY document ORDER BY turn),
           whole AS (PARTITION BY document ORDER BY turn ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), opened AS (
    SELECT c.*,
           CASE WHEN wants THEN left_behind[wants_so_far]
                WHEN keeps OR leaves AND leaves_so_far > wants_in_all THEN entry_no END AS opens
    FROM counted c
), unserved AS (
    SELECT o.*, count(*) FILTER (WHERE wants AND opens IS NULL) OVER (ORDER BY position) AS new_so_far
    FROM opened o
), numbers AS MATERIALIZED (
    SELECT next_entry_nos(count) AS first FROM (SELECT max(new_so_far) AS count FROM unserved) u WHERE count > 0
), numbered AS (
    SELECT u.*, CASE WHEN wants AND opens IS NULL THEN n.first + new_so_far - 1 ELSE opens END AS its_entry_no
    FROM unserved u LEFT JOIN numbers n ON true
), settled AS MATERIALIZED (
    SELECT position, contact_id, salesperson_id, campaign_id, reasons,
           outcome = 'received' AS is_tried,
           coalesce(its_entry_no, max(its_entry_no) FILTER (WHERE position = opening) OVER (PARTITION BY opening))
               AS entry_no,
           CASE WHEN its_entry_no IS NULL THEN 'reprint' ELSE 'recorded' END AS outcome
    FROM numbered
), written AS (
    UPDATE document_event e SET
        attempts = e.attempts + s.is_tried::integer,
        data = CASE WHEN s.forgets THEN e.data - 'description' ELSE e.data END,
        contact_id = s.contact_id, salesperson_id = s.salesperson_id, campaign_id = s.campaign_id,
        outcome = s.outcome, reasons = s.reasons, entry_no = s.entry_no
    FROM (
        SELECT position, contact_id, salesperson_id, campaign_id, outcome, reasons, entry_no, is_tried, false AS forgets
        FROM settled
        UNION ALL
        SELECT position, contact_id, salesperson_id, campaign_id, outcome, reasons, NULL, true, erased
        FROM resolved
        WHERE outcome <> 'received'
    ) s
    WHERE e.position = s.position
      AND (s.is_tried OR (e.outcome, e.entry_no) IS DISTINCT FROM (s.outcome, s.entry_no))
)
SELECT CAST(array_agg(position) AS text) AS prints,
       (SELECT first FROM numbers) AS first_entry_no,
       coalesce(min(entry_no) < (SELECT first FROM numbers), true) AS has_older,
       bool_or(campaign_id IS NOT NULL) AS has_campaigns
FROM settled
