-- Say which print counts on which entry, for the documents that the received events of a batch are about (D6): all their
-- prints in order, those of purged entries aside. A print that opens an entry keeps the one it opened; one that opens
-- another takes over from a print that no longer does, in order, or gets a new number. An entry is never left without:
-- should more entries be there than prints that open one (windows differed), the prints that opened them still do.
-- Gives the first of the new numbers, or NULL. Index: document_event_document_idx, interaction_pkey.
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
), wanting AS (
    SELECT position, document, row_number() OVER (PARTITION BY document ORDER BY turn) AS rank
    FROM print WHERE position = opening AND outcome <> 'recorded'
), left_behind AS (
    SELECT position, document, entry_no, row_number() OVER (PARTITION BY document ORDER BY turn) AS rank
    FROM print WHERE position <> opening AND outcome = 'recorded'
), taken_over AS (
    SELECT w.position, b.entry_no, b.position AS left_by
    FROM wanting w JOIN left_behind b USING (document, rank)
), unserved AS (
    SELECT position, row_number() OVER (ORDER BY position) - 1 AS rank
    FROM wanting WHERE position NOT IN (SELECT position FROM taken_over)
), numbers AS MATERIALIZED (
    SELECT next_entry_nos(count) AS first FROM (SELECT count(*) AS count FROM unserved) u WHERE count > 0
), opening AS (
    SELECT position, entry_no FROM print WHERE position = opening AND outcome = 'recorded'
    UNION ALL SELECT position, entry_no FROM taken_over
    UNION ALL SELECT u.position, n.first + u.rank FROM unserved u, numbers n
), still AS (
    SELECT position, entry_no FROM left_behind WHERE position NOT IN (SELECT left_by FROM taken_over)
), settled AS (
    SELECT p.position, coalesce(s.entry_no, o.entry_no) AS entry_no,
           CASE WHEN p.position = p.opening OR s.position IS NOT NULL THEN 'recorded' ELSE 'reprint' END AS outcome
    FROM print p
    JOIN opening o ON o.position = p.opening
    LEFT JOIN still s ON s.position = p.position
), written AS (
    UPDATE document_event e SET outcome = s.outcome, entry_no = s.entry_no
    FROM settled s
    WHERE e.position = s.position AND (e.outcome, e.entry_no) IS DISTINCT FROM (s.outcome, s.entry_no)
)
SELECT first FROM numbers
