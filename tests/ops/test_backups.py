"""Backups: what is in them, what they refuse, and that a restore is whole or not at all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url, text

from domain import actors, segment_lines, segment_logging, segments
from domain.database import transaction
from ops import server_programs
from ops.cli import main
from ops.errors import OpsError
from tests.domain.engine_helpers import drain, sessions_on
from tests.domain.makers import make_contact, make_salesperson, make_template

ARCHIVE = "purge-000001-20260310.csv.gz"


def interlog(url: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), env={"DATABASE_URL": url})


def did(url: str, *arguments: str | Path) -> str:
    result = interlog(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refusal(url: str, *arguments: str | Path) -> str:
    """Return what a command says that must refuse: one line."""
    result = interlog(url, *arguments)
    assert (result.exit_code, result.output.count("\n")) == (1, 1), result.output
    return result.output


def values(url: str, query: str) -> list[Any]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        found = connection.execute(query)
        return [row[0] for row in found] if found.description else []


def tables(url: str) -> list[str]:
    return values(url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive folder, with an archive and a piece of a purge under way."""
    folder = tmp_path / "archives"
    (folder / ".job").mkdir(parents=True)
    (folder / ARCHIVE).write_bytes(b"archived")
    (folder / ".job" / "piece.csv.gz").write_bytes(b"a piece")
    monkeypatch.setenv("INTERLOG_ARCHIVE_FOLDER", str(folder))
    return folder


@pytest.fixture
def company(fresh_db: str, archives: Path) -> str:
    """The URL of a database with a segment that was logged and one that is about to be."""
    with sessions_on(fresh_db) as sessions:
        for no in ("SM1", "SM2"):
            with transaction(sessions) as session:
                actor = actors.system(session)
                if no == "SM1":
                    make_salesperson(session, "HR")
                    make_template(session, "BUS")
                    for number in range(3):
                        make_contact(session, no=f"P{number}")
                header = {"no": no, "description": "Event", "template_code": "BUS", "salesperson_code": "HR"}
                segment = segments.create(session, values=header, actor=actor)
                nos = [f"P{number}" for number in range(3)]
                segment_lines.add_many(session, segment, contact_nos=nos, allow_existing=False, actor=actor)
                segment_logging.request(session, segment, values={}, actor=actor)
            if no == "SM1":
                drain(sessions)
    return fresh_db


@pytest.fixture
def empty_db(postgres_server: Any) -> Iterator[Callable[[], str]]:
    """Makes databases without any table."""
    names: list[str] = []

    def make() -> str:
        names.append(f"empty_{uuid.uuid4().hex[:8]}")
        url: str = postgres_server.create(names[-1])
        return url

    yield make
    for name in names:
        postgres_server.drop(name)


@pytest.mark.parametrize("name", ["backup", "backup.dump"])
def test_what_was_backed_up_comes_back_and_an_open_job_goes_on(
    name: str, company: str, empty_db: Callable[[], str], tmp_path: Path
) -> None:
    did(company, "backup", tmp_path / name)
    restored = empty_db()
    assert "verified: clean" in did(restored, "restore", tmp_path / name)
    assert sorted(tables(restored)) == sorted(tables(company))
    for table in ("interaction", "job", "job_chunk", "segment_line", "audit", "app_user", "clock_mark"):
        query = f"SELECT t::text FROM {table} t ORDER BY 1"
        assert values(restored, query) == values(company, query), table
    with sessions_on(restored) as sessions:
        drain(sessions)
        with sessions() as session:
            assert session.scalar(text("SELECT count(*) FROM interaction_visible")) == 6
    assert values(restored, "SELECT state FROM job ORDER BY position") == ["succeeded", "succeeded"]


def test_a_backup_is_for_its_owner_alone_and_says_what_is_not_in_it(
    company: str, archives: Path, tmp_path: Path
) -> None:
    record = """
        INSERT INTO purge_record (job_id, actor_id, filters, archive, archive_file, started_at, finished_at, state)
        SELECT gen_random_uuid(), id, '{}', true, 'purge-000009-20260310.csv.gz', now(), now(), 'succeeded'
        FROM actor LIMIT 1
    """
    values(company, record)
    said = did(company, "backup", tmp_path / "backup")
    assert "archives of purges: 2" in said
    assert "1 archives that records of purges name" in said
    assert "purge-000009-20260310.csv.gz" in said
    assert "not in it: the session key" in said
    assert "not needed: Redis" in said
    made = [tmp_path / "backup", *(tmp_path / "backup").rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in made} == {0}
    said = did(company, "backup", tmp_path / "one.dump")
    assert f"not in it: archives of purges, 2 in {archives}" in said
    assert (tmp_path / "one.dump").stat().st_mode & 0o077 == 0


def test_archives_come_back_and_nothing_there_is_overwritten(
    company: str,
    archives: Path,
    empty_db: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did(company, "backup", tmp_path / "backup")
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("INTERLOG_ARCHIVE_FOLDER", str(elsewhere))
    did(empty_db(), "restore", tmp_path / "backup")
    assert (elsewhere / ARCHIVE).read_bytes() == b"archived"
    assert (elsewhere / ".job" / "piece.csv.gz").read_bytes() == b"a piece"
    (elsewhere / ARCHIVE).write_bytes(b"another")
    assert f"left alone, as other files of that name are there: {ARCHIVE}" in did(
        empty_db(), "restore", tmp_path / "backup"
    )
    assert (elsewhere / ARCHIVE).read_bytes() == b"another"


@pytest.mark.parametrize("name", ["there", "there.dump"])
def test_a_backup_overwrites_nothing(name: str, company: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("precious")
    assert "is there already" in refusal(company, "backup", tmp_path / name)
    assert (tmp_path / name).read_text() == "precious"


def test_a_backup_that_fails_leaves_nothing_behind(
    company: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.backups.COMPRESSION", 99)
    assert "pg_dump failed: pg_dump: error: " in refusal(company, "backup", tmp_path / "backups" / "one")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_database_without_interlog_is_not_backed_up(empty_db: Callable[[], str], tmp_path: Path) -> None:
    assert "nothing to back up" in refusal(empty_db(), "backup", tmp_path / "backup")


def test_a_database_that_is_not_empty_is_replaced_only_if_told(
    company: str, fresh_db: str, empty_db: Callable[[], str], tmp_path: Path
) -> None:
    did(company, "backup", tmp_path / "backup")
    other = empty_db()
    did(other, "migrate")
    values(other, "CREATE VIEW ours AS SELECT 1; CREATE TABLE more (id serial)")
    values(other, "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO public")
    assert "the database is not empty" in refusal(other, "restore", tmp_path / "backup")
    assert values(other, "SELECT count(*) FROM segment") == [0]
    did(other, "restore", tmp_path / "backup", "--replace")
    assert sorted(tables(other)) == sorted(tables(company))
    # who may read tables to come is kept: the role that the processes run as has its rights again
    assert values(other, "SELECT has_table_privilege('public', 'segment', 'SELECT')") == [True]


def test_a_database_in_use_is_left_alone(company: str, tmp_path: Path) -> None:
    did(company, "backup", tmp_path / "backup")
    with sessions_on(company) as sessions, sessions() as session:
        session.execute(text("SET application_name = 'interlog-worker'"))
        assert "in use by interlog-worker: stop the stack first" in refusal(
            company, "restore", tmp_path / "backup", "--replace"
        )


def test_a_damaged_backup_changes_nothing(company: str, tmp_path: Path) -> None:
    did(company, "backup", tmp_path / "backup")
    did(company, "backup", tmp_path / "one.dump")
    before = values(company, "SELECT count(*) FROM interaction")
    largest = max((tmp_path / "backup" / "database").iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    said = refusal(company, "restore", tmp_path / "backup", "--replace")
    assert f"the backup is damaged: database/{largest.name}" in said
    whole = (tmp_path / "one.dump").read_bytes()
    for name, content in (("cut.dump", whole[: len(whole) * 2 // 3]), ("none.dump", b"no dump")):
        (tmp_path / name).write_bytes(content)
        refusal(company, "restore", tmp_path / name, "--replace")
    (tmp_path / "backup" / "manifest.json").unlink()
    assert "is no backup" in refusal(company, "restore", tmp_path / "backup", "--replace")
    assert values(company, "SELECT count(*) FROM interaction") == before == [3]


def test_a_backup_of_a_newer_version_is_refused(
    company: str, empty_db: Callable[[], str], tmp_path: Path
) -> None:
    values(company, "UPDATE alembic_version SET version_num = '9999'")
    did(company, "backup", tmp_path / "backup")
    did(company, "backup", tmp_path / "one.dump")
    target = empty_db()
    for name in ("backup", "one.dump"):
        assert "the backup is of a newer Interlog" in refusal(target, "restore", tmp_path / name)
    assert tables(target) == []


def test_a_dump_of_something_else_is_refused(
    empty_db: Callable[[], str], company: str, tmp_path: Path
) -> None:
    did(company, "backup", tmp_path / "one.dump")
    values(company, "ALTER TABLE alembic_version RENAME TO other")
    assert "nothing to back up" in refusal(company, "backup", tmp_path / "two.dump")
    manifest = tmp_path / "folder" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"made_at": "now"}))
    assert "is no backup" in refusal(empty_db(), "restore", manifest.parent)


def test_the_programs_must_fit_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump of an older version than the server reads it wrongly, and refuses to."""

    def program(version: str) -> Path:
        path = tmp_path / f"of-{version}"
        path.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
        path.chmod(0o755)
        return path

    there = [program("15.4"), program("17.1"), program("18.6")]
    monkeypatch.setattr(server_programs, "_postgres_programs", lambda name: there)
    assert server_programs.client_program("pg_dump", server_major=17) == there[1]
    assert server_programs.client_program("pg_dump", server_major=16) == there[1]
    with pytest.raises(OpsError, match="no pg_dump for PostgreSQL 19, only of version 15, 17, 18"):
        server_programs.client_program("pg_dump", server_major=19)


def test_no_password_is_among_the_arguments(company: str) -> None:
    """What a process list shows everybody."""
    from ops.backup_files import Server

    server = Server(company)
    password = make_url(company).password
    assert password
    assert not any(str(password) in part for part in server.program("pg_dump"))
    assert server.environment["PGPASSWORD"] == password
