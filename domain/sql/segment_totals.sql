-- Lines, cost and minutes of segments without looking at every line: a line without overrides costs what the header
-- says. Index: segment_line_overridden_idx for the others.
SELECT
    s.id AS segment_id,
    coalesce(o.lines, 0) AS lines, coalesce(o.cost, 0) AS cost, coalesce(o.minutes, 0) AS minutes,
    (SELECT count(*) FROM criteria_action a WHERE a.segment_id = s.id) AS actions
FROM segment s
LEFT JOIN LATERAL (
    SELECT count(*) AS lines, sum(e.cost) AS cost, sum(e.duration_min) AS minutes
    FROM segment_line_effective e
    WHERE e.segment_id = s.id AND e.overridden
) o ON true
WHERE s.id = ANY(:ids)
