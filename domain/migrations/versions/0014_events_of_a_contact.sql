-- Who wants the events of a contact says `contact_id > 0`, and recorders, who look for the prints of a document, do not:
-- so they cannot take this index. While most events wait, as in an outage, the statistics know of no event that has a
-- contact; the planner then took this index for the smallest way to any of them and read all of it for each document.
DROP INDEX document_event_contact_idx;
CREATE INDEX document_event_contact_idx ON document_event (contact_id, position) WHERE contact_id > 0;
