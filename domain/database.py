"""Engines, sessions and the one translator from constraint names to faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import psycopg
from sqlalchemy import BindParameter, DateTime, Engine, MetaData, Numeric, Text, bindparam, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from domain.errors import Fault, Invalid

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Base of all mapped classes. The schema itself is made by the migrations alone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        Decimal: Numeric(12, 2),
    }


# SQLSTATE classes and codes that tell of the surroundings, not of the work (RELIABILITY 2).
INFRASTRUCTURE_STATES = ("08", "53", "57P0", "40001", "40P01", "55P03")


# A server that vanished without a word is noticed after about ten seconds, whether we wait or send.
NO_HALF_OPEN = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def make_engine(
    url: str,
    *,
    process: str,
    pool_size: int = 1,
    max_overflow: int = 1,
    statement_timeout_ms: int = 20_000,
) -> Engine:
    """Make an engine whose sessions cannot hang: every wait on the server is bounded.

    Parameters
    ----------
    url
        `postgresql://` or `postgresql+psycopg://` address.
    process
        Name shown in `pg_stat_activity`, such as `web` or `worker`.
    pool_size, max_overflow
        Connections kept and lent beyond that.
    statement_timeout_ms
        Longest statement in milliseconds.
    """
    options = (
        f"-c statement_timeout={statement_timeout_ms} -c lock_timeout=5000 "
        "-c idle_in_transaction_session_timeout=10000 -c client_connection_check_interval=1000 "
        "-c timezone=UTC -c jit=off"
    )
    return create_engine(
        psycopg_url(url),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={
            "connect_timeout": 3,
            "options": options,
            "application_name": f"interlog-{process}",
            **NO_HALF_OPEN,
        },
    )


def psycopg_url(url: str) -> str:
    """Name the psycopg driver in `url`, whichever way the address was written."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Make the factory of sessions on `engine`."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: sessionmaker[Session], *, isolation: str | None = None) -> Iterator[Session]:
    """One transaction: committed at the end of the block, rolled back if it raises.

    Parameters
    ----------
    isolation
        Isolation level other than READ COMMITTED, such as `REPEATABLE READ`.
    """
    with sessions() as session, session.begin():
        if isolation:
            session.connection(execution_options={"isolation_level": isolation})
        yield session


def json_param(name: str, value: Any) -> BindParameter[Any]:
    """Bind `value` as jsonb to the parameter `name` of a textual statement; None is SQL's NULL."""
    return bindparam(name, value, JSONB(none_as_null=True))


def is_infrastructure(error: BaseException) -> bool:
    """Tell whether `error` speaks of the surroundings (connection, space, lock, deadlock), not of the work."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return isinstance(error.orig, psycopg.OperationalError)
    return str(state).startswith(INFRASTRUCTURE_STATES)


# Which field a violated unique constraint speaks of, and with which code (STYLE 7).
UNIQUE_FIELDS: dict[str, tuple[str, str]] = {
    "actor_name_key": ("name", "already_exists"),
    "app_user_name_key": ("name", "already_exists"),
    "salesperson_code_key": ("code", "already_exists"),
    "campaign_no_key": ("no", "already_exists"),
    "interaction_group_code_key": ("code", "already_exists"),
    "interaction_template_code_key": ("code", "already_exists"),
    "number_series_code_key": ("code", "already_exists"),
    "contact_no_key": ("no", "already_exists"),
    "contact_account_pkey": ("accounts", "account_taken"),
    "contact_account_no_key": ("accounts", "account_taken"),
    "segment_no_key": ("no", "already_exists"),
    "saved_criteria_code_key": ("code", "already_exists"),
}


@contextmanager
def constraints_as_faults(session: Session, values: dict[str, Any]) -> Iterator[None]:
    """Flush the block in a savepoint and turn a violated unique constraint into `Invalid`.

    Parameters
    ----------
    values
        What was given, to show the offending value.

    Raises
    ------
    Invalid
        Naming the field of the constraint.
    """
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if name not in UNIQUE_FIELDS:
            raise
        field, code = UNIQUE_FIELDS[name]
        raise Invalid([Fault(field, code, values.get(field))]) from error
