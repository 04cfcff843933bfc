"""A company whose marketing department works with a running system; it remembers what the oracle asks about."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from ops.commands import ROOT
from ops.faults.client import Answer, Client
from ops.faults.stack import FragileStack, wait_for

# Enough for a dozen chunks and a second or more of work on two fast cores.
LINES = 200_000

FINAL = ("succeeded", "refused", "failed", "canceled")
# What a test leaves behind; the contacts of the book stay.
LEFT_BEHIND = """
    TRUNCATE segment, segment_line, segment_line_removed, criteria_action, logged_segment, logged_segment_skip,
        campaign_entry, interaction, interaction_comment, postponed_interaction, job, job_chunk, job_cancel, job_file,
        import_row, idempotency_key, document_event, document_event_conflict, document_source, purge_record,
        purge_schedule
"""
COPY_LINES = """
    INSERT INTO segment_line (segment_id, line_no, contact_id)
    SELECT s.id, row_number() OVER (ORDER BY c.id), c.id
    FROM segment s, (SELECT id FROM contact WHERE no LIKE 'BOOK%' ORDER BY id LIMIT :lines) c WHERE s.no = :no
"""


class Company:
    """Master data, a book of `LINES` contacts, and what its people do through the API.

    Attributes
    ----------
    stack
        The system.
    client
        A client that may do what administrators may.
    lines_of
        Lines of each segment that `segment` made, by number.
    sent_ids
        Ids of the document events that its billing system has sent, or is about to.
    """

    def __init__(self, stack: FragileStack) -> None:
        self.stack = stack
        self.client = Client(stack.client.port, token_from_command_line(stack, "acceptance", "admin"))
        self.lines_of: dict[str, int] = {}
        self.sent_ids: set[str] = set()
        self._make_master_data()
        self._make_book()

    def _make_master_data(self) -> None:
        records: list[tuple[str, dict[str, Any]]] = [
            ("/salespeople", {"code": "JO"}),
            ("/interaction-groups", {"code": "LETTERS"}),
            ("/interaction-templates", {"code": "LETTER", "description": "Letter of thanks", "unit_cost": 8}),
            ("/interaction-templates", {"code": "GOLF", "description": "Golf day", "unit_cost": "25.00"}),
            ("/campaigns", {"no": "SPRING"}),
        ]
        for path, body in records:
            if path == "/interaction-templates":
                body |= {"group_code": "LETTERS", "correspondence_type": "hard_copy", "unit_duration_min": 5}
            answer = self.client.post(path, body)
            assert answer.status == 201, answer.text

    def _make_book(self) -> None:
        self.stack.rows(
            """
            INSERT INTO contact (no, type, name, email, country_code, salesperson_id)
            SELECT 'BOOK' || lpad(n::text, 8, '0'), 'company', 'Company ' || n, 'a@example.com', 'DE', p.id
            FROM generate_series(1, :count) n, salesperson p WHERE p.code = 'JO'
            """,
            count=LINES,
        )
        self.stack.rows("ANALYZE contact")

    def tidy(self) -> None:
        """Take away what a test left behind, the lines of logged segments last."""
        self.wait_for_jobs()
        self.stack.rows(LEFT_BEHIND)
        self.stack.rows("DELETE FROM contact WHERE no NOT LIKE 'BOOK%'")
        self.stack.rows("DELETE FROM template_setup")
        self.lines_of.clear()
        self.sent_ids.clear()

    # What people do

    def segment(self, lines: int = 0, **values: Any) -> str:
        """Make a segment with the first contacts of the book on it; return its number."""
        values = {"description": "Autumn letter", "template_code": "LETTER", **values}
        answer = self.client.post("/segments", values)
        assert answer.status == 201, answer.text
        no: str = answer.json["no"]
        if lines:
            self.stack.rows(COPY_LINES, no=no, lines=lines)
            self.stack.rows(
                "UPDATE segment SET lines_count = :lines, last_line_no = :lines WHERE no = :no",
                no=no,
                lines=lines,
            )
            self.stack.rows("ANALYZE segment_line")
        self.lines_of[no] = lines
        return no

    def record_documents(self) -> None:
        """Have the invoices of customer C100 recorded."""
        values = {
            "no": "K100",
            "type": "company",
            "name": "Kite",
            "accounts": [{"type": "customer", "no": "C100"}],
        }
        answer = self.client.post("/contacts", values)
        assert answer.status in (201, 409, 422), answer.text
        assert self.client.patch("/template-setup", {"sales_invoice": "LETTER"}).status == 200

    def contacts(self, count: int, prefix: str = "C", **values: Any) -> list[str]:
        """Make contacts of a mailing group named like their prefix, set-based; return their numbers."""
        columns = {"type": "company", "salesperson": "JO", "blocked": False, **values}
        rows = self.stack.rows(
            """
            WITH made AS (
                INSERT INTO contact (no, type, name, email, salesperson_id, privacy_blocked)
                SELECT :prefix || lpad(n::text, 6, '0'), :type, 'Name ' || lpad(n::text, 6, '0'), 'a@example.com',
                       (SELECT id FROM salesperson WHERE code = :salesperson), :blocked
                FROM generate_series(1, :count) n RETURNING id, no
            ), grouped AS (
                INSERT INTO contact_membership (kind, code, contact_id)
                SELECT 'mailing_group', CAST(:prefix AS text), id FROM made
            )
            SELECT no FROM made ORDER BY no
            """,
            prefix=prefix,
            count=count,
            **columns,
        )
        return [row.no for row in rows]

    def add_by_mailing_group(self, segment_no: str, group: str) -> dict[str, Any]:
        """Add the contacts of a mailing group to a segment; return the job's result."""
        body = {"action": "add", "filters": {"mailing_groups": [group]}}
        answer = self.client.post(f"/segments/{segment_no}/actions", body)
        result: dict[str, Any] = self.finished(answer)["result"]
        return result

    def log(self, segment_no: str, **values: Any) -> str:
        """Ask for a segment to be logged; return the job's id."""
        answer = self.client.post(f"/segments/{segment_no}/log", values)
        assert answer.status == 202, answer.text
        assert answer.headers["location"] == f"/api/v1/jobs/{answer.json['id']}"
        job_id: str = answer.json["id"]
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        """Look at a job; nothing while the database is away."""
        answer = self.client.get(f"/jobs/{job_id}")
        if answer.status == 503:
            return {}
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def midway(self, job_id: str) -> dict[str, Any]:
        """Wait until a part of a job is done and another is not; return the job."""
        job: dict[str, Any] = wait_for(
            lambda: (found := self.job(job_id)).get("done") and found, "a part of the job is done"
        )
        assert job["state"] == "running", f"too fast to be caught midway: {job}"
        return job

    def finished(self, asked: str | Answer, *, seconds: float = 40) -> dict[str, Any]:
        """Wait until a job has ended well and return it."""
        if isinstance(asked, Answer):
            assert asked.status == 202, asked.text
        job_id: str = asked if isinstance(asked, str) else asked.json["id"]
        job = self.ended(job_id, seconds=seconds)
        assert job["state"] == "succeeded", job
        return job

    def ended(self, job_id: str, *, seconds: float = 40) -> dict[str, Any]:
        """Wait until a job is in a final state and return it."""

        def look() -> dict[str, Any] | None:
            try:
                job = self.job(job_id)
            except OSError:  # web is away
                return None
            return job if job.get("state") in FINAL else None

        return wait_for(look, f"job {job_id} has ended", seconds=seconds)

    def all_of(self, path: str) -> list[dict[str, Any]]:
        """Read a list to its end."""
        items: list[dict[str, Any]] = []
        while path:
            answer = self.client.get(path)
            assert answer.status == 200, answer.text
            items += answer.json["items"]
            path = (answer.json["next"] or "").removeprefix("/api/v1")
        return items

    # The oracle

    def written(self) -> int:
        """Count the rows of the log's table, those nobody is shown yet included."""
        return int(self.stack.value("SELECT count(*) FROM interaction"))

    def retries(self, job_id: str) -> int:
        """Count the times that a chunk of a job had to be claimed again."""
        query = "SELECT sum(greatest(attempt - 1, 0)) FROM job_chunk WHERE job_id = :id"
        return int(self.stack.value(query, id=job_id))

    def assert_logged_exactly_once(self, job_id: str, lines: int = LINES) -> None:
        """Hold the end of a logging against what must be so whatever was killed (L8, RELIABILITY 3)."""
        job = self.finished(job_id)
        assert (job["total"], job["done"], job["progress"]) == (lines, lines, 1.0)
        assert (job["result"]["interactions"], job["result"]["skipped"]) == (lines, 0)
        logged_no = job["result"]["logged_segment_no"]
        shown = self.client.get(f"/logged-segments/{logged_no}").json
        assert (shown["status"], shown["interactions_count"]) == ("logged", lines)
        found = self.stack.rows(
            "SELECT count(*) AS entries, count(DISTINCT contact_id) AS contacts, "
            "count(DISTINCT entry_no) AS numbers FROM interaction_visible WHERE logged_segment_no = :no",
            no=logged_no,
        )
        assert tuple(found[0]) == (lines, lines, lines)
        assert self.client.get(f"/segments/{job['parameters']['segment_no']}").status == 404

    def wait_for_jobs(self) -> None:
        """Wait until no job is open."""
        open_jobs = "SELECT count(*) FROM job WHERE finished_at IS NULL"
        wait_for(lambda: self.stack.value(open_jobs) == 0, "no job is open")


def token_from_command_line(stack: FragileStack, name: str, role: str) -> str:
    """Make a token the way an operator does; it is the last line."""
    made = subprocess.run(
        [sys.executable, "-m", "ops", "token", "create", name, "--role", role],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": stack.postgres.url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.splitlines()[-1]
