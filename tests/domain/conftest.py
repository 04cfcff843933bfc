"""Who acts in the tests of the domain."""

import pytest
from sqlalchemy.orm import Session

from domain import actors
from domain.actors import Actor


@pytest.fixture
def actor(session: Session) -> Actor:
    """The system, which may do everything."""
    return actors.system(session)
