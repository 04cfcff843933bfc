"""Proof that the data agree with themselves: the log carries no foreign keys, so this is what says they hold.

Each check is one statement that finds what is wrong. All of them look at one snapshot, so they can run beside work:
what an open job is about to make right is left out.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from domain.database import make_engine

# Wrong things that a line names.
SHOWN = 5


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Parameters
    ----------
    name
        Short, for tests and for people who talk about it.
    wrong
        What is said when it does not hold; the number of wrong things stands before it, the first of them after.
    query
        Yields one row per wrong thing; its only column names it.
    """

    name: str
    wrong: str
    query: str


ENTRY = "SELECT t.entry_no FROM interaction t"
EVENT = "SELECT t.position FROM document_event t"
LINE = "SELECT t.segment_id || '/' || t.line_no FROM segment_line t"
# Segments that an open job is changing, making or taking away.
BUSY = """
    SELECT (j.working->>'segment_id')::bigint FROM job j
    WHERE j.finished_at IS NULL AND j.working ? 'segment_id'
    UNION ALL
    SELECT (j.working->>'follow_up_id')::bigint FROM job j
    WHERE j.finished_at IS NULL AND j.working ? 'follow_up_id'
"""


def _missing(start: str, column: str, other: str, *, where: str = "") -> str:
    """Make the query for rows whose `column` refers to nothing in `other` (`table.key`)."""
    table, key = other.split(".")
    return (
        f"{start} WHERE t.{column} IS NOT NULL {where} "
        f"AND NOT EXISTS (SELECT FROM {table} o WHERE o.{key} = t.{column})"
    )


CHECKS = [
    Check(
        "entry_contact", "entries of a contact that is not there", _missing(ENTRY, "contact_id", "contact.id")
    ),
    Check(
        "entry_company", "entries of a company that is not there", _missing(ENTRY, "company_id", "contact.id")
    ),
    Check(
        "entry_template",
        "entries of a template wording that is not there",
        _missing(ENTRY, "template_version_id", "interaction_template_version.id"),
    ),
    Check(
        "entry_salesperson",
        "entries of a salesperson who is not there",
        _missing(ENTRY, "salesperson_id", "salesperson.id"),
    ),
    Check(
        "entry_campaign_entry",
        "entries of a campaign entry that is not there",
        _missing(ENTRY, "campaign_entry_no", "campaign_entry.entry_no"),
    ),
    Check("entry_user", "entries of a user who is not there", _missing(ENTRY, "actor_id", "actor.id")),
    Check(
        "entry_canceled_by",
        "entries canceled by a user who is not there",
        _missing(ENTRY, "canceled_by", "actor.id"),
    ),
    Check(
        "entry_logged_segment",
        "entries of a logged segment that is not there",
        _missing(ENTRY, "logged_segment_no", "logged_segment.no"),
    ),
    Check(
        "entry_outside_range",
        "entries outside the number range of their logged segment",
        f"{ENTRY} JOIN logged_segment s ON s.no = t.logged_segment_no "
        "WHERE t.entry_no NOT BETWEEN s.first_entry_no AND s.last_entry_no",
    ),
    Check(
        "entry_inside_range",
        "entries inside the number range of a logged segment that is not theirs",
        f"{ENTRY} JOIN logged_segment s ON t.entry_no BETWEEN s.first_entry_no AND s.last_entry_no "
        "WHERE t.logged_segment_no IS DISTINCT FROM s.no",
    ),
    Check(
        "entry_beyond_sequence",
        "entry numbers that the sequence has yet to give out",
        "SELECT u.no FROM interaction_entry_no_seq q, "
        "(SELECT max(entry_no) FROM interaction UNION SELECT max(last_entry_no) FROM logged_segment) u(no) "
        "WHERE u.no > q.last_value - CASE WHEN q.is_called THEN 0 ELSE 1 END",
    ),
    Check(
        "logged_interactions_count",
        "logged segments with another number of entries, purged ones included, than were logged",
        """
        SELECT s.no FROM logged_segment s
        LEFT JOIN (
            SELECT logged_segment_no, count(*) AS entries FROM interaction
            WHERE logged_segment_no IS NOT NULL GROUP BY logged_segment_no
        ) i ON i.logged_segment_no = s.no
        WHERE s.status = 'logged' AND s.interactions_count <> coalesce(i.entries, 0) + s.purged_count
        """,
    ),
    Check(
        "logged_skipped_count",
        "logged segments with another number of skipped lines than were counted",
        """
        SELECT s.no FROM logged_segment s
        WHERE s.status = 'logged' AND s.skipped_count <> (
            SELECT count(*) FROM logged_segment_skip k WHERE k.logged_segment_no = s.no)
        """,
    ),
    Check(
        "logged_campaign_entries_count",
        "logged segments with another number of campaign entries than were made",
        """
        SELECT s.no FROM logged_segment s
        WHERE s.status = 'logged' AND s.campaign_entries_count <> (
            SELECT count(*) FROM campaign_entry c WHERE c.logged_segment_no = s.no)
        """,
    ),
    Check(
        "campaign_entry_segment",
        "entries whose campaign entry belongs to another logged segment",
        f"{ENTRY} JOIN campaign_entry c ON c.entry_no = t.campaign_entry_no "
        "WHERE c.logged_segment_no IS NOT NULL AND t.logged_segment_no IS NOT NULL "
        "AND c.logged_segment_no <> t.logged_segment_no",
    ),
    Check(
        "entry_totals",
        "sums of entries that do not agree with the log (logged segment/campaign entry/wording/salesperson/date)",
        """
        SELECT concat_ws('/', logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date)
        FROM (
            SELECT logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date, entries,
                   interactions, cost, duration_min, target_contacts, responses
            FROM interaction_total t
            WHERE NOT EXISTS (SELECT FROM logged_segment s WHERE s.no = t.logged_segment_no AND s.summed_up_at IS NULL)
            UNION ALL
            SELECT i.logged_segment_no, i.campaign_entry_no, i.template_version_id, i.salesperson_id, i.date,
                   -count(*), -count(*) FILTER (WHERE i.canceled_at IS NULL),
                   -coalesce(sum(i.cost) FILTER (WHERE i.canceled_at IS NULL), 0),
                   -coalesce(sum(i.duration_min) FILTER (WHERE i.canceled_at IS NULL), 0),
                   -count(*) FILTER (WHERE i.canceled_at IS NULL AND i.campaign_target),
                   -count(*) FILTER (WHERE i.canceled_at IS NULL AND i.campaign_response)
            FROM interaction i
            LEFT JOIN logged_segment s ON s.no = i.logged_segment_no
            WHERE i.logged_segment_no IS NULL OR s.summed_up_at IS NOT NULL
            GROUP BY 1, 2, 3, 4, 5
        ) t
        GROUP BY logged_segment_no, campaign_entry_no, template_version_id, salesperson_id, date
        HAVING sum(entries) <> 0 OR sum(interactions) <> 0 OR sum(cost) <> 0 OR sum(duration_min) <> 0
            OR sum(target_contacts) <> 0 OR sum(responses) <> 0
        """,
    ),
    Check(
        "logging_abandoned",
        "logged segments that nobody is logging any more",
        "SELECT s.no FROM logged_segment s WHERE s.status = 'logging' "
        "AND NOT EXISTS (SELECT FROM job j WHERE j.id = s.job_id AND j.finished_at IS NULL)",
    ),
    Check(
        "postponed_recorded",
        "postponed interactions that are in the log already",
        "SELECT p.entry_no FROM postponed_interaction p JOIN interaction i ON i.entry_no = p.entry_no",
    ),
    Check(
        "postponed_campaign",
        "postponed interactions with a campaign that is not there",
        _missing(
            "SELECT t.entry_no FROM postponed_interaction t",
            "campaign_id",
            "campaign.id",
            where="AND t.campaign_id <> 0",
        ),
    ),
    Check(
        "comment_entry",
        "comments on an interaction that is neither recorded nor postponed",
        "SELECT t.id FROM interaction_comment t "
        "WHERE NOT EXISTS (SELECT FROM interaction i WHERE i.entry_no = t.entry_no) "
        "AND NOT EXISTS (SELECT FROM postponed_interaction p WHERE p.entry_no = t.entry_no)",
    ),
    Check("line_segment", "lines of a segment that is not there", _missing(LINE, "segment_id", "segment.id")),
    Check("line_contact", "lines of a contact that is not there", _missing(LINE, "contact_id", "contact.id")),
    Check(
        "line_template",
        "lines with a template that is not there",
        _missing(LINE, "template_id", "interaction_template.id"),
    ),
    Check(
        "line_salesperson",
        "lines with a salesperson who is not there",
        _missing(LINE, "salesperson_id", "salesperson.id"),
    ),
    Check(
        "line_campaign",
        "lines with a campaign that is not there",
        _missing(LINE, "campaign_id", "campaign.id", where="AND t.campaign_id <> 0"),
    ),
    Check(
        "segment_campaign",
        "segments with a campaign that is not there",
        _missing("SELECT t.no FROM segment t", "campaign_id", "campaign.id", where="AND t.campaign_id <> 0"),
    ),
    Check(
        "segment_lines_count",
        "segments with another number of lines than they say",
        f"""
        SELECT s.no FROM segment s
        LEFT JOIN (SELECT segment_id, count(*) AS lines FROM segment_line GROUP BY segment_id) l ON l.segment_id = s.id
        WHERE s.status <> 'hidden' AND s.id NOT IN ({BUSY}) AND s.lines_count <> coalesce(l.lines, 0)
        """,
    ),
    Check(
        "segment_last_line_no",
        "segments with lines beyond their last line number",
        f"""
        SELECT s.no FROM segment s
        WHERE s.status <> 'hidden' AND s.id NOT IN ({BUSY}) AND s.last_line_no < (
            SELECT max(line_no) FROM segment_line l WHERE l.segment_id = s.id)
        """,
    ),
    Check(
        "segment_line_removed",
        "lines kept for an undo that are still there, or that no action took out",
        f"""
        SELECT r.segment_id || '/' || r.line_no FROM segment_line_removed r
        LEFT JOIN criteria_action a ON a.segment_id = r.segment_id AND a.no = r.action_no AND a.removed > 0
        LEFT JOIN segment_line l ON l.segment_id = r.segment_id AND l.line_no = r.line_no
        WHERE r.segment_id NOT IN ({BUSY}) AND (a.id IS NULL OR l.line_no IS NOT NULL)
        """,
    ),
    Check(
        "segment_hidden",
        "hidden segments that no job will finish or take away",
        f"SELECT 'id ' || s.id FROM segment s WHERE s.status = 'hidden' AND s.id NOT IN ({BUSY})",
    ),
    Check(
        "segment_frozen",
        "segments frozen for a logging that is not under way",
        f"SELECT s.no FROM segment s WHERE s.status = 'logging' AND s.id NOT IN ({BUSY})",
    ),
    Check(
        "template_version",
        "templates whose current wording says something else than they do",
        """
        SELECT t.code FROM interaction_template t
        JOIN interaction_template_version v ON v.id = t.version_id
        WHERE (v.template_id, v.description, v.group_id) <> (t.id, t.description, t.group_id)
        """,
    ),
    Check(
        "template_subjects",
        "templates whose current wording has other subjects than they have",
        """
        SELECT coalesce(t.code, 'version ' || n.version_id)
        FROM (
            SELECT t.code, t.version_id, lower(l.language_code) AS language_code, l.subject
            FROM interaction_template t
            JOIN interaction_template_language l ON l.template_id = t.id AND l.subject <> ''
        ) t
        FULL JOIN (
            SELECT n.* FROM interaction_template_version_language n
            JOIN interaction_template t ON t.version_id = n.version_id
        ) n ON n.version_id = t.version_id AND n.language_code = t.language_code
        WHERE n.subject IS DISTINCT FROM t.subject
        """,
    ),
    # A purge takes entries away again; when there are purges, what they took is to be added here.
    Check(
        "event_entry_missing",
        "document events whose entry is not there",
        _missing(EVENT, "entry_no", "interaction.entry_no"),
    ),
    Check(
        "event_entry",
        "document events whose entry is about something else",
        f"""
        {EVENT} JOIN interaction i ON i.entry_no = t.entry_no
        WHERE (i.contact_id, i.document_type, i.document_no, i.document_version, i.document_occurrence)
            IS DISTINCT FROM (t.contact_id, t.document_type, t.document_no, t.document_version, t.document_occurrence)
        """,
    ),
    Check(
        "times_printed",
        "entries of documents with another number of prints, or of prints that opened them, than there are events",
        f"""
        {ENTRY} LEFT JOIN (
            SELECT entry_no, count(*) AS prints, count(*) FILTER (WHERE outcome = 'recorded') AS opening
            FROM document_event WHERE entry_no IS NOT NULL GROUP BY entry_no
        ) e ON e.entry_no = t.entry_no
        WHERE t.times_printed IS NOT NULL AND (t.times_printed, 1) IS DISTINCT FROM (e.prints, e.opening)
        """,
    ),
    # Where windows differ, an entry may stay that would no longer be made (D6).
    Check(
        "print_window",
        "document events that opened an entry within the window of the one before",
        """
        SELECT position FROM (
            SELECT position, window_hours, time - lag(time) OVER (
                PARTITION BY document_no, document_type, contact_id, document_version, document_occurrence
                ORDER BY time, source, event_id) AS gap
            FROM (
                SELECT *, min(window_hours) OVER document = max(window_hours) OVER document AS windows_are_equal
                FROM document_event WHERE outcome IN ('recorded', 'reprint')
                WINDOW document AS (
                    PARTITION BY document_no, document_type, contact_id, document_version, document_occurrence)
            ) e
            WHERE outcome = 'recorded' AND windows_are_equal
              AND EXISTS (SELECT FROM interaction i WHERE i.entry_no = e.entry_no)
        ) opening
        WHERE gap < make_interval(hours => window_hours)
        """,
    ),
    Check(
        "company_of_person",
        "persons whose company is not a company",
        "SELECT p.no FROM contact p JOIN contact c ON c.id = p.company_id WHERE c.type <> 'company'",
    ),
    Check(
        "purge_record_open",
        "records of purges that nobody is doing any more",
        "SELECT r.id FROM purge_record r WHERE r.finished_at IS NULL "
        "AND NOT EXISTS (SELECT FROM job j WHERE j.id = r.job_id AND j.finished_at IS NULL)",
    ),
    Check(
        "job_without_chunk",
        "unfinished jobs with nothing left to do",
        """
        SELECT j.id FROM job j
        WHERE j.finished_at IS NULL AND NOT EXISTS (
            SELECT FROM job_chunk c WHERE c.job_id = j.id AND c.state IN ('pending', 'running'))
        """,
    ),
    Check(
        "job_with_open_chunk",
        "finished jobs with something left to do",
        """
        SELECT DISTINCT j.id FROM job j JOIN job_chunk c ON c.job_id = j.id AND c.state IN ('pending', 'running')
        WHERE j.finished_at IS NOT NULL
        """,
    ),
    Check(
        "import_left_over",
        "finished jobs with rows of a file left over",
        """
        SELECT j.id FROM job j
        WHERE j.finished_at IS NOT NULL AND (
            EXISTS (SELECT FROM import_row r WHERE r.job_id = j.id)
            OR EXISTS (SELECT FROM job_file f WHERE f.job_id = j.id))
        """,
    ),
    # Where numbers by hand are allowed, one beyond the last given out is nothing wrong: the series will skip it (N3).
    Check(
        "number_series_behind",
        "numbers that their series has yet to give out",
        r"""
        SELECT used.no FROM setup s
        CROSS JOIN LATERAL (
            SELECT s.contact_nos_id AS series_id, no FROM contact
            UNION ALL SELECT s.campaign_nos_id, no FROM campaign
            UNION ALL SELECT s.segment_nos_id, no FROM segment WHERE status <> 'hidden'
            UNION ALL SELECT s.segment_nos_id, segment_no FROM logged_segment WHERE deleted_at IS NULL
        ) used
        JOIN number_series n ON n.id = used.series_id AND NOT n.allow_manual
        WHERE length(used.no) = length(n.starting_no)
          AND regexp_replace(used.no, '[0-9]+$', '') = regexp_replace(n.starting_no, '[0-9]+$', '')
          AND used.no COLLATE "C" >= n.starting_no COLLATE "C"
          AND (n.last_no_used IS NULL OR used.no COLLATE "C" > n.last_no_used COLLATE "C")
        """,
    ),
]


def run(database_url: str) -> list[str]:
    """Check everything; return a line for each check that failed, none if the data agree with themselves.

    Parameters
    ----------
    database_url
        The migrated database, which may be at work.
    """
    engine = make_engine(database_url, process="verify", statement_timeout_ms=0)
    try:
        with engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection:
            return list(failed(connection).values())
    finally:
        engine.dispose()


def failed(connection: Connection) -> dict[str, str]:
    """Return the line of each check that failed, by its name."""
    lines = {}
    for check in CHECKS:
        found = connection.execute(
            text(
                f"WITH wrong(thing) AS ({check.query}) "
                f"SELECT count(*), array_to_string((array_agg(thing::text))[1:{SHOWN}], ', ') FROM wrong"
            )
        ).one()
        count, examples = found
        if count:
            more = ", …" if count > SHOWN else ""
            lines[check.name] = f"{count:,} {check.wrong}: {examples}{more}"
    return lines
