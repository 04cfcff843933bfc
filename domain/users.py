"""Users: people who sign in, with a password or a one-time link (U1, U2)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import (
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    LargeBinary,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, audit, records, setup
from domain import values as v
from domain.actors import Actor, Role, system
from domain.database import Base, constraints_as_faults
from domain.errors import Conflict, Fault, Faults
from domain.salespeople import Salesperson
from domain.tokens import ApiToken, by_token, create_token, hash_of, revoke_token

__all__ = [
    "Actor",
    "ApiToken",
    "AppUser",
    "LastAdmin",
    "Role",
    "actor_of",
    "by_password",
    "by_token",
    "change_user",
    "create_sign_in_link",
    "create_token",
    "create_user",
    "describe",
    "end_sessions",
    "get",
    "page",
    "revoke_token",
    "system",
    "use_sign_in_link",
]

THING = "user"
STORED: tuple[str, ...] = (
    "name",
    "display_name",
    "email",
    "role",
    "salesperson_code",
    "language_code",
    "timezone",
    "active",
)
LANGUAGES = ("en", "ru")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1_000
SIGN_IN_LINK_LIFE = timedelta(hours=24)


def _password(value: object) -> str | None:
    """Check a password; `None` takes it away, which leaves one-time links."""
    if value is None:
        return None
    if not isinstance(value, str) or not v.is_text(value):
        raise v.Bad("invalid")
    if len(value) < SHORTEST_PASSWORD:
        raise v.Bad("invalid", at_least=SHORTEST_PASSWORD)
    if len(value) > LONGEST_PASSWORD:
        raise v.Bad("too_long", limit=LONGEST_PASSWORD)
    return value


CHECKS: dict[str, v.Check] = {
    "name": v.code(required=True),
    "display_name": v.text(),
    "email": v.email,
    "role": v.choice(*Role, required=True),
    "salesperson_code": v.code(),
    "language_code": v.choice(*LANGUAGES),
    "timezone": v.text(),
    "active": v.flag(required=True),
    "password": _password,
}


class LastAdmin(Conflict):
    """Without this user nobody could administer any more."""

    code: ClassVar[str] = "last_admin"


class AppUser(Base):
    """A person who signs in. `session_epoch` is in the cookie; raising it ends all sessions."""

    __tablename__ = "app_user"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("actor.id"))
    name: Mapped[str]
    display_name: Mapped[str] = mapped_column(default="", server_default="")
    email: Mapped[str] = mapped_column(default="", server_default="")
    password_hash: Mapped[str | None]
    role: Mapped[str]
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salesperson.id"))
    language_code: Mapped[str | None]
    timezone: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")
    sign_in_link_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    sign_in_link_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    session_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def get(session: Session, key: str, *, lock: bool = False) -> AppUser:
    """Find a user by name, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, AppUser, AppUser.name, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[AppUser]:  # fmt: skip
    """Read a page by name, or as `sort` says; filters `q` (name, display name, e-mail), `role`, `active`."""
    conditions: list[ColumnElement[bool]] = []
    if "q" in filters:
        conditions.append(records.contains([AppUser.name, AppUser.display_name, AppUser.email], filters["q"]))
    if "role" in filters:
        conditions.append(AppUser.role.in_(filters["role"]))
    if "active" in filters:
        conditions.append(records.filter_by_flag(AppUser.active, filters["active"]))
    return records.page(
        session, AppUser, AppUser.name, conditions=conditions, after=after, limit=limit, sort=sort
    )


def create_user(session: Session, *, values: Mapping[str, Any], actor: Actor) -> AppUser:
    """Make a user; raise `Invalid` naming every fault. Without a password, sign-in is by link."""
    faults = Faults()
    taken = v.take({"name": None, "role": None, **values}, CHECKS, faults)
    if "name" in taken and (
        taken["name"].lower() == actors.SYSTEM or records.exists_key(session, AppUser.name, taken["name"])
    ):
        faults.add("name", "already_exists", taken["name"])
    columns = _columns(session, taken, faults)
    faults.raise_if_any()
    user = AppUser(**columns, actor_id=actors.claim_name(session, taken["name"]))
    with constraints_as_faults(session, dict(values)):
        session.add(user)
    _record(session, user, actor=actor, action="create", before={})
    return user


def change_user(session: Session, user: AppUser, *, values: Mapping[str, Any], actor: Actor) -> AppUser:
    """Change the given fields; the name stays. A new password and deactivation end all sessions.

    Raises
    ------
    Invalid
        Naming every fault.
    LastAdmin
        If no active administrator were left.
    """
    # In one order for all, so that two administrators cannot take the role from each other at once.
    session.execute(
        select(AppUser.id)
        .where(AppUser.role == Role.ADMIN, AppUser.active)
        .order_by(AppUser.id)
        .with_for_update()
    )
    records.lock(session, user, thing=THING, key=user.name)
    faults = Faults()
    rest = records.key_stays(values, "name", user.name, faults)
    taken = v.take(rest, CHECKS, faults)
    columns = _columns(session, taken, faults)
    faults.raise_if_any()
    _keep_an_admin(session, user, columns)
    before = _stored(session, user)
    deactivated = user.active and columns.get("active") is False
    records.assign(user, columns)
    if deactivated:
        user.sign_in_link_hash = user.sign_in_link_expires_at = None
    if deactivated or "password" in taken:
        user.session_epoch += 1
    session.flush()
    _record(session, user, actor=actor, action="change", before=before)
    if "password" in taken:
        audit.record(session, actor=actor, action="change_password", object_type=THING, object_key=user.name)
    return user


def end_sessions(session: Session, user: AppUser) -> None:
    """End all sessions of a user, as when signing out everywhere."""
    records.lock(session, user, thing=THING, key=user.name)
    user.session_epoch += 1
    session.flush()


def actor_of(session: Session, user: AppUser) -> Actor:
    """Say who acts when this user does."""
    return Actor(
        id=user.actor_id,
        name=user.name,
        role=Role(user.role),
        salesperson_id=user.salesperson_id,
        language_code=user.language_code,
        timezone=user.timezone,
        user_id=user.id,
    )


def by_password(session: Session, *, name: str, password: str) -> AppUser | None:
    """Find the active user with this name and password, `None` if there is none.

    It takes as long for a name nobody has as for a wrong password.
    """
    user = None
    if v.is_text(name):
        user = session.scalars(
            select(AppUser).where(func.lower(AppUser.name) == func.lower(name))
        ).one_or_none()
    kept = user.password_hash if user and user.active and user.password_hash else None
    matches = _verify(kept or _nobodys_hash(), password)
    if user is None or kept is None or not matches:
        return None
    if _hasher().check_needs_rehash(kept):
        user.password_hash = _hasher().hash(password)
        session.flush()
    return user


def create_sign_in_link(session: Session, user: AppUser, *, actor: Actor | None = None) -> str:
    """Make the secret of a link that signs `user` in once within 24 hours; it replaces an earlier one.

    Parameters
    ----------
    actor
        Who asked for it; the system (command line, first start) unless said.
    """
    secret = secrets.token_urlsafe(32)
    records.lock(session, user, thing=THING, key=user.name)
    user.sign_in_link_hash = hash_of(secret)
    user.sign_in_link_expires_at = session.scalar(select(func.now() + SIGN_IN_LINK_LIFE))
    session.flush()
    audit.record(
        session,
        actor=actor or system(session),
        action="create_sign_in_link",
        object_type=THING,
        object_key=user.name,
    )
    return secret


def use_sign_in_link(session: Session, *, token: str) -> AppUser | None:
    """Spend a sign-in link; return its user, or `None` if it is not (or no longer) good."""
    spent = session.execute(
        update(AppUser)
        .where(
            AppUser.sign_in_link_hash == hash_of(token),
            AppUser.sign_in_link_expires_at > func.now(),
            AppUser.active,
        )
        .values(sign_in_link_hash=None, sign_in_link_expires_at=None)
        .returning(AppUser.id)
    ).scalar_one_or_none()
    return session.get(AppUser, spent, populate_existing=True) if spent is not None else None


def describe(session: Session, things: Sequence[AppUser]) -> list[dict[str, Any]]:
    """Give users their API shape; nothing secret is among the fields."""
    codes = records.keys_of(
        session, Salesperson.id, Salesperson.code, {thing.salesperson_id for thing in things}
    )
    return [
        {
            "name": thing.name,
            "display_name": thing.display_name,
            "email": thing.email,
            "role": thing.role,
            "salesperson_code": codes.get(thing.salesperson_id),
            "language_code": thing.language_code,
            "timezone": thing.timezone,
            "active": thing.active,
        }
        for thing in things
    ]


def _columns(session: Session, taken: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    columns = dict(taken)
    if "salesperson_code" in columns:
        salesperson = records.refer(
            session,
            Salesperson,
            Salesperson.code,
            columns.pop("salesperson_code"),
            field="salesperson_code",
            faults=faults,
        )
        columns["salesperson_id"] = salesperson.id if salesperson else None
    if "timezone" in columns:
        columns["timezone"] = columns["timezone"] or None
        if columns["timezone"] and not setup.is_timezone(session, columns["timezone"]):
            faults.add("timezone", "unknown", columns["timezone"])
    if "password" in columns:
        password = columns.pop("password")
        columns["password_hash"] = None if password is None or faults else _hasher().hash(password)
    return columns


def _keep_an_admin(session: Session, user: AppUser, columns: Mapping[str, Any]) -> None:
    was = user.active and user.role == Role.ADMIN
    stays = columns.get("active", user.active) and columns.get("role", user.role) == Role.ADMIN
    others = exists().where(AppUser.role == Role.ADMIN, AppUser.active, AppUser.id != user.id)
    if was and not stays and not session.scalar(select(others)):
        field = "active" if columns.get("active") is False else "role"
        raise LastAdmin([Fault(field, "last_admin", columns[field])])


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher().verify(kept, password.encode(errors="replace")[: 4 * LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe(32))


def _stored(session: Session, user: AppUser) -> dict[str, Any]:
    return describe(session, [user])[0]


def _record(session: Session, user: AppUser, *, actor: Actor, action: str, before: Mapping[str, Any]) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=user.name,
        before=before,
        after=_stored(session, user),
    )
