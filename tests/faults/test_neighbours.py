"""What the matrix does not name: versions side by side, a full server, a slow statement, clients that do not read."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain import actors, jobs, migrations
from domain.job_claims import GRACE_SECONDS
from ops import commands
from ops.faults.company import LINES, Company
from ops.faults.feeder import Feeder
from ops.faults.report import Case
from ops.faults.stack import FragileStack, wait_for
from tests.faults.conftest import FreshCompany

# As docs/architecture.md says that a migration has to be.
NEWER_SCHEMA = """
    SET LOCAL lock_timeout = '2s';
    ALTER TABLE job ADD COLUMN note text;
    ALTER TABLE job_chunk ADD COLUMN weight integer NOT NULL DEFAULT 1;
    ALTER TABLE contact ADD COLUMN nickname text;
    ALTER TABLE segment ADD COLUMN colour text;
    ALTER TABLE segment_line ADD COLUMN colour text;
    ALTER TABLE logged_segment ADD COLUMN colour text;
    ALTER TABLE interaction ADD COLUMN colour text;
    ALTER TABLE interaction ADD CONSTRAINT interaction_colour_check CHECK (colour <> '') NOT VALID;
    ALTER TABLE document_event ADD COLUMN seen boolean NOT NULL DEFAULT false;
"""
FAILURES = "SELECT count(*) FROM job_chunk WHERE failures > 0"


@pytest.mark.case(35, "a migration while workers run the older code")
def test_a_migration_runs_beside_the_older_code(
    fresh_company: FreshCompany, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job, events and edits go on, and no chunk fails."""
    with fresh_company() as company:
        add_a_revision(tmp_path, monkeypatch)
        stack, feeder = company.stack, Feeder(company, case.rng)
        warm_up = company.finished(company.log(company.segment(lines=LINES)))
        assert warm_up["state"] == "succeeded"
        feeder.start()
        job_id = company.log(company.segment(lines=LINES), follow_up=True)
        stack.wait_until_writing()
        case.inject("a migration of eight tables in use")
        wait_for(lambda: is_migrated(stack), "the schema is the newer one")
        case.recovered("the schema is the newer one", within=30)
        later, no = company.log(company.segment(lines=100)), company.segment(lines=10)
        assert company.client.patch(f"/segments/{no}", {"subject": "x"}).status == 200
        company.assert_logged_exactly_once(job_id)
        company.assert_logged_exactly_once(later, 100)
        feeder.close()
        feeder.wait_until_recorded()
        assert stack.value(FAILURES) == 0


def add_a_revision(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `migrations.upgrade` find one revision more than the product has."""
    plain = migrations.config
    head = ScriptDirectory.from_config(plain("")).get_current_head()
    (folder / "newer.py").write_text(
        f"""
from alembic import op
revision, down_revision, branch_labels, depends_on = "newer", "{head}", None, None
def upgrade():
    op.execute('''{NEWER_SCHEMA}''')
"""
    )

    def with_newer(database_url: str) -> Config:
        settings = plain(database_url)
        settings.set_main_option("version_locations", f"{migrations.FOLDER / 'versions'}\n{folder}")
        settings.set_main_option("path_separator", "newline")
        return settings

    monkeypatch.setattr(migrations, "config", with_newer)


def is_migrated(stack: FragileStack) -> bool:
    """Run the migration; False when a lock was not to be had, so that it has to be tried again."""
    try:
        migrations.upgrade(stack.postgres.url)
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            raise
        return False
    return True


@pytest.mark.case(36, "two versions of workers side by side")
def test_a_kind_of_job_waits_for_a_worker_that_knows_it(company: Company, case: Case) -> None:
    """The older workers leave it alone and do everything else; so does the newer one, beside them."""
    stack, client = company.stack, company.client
    with Session(stack.engine()) as session, session.begin():
        newer, unwanted = (
            str(jobs.create(session, kind="stamp", parameters={}, actor=actors.system(session)).id)
            for _ in range(2)
        )
    case.inject("jobs of a kind that only the newer version knows, one of them canceled")
    assert client.post(f"/jobs/{unwanted}/cancel").status == 202
    assert client.get("/jobs").status == 200
    older = company.log(company.segment(lines=LINES))
    company.assert_logged_exactly_once(older)
    assert company.job(newer)["state"] == "queued"
    command = commands.worker(concurrency=1, name="newer")
    command.arguments.append("--include=tests.faults.newer")
    with stack.beside(command):
        both = company.log(company.segment(lines=LINES))
        job = company.finished(newer)
        case.recovered("it is done by a worker of the newer version", within=30)
        assert job["result"] == {"stamped": 20}
        assert company.ended(unwanted)["state"] == "canceled"
        company.assert_logged_exactly_once(both)
    assert stack.value(FAILURES) == 0


@pytest.mark.case(37, "no connection left at PostgreSQL")
def test_a_full_server_is_an_outage_like_any_other(company: Company, case: Case) -> None:
    """503 with Retry-After, and everything goes on when there is room."""
    stack, client = company.stack, company.client
    job_id, failed = company.log(company.segment(lines=LINES)), stack.failed_sweeps()
    stack.wait_until_writing()
    leaders = stack.leaders()
    with all_connections_taken(stack):
        case.inject("every connection of PostgreSQL is taken")
        for path in ("/contacts", f"/jobs/{job_id}"):
            answer = client.get(path)
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert answer.seconds < 5
        wait_for(lambda: stack.failed_sweeps() > failed, "beat has noticed")
    case.inject("they are free again")
    case.recovers(stack.is_ready, "the site is ready", within=10)
    company.assert_logged_exactly_once(job_id)
    assert stack.leaders() == leaders
    assert stack.value(FAILURES) == 0


@contextmanager
def all_connections_taken(stack: FragileStack) -> Iterator[None]:
    """End the sessions of the application and take their places, for the length of a block."""
    url = stack.postgres.url.replace("postgresql+psycopg", "postgresql")
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'interlog-%'"
    with ExitStack() as taken:
        first = taken.enter_context(psycopg.connect(url, autocommit=True))

        def is_full() -> bool:
            first.execute(ours)
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    taken.enter_context(psycopg.connect(url, autocommit=True))
            left = first.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'interlog-%'"
            ).fetchone()
            return left == (0,)

        wait_for(is_full, "all connections are taken")
        yield


@pytest.mark.case(38, "a statement slower than its timeout, in one chunk")
def test_a_statement_beyond_its_timeout_is_ended_and_tried_again(company: Company, case: Case) -> None:
    """One chunk waits for 20 s, is ended with its reason shown, and done by the next attempt; others go on."""
    stack = company.stack
    with slow_to_log(stack):
        job_id = company.log(company.segment(lines=20_000))
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_for(lambda: stack.value(asleep) == 1, "a chunk is slow")
        case.inject("a statement that would take a minute")
        stack.rows("DELETE FROM slow_line")
        company.assert_logged_exactly_once(company.log(company.segment(lines=100)), 100)
        error = case.recovers(
            lambda: stack.value("SELECT max(error) FROM job_chunk WHERE failures = 1"),
            "it is ended",
            within=25,
        )
        assert "statement timeout" in error
        company.assert_logged_exactly_once(job_id, 20_000)
        case.recovered("the chunk is done", within=25 + GRACE_SECONDS)


@contextmanager
def slow_to_log(stack: FragileStack) -> Iterator[None]:
    """Have the entry of one contact take a minute while the table slow_line names it."""
    stack.rows(
        "CREATE TABLE slow_line AS SELECT min(id) AS contact_id FROM contact WHERE no = 'BOOK00007777'"
    )
    stack.rows("""
        CREATE FUNCTION slow_line() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT FROM slow_line s WHERE s.contact_id = NEW.contact_id) THEN PERFORM pg_sleep(60); END IF;
            RETURN NEW;
        END $$
    """)
    stack.rows(
        "CREATE TRIGGER slow_line BEFORE INSERT ON interaction FOR EACH ROW EXECUTE FUNCTION slow_line()"
    )
    try:
        yield
    finally:
        stack.rows("DROP FUNCTION slow_line CASCADE")
        stack.rows("DROP TABLE slow_line")


@pytest.mark.case(39, "clients that stop reading an export or a live view")
def test_clients_that_do_not_read_keep_nobody_out(company: Company, case: Case) -> None:
    """They disturb nobody, and are let go: each holds a thread, of which there are 32."""
    job_id = company.log(company.segment(lines=LINES))
    company.assert_logged_exactly_once(job_id)
    running = company.log(company.segment(lines=LINES))
    exports, live = "/api/v1/interactions.csv", f"/api/v1/jobs/{running}/events"
    with ExitStack() as clients:
        for _ in range(2):
            clients.enter_context(unread(company, live))
        ports = {clients.enter_context(unread(company, exports)) for _ in range(6)}
        case.inject("six exports and two live views of which only the beginning is read")
        for path in ("/contacts", "/jobs", f"/segments/{company.segment()}"):
            answer = company.client.get(path)
            assert (answer.status, answer.seconds < 5) == (200, True)
        company.assert_logged_exactly_once(running)
        case.recovers(
            lambda: not still_served(company.client.port, ports), "the exports are let go", within=45
        )


@contextmanager
def unread(company: Company, path: str) -> Iterator[int]:
    """Ask for something, and read nothing but the beginning of it; gives the client's port."""
    client = company.client
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked.settimeout(30)
        asked.connect(("127.0.0.1", client.port))
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.token}\r\n\r\n"
        asked.sendall(request.encode())
        assert asked.recv(12) == b"HTTP/1.1 200"
        yield asked.getsockname()[1]


def still_served(site: int, clients: set[int]) -> bool:
    """Tell whether the site has a connection to one of these ports that it has not given up."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {
        int(remote[9:], 16)
        for _, local, remote, state, *_ in rows
        if int(local[9:], 16) == site and state == "01"
    }
    return not ours.isdisjoint(clients)
