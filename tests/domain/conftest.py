"""Who acts in the tests of the domain."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from domain import actors
from domain.actors import Actor

from .engine_helpers import sessions_on
from .purge_world import PurgeWorld


@pytest.fixture
def actor(session: Session) -> Actor:
    """The system, which may do everything."""
    return actors.system(session)


@pytest.fixture(scope="module")
def purge_world(postgres_server: Any, template_database: str) -> Iterator[PurgeWorld]:
    """A database that the tests of this module share: each begins with an empty log."""
    name = f"purge_{uuid.uuid4().hex[:8]}"
    with sessions_on(postgres_server.create(name, template=template_database)) as sessions:
        yield PurgeWorld(sessions)
    postgres_server.drop(name)
