"""Who one is, users, API tokens, and the audit of what everybody changed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from flask import Response, url_for
from pydantic import BaseModel, Field

from domain import audit, tokens, users
from domain.actors import Role
from domain.salespeople import Salesperson
from web import codec, database, identity
from web.api import nouns
from web.api.fields import (
    Code,
    Email,
    Flag,
    Instant,
    Name,
    QueryDay,
    QueryFlag,
    QueryText,
    QueryWhole,
    Secret,
)
from web.api.models import Body, ListQuery, NumberedQuery, Path, Shown, needs
from web.api.replies import created, gone, listing, match, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("users", tag="Users")

RoleName = Literal["viewer", "salesperson", "marketing", "admin", "service"]


class Me(Shown):
    """Who is asking."""

    name: str
    role: RoleName
    salesperson_code: str | None
    language_code: str | None


class UserFields(BaseModel):
    """What is shown of a user."""

    name: Code | None
    display_name: Name | None
    email: Email | None
    role: RoleName | None
    salesperson_code: Code | None
    language_code: Literal["en", "ru"] | None
    timezone: Name | None
    active: Flag | None


class User(Shown, UserFields):
    """A user."""


class UserList(Shown):
    """A page of users."""

    items: list[User]
    next: str | None


class NewUser(Body, UserFields):
    """A user to be made; without a password, sign-in is by a link."""

    model_config = needs("name", "role")
    password: Secret | None


class UserChange(Body, UserFields):
    """Fields of a user to be changed; a new password ends all sessions."""

    model_config = needs()
    password: Secret | None


class UserPath(Path):
    """Which user."""

    thing: ClassVar[str] = users.THING
    name: str


class UserQuery(ListQuery):
    """Which users."""

    q: list[QueryText] | None = None
    role: list[RoleName] | None = None
    active: QueryFlag | None = None


class TokenFields(BaseModel):
    """What is stored of a token, its secret aside."""

    name: Code | None
    role: RoleName | None
    salesperson_code: Code | None
    expires_at: Instant | None


class Token(Shown, TokenFields):
    """A token that is not revoked."""

    id: int
    created_at: Instant
    created_by: str | None


class MadeToken(Token):
    """A token just made, with its secret, which is shown this once."""

    token: str | None


class TokenList(Shown):
    """A page of tokens."""

    items: list[Token]
    next: str | None


class NewToken(Body, TokenFields):
    """A token to be made."""

    model_config = needs("name", "role")
    shows: ClassVar[type[Shown] | None] = Token


class TokenPath(Path):
    """Which token."""

    thing: ClassVar[str] = tokens.THING
    id: int


class TokenQuery(NumberedQuery):
    """Which page of tokens."""


class AuditRecord(Shown):
    """Who changed what, when; `changes` maps fields to [old, new]."""

    id: int
    at: Instant
    user: str
    action: str
    object: str
    object_type: str
    object_key: str
    changes: dict[str, list[Any]]


class AuditList(Shown):
    """A page of the audit, newest first."""

    items: list[AuditRecord]
    next: str | None


class AuditQuery(ListQuery):
    """Which records of the audit."""

    after: QueryWhole | None = Field(default=None, description="Where the page before ended")  # type: ignore[assignment]

    user: list[QueryText] | None = None
    action: list[QueryText] | None = None
    object_type: list[QueryText] | None = None
    object_key: list[QueryText] | None = None
    date_from: QueryDay | None = None
    date_to: QueryDay | None = None


@api.get("/me", responses={200: Me})
@allow(None)
def me() -> Response:
    """Say who is asking."""
    actor = identity.required()
    own = database.session().get(Salesperson, actor.salesperson_id) if actor.salesperson_id else None
    return shown(
        {
            "name": actor.name,
            "role": actor.role.value,
            "salesperson_code": own.code if own else None,
            "language_code": actor.language_code,
        }
    )


@api.get("/users", responses={200: UserList})
@allow(Role.ADMIN)
def index(query: UserQuery) -> Response:
    """List users."""
    return nouns.index(users, query, key="name")


@api.post("/users", responses={201: User})
@allow(Role.ADMIN)
def create(body: NewUser) -> Response:
    """Make a user."""
    session = database.session()
    user = with_faults(
        body, lambda values: users.create_user(session, values=values, actor=identity.required())
    )
    described = users.describe(session, [user])[0]
    return created(described, url_for("api.users.show", name=user.name), stored=users.STORED)


@api.get("/users/<name>", responses={200: User})
@allow(Role.ADMIN)
def show(path: UserPath) -> Response:
    """Show a user."""
    return nouns.show(users, path.name)


@api.patch("/users/<name>", responses={200: User})
@allow(Role.ADMIN)
def change(path: UserPath, body: UserChange) -> Response:
    """Change a user; `active: false` ends all sessions."""
    session = database.session()
    user = users.get(session, path.name, lock=True)
    match(lambda: users.describe(session, [user])[0], users.STORED)
    changed = with_faults(
        body, lambda values: users.change_user(session, user, values=values, actor=identity.required())
    )
    return shown(users.describe(session, [changed])[0], stored=users.STORED)


@api.get("/tokens", responses={200: TokenList})
@allow(Role.ADMIN)
def index_tokens(query: TokenQuery) -> Response:
    """List the tokens that are not revoked."""
    session = database.session()
    return listing(
        query,
        fetch=lambda filters, after, limit: tokens.page(session, after=after, limit=limit),
        describe=lambda rows: tokens.describe(session, rows),
        key=lambda token: token.id,
    )


@api.post("/tokens", responses={201: MadeToken})
@allow(Role.ADMIN)
def create_token(body: NewToken) -> Response:
    """Make a token. The answer alone carries it; under an idempotency key the answer is kept without it."""
    session = database.session()
    token, secret = with_faults(
        body, lambda values: tokens.create_token(session, values=values, actor=identity.required())
    )
    described = tokens.describe(session, [token])[0]
    response = created({**described, "token": secret}, url_for("api.users.show_token", id=token.id))
    response.kept = codec.dumps({**described, "token": None})  # type: ignore[attr-defined]
    return response


@api.get("/tokens/<int:id>", responses={200: Token})
@allow(Role.ADMIN)
def show_token(path: TokenPath) -> Response:
    """Show a token, without its secret."""
    session = database.session()
    return shown(tokens.describe(session, [tokens.get(session, path.id)])[0])


@api.delete("/tokens/<int:id>", responses={204: None})
@allow(Role.ADMIN)
def revoke_token(path: TokenPath) -> Response:
    """Revoke a token."""
    session = database.session()
    tokens.revoke_token(session, tokens.get(session, path.id, lock=True), actor=identity.required())
    return gone()


@api.get("/audit", responses={200: AuditList})
@allow(Role.ADMIN)
def index_audit(query: AuditQuery) -> Response:
    """List what everybody changed, newest first."""
    session = database.session()
    return listing(
        query,
        fetch=lambda filters, after, limit: audit.page(session, filters=filters, after=after, limit=limit),
        describe=lambda rows: audit.describe(session, rows),
        key=lambda row: row.id,
    )
