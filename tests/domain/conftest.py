"""Who acts in the tests of the domain."""

from collections.abc import Iterator

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
def purge_world(database_url: str) -> Iterator[PurgeWorld]:
    """Makes what is purged, in the database of the module: each test begins with an empty log."""
    with sessions_on(database_url) as sessions:
        yield PurgeWorld(sessions)
