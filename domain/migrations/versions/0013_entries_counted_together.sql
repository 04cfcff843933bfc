SET LOCAL lock_timeout = '2s';

-- A recorder writes many entries by one statement, which counts them together (record_entries.sql): a row of sums for each
-- of them took a fifth of its time, and had to be merged afterwards. It says so for its transaction; whoever does not,
-- such as a recorder of the version before, has its entries counted here one by one.
DROP TRIGGER interaction_counted_insert ON interaction;
CREATE TRIGGER interaction_counted_insert AFTER INSERT ON interaction
    FOR EACH ROW WHEN (
        NEW.logged_segment_no IS NULL
        AND current_setting('interlog.counts_entries_itself', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION count_interaction();
