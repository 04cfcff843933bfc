"""Real servers for the tests.

One PostgreSQL server serves the whole run (all xdist workers), one migrated template database is cloned for
every test that commits, and each xdist worker has a Valkey of its own. With DATABASE_URL set, that server is
used instead of an embedded one; the databases made there are dropped at the end.
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from argon2 import PasswordHasher
from psycopg import sql
from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.orm import Session

from domain import logs, users
from ops.embedded import EmbeddedPostgres, EmbeddedRedis

pytest_plugins = ["tests.system", "tests.chromium"]

TEMPLATE = "template"


class TestServer:
    """The PostgreSQL server of a test run and the databases made on it.

    Attributes
    ----------
    url
        The SQLAlchemy URL of the server's maintenance database.
    run
        The name of this run, part of the names of its databases.
    """

    __test__ = False

    def __init__(self, url: str, run: str) -> None:
        self.url = url
        self.run = run

    def url_of(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database of this run."""
        url = make_url(self.url).set(drivername="postgresql+psycopg", database=self.name_of(database))
        return url.render_as_string(hide_password=False)

    def name_of(self, database: str) -> str:
        """Return the full name of a database of this run."""
        return f"interlog_test_{self.run}_{database}"

    def create(self, database: str, *, template: str | None = None) -> str:
        """Create a database, from a template of this run if given; return its URL."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name_of(database)))
        if template:
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(self.name_of(template))
            )
        self._execute(statement)
        return self.url_of(database)

    def rename(self, database: str, new: str) -> None:
        """Rename a database of this run."""
        self._execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(self.name_of(database)), sql.Identifier(self.name_of(new))
            )
        )

    def drop(self, database: str) -> None:
        """Drop a database, ending the sessions that are still in it."""
        self._execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name_of(database)))
        )

    def databases(self) -> list[str]:
        """Return the short names of the databases of this run."""
        prefix = self.name_of("")
        with self._connect() as connection:
            names = connection.execute("SELECT datname FROM pg_database").fetchall()
        return [name.removeprefix(prefix) for (name,) in names if name.startswith(prefix)]

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        url = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)

    def _execute(self, statement: sql.Composable) -> None:
        with self._connect() as connection:
            connection.execute(statement)


class _Run:
    """Starts the server for the run and takes away what the run made. Lives in the xdist controller."""

    def __init__(self) -> None:
        self.server: TestServer | None = None
        self._embedded: EmbeddedPostgres | None = None
        self._folder: Path | None = None

    def start(self) -> TestServer:
        if self.server is None:
            self.server = TestServer(
                os.environ.get("DATABASE_URL") or self._start_embedded(), uuid.uuid4().hex[:8]
            )
        return self.server

    def stop(self) -> None:
        if self._embedded:
            self._embedded.stop()
        elif self.server:
            for database in self.server.databases():
                self.server.drop(database)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start_embedded(self) -> str:
        self._folder = Path(tempfile.mkdtemp(prefix="interlog-tests-"))
        self._embedded = EmbeddedPostgres(self._folder / "postgres", fast=True).start()
        return self._embedded.url


_RUN = pytest.StashKey[_Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of tests/faults, declared here because pytest looks no deeper for them."""
    group = parser.getgroup("faults", "the fault matrix")
    group.addoption("--faults", action="store_true", help="all cases of the matrix, not only the short ones")
    group.addoption("--case", action="append", type=int, default=[], help="only this case (may be repeated)")
    group.addoption("--seed", type=int, default=1, help="decides targets and moments [1]")
    group.addoption(
        "--patience", type=float, help="multiplies what recovery may take [1; beside other tests 3]"
    )
    group.addoption("--saboteur", help="one of tests/faults/saboteurs.py is among the processes")
    group.addoption("--report", type=Path, help="file for the report of the matrix [var/faults/SEED.json]")


def pytest_configure(config: pytest.Config) -> None:
    logs.configure(process="test")
    config.stash[_RUN] = _Run()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give an xdist worker the server of the controller."""
    server = node.config.stash[_RUN].start()
    node.workerinput["postgres"] = (server.url, server.run)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_RUN].stop()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> TestServer:
    """The PostgreSQL server of this test run."""
    workerinput = getattr(request.config, "workerinput", None)
    if workerinput:
        return TestServer(*workerinput["postgres"])
    return request.config.stash[_RUN].start()


@pytest.fixture(scope="session")
def worker_name(request: pytest.FixtureRequest) -> str:
    """The name of this xdist worker."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def template_database(postgres_server: TestServer) -> str:
    """The short name of the migrated database that others are cloned from; migrated once per run."""
    lock = Path(tempfile.gettempdir()) / f"{postgres_server.name_of(TEMPLATE)}.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if TEMPLATE not in postgres_server.databases():
            _migrate_template(postgres_server)
    lock.unlink(missing_ok=True)
    return TEMPLATE


def _migrate_template(server: TestServer) -> None:
    from domain.migrations import upgrade

    unfinished = f"{TEMPLATE}_{uuid.uuid4().hex[:8]}"
    upgrade(server.create(unfinished))
    server.rename(unfinished, TEMPLATE)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """Hash passwords at hardly any cost: tests sign in some thousand times. The processes of a stack hash as ever."""
    users.PasswordHasher = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]


@pytest.fixture
def fresh_db(postgres_server: TestServer, template_database: str) -> Iterator[str]:
    """The URL of a migrated database of the test's own, for code that commits."""
    name = f"fresh_{uuid.uuid4().hex[:8]}"
    yield postgres_server.create(name, template=template_database)
    postgres_server.drop(name)


@pytest.fixture(scope="module")
def database_url(postgres_server: TestServer, template_database: str) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share."""
    name = f"module_{uuid.uuid4().hex[:8]}"
    yield postgres_server.create(name, template=template_database)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def engine(postgres_server: TestServer, template_database: str, worker_name: str) -> Iterator[Engine]:
    """An engine on a migrated database that all rolled-back tests of this worker share."""
    name = f"shared_{worker_name}"
    made = create_engine(postgres_server.create(name, template=template_database), poolclass=NullPool)
    yield made
    made.dispose()
    postgres_server.drop(name)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose commits are savepoints of a transaction that is rolled back after the test."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as opened:
            yield opened
        outer.rollback()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The Valkey server of this xdist worker."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis") / "redis", fast=True) as server:
        yield server


@pytest.fixture(scope="session")
def stack_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Valkey server for stacks that run as long as the session: nobody else's hints, and nobody flushes it."""
    with EmbeddedRedis(tmp_path_factory.mktemp("stack-redis") / "redis", fast=True) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """The URL of this worker's Valkey, empty at the start of every test."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url
