-- Problems and warnings of a segment by kind: how many lines, and the first 20 of them. One pass over the effective
-- lines. Index: segment_line_pkey; interaction_contact_id_idx for recent contacts.
WITH found AS (
    SELECT e.line_no, e.contact_id,
           NOT e.ready OR (:send AND e.sending_problems IS NOT NULL) AS stopped,
           coalesce(e.problems, '{}') || CASE WHEN :send THEN coalesce(e.sending_problems, '{}') ELSE '{}' END AS problems,
           array_remove(ARRAY[
               CASE WHEN e.email_missing AND NOT :send THEN 'email_missing' END,
               CASE WHEN e.excluded THEN 'excluded' END,
               CASE WHEN :days > 0 AND EXISTS (
                   SELECT FROM interaction_visible i
                   WHERE i.contact_id = e.contact_id AND NOT i.canceled
                     AND i.date BETWEEN e.date - CAST(:days AS integer) AND e.date + CAST(:days AS integer))
                   THEN 'contacted_recently' END,
               CASE WHEN d.contact_id IS NOT NULL THEN 'duplicate_contact' END], NULL) AS warnings
    FROM segment_line_effective e
    LEFT JOIN (
        SELECT contact_id FROM segment_line WHERE segment_id = :segment_id GROUP BY contact_id HAVING count(*) > 1
    ) d ON d.contact_id = e.contact_id
    WHERE e.segment_id = :segment_id
), said AS (
    SELECT 'problem' AS severity, p.code, f.line_no, f.contact_id
    FROM found f, unnest(f.problems) p(code) WHERE f.stopped
    UNION ALL
    SELECT 'warning', w.code, f.line_no, f.contact_id FROM found f, unnest(f.warnings) w(code)
), numbered AS (
    SELECT said.*, row_number() OVER (PARTITION BY severity, code ORDER BY line_no) AS position FROM said
)
SELECT n.severity, n.code, max(n.position) AS count,
       jsonb_agg(jsonb_build_object('line_no', n.line_no, 'contact_no', c.no) ORDER BY n.line_no)
           FILTER (WHERE n.position <= 20) AS lines,
       (SELECT count(*) FROM found WHERE stopped) AS stopped
FROM numbered n
LEFT JOIN contact c ON c.id = n.contact_id AND n.position <= 20
GROUP BY n.severity, n.code
ORDER BY n.severity, n.code
