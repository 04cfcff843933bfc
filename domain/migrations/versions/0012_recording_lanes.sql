-- In which of four lanes the events of a document are recorded (docs/decisions/0023): all prints of one document in the
-- same one, since they decide together how many entries there are (D6). Who changes the number of lanes changes LANES of
-- domain/document_recording.py and builds the index anew.
CREATE FUNCTION recording_lane(document_no text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN hashtext(document_no) & 3;

-- What waits, lane by lane; almost always empty.
DROP INDEX document_event_received_idx;
CREATE INDEX document_event_received_idx ON document_event (recording_lane(document_no), position)
    WHERE outcome = 'received';
