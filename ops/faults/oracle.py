"""What must hold after any fault (RELIABILITY 3), looked at from outside: by the API, in the tables, in the logs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from ops import verify
from ops.faults.company import FINAL, Company
from ops.faults.feeder import SOURCE
from ops.faults.stack import wait_for

# What the system may take to become whole and idle before it is judged.
SETTLE_SECONDS = 60
# What a job that is asked for now may take.
FRESH_SECONDS = 10

# Every logging that was ever asked for, with what is in the log of it. Between the first and last entry number of a
# logged segment lie its entries, whoever they say they belong to.
LOGGINGS = """
    SELECT j.parameters->>'segment_no' AS segment_no, j.state, l.no AS logged_segment_no, l.skipped_count AS skipped,
           l.purged_count AS purged, i.entries, i.lines, i.contacts
    FROM job j
    LEFT JOIN logged_segment l ON l.job_id = j.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS entries, count(DISTINCT (logged_segment_no, entry_no - l.first_entry_no)) AS lines,
               count(DISTINCT contact_id) AS contacts
        FROM interaction WHERE entry_no BETWEEN l.first_entry_no AND l.last_entry_no
    ) i
    WHERE j.kind = 'log_segment'
"""
# Entries of segments, and those of them that a finished logging answers for.
OF_SEGMENTS = """
    SELECT count(*) AS entries, count(*) FILTER (WHERE l.status = 'logged') AS accounted
    FROM interaction i LEFT JOIN logged_segment l ON l.no = i.logged_segment_no
    WHERE i.logged_segment_no IS NOT NULL
"""
OPEN_JOBS = "SELECT count(*) FROM job WHERE finished_at IS NULL"
WAITING_EVENTS = "SELECT count(*) FROM document_event WHERE outcome = 'received'"
LEFT_RUNNING = """
    SELECT count(*) FROM job_chunk c JOIN job j ON j.id = c.job_id
    WHERE c.state IN ('pending', 'running') AND j.finished_at IS NOT NULL
"""
INBOX = "SELECT event_id FROM document_event WHERE source = :source"
RECORDED = """
    SELECT count(*) AS events, count(DISTINCT entry_no) AS entries, count(entry_no) AS with_entry
    FROM document_event WHERE source = :source AND outcome = 'recorded'
"""


class Oracle:
    """Judges a system by what its company did.

    Parameters
    ----------
    company
        It knows the segments that were made and the events that were sent.
    """

    def __init__(self, company: Company) -> None:
        self._company = company
        self._stack = company.stack

    def check(self) -> None:
        """Wait until the system has come to rest, then hold that all is well.

        Raises
        ------
        AssertionError
            Naming everything that is wrong.
        """
        problems = self.problems()
        assert not problems, "\n".join(["the oracle says no:", *problems])

    def problems(self) -> list[str]:
        """Wait until the system has come to rest; return what is wrong, nothing if all is well."""
        problems = list(self._unsettled())
        if problems:
            return problems
        for look in (self._fresh_job, self._log, self._chunks, self._inbox, self._fuse, self._verify):
            problems += look()
        return problems

    def _unsettled(self) -> Iterator[str]:
        yield from _in_vain(self._stack.is_whole, "all processes are back")
        for query, what in ((OPEN_JOBS, "no job is open"), (WAITING_EVENTS, "no event waits to be recorded")):
            yield from _in_vain(partial(self._is_none, query), what)

    def _is_none(self, query: str) -> bool:
        return bool(self._stack.value(query) == 0)

    def _fresh_job(self) -> Iterator[str]:
        begun = time.monotonic()
        job_id = self._company.log(self._company.segment(lines=10))
        yield from _said(partial(self._company.finished, job_id, seconds=FRESH_SECONDS))
        if (seconds := time.monotonic() - begun) > FRESH_SECONDS:
            yield f"a fresh job took {seconds:.1f} s"

    def _log(self) -> Iterator[str]:
        """Rows = lines that were there when it was asked for = distinct (logged segment, line); else none, and open."""
        succeeded: Counter[str] = Counter()
        for logging in self._stack.rows(LOGGINGS):
            no, lines = logging.segment_no, self._company.lines_of.get(logging.segment_no)
            if logging.state not in FINAL:
                yield f"the logging of {no} is {logging.state}"
            elif logging.state == "succeeded":
                succeeded[no] += 1
                rows = logging.entries + logging.purged
                if lines is not None and rows + logging.skipped != lines:
                    yield f"{no} had {lines} lines, of which {rows} are logged and {logging.skipped} skipped"
                if not logging.entries == logging.lines == logging.contacts:
                    yield (
                        f"{no} has {logging.entries} entries for {logging.lines} lines of {logging.contacts} contacts"
                    )
            elif logging.logged_segment_no is not None:
                yield f"the logging of {no} is {logging.state}, its logged segment is there"
        yield from (f"{no} was logged {times} times" for no, times in succeeded.items() if times > 1)
        for segment in self._stack.rows("SELECT no, status FROM segment WHERE status <> 'open'"):
            yield f"segment {segment.no} is left {segment.status}"
        (found,) = self._stack.rows(OF_SEGMENTS)
        if found.entries != found.accounted:
            yield f"{found.entries - found.accounted} entries belong to no logging that has finished"

    def _chunks(self) -> Iterator[str]:
        if left := self._stack.value(LEFT_RUNNING):
            yield f"{left} chunks of finished jobs are still open"

    def _inbox(self) -> Iterator[str]:
        """Ids that are kept = ids that were sent, with an entry each where one was recorded."""
        kept = [row.event_id for row in self._stack.rows(INBOX, source=SOURCE)]
        sent = self._company.sent_ids
        if lost := sent.difference(kept):
            yield f"{len(lost)} events that were sent are not in the inbox, such as {min(lost)}"
        if strange := set(kept).difference(sent):
            yield f"{len(strange)} events are in the inbox that nobody sent, such as {min(strange)}"
        if len(kept) != len(set(kept)):
            yield f"{len(kept) - len(set(kept))} events are in the inbox twice"
        (recorded,) = self._stack.rows(RECORDED, source=SOURCE)
        if recorded.events != recorded.entries:
            yield f"{recorded.events} events are recorded, with {recorded.entries} entries"

    def _fuse(self) -> list[str]:
        """The fuse must not be what saves us."""
        return self._stack.unique_violations()

    def _verify(self) -> list[str]:
        return list(verify.run(self._stack.postgres.url))


def _in_vain(condition: Callable[[], bool], what: str) -> Iterator[str]:
    """Yield what was waited for in vain."""
    return _said(partial(wait_for, condition, what, seconds=SETTLE_SECONDS))


def _said(call: Callable[[], object]) -> Iterator[str]:
    """Yield what a call asserted in vain."""
    try:
        call()
    except AssertionError as error:
        yield str(error)
