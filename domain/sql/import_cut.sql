-- Cut the staged rows of a file into chunks of each phase, a range of row numbers at a time. Index: import_row_pkey.
INSERT INTO job_chunk (job_id, no, step, phase, range_from, range_to, size)
SELECT :job_id, row_number() OVER (ORDER BY phase, piece), 1, phase, min(row_no), max(row_no), count(*)
FROM (
    SELECT phase, row_no, (row_number() OVER (PARTITION BY phase ORDER BY row_no) - 1) / :chunk AS piece
    FROM import_row
    WHERE job_id = :job_id
) r
GROUP BY phase, piece
