SET LOCAL lock_timeout = '2s';

-- Interactions left to be finished later (P1). An entry number is given at once and kept; comments are rows of
-- interaction_comment under that number from the beginning, so finishing moves this one row and nothing else.
-- NULL = what the defaults of I2 to I4 give on finishing; '' and campaign 0 = blank on purpose, as on segment lines. So
-- campaign_id carries no foreign key.
CREATE TABLE postponed_interaction (
    entry_no bigint PRIMARY KEY,
    contact_id bigint NOT NULL REFERENCES contact,
    source_entry_no bigint,
    actor_id integer NOT NULL REFERENCES actor,
    created_at timestamptz NOT NULL DEFAULT now(),
    template_id integer REFERENCES interaction_template,
    salesperson_id integer REFERENCES salesperson,
    campaign_id integer,
    date date,
    time_of_day time(0),
    duration_min integer CHECK (duration_min >= 0),
    phone_call boolean NOT NULL DEFAULT false,
    attempt_failed boolean NOT NULL DEFAULT false,
    campaign_target boolean,
    campaign_response boolean,
    cost numeric(12, 2) CHECK (cost >= 0),
    information_flow text CHECK (information_flow IN ('', 'outbound', 'inbound')),
    initiated_by text CHECK (initiated_by IN ('', 'us', 'them')),
    correspondence_type text CHECK (correspondence_type IN ('', 'hard_copy', 'email', 'fax')),
    language_code text,
    evaluation text CHECK (
        evaluation IN ('very_positive', 'positive', 'neutral', 'negative', 'very_negative')),
    description text,
    subject text,
    contact_via text,
    opportunity_no text
);
CREATE INDEX postponed_interaction_contact_id_idx ON postponed_interaction (contact_id, entry_no);
CREATE INDEX postponed_interaction_salesperson_id_idx ON postponed_interaction (salesperson_id, entry_no);
CREATE INDEX postponed_interaction_source_entry_no_idx ON postponed_interaction (source_entry_no)
    WHERE source_entry_no IS NOT NULL;
