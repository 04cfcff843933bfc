-- Say which print counts on which entry, for the documents that the received events of a batch are about (D6): all their
-- prints in order, those of purged entries aside. A print that opens an entry keeps the one it opened; one that opens
-- an entry now takes over from a print that no longer does, in order, or gets a new number. An entry is never left
-- without: should there be more of them than prints that open one (windows differed), the prints that opened them still
-- do. Gives the first of the new numbers, or NULL. All by windows, no joins: the planner expects one row of a batch and
-- would compare each print with each. Index: document_event_document_idx, interaction_pkey.
WITH print AS (
    SELECT e.position, e.outcome, e.entry_no,
           dense_rank() OVER (
               ORDER BY e.document_no, e.document_type, e.contact_id, e.document_version, e.document_occurrence
           ) AS document,
           (opening_print(e.time, e.window_hours, e.position) OVER prints).position AS opening,
           row_number() OVER prints AS turn
    FROM document_prints(CAST(:positions AS bigint[])) e
    WHERE e.outcome = 'received' AND e.position = ANY(CAST(:positions AS bigint[]))
       OR e.outcome IN ('recorded', 'reprint')
          AND EXISTS (SELECT FROM interaction i WHERE i.entry_no = e.entry_no)
    WINDOW prints AS (
        PARTITION BY e.document_no, e.document_type, e.contact_id, e.document_version, e.document_occurrence
        ORDER BY e.time, e.source, e.event_id)
), marked AS (
    SELECT p.*,
           opening = position AND outcome = 'recorded' AS keeps,
           opening = position AND outcome <> 'recorded' AS wants,
           opening <> position AND outcome = 'recorded' AS leaves
    FROM print p
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
    SELECT position, opening, wants,
           CASE WHEN wants THEN left_behind[wants_so_far]
                WHEN keeps OR leaves AND leaves_so_far > wants_in_all THEN entry_no END AS opens
    FROM counted
), unserved AS (
    SELECT o.*, count(*) FILTER (WHERE wants AND opens IS NULL) OVER (ORDER BY position) AS new_so_far
    FROM opened o
), numbers AS MATERIALIZED (
    SELECT next_entry_nos(count) AS first FROM (SELECT max(new_so_far) AS count FROM unserved) u WHERE count > 0
), settled AS (
    SELECT position, coalesce(opens, max(opens) FILTER (WHERE position = opening) OVER (PARTITION BY opening)) AS entry_no,
           CASE WHEN opens IS NULL THEN 'reprint' ELSE 'recorded' END AS outcome
    FROM (
        SELECT u.position, u.opening,
               CASE WHEN u.wants AND u.opens IS NULL THEN n.first + u.new_so_far - 1 ELSE u.opens END AS opens
        FROM unserved u LEFT JOIN numbers n ON true
    ) numbered
), written AS (
    UPDATE document_event e SET outcome = s.outcome, entry_no = s.entry_no
    FROM settled s
    WHERE e.position = s.position AND (e.outcome, e.entry_no) IS DISTINCT FROM (s.outcome, s.entry_no)
)
SELECT first FROM numbers
