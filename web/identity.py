"""Who asks: the actor behind a request, from an API token or from the session cookie of a signed-in page.

A cookie carries the user's key and session epoch, so raising the epoch ends all sessions of a user at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, g, request
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from domain import users
from domain.actors import Actor, Role
from domain.errors import Forbidden, Refusal
from domain.users import AppUser
from web import database

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRFToken"


class NotSignedIn(Refusal):
    """Nobody gets in without signing in or a token (U1)."""

    code = "not_signed_in"


class CsrfMissing(Refusal):
    """A change asked for with a session cookie carries the CSRF token, so that no other site can ask for it."""

    code = "csrf"


class SignedIn(UserMixin):
    """The user of a session cookie, as Flask-Login keeps it."""

    def __init__(self, user: AppUser) -> None:
        self.user = user

    def get_id(self) -> str:
        """Return what the cookie says of the user: key and session epoch."""
        return f"{self.user.id}.{self.user.session_epoch}"


def init_app(app: Flask) -> None:
    """Let `app` know its users by their session cookies."""
    # No context processor: an error page must be shown without asking a database that may be away.
    manager = LoginManager(app, add_context_processor=False)
    manager.user_loader(_of_cookie)


def sign_in(user: AppUser) -> None:
    """Begin a session of `user` in this browser."""
    login_user(SignedIn(user))
    g.pop("actor", None)


def sign_out() -> None:
    """End the session of this browser."""
    logout_user()
    g.pop("actor", None)


def actor() -> Actor | None:
    """Return who asks, or None. A request with an `Authorization` header is judged by that alone."""
    if "actor" not in g:
        g.actor = (
            _of_token() if request.authorization or "Authorization" in request.headers else _of_session()
        )
    found: Actor | None = g.actor
    return found


def required() -> Actor:
    """Return who asks.

    Raises
    ------
    NotSignedIn
        If nobody is signed in, or the token is not valid.
    """
    found = actor()
    if found is None:
        raise NotSignedIn()
    return found


def require(*roles: Role) -> Actor:
    """Return who asks if their role includes one of `roles`; none means that anybody signed in may.

    Raises
    ------
    NotSignedIn, Forbidden, CsrfMissing
    """
    found = required()
    if roles and not any(found.role.includes(role) for role in roles):
        raise Forbidden()
    if request.method not in SAFE_METHODS and "Authorization" not in request.headers:
        check_csrf()
    return found


def check_csrf() -> None:
    """Check the CSRF token of a request that a session cookie vouches for.

    Raises
    ------
    CsrfMissing
    """
    try:
        validate_csrf(request.headers.get(CSRF_HEADER, ""))
    except ValidationError as error:
        raise CsrfMissing() from error


def allow(*roles: Role | None) -> Callable[[View], View]:
    """Mark a view of the API with the least roles it wants, one of which is enough; None: whoever is signed in."""

    def mark(view: View) -> View:
        view.roles = tuple(role for role in roles if role is not None)  # type: ignore[attr-defined]
        return view

    return mark


def _of_token() -> Actor | None:
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        return None
    return users.by_token(database.session(), token=authorization.token)


def _of_session() -> Actor | None:
    if not current_user.is_authenticated:
        return None
    return users.actor_of(database.session(), current_user.user)


def _of_cookie(identifier: str) -> SignedIn | None:
    key, _, epoch = identifier.partition(".")
    if not (key.isdigit() and epoch.isdigit()):
        return None
    user = database.session().get(AppUser, int(key))
    if user is None or not user.active or user.session_epoch != int(epoch):
        return None
    return SignedIn(user)
