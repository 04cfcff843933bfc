"""API tokens: how programs get in (U1). Only a hash is kept; the token itself is shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Identity, LargeBinary, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, audit, records
from domain import values as v
from domain.actors import Actor, Role
from domain.database import Base
from domain.errors import Faults, NotFound
from domain.salespeople import Salesperson

THING = "token"
PREFIX = "ilg_"
CHECKS: dict[str, v.Check] = {
    "name": v.code(required=True),
    "role": v.choice(*Role, required=True),
    "salesperson_code": v.code(),
    "expires_at": v.instant,
}


class ApiToken(Base):
    """A token of a program, shown on what it makes under the name of its actor."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    role: Mapped[str]
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("actor.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def hash_of(secret: str) -> bytes:
    """Hash a long random secret for keeping. Not for passwords, which are short."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def create_token(session: Session, *, values: Mapping[str, Any], actor: Actor) -> tuple[ApiToken, str]:
    """Make a token; return it with its secret, which cannot be had again (U1).

    Parameters
    ----------
    values
        `name` (shown as the user on what is made with it), `role`, `salesperson_code`, `expires_at`.

    Raises
    ------
    Invalid
        Naming every fault.
    """
    faults = Faults()
    taken = v.take({"name": None, "role": None, **values}, CHECKS, faults)
    if str(taken.get("name")).lower() == actors.SYSTEM:
        faults.add("name", "already_exists", taken["name"])
    expires_at = taken.get("expires_at")
    if expires_at is not None and session.scalar(select(func.now() >= expires_at)):
        faults.add("expires_at", "invalid", expires_at)
    salesperson = records.refer(
        session,
        Salesperson,
        Salesperson.code,
        taken.pop("salesperson_code", None),
        field="salesperson_code",
        faults=faults,
    )
    faults.raise_if_any()
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        **taken,
        actor_id=actors.claim_name(session, taken["name"]),
        token_hash=hash_of(secret),
        salesperson_id=salesperson.id if salesperson else None,
        created_by=actor.id,
    )
    session.add(token)
    session.flush()
    session.refresh(token)
    shape = describe(session, [token])[0]
    audit.record_difference(
        session,
        actor=actor,
        action="create",
        object_type=THING,
        object_key=str(token.id),
        before={},
        after={field: shape[field] for field in CHECKS},
    )
    return token, secret


# Every request of a program begins with this, so it is no more than it needs to be. Index: api_token_token_hash_key.
BY_TOKEN = text("""
    SELECT a.id, a.name, t.role, t.salesperson_id
    FROM api_token t JOIN actor a ON a.id = t.actor_id
    WHERE t.token_hash = :hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
""")


def by_token(session: Session, *, token: str) -> Actor | None:
    """Find who comes with `token`; `None` if it is unknown, revoked or expired."""
    row = session.execute(BY_TOKEN, {"hash": hash_of(token)}).one_or_none()
    if row is None:
        return None
    return Actor(id=row.id, name=row.name, role=Role(row.role), salesperson_id=row.salesperson_id)


def get(session: Session, id: int, *, lock: bool = False) -> ApiToken:
    """Find a token that is not revoked by its id; raise `NotFound` if there is none."""
    query = select(ApiToken).where(ApiToken.id == id, ApiToken.revoked_at.is_(None))
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    token = session.scalars(query).one_or_none() if 0 < id <= v.LARGEST_INTEGER else None
    if token is None:
        raise NotFound(THING, id)
    return token


def page(
    session: Session, *, after: int | None = None, limit: int = 50, newest_first: bool = False
) -> list[ApiToken]:
    """Read a page of the tokens that are not revoked, by id."""
    query = select(ApiToken).where(ApiToken.revoked_at.is_(None))
    ordered = records.in_order(query, ApiToken.id, after=after, limit=limit, newest_first=newest_first)
    return list(session.scalars(ordered))


def revoke_token(session: Session, token: ApiToken, *, actor: Actor) -> None:
    """Make a token useless from now on; what was made with it stays."""
    token = get(session, token.id, lock=True)
    token.revoked_at = session.scalar(select(func.now()))
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="revoke",
        object_type=THING,
        object_key=str(token.id),
        changes={"name": [token.name, None]},
    )


def describe(session: Session, things: Sequence[ApiToken]) -> list[dict[str, Any]]:
    """Give tokens their API shape; the secret is not among the fields."""
    codes = records.keys_of(
        session, Salesperson.id, Salesperson.code, {thing.salesperson_id for thing in things}
    )
    makers = actors.names(session, {thing.created_by for thing in things if thing.created_by is not None})
    return [
        {
            "id": thing.id,
            "name": thing.name,
            "role": thing.role,
            "salesperson_code": codes.get(thing.salesperson_id),
            "expires_at": thing.expires_at,
            "created_at": thing.created_at,
            "created_by": makers.get(thing.created_by or 0),
        }
        for thing in things
    ]
