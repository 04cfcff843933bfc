"""The pieces of the benchmark on tiny numbers; nothing is timed here."""

import json
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from domain import job_engine, job_kinds
from domain.database import make_engine, make_sessions
from ops import memory
from ops.bench import Figure, Result
from ops.bench_events import EventBench
from ops.bench_measures import Bench
from ops.job_client import JobClient
from ops.processes import wait_until
from tests.domain.events import make_event, receive, record

LINES = 400

assert job_kinds


@pytest.fixture
def worker(fresh_db: str) -> Iterator[None]:
    """Does jobs in a thread, as a worker process would."""
    engine = make_engine(fresh_db, process="test-worker")
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            if not job_engine.work_one(make_sessions(engine)):
                ended.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join()
    engine.dispose()


@pytest.fixture
def client(fresh_db: str, redis_url: str) -> Iterator[JobClient]:
    made = JobClient(fresh_db, redis_url, process="test")
    yield made
    made.close()


@pytest.fixture
def bench(client: JobClient, fresh_db: str, worker: None) -> Bench:
    made = Bench(client, fresh_db)
    made.make_company(contacts=LINES)
    return made


def entries(client: JobClient) -> list[tuple[object, ...]]:
    with client.transaction() as session:
        rows = session.execute(
            text("""
                SELECT entry_no - min(entry_no) OVER (), contact_id, salesperson_id, date, cost, subject, language_code
                FROM interaction ORDER BY entry_no
            """)
        )
        return [tuple(row) for row in rows]


def test_every_contact_is_added_and_logged_and_copied_to_the_same_rows(bench, client):
    base = bench.make_segment("Large")
    added, seconds = bench.add_by_filter(base)
    assert added == LINES
    assert seconds > 0
    logged = bench.log(bench.copy_segment(base))
    assert bench.entries() == LINES
    assert [chunk for pair in logged.chunks for chunk in pair] == [1, LINES]
    rows = entries(client)
    bench.keep_ready_rows()
    bench.empty_log()
    assert bench.copy_ready_rows([(1, 150), (151, LINES)], connections=2) > 0
    assert entries(client) == rows


def test_logging_with_follow_up_leaves_a_segment_and_the_header_can_be_changed(bench, client):
    base = bench.make_segment("Large")
    bench.add_by_hand(base, contacts=10)
    assert bench.change_header(base, times=2) > 0
    bench.log(bench.copy_segment(base), follow_up=True)
    with client.transaction() as session:
        found = session.execute(
            text("SELECT description, lines_count FROM segment WHERE status = 'open' ORDER BY id")
        )
        assert [tuple(row) for row in found] == [("Large", 10), ("Follow-up on segment SM00002", 10)]
    bench.delete_segment(base)


def test_a_file_of_contacts_has_a_header_and_a_row_for_each(bench):
    file = b"".join(bench.csv_of_contacts(20)).decode()
    assert file.startswith("no,type,name,")
    assert file.count("\nNEW0") == 20


def test_a_figure_knows_its_rate_and_its_share_of_the_limit():
    figure = Figure("log", 1_000, 2.0, limit=1_000.0)
    assert (figure.rate, figure.ratio) == (500.0, 0.5)
    assert Figure("change", 0, 0.02).rate is None


def test_the_result_is_written_with_rates(capsys):
    result = Result(lines=1_000_000, workers=2)
    result.add("log the segment", 1_000_000, 10.0, limit=200_000.0)
    assert "BELOW THE FLOOR" in capsys.readouterr().out
    result.add("log a small one", 1_000, 2.0, limit=1_000.0)
    assert "FLOOR" not in capsys.readouterr().out
    written = json.loads(json.dumps(result.as_dict()))
    assert written["figures"][0]["ratio"] == 0.5


def test_the_peak_of_children_is_that_of_the_largest():
    import os
    import subprocess
    import sys

    program = "import sys; held = bytearray(60_000_000); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    child.stdout.readline()
    peak = memory.peak_of_children(os.getpid())
    child.communicate("")
    assert peak is not None
    assert peak > 58_000
    assert wait_until(lambda: memory.peak_of_children(child.pid) is None, 1)


def test_the_plain_rows_of_events_are_those_the_system_wrote(
    bench: Bench, client: JobClient, fresh_db: str, redis_url: str
) -> None:
    events = EventBench(client, fresh_db, redis_url, "http://127.0.0.1:1")
    events.set_up()
    with client.transaction() as session:
        receive(session, *(make_event(document_no=f"D{no}", account_no=f"B{no}") for no in range(1, 8)))
        record(session)

    def rows() -> list[tuple[object, ...]]:
        with client.transaction() as session:
            found = session.execute(
                text("SELECT e, i FROM document_event e JOIN interaction i USING (entry_no)")
            )
            return sorted(tuple(row) for row in found)

    before = rows()
    events.plain()
    assert rows() == before
    assert len(before) == 7
    events.close()
