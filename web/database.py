"""The database as the web process uses it: an engine of each process's own, a session per request.

A request is one transaction; one that only reads sees one moment. It is committed when the view answered with a status
below 400 and rolled back otherwise; the hint that there is work is sent after the commit, never before (DESIGN 1.4).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from flask import Flask, Response, current_app, g, request
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

import domain.database
from domain import hints
from web import broker

log = structlog.get_logger(__name__)

POOL_SIZE = 8
# Methods of requests that change nothing.
READING = ("GET", "HEAD")


class Database:
    """Sessions on an engine that is made at first use in each process, so that none is carried over a fork."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._owner: int | None = None
        self._engine: Engine | None = None
        self._sessions: sessionmaker[Session] | None = None

    @property
    def sessions(self) -> sessionmaker[Session]:
        """The factory of sessions of this process."""
        if self._sessions is None or self._owner != os.getpid():
            if self._engine is not None:
                self._engine.dispose(close=False)
            self._engine = domain.database.make_engine(
                self._url, process="web", pool_size=POOL_SIZE, max_overflow=POOL_SIZE
            )
            self._sessions = domain.database.make_sessions(self._engine)
            self._owner = os.getpid()
        return self._sessions

    def snapshot(self) -> Session:
        """Open a session, on the same connections, whose queries all see one moment."""
        sessions = self.sessions
        assert self._engine is not None
        return sessions(bind=self._engine.execution_options(isolation_level="REPEATABLE READ"))

    def close(self) -> None:
        """Close the connections of this process; the next use opens new ones."""
        if self._engine is not None and self._owner == os.getpid():
            self._engine.dispose()
        self._engine = self._sessions = None


def init_app(app: Flask, url: str) -> None:
    """Give `app` a database."""
    app.extensions["database"] = Database(url)
    app.teardown_appcontext(_close)


def of_app() -> Database:
    """Return the database of the current application."""
    database: Database = current_app.extensions["database"]
    return database


def session() -> Session:
    """Return the session of the current request.

    A request that only reads has one snapshot for all its queries: a page that lists segments and then asks for their
    totals must not miss one that was logged in between.
    """
    if "session" not in g:
        database = of_app()
        g.session = database.snapshot() if request.method in READING else database.sessions()
    opened: Session = g.session
    return opened


@contextmanager
def transaction() -> Iterator[Session]:
    """A short transaction apart from the request's, for answers that go on after it."""
    with domain.database.transaction(of_app().sessions) as opened:
        yield opened


def after_commit(step: Callable[[Response], Response]) -> None:
    """Have `step` done once the request's transaction is committed; it may replace the answer."""
    g.setdefault("after_commit", []).append(step)


def rest() -> None:
    """Give the connection back while something slow happens, such as reading a body. Nothing may be pending.

    It is committed, because after a rollback psycopg forgets the statements it has prepared.
    """
    if "session" in g:
        g.session.commit()


def finish(response: Response) -> Response:
    """End the request's transaction as the answer demands, then do what waits for the commit."""
    if response.status_code >= 400 and not kept():
        undo()
        return response
    steps = g.pop("after_commit", [])
    if "session" in g:
        g.session.commit()
        if hints.wanted(g.session):
            broker.hint()
    for step in steps:
        try:
            response = step(response)
        except Exception:  # the work is committed, and its answer stands
            log.exception("step after the commit failed")
    return response


def keep() -> None:
    """Commit whatever the status of the answer: what is not to stay is taken back already."""
    g.keep = True


def kept() -> bool:
    """Tell whether the request's transaction is committed whatever the answer's status."""
    return bool(g.get("keep"))


def undo() -> None:
    """Take back what the request did."""
    forget_steps()
    if "session" in g:
        g.session.rollback()


def forget_steps() -> None:
    """Forget what was to be done after the commit, the hint included."""
    g.pop("after_commit", None)
    if "session" in g:
        hints.wanted(g.session)


def _close(_error: BaseException | None) -> None:
    opened = g.pop("session", None)
    if opened is not None:
        opened.close()
