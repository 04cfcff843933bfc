-- Delete the comments on entries of one range that are gone. Indexes: interaction_comment_entry_no_idx, primary key of
-- the log.
DELETE FROM interaction_comment c
WHERE c.entry_no BETWEEN :first AND :last
  AND NOT EXISTS (SELECT FROM interaction i WHERE i.entry_no = c.entry_no)
