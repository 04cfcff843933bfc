SET LOCAL lock_timeout = '2s';

-- A page of the log is found in the newest segments that have what matches. Without these the sums of all segments were
-- read and added up for each page, and 8 of them used: 20 to 40 ms for 325 segments, and more with every segment.
CREATE INDEX logged_segment_summed_up_idx ON logged_segment (first_entry_no) WHERE summed_up_at IS NOT NULL;
CREATE INDEX interaction_total_segment_date_idx ON interaction_total (date) WHERE logged_segment_no IS NOT NULL;
