-- Problems and warnings of a segment by kind: how many lines, and the first 20 of them. One pass over the effective
-- lines, which nothing has to sort. Nothing here is a join that PostgreSQL could plan from statistics which do not know
-- the segment yet: repeated contacts were then counted anew for each line, more than 20 s for 11,000 lines.
-- Index: segment_line_pkey; interaction_contact_id_idx for recent contacts.
WITH found AS MATERIALIZED (
    SELECT e.line_no, e.contact_id, e.date, e.excluded,
           NOT e.ready OR (:send AND e.sending_problems IS NOT NULL) AS stopped,
           e.problems || CASE WHEN :send THEN e.sending_problems END AS problems,
           e.email_missing AND NOT :send AS email_missing
    FROM segment_line_effective e
    WHERE e.segment_id = :segment_id
), said AS (
    SELECT 'problem' AS severity, unnest(f.problems) AS code, f.line_no FROM found f WHERE f.stopped
    UNION ALL
    SELECT 'warning', 'email_missing', f.line_no FROM found f WHERE f.email_missing
    UNION ALL
    SELECT 'warning', 'excluded', f.line_no FROM found f WHERE f.excluded
    UNION ALL
    SELECT 'warning', 'contacted_recently', f.line_no
    FROM found f
    CROSS JOIN LATERAL (
        SELECT FROM interaction_visible i
        WHERE i.contact_id = f.contact_id AND NOT i.canceled
            AND i.date BETWEEN f.date - CAST(:days AS integer) AND f.date + CAST(:days AS integer)
        LIMIT 1
    ) recent
    WHERE :days > 0
    UNION ALL
    SELECT 'warning', 'duplicate_contact', f.line_no
    FROM found f
    WHERE (f.contact_id IN (SELECT contact_id FROM found GROUP BY contact_id HAVING count(*) > 1)) IS TRUE
), kind AS (
    SELECT severity, code, count(*) AS count, array_agg(line_no) AS line_nos FROM said GROUP BY severity, code
)
SELECT k.severity, k.code, k.count,
       (SELECT jsonb_agg(jsonb_build_object('line_no', n.line_no, 'contact_no', c.no) ORDER BY n.line_no)
        FROM (SELECT u.line_no FROM unnest(k.line_nos) u(line_no) ORDER BY u.line_no LIMIT 20) n
        JOIN segment_line l ON l.segment_id = :segment_id AND l.line_no = n.line_no
        LEFT JOIN contact c ON c.id = l.contact_id) AS lines,
       (SELECT count(*) FROM found WHERE stopped) AS stopped
FROM kind k
ORDER BY k.severity, k.code
