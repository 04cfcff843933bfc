"""Building segments: contacts are added, lines reduced or refined by what is known of their contacts (S5, S6).

An action is planned by one statement, which finds its rows once, puts them in order and cuts them into chunks: new
contacts or the numbers of lines that go. So all of an action sees contacts at one moment, and no row travels through
Python. A job may do several actions one after another (saved criteria): each is planned in a phase of its own when
the rows of the one before are written.

What a job did is taken back without regard to order: lines after the last number before the job go, lines up to it
come back from the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import contact_filters, criteria_actions, jobs, line_history, segment_lines, segments, sql
from domain import values as v
from domain.actors import Actor
from domain.contact_filters import Filters
from domain.criteria_actions import LEFT_OUT
from domain.errors import Faults
from domain.job_steps import Chunk, Kind, register
from domain.jobs import Job
from domain.segments import Segment

# Lines per chunk: inserting 50,000 thin lines takes about a third of a second, moving them to the history half of one.
CHUNK = 50_000
# Contacts or lines looked at while somebody waits for the answer; more are left to workers.
SMALL = 20_000
# What is hashed and sorted for a million contacts stays in memory. How many contacts have an entry of some kind the
# planner can only guess, and where it guesses low it looks a million up one by one: hashing them all takes a fifth of
# the time and is never slow. Few lines are looked up all the same.
WORK_MEM = text("SET LOCAL work_mem = '128MB'")
NO_LOOK_UPS = text("SET LOCAL enable_nestloop = off")
LOOK_UPS = text("SET LOCAL enable_nestloop = on")

ADD, REDUCE, REFINE = "add", "reduce", "refine"
# Option -> the actions it belongs to.
OPTIONS: dict[str, tuple[str, ...]] = {
    "allow_existing": (ADD,),
    "expand_companies": (ADD,),
    "include_related_companies": (ADD,),
    "ignore_exclusion": (ADD,),
    "entire_companies": (REDUCE, REFINE),
}
# Adds the contacts of a logged segment with the campaigns of their entries (S8); not a filter that can be typed.
REUSE_OF = "reuse_of"
# Takes out lines chosen as such, by hand (S7).
LINES = "lines"

Counts = dict[str, int]


def take(session: Session, values: Mapping[str, Any]) -> tuple[str, Filters, dict[str, bool]]:
    """Check what an action was asked with; return action, filters and the options that are set.

    Raises
    ------
    Invalid
        Naming every fault; `filter_missing` if there is no filter and no explicit `all`.
    """
    faults = Faults()
    taken = v.take(
        {"action": ADD, **{name: value for name, value in values.items() if name != "filters"}},
        {"action": v.choice(ADD, REDUCE, REFINE, required=True), **dict.fromkeys(OPTIONS, v.flag())},
        faults,
    )
    action = taken.get("action", ADD)
    options = {name: True for name in OPTIONS if taken.get(name)}
    for name in options:
        if action not in OPTIONS[name]:
            faults.add(name, "invalid", True)
    filters = contact_filters.take(session, values.get("filters") or {}, faults)
    faults.raise_if_any()
    return action, filters, options


# Adding: `found` matches, with options `chosen` is what its companies make of it, `matched` says who is left out and
# why. Excluded contacts are dropped after companies were expanded (S5).
EXPANDED = """
    found AS (
        SELECT c.id, CASE c.type WHEN 'company' THEN c.id ELSE c.company_id END AS company_id
        FROM contact c
        WHERE {condition}
    ), chosen AS ({chosen}),
"""
MATCHED = """
    matched AS (
        SELECT c.id, c.no, c.type, c.name, c.company_id,
               CASE
                   WHEN c.privacy_blocked OR c.erased_at IS NOT NULL THEN 'blocked'
                   WHEN NOT :allow_existing AND there.contact_id IS NOT NULL THEN 'existing'
                   WHEN c.exclude_from_segment AND NOT :ignore_exclusion THEN 'excluded'
               END AS left_out
        FROM contact c
        LEFT JOIN (SELECT DISTINCT contact_id FROM segment_line WHERE segment_id = :segment_id) there
            ON there.contact_id = c.id
        WHERE {condition}
    )
"""
COLLEAGUES = "SELECT p.id FROM contact p WHERE p.company_id IN (SELECT company_id FROM found)"
RELATED = "SELECT company_id FROM found WHERE company_id IS NOT NULL"
COUNT_ADDED = """
    SELECT count(*) FILTER (WHERE left_out IS NULL) AS added,
           count(*) FILTER (WHERE left_out = 'blocked') AS blocked,
           count(*) FILTER (WHERE left_out = 'existing') AS existing,
           count(*) FILTER (WHERE left_out = 'excluded') AS excluded,
           0 AS removed
    FROM matched
"""
# Order of new lines (S4): company name, no company first; company number; the company before its people; name.
# Each chunk carries its contacts as an array, 8 bytes each, so the order is found once and no row leaves the server.
CUT_ADDED = """
    , ordered AS (
        SELECT c.id, row_number() OVER (
            ORDER BY lower(CASE c.type WHEN 'company' THEN c.name ELSE o.name END) NULLS FIRST,
                     lower(CASE c.type WHEN 'company' THEN c.no ELSE o.no END) NULLS FIRST,
                     c.type, lower(c.name), c.id) AS position
        FROM matched c
        LEFT JOIN contact o ON o.id = c.company_id
        WHERE c.left_out IS NULL
    ), cut AS (
        INSERT INTO job_chunk (job_id, no, step, phase, range_from, range_to, size, contact_ids)
        SELECT :job_id, :first_no + (position - 1) / :chunk, 1, :phase, :last_line_no + min(position),
               :last_line_no + max(position), count(*), array_agg(id ORDER BY position)
        FROM ordered
        GROUP BY (position - 1) / :chunk
    )
"""
# Reducing and refining: `hit` are the lines that match, `affected` with entire companies those of its company as well
# (S6). A segment that was filled just now the planner takes for one line, so nothing here may depend on its guess:
# EXCEPT reads both sides once, where lines compared with lines were looked up in all matching contacts, each.
REMOVED = """
    hit AS (
        SELECT l.line_no, CASE c.type WHEN 'company' THEN c.id ELSE c.company_id END AS company_id
        FROM segment_line l
        JOIN contact c ON c.id = l.contact_id
        WHERE l.segment_id = :segment_id AND {condition}
    ), affected AS ({affected}), gone AS ({gone})
"""
ALL_OTHERS = """
    SELECT line_no FROM segment_line WHERE segment_id = :segment_id
    EXCEPT
    SELECT line_no FROM affected
"""
OF_COMPANIES = """
    SELECT line_no FROM hit
    UNION
    SELECT l.line_no FROM segment_line l
    JOIN contact c ON c.id = l.contact_id
    JOIN (SELECT DISTINCT company_id FROM hit) h
        ON h.company_id = CASE c.type WHEN 'company' THEN c.id ELSE c.company_id END
    WHERE l.segment_id = :segment_id
"""
COUNT_REMOVED = """
    SELECT 0 AS added, 0 AS blocked, 0 AS existing, 0 AS excluded, count(*) AS removed FROM gone
"""
CUT_REMOVED = """
    , cut AS (
        INSERT INTO job_chunk (job_id, no, step, phase, range_from, range_to, size, line_nos)
        SELECT :job_id, :first_no + (position - 1) / :chunk, 1, :phase, min(line_no), max(line_no), count(*),
               array_agg(line_no ORDER BY line_no)
        FROM (SELECT line_no, row_number() OVER (ORDER BY line_no) AS position FROM gone) g
        GROUP BY (position - 1) / :chunk
    )
"""
# Lines that were chosen as lines, by number or by what is wrong with them.
CHOSEN = "gone AS ({lines})"
# The contacts of a logged segment, whether its entries are canceled by now or not. Index: interaction_pkey.
OF_LOGGED_SEGMENT = """
    c.id IN (
        SELECT i.contact_id FROM logged_segment s
        JOIN interaction_visible i ON i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no
        WHERE s.no = :reuse_of AND s.deleted_at IS NULL)
"""
# Index: job_chunk_pkey.
INSERT_LINES = text("""
    INSERT INTO segment_line (segment_id, line_no, contact_id)
    SELECT :segment_id, k.range_from + c.position - 1, c.id
    FROM job_chunk k, unnest(k.contact_ids) WITH ORDINALITY c(id, position)
    WHERE k.job_id = :job_id AND k.no = :no
""")
# The campaign of a contact's first entry, as far as the header does not say the same.
# Index: interaction_contact_id_idx.
INSERT_REUSED_LINES = text("""
    INSERT INTO segment_line (segment_id, line_no, contact_id, campaign_id)
    SELECT :segment_id, k.range_from + c.position - 1, c.id,
           CASE WHEN e.campaign_id IS DISTINCT FROM CAST(:campaign_id AS integer) THEN coalesce(e.campaign_id, 0) END
    FROM job_chunk k
    CROSS JOIN unnest(k.contact_ids) WITH ORDINALITY c(id, position)
    JOIN logged_segment s ON s.no = :reuse_of
    CROSS JOIN LATERAL (
        SELECT i.campaign_id FROM interaction_visible i
        WHERE i.contact_id = c.id AND i.entry_no BETWEEN s.first_entry_no AND s.last_entry_no
        ORDER BY i.entry_no LIMIT 1
    ) e
    WHERE k.job_id = :job_id AND k.no = :no
""")


def statement(
    session: Session, action: str, filters: Mapping[str, Any], options: Mapping[str, bool], *, cut: bool
) -> tuple[str, dict[str, Any]]:
    """Make the statement that counts what an action does and, with `cut`, writes its chunks; and its parameters."""
    if LINES in filters:
        lines, parameters = segment_lines.selected(session, filters[LINES])
        return f"WITH {CHOSEN.format(lines=lines)} {CUT_REMOVED if cut else ''} {COUNT_REMOVED}", parameters
    if REUSE_OF in filters:
        condition, parameters = OF_LOGGED_SEGMENT, {"reuse_of": filters[REUSE_OF]}
    else:
        condition, parameters = contact_filters.condition(filters)
    if action == ADD:
        expanded = [
            query
            for option, query in (("expand_companies", COLLEAGUES), ("include_related_companies", RELATED))
            if options.get(option)
        ]
        ctes = MATCHED.format(condition="c.id IN (SELECT id FROM chosen)" if expanded else condition)
        if expanded:
            chosen = " UNION ".join(["SELECT id FROM found", *expanded])
            ctes = EXPANDED.format(condition=condition, chosen=chosen) + ctes
        ending = (CUT_ADDED if cut else "") + COUNT_ADDED
        parameters |= {name: options.get(name, False) for name in ("allow_existing", "ignore_exclusion")}
    else:
        ctes = REMOVED.format(
            condition=condition,
            affected=OF_COMPANIES if options.get("entire_companies") else "SELECT line_no FROM hit",
            gone=ALL_OTHERS if action == REFINE else "SELECT line_no FROM affected",
        )
        ending = (CUT_REMOVED if cut else "") + COUNT_REMOVED
    return f"WITH {ctes} {ending}", parameters


def count(session: Session, segment: Segment, *, values: Mapping[str, Any]) -> Counts:
    """Return the result an action would have now; nothing is changed.

    Raises
    ------
    Invalid
        Naming every fault of the request.
    """
    action, filters, options = take(session, values)
    query, parameters = statement(session, action, filters, options, cut=False)
    return _counted(session, segment, query, parameters, hashed=_is_hashed(action, options))


def _is_hashed(action: str, options: Mapping[str, bool]) -> bool:
    """Tell whether an action looks at much even when the segment has few lines."""
    return action == ADD or bool(options.get("entire_companies"))


def _counted(
    session: Session, segment: Segment, query: str, parameters: Mapping[str, Any], *, hashed: bool
) -> Counts:
    """Run a statement that counts; a large segment is hashed in any case."""
    session.execute(WORK_MEM)
    if hashed or segment.lines_count > SMALL:
        session.execute(NO_LOOK_UPS)
    row = session.execute(text(query), {"segment_id": segment.id, **parameters}).one()
    session.execute(LOOK_UPS)
    return dict(row._mapping)


def open_for_actions(session: Session, segment: Segment) -> Segment:
    """Lock a segment to queue an action on it; others may be under way, they are done one after the other (S10).

    Raises
    ------
    LoggingInProgress
        If it is frozen.
    """
    locked = segments.get(session, segment.no, lock=True)
    if locked.status == segments.Status.LOGGING:
        raise segments.LoggingInProgress(no=segment.no)
    return locked


def request(session: Session, segment: Segment, *, values: Mapping[str, Any], actor: Actor) -> Job:
    """Ask for an action on a segment; actions on one segment queue one after the other (S10).

    Raises
    ------
    Invalid
        Naming every fault of the request.
    LoggingInProgress
        If the segment is frozen.
    """
    action, filters, options = take(session, values)
    locked = open_for_actions(session, segment)
    parameters = {"segment_no": locked.no, "action": action, "filters": filters, **options}
    acts = [{"action": action, "filters": filters, "options": options}]
    return enqueue(
        session, locked, kind=CriteriaActionKind.name, parameters=parameters, acts=acts, actor=actor
    )


def enqueue(
    session: Session,
    segment: Segment,
    *,
    kind: str,
    parameters: Mapping[str, Any],
    acts: Sequence[Mapping[str, Any]],
    actor: Actor,
) -> Job:
    """Queue a job that does actions, each `{action, filters, options}`, one after the other."""
    return jobs.create(
        session,
        kind=kind,
        parameters=parameters,
        working={"segment_id": segment.id, "acts": list(acts)},
        serial_key=segments.serial_key(segment),
        actor=actor,
    )


@register
class CriteriaActionKind(Kind):
    """Does actions on a segment, with contacts as they are when each is planned."""

    name = "criteria_action"
    undoes = True

    def is_small(self, session: Session, job: Job) -> bool:
        """Tell whether few lines and, for an add, few contacts are looked at."""
        lines, contacts = session.execute(
            text("""
                SELECT lines_count, (SELECT reltuples FROM pg_class WHERE oid = 'contact'::regclass)
                FROM segment WHERE id = :segment_id
            """),
            {"segment_id": job.working["segment_id"]},
        ).one()
        adds = any(act["action"] == ADD for act in job.working["acts"])
        return int(lines) + (max(int(contacts), 0) if adds else 0) <= SMALL

    def plan(self, session: Session, job: Job) -> Iterable[Chunk]:
        """Find the rows of the first action; the others are planned when it is done."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        job.working = {
            **job.working,
            "action_no": criteria_actions.next_no(session, segment.id),
            "last_line_no": segment.last_line_no,
        }
        counts = self._cut(session, job, 0, last_line_no=segment.last_line_no)
        job.working = {**job.working, "counts": counts}
        session.flush()
        return [Chunk(phase=_planning(at)) for at in range(1, len(job.working["acts"]))]

    def work(self, session: Session, job: Job, chunk: Chunk) -> Mapping[str, Any] | None:
        """Write or take out the lines of one chunk, or plan the next action."""
        at, is_planning = chunk.phase // 2, chunk.phase % 2 == 1
        if is_planning:
            return self._plan_next(session, job, at + 1)
        act = job.working["acts"][at]
        segment_id = job.working["segment_id"]
        if act["action"] != ADD:
            line_history.take_out_chunk(
                session, segment_id, action_no=job.working["action_no"] + at, job_id=job.id, no=chunk.no
            )
        else:
            _insert_lines(session, job, act, chunk)
        return None

    def _plan_next(self, session: Session, job: Job, at: int) -> Counts:
        counts = _counts_so_far(session, job)
        last_line_no = job.working["last_line_no"] + sum(each["added"] for each in counts)
        found = self._cut(session, job, at, last_line_no=last_line_no)
        # Nobody else works on the job in this phase, so its row can be written although chunks share it.
        job.total += found["added"] + found["removed"]
        return found

    def _cut(self, session: Session, job: Job, at: int, *, last_line_no: int) -> Counts:
        act = job.working["acts"][at]
        query, parameters = statement(session, act["action"], act["filters"], act["options"], cut=True)
        first_no = session.execute(
            text("SELECT max(no) + :others FROM job_chunk WHERE job_id = :job_id"),
            {"job_id": job.id, "others": len(job.working["acts"]) if at == 0 else 1},
        ).scalar_one()
        parameters = {
            **parameters,
            "job_id": job.id,
            "first_no": first_no,
            "phase": 2 * at,
            "chunk": CHUNK,
            "last_line_no": last_line_no,
        }
        segment = session.get_one(Segment, job.working["segment_id"])
        hashed = _is_hashed(act["action"], act["options"])
        return _counted(session, segment, query, parameters, hashed=hashed)

    def finish(self, session: Session, job: Job) -> Mapping[str, Any]:
        """Count the lines on the segment and keep the actions (S7)."""
        segment = session.get_one(Segment, job.working["segment_id"], with_for_update=True)
        counts = _counts_so_far(session, job)
        for act, found in zip(job.working["acts"], counts, strict=True):
            numbers = (segment.last_line_no + 1, segment.last_line_no + found["added"])
            segment.lines_count += found["added"] - found["removed"]
            segment.last_line_no += found["added"]
            criteria_actions.keep(
                session,
                segment_id=segment.id,
                action=act["action"],
                manual=act.get("manual", False),
                filters=act["filters"],
                options=act["options"],
                added=found["added"],
                removed=found["removed"],
                left_out=found,
                numbers=numbers,
                actor_id=job.created_by,
                job_id=job.id,
            )
        total = {name: sum(found[name] for found in counts) for name in ("added", "removed", *LEFT_OUT)}
        segment_lines.tell_planner(session, added=total["added"])
        return total

    def undo(self, session: Session, job: Job, chunk: Chunk) -> None:
        """Take the new lines of one chunk out again, and put back what it took."""
        segment_id, last_line_no = job.working["segment_id"], job.working["last_line_no"]
        segments.delete_lines(
            session, segment_id, first=max(chunk.range_from, last_line_no + 1), last=chunk.range_to
        )
        line_history.revert(
            session, segment_id, action_no=job.working["action_no"], first=chunk.range_from, last=chunk.range_to,
            last_line_no=last_line_no,
        )  # fmt: skip


def _planning(at: int) -> int:
    """Return the phase in which action `at` is planned: after the rows of the one before, before its own."""
    return 2 * at - 1


def _counts_so_far(session: Session, job: Job) -> list[Counts]:
    """Return the counts of the actions planned so far, in their order."""
    later = session.scalars(
        text("""
            SELECT outcome FROM job_chunk
            WHERE job_id = :job_id AND step = 1 AND phase % 2 = 1 AND state = 'done' ORDER BY phase
        """),
        {"job_id": job.id},
    )
    return [job.working["counts"], *later]


def _insert_lines(session: Session, job: Job, act: Mapping[str, Any], chunk: Chunk) -> None:
    parameters = {"segment_id": job.working["segment_id"], "job_id": job.id, "no": chunk.no}
    reuse_of = act["filters"].get(REUSE_OF)
    if reuse_of is None:
        session.execute(INSERT_LINES, parameters)
        return
    header = session.execute(sql.load("segment_effective"), {"ids": [job.working["segment_id"]]}).one()
    session.execute(
        INSERT_REUSED_LINES, {**parameters, "reuse_of": reuse_of, "campaign_id": header.campaign_id}
    )
