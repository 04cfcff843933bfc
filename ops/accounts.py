"""Users and API tokens from the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from domain import actors, tokens, users
from domain.database import make_engine


def create_user(database_url: str, values: dict[str, Any]) -> None:
    """Make a user who can sign in.

    Parameters
    ----------
    database_url
        The migrated database.
    values
        The fields of `domain.users.create_user`.
    """
    with _session(database_url) as session:
        users.create_user(session, values=values, actor=users.system(session))


def create_token(database_url: str, values: dict[str, Any]) -> str:
    """Make an API token and return it in the clear, which is possible this once.

    Parameters
    ----------
    database_url
        The migrated database.
    values
        The fields of `domain.users.create_token`.
    """
    with _session(database_url) as session:
        _, plain_token = users.create_token(session, values=values, actor=users.system(session))
        return str(plain_token)


@contextmanager
def token_for_now(database_url: str, *, name: str, role: str) -> Iterator[str]:
    """Make an API token for the length of a block."""
    with _session(database_url) as session:
        made, plain_token = tokens.create_token(
            session, values={"name": name, "role": role}, actor=actors.system(session)
        )
        # read while there is a session: after its end the token is a stranger to the database
        token_id = made.id
    try:
        yield plain_token
    finally:
        with _session(database_url) as session:
            tokens.revoke_token(session, tokens.get(session, token_id), actor=actors.system(session))


@contextmanager
def _session(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url, process="command-line")
    try:
        with Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()
