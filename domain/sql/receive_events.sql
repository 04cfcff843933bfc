-- Store the events whose (source, id) is not there yet, in the order given, and note who sends events of which source.
-- An event without a time gets that of its receipt. Index: document_event_id_key.
WITH given AS (
    SELECT g.*
    FROM ROWS FROM (
        jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
            source text, event_id text, hash text, type text, time timestamptz, envelope jsonb, document_type text,
            document_no text, document_version integer, document_occurrence integer, actor_id integer),
        jsonb_array_elements(CAST(:data AS jsonb))
    ) WITH ORDINALITY g(
        source, event_id, hash, type, time, envelope, document_type, document_no, document_version,
        document_occurrence, actor_id, data, no)
), noted AS (
    INSERT INTO document_source (actor_id, source)
    SELECT DISTINCT CAST(:sender_id AS integer), g.source FROM given g
    WHERE NOT EXISTS (SELECT FROM document_source s WHERE s.actor_id = :sender_id AND s.source = g.source)
    ON CONFLICT DO NOTHING
)
INSERT INTO document_event (
    source, event_id, hash, door, actor_id, type, time, data, envelope, window_hours, document_type, document_no,
    document_version, document_occurrence)
SELECT g.source, g.event_id, decode(g.hash, 'hex'), :door, g.actor_id, g.type, coalesce(g.time, now()), g.data,
       g.envelope, setup.reprint_window_hours, g.document_type, g.document_no, g.document_version, g.document_occurrence
FROM given g
CROSS JOIN setup
ORDER BY g.no
ON CONFLICT (event_id, source) WHERE outcome <> 'rejected' DO NOTHING
