"""A database and a Redis of the test's own, and a consumer that runs inside the test."""

from collections.abc import Iterator

import pytest
import redis
from sqlalchemy.orm import Session, sessionmaker

from tests.domain.engine_helpers import sessions_on
from worker import consumer
from worker.consumer import Consumer


@pytest.fixture
def sessions(fresh_db: str) -> Iterator[sessionmaker[Session]]:
    with sessions_on(fresh_db) as made:
        yield made


@pytest.fixture
def client(fresh_db: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A producer's client; hints go to the same server."""
    monkeypatch.setenv("DATABASE_URL", fresh_db)
    monkeypatch.setenv("REDIS_URL", redis_url)
    with consumer.connect(redis_url) as made:
        yield made


@pytest.fixture
def reader(client: redis.Redis, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Consumer:
    """A consumer that does not wait for entries and trims every time."""
    monkeypatch.setattr(consumer, "BLOCK_MS", 10)
    monkeypatch.setattr(consumer, "SECONDS_BETWEEN_TRIMS", 0)
    return Consumer(client, sessions, name="here")
