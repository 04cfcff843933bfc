-- Log the lines of one range: an entry for each that is ready, a skip with its reasons for each that is not, and if
-- asked a thin follow-up line for each entry. One pass over the effective lines, in one snapshot, in order of contact:
-- contacts are reached one beside the other, and so are their places in the log's (contact, date) index. Nothing sorts
-- again; joins with small tables keep the order. What is counted stands first, as the rest is not read for it.
-- Index: segment_line_pkey for the range; the log's primary key is the fuse.
WITH line AS MATERIALIZED (
    SELECT
        e.ready AND NOT (:send AND e.sending_problems IS NOT NULL) AS good, e.email_missing,
        e.line_no, e.contact_id, e.company_id, e.template_version_id, e.salesperson_id, e.campaign_id, e.date,
        e.duration_min, e.campaign_target, e.campaign_response, e.cost, e.information_flow, e.initiated_by,
        CASE WHEN NOT e.email_missing THEN e.correspondence_type END AS correspondence_type,
        e.language_code, e.evaluation, nullif(e.description, :description) AS description,
        CASE WHEN e.subject IS DISTINCT FROM coalesce(:subject, e.template_subject, e.description)
             THEN coalesce(e.subject, '') END AS subject, e.problems,
        CASE WHEN :send THEN e.sending_problems END AS sending_problems
    FROM segment_line_effective_by_contact e
    WHERE e.segment_id = :segment_id AND e.line_no BETWEEN :range_from AND :range_to
), logged AS (
    INSERT INTO interaction (
        entry_no, contact_id, company_id, logged_segment_no, campaign_entry_no, template_version_id, actor_id,
        salesperson_id, date, duration_min, campaign_target, campaign_response, cost, information_flow,
        initiated_by, correspondence_type, language_code, evaluation, description, subject)
    SELECT
        :first_entry_no + line.line_no - 1, line.contact_id, line.company_id, :logged_segment_no, c.entry_no,
        line.template_version_id, :actor_id, line.salesperson_id, line.date, line.duration_min,
        line.campaign_target, line.campaign_response, line.cost, line.information_flow, line.initiated_by,
        line.correspondence_type, line.language_code, line.evaluation, line.description, line.subject
    FROM line
    LEFT JOIN campaign_entry c ON c.logged_segment_no = :logged_segment_no AND c.campaign_id = line.campaign_id
    WHERE line.good
), skipped AS (
    INSERT INTO logged_segment_skip (logged_segment_no, line_no, contact_id, problems)
    SELECT :logged_segment_no, line_no, contact_id,
           coalesce(problems, '{}') || coalesce(sending_problems, '{}')
    FROM line
    WHERE NOT good
), followed AS (
    INSERT INTO segment_line (segment_id, line_no, contact_id, campaign_id)
    SELECT :follow_up_id, line_no, contact_id,
           CASE WHEN campaign_id IS DISTINCT FROM nullif(:campaign_id, 0) THEN coalesce(campaign_id, 0) END
    FROM line
    WHERE good AND :follow_up_id > 0
)
SELECT
    count(*) FILTER (WHERE good) AS logged,
    count(*) FILTER (WHERE NOT good) AS skipped,
    count(*) FILTER (WHERE good AND email_missing) AS email_missing
FROM line
