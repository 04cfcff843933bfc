"""The pieces of the bench on tiny numbers, with real servers; nothing is timed here."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from domain import job_engine, job_kinds
from domain.database import make_engine, make_sessions
from ops import memory
from ops.bench import building, indexes, log, purges, report, run
from ops.bench.baselines import Otherwise
from ops.bench.company import Company
from ops.bench.events import ByHand, EventBench
from ops.bench.figures import MARGIN, Figure, Result, Side, Waits, below_floor, floors
from ops.bench.ground import Ground, Work
from ops.bench.plain import ReadyRows
from ops.processes import wait_until
from tests.domain.events import make_event, receive, record

LINES = 400

assert job_kinds


@dataclass
class BareStack:
    """Servers without processes: a thread of the test does jobs."""

    database_url: str
    redis_url: str
    base_url: str = "http://127.0.0.1:1"

    def pid_of(self, name: str) -> None:
        return None


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
def ground(fresh_db: str, redis_url: str, worker: None) -> Iterator[Ground]:
    made = Ground(BareStack(fresh_db, redis_url), rows=LINES, rounds=2, workers=2)  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.fixture
def company(ground: Ground) -> Company:
    return Company(ground, contacts=LINES)


def entries(ground: Ground) -> list[tuple[object, ...]]:
    with ground.client.transaction() as session:
        rows = session.execute(
            text("""
                SELECT entry_no - min(entry_no) OVER (), contact_id, salesperson_id, date, cost, subject, language_code
                FROM interaction ORDER BY entry_no
            """)
        )
        return [tuple(row) for row in rows]


def test_every_contact_is_logged_and_put_back_as_the_same_rows_in_both_ways(ground, company):
    base = company.segment_of_all()
    logged = company.log(company.ready_to_log(base))
    assert company.entries() == LINES
    assert logged.chunks == 1
    rows = entries(ground)
    for order in ("entry_no", "contact_id, date"):
        ready = ReadyRows(ground, "interaction", order=order)
        company.empty_log()
        assert ready.insert(chunks=3, connections=2) > 0
        assert entries(ground) == rows
        copied = ready.to_copy(chunks=2)
        company.empty_log()
        assert ready.copy(copied, connections=2) > 0
        assert entries(ground) == rows
        ready.drop()


def test_what_somebody_would_write_by_hand_makes_the_same_entries(ground, company):
    def rows() -> list[object]:
        with ground.client.transaction() as session:
            return list(
                session.scalars(
                    text("SELECT to_jsonb(i) - 'created_at' FROM interaction i ORDER BY entry_no")
                )
            )

    base = company.segment_of_all()
    company.log(company.ready_to_log(base))
    before = rows()
    work = log.by_hand(ground, company, base, chunks=3)
    work.prepare()
    assert work.do(None) > 0
    assert rows() == before
    assert len({row["language_code"] for row in before}) > 1


def test_a_company_grows_and_its_new_contacts_can_be_logged_too(ground, company):
    company = Company(ground, contacts=3 * LINES)
    no = company.segment_of_all()
    company.log(company.ready_to_log(no))
    assert company.entries() == 3 * LINES


def test_a_segment_can_be_copied_in_part(ground, company):
    part = company.copy_segment(company.segment_of_all(), lines=7)
    company.log(part)
    assert company.entries() == 7


def test_product_and_limits_have_their_turns_in_changing_order_and_are_watched(ground, company):
    turns = []

    def work(name: str) -> Work:
        return Work(name, 10, lambda prepared: turns.append(name + prepared) or 2.0, lambda: "!")

    sides = ground.in_turns(work("a"), work("b"), tables=["interaction"])
    assert turns == ["a!", "b!", "b!", "a!"]
    assert [(side.name, side.rate, len(side.use)) for side in sides] == [("a", 5.0, 2), ("b", 5.0, 2)]
    with ground.watched(["interaction"]) as watched:
        company.log(company.segment_of_all())
    assert watched.use.wal_bytes > 50 * LINES
    assert watched.use.table_bytes > 50 * LINES


@pytest.mark.parametrize("measure", [building.add, building.check, log.log, log.follow_up, purges.measure])
def test_a_measurement_yields_figures_beside_a_limit(measure, ground, monkeypatch):
    monkeypatch.setattr(purges, "ALONE_SECONDS", 0.1)
    yielded = list(measure(ground))
    figures = [one for one in yielded if isinstance(one, Figure)]
    assert figures
    assert all(figure.ratio for figure in figures)
    assert all(report.line(one) for one in yielded)


def test_growth_goes_on_to_ten_times_the_rows_and_into_a_full_log(ground, monkeypatch):
    monkeypatch.setattr(log, "SMALLEST", 40)
    keys = [figure.key for figure in log.growth(ground)]
    assert keys == ["growth.40", "growth.400", "growth.4000", "growth", "growth.full"]


def test_indexes_are_there_again_after_their_cost_was_measured(ground):
    def names() -> tuple[object, ...]:
        return ground.row(
            "SELECT array_agg(indexname ORDER BY 1) FROM pg_indexes WHERE tablename = 'interaction'"
        )

    before = names()
    figures = list(indexes.measure(ground))
    assert names() == before
    measured = {figure.key for figure in figures}
    assert measured >= {f"indexes.{kind}.{name}" for kind in ("a segment", "documents") for name in before[0]}
    assert "indexes.documents.the trigger that counts" in measured


def test_what_people_do_otherwise_writes_an_entry_for_each_contact(ground, company):
    company.log(company.segment_of_all())
    version, actor = ground.row("SELECT template_version_id, actor_id FROM interaction LIMIT 1")
    wanted = ground.row("SELECT count(*), sum(contact_id), sum(company_id) FROM interaction")
    others = Otherwise(ground, template_version_id=version, actor_id=actor)
    for write in (others.row_by_row, others.commit_at_the_end, others.in_bulk):
        work = others.work("otherwise", 1, write, company.empty_log)
        assert work.do(work.prepare()) > 0
        assert ground.row("SELECT count(*), sum(contact_id), sum(company_id) FROM interaction") == wanted
    others.close()


def test_events_by_hand_are_the_rows_that_the_system_wrote(ground):
    events = EventBench(ground)
    with ground.client.transaction() as session:
        receive(session, *(make_event(document_no=f"D{no}", account_no=f"B{no}") for no in range(1, 8)))
        record(session)

    def rows() -> list[tuple[object, ...]]:
        with ground.client.transaction() as session:
            found = session.execute(
                text("SELECT e, i FROM document_event e JOIN interaction i USING (entry_no)")
            )
            return sorted(tuple(row) for row in found)

    before = rows()
    by_hand = ByHand(ground)
    for send in by_hand.ways().values():
        events.empty()
        assert by_hand.send(send) > 0
        assert rows() == before
    assert len(before) == 7
    events.close()


def test_a_figure_knows_its_rate_and_its_share_of_the_limit_in_the_same_rounds():
    figure = Figure("log", Side("log", 1_000, (2.0, 4.0, 8.0)), Side("plain", 500, (0.5, 2.0, 1.0)))
    assert (figure.side.rate, figure.side.best) == (250.0, 500.0)
    assert figure.ratio == 0.5
    assert figure.best_ratio == 0.5


def test_times_have_percentiles_and_a_limit():
    waits = Waits("list", "list", tuple(float(n) for n in range(1, 101)), most=50)
    assert (waits.percentile(50), waits.percentile(95), waits.percentile(100)) == (50.0, 95.0, 100.0)
    assert waits.late
    assert "TOO SLOW" in report.line(waits)


def test_a_ratio_fails_only_far_below_its_floor_and_a_floor_wants_a_figure():
    def figure(ratio: float) -> Figure:
        return Figure("log", Side("log", 100, (1 / ratio,)), Side("plain", 100, (1.0,)))

    assert below_floor([figure(MARGIN * 0.8 + 0.01)], {"log": 0.8}) == []
    assert "log" in below_floor([figure(MARGIN * 0.8 - 0.01)], {"log": 0.8})[0]
    assert below_floor([], {"log": 0.8}) == ["log was not measured"]


def test_the_result_is_written_and_drawn_without_script(tmp_path: Path):
    result = Result(rows=1_000, workers=2, rounds=1)
    result.keep(Figure("log", Side("log", 1_000, (10.0,)), Side("plain", 1_000, (5.0,)), goal=0.9))
    result.keep(Waits("list", "list", (1.0, 2.0)))
    assert "BELOW THE GOAL" in "\n".join(report.table(result))
    report.write_json(result, tmp_path / "result.json")
    report.write_svg(result, tmp_path / "result.svg")
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["figures"][0]["ratio"] == 0.5
    assert written["waits"][0]["p95"] == 2.0
    drawn = (tmp_path / "result.svg").read_text()
    assert "<svg" in drawn
    assert "<script" not in drawn


def test_everything_that_is_quick_is_part_of_the_whole_and_has_a_floor():
    assert {one.name for one in run.QUICK} <= set(run.NAMES)
    assert {key.split(".")[0] for key in floors()} >= {"add", "log", "purge", "events", "tasks", "orm"}


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
    family = memory.of_family(os.getpid())
    child.communicate("")
    assert peak is not None
    assert peak > 58_000
    assert family > 58_000
    assert wait_until(lambda: memory.peak_of_children(child.pid) is None, 1)
