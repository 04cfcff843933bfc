"""Purges (E5, E7; RELIABILITY 3, case 33): what goes, what stays, whatever is killed or runs beside."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    campaign_entries,
    canceling,
    job_claims,
    job_steps,
    logged_segments,
    purging,
)
from domain.database import transaction
from domain.errors import Invalid, NotFound
from domain.purging import Purge, PurgeTooLarge

from .engine_helpers import drain, state_of, work
from .makers import faults_of, wait_for_a_lock
from .purge_world import PurgeWorld


@pytest.fixture
def world(purge_world: PurgeWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[PurgeWorld]:
    """Parts of two entries, of which a chunk deletes two; from eight entries on, two chains of chunks."""
    monkeypatch.setattr(purging, "BLOCK", 2)
    monkeypatch.setattr(purging, "PART", 2)
    monkeypatch.setattr(purging, "CHAIN", 6)
    monkeypatch.setattr(purging, "_rows_that_fit", lambda session, job: 4)
    monkeypatch.setattr(purging._Run, "seconds", lambda run: run._gone.total())
    yield purge_world
    purge_world.tidy()


def test_canceled_entries_go_with_their_comments_and_active_ones_stay(world: PurgeWorld) -> None:
    """E5."""
    world.entries(1, 3, 5, 7, 9, 11, 13, canceled=True)
    world.entries(2, 4, 6, 8, 10)
    for no in (3, 4, 13):
        world.comment(no)

    job = world.purge()

    assert (job["state"], job["total"], job["done"]) == ("succeeded", 7, 7)
    assert job["result"] == {"deleted": 7, "purge_id": world.record().id}
    assert (world.left(), world.commented()) == ([2, 4, 6, 8, 10], [4])


def test_entries_below_a_canceled_logged_segment_or_campaign_entry_are_canceled(world: PurgeWorld) -> None:
    """E3, E5: what the log shows as canceled goes, whichever of the three ways it is."""
    world.segment(1, 5, canceled=True)
    kept = world.segment(6, 10)
    below = world.campaign_entry(canceled=True, logged_segment_no=kept)
    world.execute("UPDATE interaction SET campaign_entry_no = :c WHERE entry_no IN (7, 9)", c=below)
    world.entries(20, 21, campaign_entry_no=world.campaign_entry(canceled=True))
    world.entries(22, campaign_entry_no=world.campaign_entry())
    world.entries(23)

    job = world.purge()

    assert job["result"]["deleted"] == 9
    assert world.left() == [6, 8, 10, 22, 23]
    assert world.rows("SELECT purged_count FROM logged_segment ORDER BY no") == [(5,), (2,)]


def test_a_segment_that_is_being_logged_is_left_alone(world: PurgeWorld) -> None:
    """L8: its entries are there for nobody."""
    world.segment(1, 3)
    world.execute(
        "UPDATE logged_segment SET status = 'logging', logged_at = NULL, canceled_at = '2026-01-01'"
    )
    assert world.purge()["result"]["deleted"] == 0
    assert world.left() == [1, 2, 3]


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [1, 2, 3, 4]),
    ({"entry_no_from": 2}, [2, 3, 4]),
    ({"entry_no_from": 2, "entry_no_to": 3}, [2, 3]),
    ({"contact_no": "1"}, [2, 4]),
    ({"template_code": "t2"}, [2, 4]),
    ({"group_code": "G-T2"}, [2, 4]),
    ({"salesperson_code": "P1"}, [1, 3]),
    ({"campaign_no": "1"}, [4]),
    ({"date_from": "2026-03-10"}, [1, 2, 4]),
    ({"date_to": "2026-03-09"}, [3]),
    ({"canceled_for_days": 30}, [1, 2, 3]),
    ({"salesperson_code": "P1", "date_from": "2026-03-10"}, [1]),
]


@pytest.mark.parametrize(("filters", "gone"), FILTERS, ids=[" ".join(case) or "none" for case, _ in FILTERS])
def test_a_filter_says_which_canceled_entries_go(
    world: PurgeWorld, filters: dict[str, Any], gone: list[int]
) -> None:
    """E5: several filters hold all at once; the preview counts what then goes."""
    world.entry(1, canceled=True)
    world.entry(2, canceled=True, which=1)
    world.entry(3, canceled=True, date="2026-03-09")
    world.entry(4, canceled=True, which=1, campaign_entry_no=world.campaign_entry(which=1))
    world.execute(
        "UPDATE interaction SET canceled_at = now() - interval '29 days 23 hours' WHERE entry_no = 4"
    )
    world.entries(5, 6)
    keys = {"contact_no": world.contacts[1].no, "campaign_no": world.campaigns[1].no}
    dates = {name: _day(filters[name]) for name in ("date_from", "date_to") if name in filters}
    filters = {**filters, **{name: keys[name] for name in keys if name in filters}, **dates}

    with world.transaction() as session:
        found = purging.preview(session, filters=filters, sample=10)
    world.purge(filters=filters)

    assert found["matching"] == len(gone)
    assert [entry["entry_no"] for entry in found["sample"]] == gone
    assert world.left() == sorted({1, 2, 3, 4, 5, 6} - set(gone))


def _day(value: str) -> Any:
    import datetime

    return datetime.date.fromisoformat(value)


def test_a_day_is_24_hours_from_the_cancel(world: PurgeWorld) -> None:
    """E5."""
    world.entries(1, 2, canceled=True)
    world.execute(
        "UPDATE interaction SET canceled_at = now() - interval '24 hours 1 minute' WHERE entry_no = 1"
    )
    world.execute(
        "UPDATE interaction SET canceled_at = now() - interval '23 hours 59 minutes' WHERE entry_no = 2"
    )
    world.purge(filters={"canceled_for_days": 1})
    assert world.left() == [2]


def test_what_is_canceled_after_the_plan_stays(world: PurgeWorld) -> None:
    world.entries(1, 3, 5, canceled=True)
    world.entry(2)
    world.ask()
    work(world.sessions)
    world.execute("UPDATE interaction SET canceled_at = clock_timestamp() WHERE entry_no = 2")
    drain(world.sessions)
    assert world.left() == [2]


def test_every_fault_of_the_filters_is_named(world: PurgeWorld) -> None:
    filters = {"contact_no": "nobody", "canceled_for_days": -1, "colour": "red", "entry_no_to": "x"}
    with pytest.raises(Invalid) as refused:
        world.ask(filters=filters)
    assert faults_of(refused) == {
        ("filters.contact_no", "unknown"),
        ("filters.canceled_for_days", "negative"),
        ("filters.colour", "unknown_field"),
        ("filters.entry_no_to", "invalid"),
    }


def test_more_than_the_setup_allows_must_be_confirmed(world: PurgeWorld) -> None:
    """Issue 5: the refusal names the number."""
    world.entries(1, 2, 3, canceled=True)
    world.execute("UPDATE purge_setup SET purge_rows_limit = 2")
    with pytest.raises(PurgeTooLarge) as refused:
        world.ask()
    assert refused.value.params == {"count": 3, "limit": 2}
    assert world.rows("SELECT FROM purge_record") == []

    assert world.purge(confirm=True)["result"]["deleted"] == 3


def test_a_record_is_kept_of_every_purge(world: PurgeWorld) -> None:
    """E7: who, filters, count, duration."""
    world.entries(1, 2, 3, canceled=True)
    job = world.purge(filters={"entry_no_to": 2})
    record = world.record()
    assert (str(record.job_id), record.state, record.deleted) == (job["id"], "succeeded", 2)
    assert (record.filters, record.schedule) == ({"entry_no_to": 2}, None)
    assert record.finished_at > record.started_at
    deeds = world.rows("SELECT action, object_key FROM audit WHERE action LIKE 'purge%' ORDER BY id")
    assert deeds == [("purge", job["id"]), ("purged", job["id"])]


@pytest.mark.parametrize(("steps", "gone"), list(enumerate([0, 0, 4, 8, 10])))
def test_a_purge_that_is_stopped_keeps_what_it_deleted_and_the_next_one_goes_on(
    world: PurgeWorld, steps: int, gone: int
) -> None:
    """E7. The first chunks of both chains come before their second ones."""
    world.entries(*range(2, 13), canceled=True)
    world.entry(13)
    job = world.ask()
    for _ in range(steps):
        work(world.sessions)
    world.cancel_job(job)
    drain(world.sessions)

    assert len(world.left()) == 12 - gone
    assert (world.record().state, world.record().deleted) == ("canceled", gone)
    assert world.purge()["result"]["deleted"] == 11 - gone
    assert world.left() == [13]


def test_a_chunk_that_dies_is_done_again_and_counted_once(
    world: PurgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 33: after the rows are deleted and before the commit, three times."""
    segment = world.segment(1, 9, canceled=True)
    outcome = purging._Run.outcome
    deaths = iter(range(3))

    def die(run: Any) -> dict[str, Any]:
        if next(deaths, None) is not None:
            run._session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return outcome(run)

    monkeypatch.setattr(purging._Run, "outcome", die)
    job = world.purge()

    assert (job["state"], job["result"]["deleted"], world.left()) == ("succeeded", 9, [])
    assert world.rows("SELECT no, purged_count FROM logged_segment") == [(segment, 9)]


def test_two_purges_at_once_delete_each_row_once(world: PurgeWorld) -> None:
    """E7, case 33."""
    world.entries(*range(1, 40), canceled=True)
    world.segment(40, 60, canceled=True)
    world.entries(70, 71)
    both = [world.ask(), world.ask()]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: drain(world.sessions), range(4)))
    drain(world.sessions)

    done = [state_of(world.sessions, job) for job in both]
    assert [job["state"] for job in done] == ["succeeded", "succeeded"]
    assert sum(job["result"]["deleted"] for job in done) == 60
    assert world.left() == [70, 71]
    assert world.rows("SELECT purged_count FROM logged_segment") == [(21,)]


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [([2, 2], [4]), ([5, 3], [8]), ([4, 4, 4, 4], [8, 8]), ([1, 30, 1, 2], [31, 3]), ([], [])],
)
def test_a_large_purge_is_cut_into_two_chains_of_about_as_many_rows(
    world: PurgeWorld, rows: list[int], sizes: list[int]
) -> None:
    chunks = purging._chains([purging.Part(at, at, size, 0) for at, size in enumerate(rows)])
    assert [chunk.size for chunk in chunks] == sizes
    assert [at for chunk in chunks for at in range(chunk.range_from, chunk.range_to + 1)] == list(
        range(len(rows))
    )


def test_the_chains_of_a_purge_do_not_wait_for_each_other_in_a_canceled_segment(world: PurgeWorld) -> None:
    """The other chain's chunk commits while the first one's is still deleting; both count with the segment."""
    world.segment(1, 12, canceled=True)
    job = world.ask()
    work(world.sessions)
    with world.transaction() as session:
        run = purging._Run(session, session.get_one(type(job), job.id))
        run.delete([purging.Part(*part) for part in job_parts(world)[:2]])
        session.execute(text("SELECT FROM job_chunk WHERE no = 1 FOR UPDATE"))
        work(world.sessions)
        assert world.rows("SELECT no FROM job_chunk WHERE step = 1 AND state = 'done'") == [(2,)]
        run.outcome()
    assert world.rows("SELECT purged_count FROM logged_segment") == [(7,)]


def job_parts(world: PurgeWorld) -> Any:
    """Return the parts of the only job."""
    ((parts,),) = world.rows("SELECT working->'parts' FROM job")
    return parts


def restore(session: Session, how: str) -> None:
    """Restore what `_canceled` made, as people do."""
    actor = actors.system(session)
    if how == "entry":
        canceling.restore(session, 1, actor=actor)
    elif how == "segment":
        no = session.scalar(text("SELECT no FROM logged_segment")) or 0
        canceling.restore_logged_segment(session, logged_segments.get(session, no), actor=actor)
    else:
        no = session.scalar(text("SELECT entry_no FROM campaign_entry")) or 0
        canceling.restore_campaign_entry(session, campaign_entries.get(session, no), actor=actor)


WAYS = ("entry", "segment", "campaign entry")


def _canceled(world: PurgeWorld, how: str) -> None:
    if how == "entry":
        world.entries(1, 2, canceled=True)
    elif how == "segment":
        world.segment(1, 2, canceled=True)
    else:
        world.entries(1, 2, campaign_entry_no=world.campaign_entry(canceled=True))


@pytest.mark.parametrize("how", WAYS)
def test_what_is_restored_first_is_not_deleted(world: PurgeWorld, how: str) -> None:
    """The purge waits for the restore and then finds it active."""
    _canceled(world, how)
    world.ask()
    work(world.sessions)
    with ThreadPoolExecutor(1) as pool, world.transaction() as session:
        restore(session, how)
        deleting = pool.submit(work, world.sessions)
        wait_for_a_lock(session, deleting)
    drain(world.sessions)
    assert world.left() == ([1] if how == "entry" else [1, 2])


@pytest.mark.parametrize("how", WAYS)
def test_what_is_restored_second_finds_nothing_left(world: PurgeWorld, how: str) -> None:
    """The restore waits for the purge: E5, it restores what is left."""

    def come_late() -> None:
        with world.transaction() as session:
            restore(session, how)

    _canceled(world, how)
    job = world.ask()
    work(world.sessions)
    with ThreadPoolExecutor(1) as pool:
        with transaction(world.sessions) as session:
            claimed = job_claims.claim(session, grace=0, backoff=0)
        assert claimed is not None
        with world.transaction() as session:
            found = session.get_one(type(job), job.id)
            Purge().work(session, found, job_steps.Chunk(0, 0, 2, 0, claimed.no))
            restoring = pool.submit(come_late)
            wait_for_a_lock(session, restoring)
    with pytest.raises(NotFound) if how == "entry" else nullcontext():
        restoring.result()
    assert world.left() == []


def test_the_counts_of_a_logged_segment_stay_true(world: PurgeWorld) -> None:
    """L5: as logged never changes; how many are active today does not rise by a purge."""
    no = world.segment(1, 5)
    world.execute("UPDATE interaction SET canceled_at = '2026-01-01' WHERE entry_no IN (2, 3)")

    def counts() -> tuple[int, int]:
        with world.transaction() as session:
            (shown,) = logged_segments.describe(session, [logged_segments.get(session, no)])
            return shown["interactions_count"], shown["active_interactions_count"]

    assert counts() == (5, 3)
    world.purge()
    assert counts() == (5, 3)


def test_a_purge_of_nothing_succeeds(session: Session) -> None:
    assert purging.preview(session, filters={}) == {"matching": 0}
    assert purging.request(session, values={}, actor=actors.system(session)).state == "queued"
