-- Make the campaign entries that the prints opening an entry lead to and that are not there: one active entry for a
-- campaign and document type (D5). A canceled one is never used again (I9); an entry of the log that stands on one of
-- the right campaign stays there. Nobody but recorders makes entries of documents, one at a time.
-- Index: document_event_document_idx, campaign_entry_campaign_id_idx.
INSERT INTO campaign_entry (campaign_id, document_type, description)
SELECT DISTINCT m.id, e.document_type,
       upper(left(e.document_type, 1)) || replace(substr(e.document_type, 2), '_', ' ')
FROM document_prints(CAST(:positions AS bigint[])) e
JOIN campaign m ON m.id = e.campaign_id
LEFT JOIN interaction i ON i.entry_no = e.entry_no
LEFT JOIN campaign_entry x ON x.entry_no = i.campaign_entry_no
WHERE e.outcome = 'recorded' AND m.id IS DISTINCT FROM x.campaign_id
  AND open_document_campaign_entry(m.id, e.document_type) IS NULL
ORDER BY m.id, e.document_type
