"""The servers a command works with: given ones, those of a running stack, or an embedded one of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis
from sqlalchemy import make_url

from ops import data_folder
from ops.data_folder import DataFolder, RunningStack
from ops.errors import OpsError

DATA_VARIABLE = "INTERLOG_DATA"


@contextmanager
def connected(path: Path | None, *, as_it_is: bool = False) -> Iterator[str]:
    """Give a command the database it means, for the length of a block.

    DATABASE_URL if set, else the database of the stack that runs on the data folder, else the folder's
    embedded PostgreSQL, started for the block and brought to the newest schema.

    Parameters
    ----------
    path
        The data folder; the running stack's, else the default one, when None.
    as_it_is
        Leave the schema of the folder's database alone.

    Yields
    ------
    str
        The database's URL, which is also put into the environment as DATABASE_URL.
    """
    if given := os.environ.get("DATABASE_URL"):
        yield reachable_database(given)
        return
    folder = data_folder.chosen(path)
    if folder.is_in_use():
        stack = folder.announced()
        if stack is None:
            raise OpsError(f"the stack on {folder.path} is only starting: try again when it is ready")
        os.environ.update(DATABASE_URL=stack.database_url, REDIS_URL=stack.redis_url)
        with data_of(folder):
            yield stack.database_url
        return
    # not above: a container has no embedded servers
    from domain.migrations import upgrade
    from ops.embedded import EmbeddedPostgres

    with folder.lock(), EmbeddedPostgres(folder.path / "postgres") as postgres:
        if not as_it_is:
            upgrade(postgres.url)
        os.environ["DATABASE_URL"] = postgres.url
        with data_of(folder):
            yield postgres.url


@contextmanager
def data_of(folder: DataFolder) -> Iterator[None]:
    """Have a data folder be the one of this process, where archives of purges are, for the length of a block."""
    before = os.environ.get(DATA_VARIABLE)
    os.environ[DATA_VARIABLE] = str(folder.path)
    try:
        yield
    finally:
        del os.environ[DATA_VARIABLE]
        if before is not None:
            os.environ[DATA_VARIABLE] = before


def running_stack(path: Path | None) -> RunningStack:
    """Return where the stack that runs on a data folder is reached.

    Raises
    ------
    OpsError
        When none does.
    """
    folder = data_folder.chosen(path)
    stack = folder.announced() if folder.is_in_use() else None
    if stack is None:
        raise OpsError(
            f"no stack runs on {folder.path}: start it with interlog up, or name a service with --site"
        )
    return stack


def reachable_database(url: str) -> str:
    """Return the URL of a database that answers.

    Raises
    ------
    OpsError
        When it does not.
    """
    try:
        address = make_url(url).set(drivername="postgresql")
        psycopg.connect(address.render_as_string(hide_password=False), connect_timeout=3).close()
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise OpsError(f"the database of DATABASE_URL cannot be reached: {reason}") from None
    except Exception as error:
        raise OpsError(f"DATABASE_URL is not the URL of a PostgreSQL database: {error}") from None
    return url


def reachable_redis(url: str) -> str:
    """Return the URL of a Redis that answers.

    Raises
    ------
    OpsError
        When it does not.
    """
    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.ping()
    except redis.RedisError as error:
        raise OpsError(f"the Redis of REDIS_URL cannot be reached: {error}") from None
    except ValueError as error:
        raise OpsError(f"REDIS_URL is not the URL of a Redis: {error}") from None
    return url
