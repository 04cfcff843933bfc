"""Archives of purges (E8): what is written, that it is proven before the rows go, and that it brings them back."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from domain import actors, entry_totals, purge_archives, purging
from domain.purge_archives import ArchiveForeign
from ops import verify

from .engine_helpers import drain, state_of, work
from .events import print_document, record_documents
from .purge_world import PurgeWorld

EVERYTHING = "SELECT i.* FROM interaction i ORDER BY entry_no"
VISIBLE = "SELECT entry_no, canceled, canceled_at, canceled_by, subject FROM interaction_visible ORDER BY 1"
COMMENTS = "SELECT entry_no, comment, actor_id, created_at FROM interaction_comment ORDER BY id"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive folder."""
    monkeypatch.setenv("INTERLOG_ARCHIVE_FOLDER", str(tmp_path / "archives"))
    return tmp_path / "archives"


@pytest.fixture
def world(purge_world: PurgeWorld, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PurgeWorld]:
    """Entries canceled in every way, with comments that a CSV file must mind; chunks of two parts of two."""
    monkeypatch.setattr(purging, "BLOCK", 2)
    monkeypatch.setattr(purging, "PART", 2)
    monkeypatch.setattr(purging, "CHAIN", 4)
    monkeypatch.setattr(purging, "_rows_that_fit", lambda session, job: 4)
    monkeypatch.setattr(purging._Run, "seconds", lambda run: run._gone.total())
    world = purge_world
    world.segment(2, 7, canceled=True, description=None)
    world.entries(10, 12, 14, canceled=True, description='She said "no", and\nhung up; \\N')
    world.entries(15, campaign_entry_no=world.campaign_entry(canceled=True), cost="12.50")
    world.entry(16)
    world.comment(3, "First, then\nnothing")
    world.comment(12, "Привет")
    world.comment(12, "")
    yield world
    world.tidy()


def archived(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / name, "rt", newline="") as file:
        return list(csv.DictReader(file))


def restore(world: PurgeWorld, path: Path) -> dict[str, int]:
    with world.transaction() as session, path.open("rb") as file:
        return purge_archives.restore(session, file=file, actor=actors.system(session))


def snapshot(world: PurgeWorld) -> list[list[Any]]:
    return [world.rows(query) for query in (EVERYTHING, VISIBLE, COMMENTS)]


def test_archive_purge_and_restore_give_the_same_rows_canceled(world: PurgeWorld, folder: Path) -> None:
    """E8: compared column by column, comments included."""
    before = snapshot(world)

    job = world.purge(archive=True)

    record = world.record()
    assert (job["state"], job["result"]["deleted"], record.archive_rows) == ("succeeded", 10, 10)
    assert world.left() == [16]
    content = (folder / record.archive_file).read_bytes()
    assert record.archive_sha256 == hashlib.sha256(content).hexdigest()
    rows = archived(folder, record.archive_file)
    assert [int(row["entry_no"]) for row in rows] == [2, 3, 4, 5, 6, 7, 10, 12, 14, 15]
    assert rows[6]["description"] == 'She said "no", and\nhung up; \\N'
    assert [comment["comment"] for comment in json.loads(rows[7]["comments"])] == ["Привет", ""]
    assert (rows[0]["contact_no"], rows[0]["segment_no"]) == (world.contacts[0].no, "SM2")
    assert list(folder.iterdir()) == [folder / record.archive_file]

    assert restore(world, folder / record.archive_file) == {"restored": 10, "existing": 0, "erased": 0}
    assert snapshot(world) == before
    assert world.rows("SELECT purged_count FROM logged_segment") == [(0,)]
    assert restore(world, folder / record.archive_file) == {"restored": 0, "existing": 10, "erased": 0}
    assert snapshot(world) == before


def test_what_comes_back_is_canceled_even_if_its_segment_is_not_any_more(
    world: PurgeWorld, folder: Path
) -> None:
    (before,) = [world.rows(VISIBLE)]
    world.purge(archive=True)
    world.execute("UPDATE logged_segment SET canceled_at = NULL")
    world.execute("UPDATE campaign_entry SET canceled_at = NULL")
    restore(world, folder / world.record().archive_file)
    assert world.rows(VISIBLE) == before


def test_the_sums_beside_the_log_follow_what_comes_back(world: PurgeWorld, folder: Path) -> None:
    """T5: a summed-up segment whose entries go and come back, by their own cancel and by the segment's; a document."""
    world.segment(30, 35)
    with world.transaction() as session:
        record_documents(session)
        print_document(session, contact_no=world.contacts[0].no)
    world.execute(
        "UPDATE interaction SET canceled_at = '2026-01-01', canceled_by = 1 WHERE document_no = 'INV-1'"
    )
    world.execute(
        "UPDATE interaction SET canceled_at = '2026-01-01', canceled_by = 1 WHERE entry_no IN (31, 33)"
    )
    with world.transaction() as session:
        entry_totals.request(session)
    drain(world.sessions)
    world.purge(archive=True)
    assert sums_that_are_wrong(world) == []

    restore(world, folder / world.record().archive_file)

    came_back = "SELECT count(*) FROM interaction WHERE entry_no IN (2, 31, 33) OR document_no = 'INV-1'"
    assert world.rows(came_back) == [(4,)]
    assert sums_that_are_wrong(world) == []


def sums_that_are_wrong(world: PurgeWorld) -> list[Any]:
    (check,) = [check for check in verify.CHECKS if check.name == "entry_totals"]
    return list(world.rows(check.query))


def test_a_chunk_that_dies_leaves_no_double_rows_in_the_archive(
    world: PurgeWorld, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 33: after its piece is on disk and before the commit."""
    outcome = purging._Run.outcome
    deaths = iter(range(2))

    def die(run: Any) -> dict[str, Any]:
        if next(deaths, None) is not None:
            run._session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return outcome(run)

    monkeypatch.setattr(purging._Run, "outcome", die)
    world.purge(archive=True)

    record = world.record()
    assert (record.archive_rows, len(archived(folder, record.archive_file))) == (10, 10)
    assert list(folder.iterdir()) == [folder / record.archive_file]


def test_an_end_that_dies_after_its_file_is_there_is_done_again(
    world: PurgeWorld, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from domain import purge_records

    finish = purge_records.finish
    deaths = iter(range(2))

    def die(session: Any, *args: Any, **options: Any) -> Any:
        if next(deaths, None) is not None:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return finish(session, *args, **options)

    monkeypatch.setattr(purge_records, "finish", die)
    job = world.purge(archive=True)
    record = world.record()
    content = (folder / record.archive_file).read_bytes()
    assert (job["state"], record.archive_rows) == ("succeeded", 10)
    assert record.archive_sha256 == hashlib.sha256(content).hexdigest()


def test_rows_stay_if_the_archive_cannot_be_proven(
    world: PurgeWorld, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_back = purge_archives._read_back
    monkeypatch.setattr(
        purge_archives, "_read_back", lambda path: (read_back(path)[0] - 1, *read_back(path)[1:])
    )
    before = snapshot(world)
    job = world.purge(archive=True)
    assert (job["state"], snapshot(world)) == ("failed", before)
    assert world.record().state == "failed"


def test_a_worker_that_does_not_share_the_folder_deletes_nothing(
    world: PurgeWorld, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = world.ask(archive=True)
    work(world.sessions)
    monkeypatch.setenv("INTERLOG_ARCHIVE_FOLDER", str(tmp_path / "elsewhere"))
    for _ in range(3):
        work(world.sessions)
    assert len(world.left()) == 11

    monkeypatch.setenv("INTERLOG_ARCHIVE_FOLDER", str(folder))
    drain(world.sessions)
    assert (state_of(world.sessions, job)["state"], world.left()) == ("succeeded", [16])


def test_a_purge_that_was_stopped_has_an_archive_of_what_went(world: PurgeWorld, folder: Path) -> None:
    job = world.ask(archive=True)
    work(world.sessions)
    work(world.sessions)
    world.cancel_job(job)
    drain(world.sessions)
    record = world.record()
    assert (record.state, record.deleted, record.archive_rows) == ("canceled", 4, 4)
    assert len(archived(folder, record.archive_file)) == 4


def test_an_archive_of_another_service_is_refused(world: PurgeWorld, folder: Path, tmp_path: Path) -> None:
    world.purge(archive=True)
    rename = "UPDATE contact SET no = :no WHERE id = :id"
    world.execute(rename, no="OTHER", id=world.contacts[0].id)
    with pytest.raises(ArchiveForeign) as refused:
        restore(world, folder / world.record().archive_file)
    world.execute(rename, no=world.contacts[0].no, id=world.contacts[0].id)
    assert world.contacts[0].no in str(refused.value.params["reason"])
    (tmp_path / "nonsense").write_bytes(b"entry_no,contact_id\n1,2\n")
    with pytest.raises(ArchiveForeign):
        restore(world, tmp_path / "nonsense")
    assert world.left() == [16]


def test_entries_of_a_contact_who_was_erased_meanwhile_stay_away(world: PurgeWorld, folder: Path) -> None:
    """C4: a restore brings nothing back that somebody has a right not to have kept."""
    world.purge(archive=True)
    world.execute("UPDATE contact SET erased_at = now() WHERE id = :id", id=world.contacts[0].id)
    assert restore(world, folder / world.record().archive_file) == {
        "restored": 0,
        "existing": 0,
        "erased": 10,
    }
    assert world.left() == [16]
