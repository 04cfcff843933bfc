SET LOCAL lock_timeout = '2s';

-- Entries of documents are written many at a time by one statement, which counts them together (record_entries.sql): a
-- row of sums for each of them took a fifth of a recorder's time, and had to be merged afterwards. A restore counts what
-- it brings back. Left to the trigger are entries that people make.
DROP TRIGGER interaction_counted_insert ON interaction;
CREATE TRIGGER interaction_counted_insert AFTER INSERT ON interaction
    FOR EACH ROW WHEN (NEW.logged_segment_no IS NULL AND NEW.document_type IS NULL)
    EXECUTE FUNCTION count_interaction();
