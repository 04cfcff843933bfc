"""The embedded servers start, stop, come back after a crash, and never get in each other's way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from ops.commands import ROOT
from ops.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServer
from ops.processes import ProcessMark, command_line, wait_until
from ops.server_programs import ServerError

# A server started from a thread does not die with its owner: the kernel would watch the thread.
OWNER = """
import signal, sys, threading
from pathlib import Path
from ops.embedded import EmbeddedPostgres, EmbeddedRedis
kind, folder, where = sys.argv[1:]
server = {"postgres": EmbeddedPostgres, "redis": EmbeddedRedis}[kind](Path(folder), fast=True)
if where == "thread":
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
else:
    server.start()
print(server.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "postgres", fast=True) as server:
        yield server


def query(server: EmbeddedPostgres, statement: str) -> tuple[object, ...] | None:
    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def start_owner(kind: str, folder: Path, *, where: str = "main") -> tuple[subprocess.Popen[str], ProcessMark]:
    """Start a process that owns a server; return it and the mark of the server's process."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, kind, str(folder), where],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    mark = ProcessMark.of(int(owner.stdout.readline()))
    owner.stdout.close()
    assert mark is not None
    return owner, mark


def test_a_cluster_is_utf8_in_code_point_order_and_asks_for_a_password(postgres):
    assert query(postgres, "SHOW server_encoding") == ("UTF8",)
    assert query(postgres, "SELECT lower('ÄЖ'), 'a' < 'B'") == ("äж", False)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host="127.0.0.1", port=postgres.port, user=postgres.user, dbname="interlog")


def test_passwords_are_readable_by_their_owner_only(postgres):
    assert (postgres.folder / "password").stat().st_mode & 0o777 == 0o600
    assert postgres.password not in " ".join(command_line(postgres.pid))


def test_data_survives_stop_and_start_on_another_port(tmp_path):
    with EmbeddedPostgres(tmp_path / "pg", fast=True) as first:
        query(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(tmp_path / "pg", fast=True) as second:
        assert query(second, "SELECT answer FROM kept") == (42,)


def test_committed_data_survives_kill_9_and_the_port_stays(tmp_path):
    with EmbeddedPostgres(tmp_path / "pg") as server:
        port = server.port
        query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.kill()
        server.start()
        assert query(server, "SELECT answer FROM kept") == (42,)
        assert server.port == port


def test_a_session_that_outlives_its_killed_postmaster_does_not_block_the_next(postgres):
    with psycopg.connect(postgres.url.replace("+psycopg", "")) as busy:
        backend = ProcessMark.of(busy.info.backend_pid)
        # stopped, it cannot notice that its postmaster died, as one deep in a statement
        os.kill(busy.info.backend_pid, signal.SIGSTOP)
        postgres.kill()
        postgres.start()
    assert query(postgres, "SELECT 1") == (1,)
    assert backend is not None
    assert not backend.is_alive()


def test_restart_ends_open_sessions_and_keeps_the_port(postgres):
    port = postgres.port
    with psycopg.connect(postgres.url.replace("+psycopg", "")) as session:
        postgres.restart()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert postgres.port == port


def test_a_postmaster_file_whose_pid_is_somebody_elses_is_no_obstacle(tmp_path):
    with EmbeddedPostgres(tmp_path / "pg", fast=True) as server:
        pass
    (server.cluster / "postmaster.pid").write_text(f"{os.getppid()}\n{server.cluster}\n")
    with server:
        assert query(server, "SELECT 1") == (1,)


def test_a_half_made_cluster_is_made_anew(tmp_path):
    unfinished = tmp_path / "pg" / "cluster.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "pg", fast=True) as server:
        assert query(server, "SELECT 1") == (1,)


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_server_dies_with_its_killed_owner(tmp_path, kind):
    owner, server = start_owner(kind, tmp_path / kind)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: not server.is_alive(), 10)


@pytest.mark.parametrize(("kind", "server_class"), [("postgres", EmbeddedPostgres), ("redis", EmbeddedRedis)])
def test_a_leftover_of_a_killed_owner_is_replaced(tmp_path, kind, server_class):
    owner, leftover = start_owner(kind, tmp_path / kind, where="thread")
    owner.kill()
    owner.wait()
    assert leftover.is_alive()
    with server_class(tmp_path / kind, fast=True) as server:
        assert server.answers()
        assert not leftover.is_alive()


def test_a_recorded_pid_that_belongs_to_another_process_is_left_alone(tmp_path):
    (tmp_path / "redis").mkdir()
    bystander = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    ProcessMark(bystander.pid, "another boot/1").write(tmp_path / "redis" / "redis.process")
    try:
        with EmbeddedRedis(tmp_path / "redis"):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("server_class", [EmbeddedPostgres, EmbeddedRedis])
def test_two_owners_of_one_folder_are_refused(tmp_path, server_class):
    with (
        server_class(tmp_path / "one", fast=True) as first,
        pytest.raises(ServerError, match="another process runs"),
    ):
        server_class(tmp_path / "one", fast=True).start()
    assert isinstance(first, EmbeddedServer)


def test_servers_run_side_by_side(tmp_path):
    with EmbeddedRedis(tmp_path / "a") as first, EmbeddedRedis(tmp_path / "b") as second:
        assert first.port != second.port
        with redis.Redis.from_url(first.url) as client:
            client.set("where", "first")
        with redis.Redis.from_url(second.url) as client:
            assert client.get("where") is None


def test_redis_keeps_what_was_written_and_evicts_nothing(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with EmbeddedRedis(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_a_server_that_does_not_start_is_one_line_with_its_last_words(tmp_path):
    broken = EmbeddedPostgres(tmp_path / "pg", fast=True, settings={"shared_buffers": "much"})
    with pytest.raises(ServerError, match='invalid value for parameter "shared_buffers"') as raised:
        broken.start()
    assert "\n" not in str(raised.value)
    assert not broken.is_running()
