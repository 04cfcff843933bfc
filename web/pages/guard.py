"""Who may see a page, and the question before what cannot be undone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for

from domain.errors import Forbidden
from domain.users import Actor, Role
from web import identity

View = TypeVar("View", bound=Callable[..., Any])


def protect(pages: Blueprint) -> None:
    """Let nobody reach a view of `pages` who is not signed in, except those marked `open_to_all`."""

    @pages.before_request
    def check() -> Any:
        view = current_app.view_functions[request.endpoint or ""]
        actor = identity.actor()
        if getattr(view, "open_to_all", False):
            return None
        if actor is None:
            return _to_sign_in()
        if not actor.role.includes(Role.VIEWER):
            raise Forbidden()
        return None


def open_to_all(view: View) -> View:
    """Mark a view that needs no sign-in."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def needs(role: Role) -> Callable[[View], View]:
    """Keep a view for users whose role includes `role` (U1); others are refused."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            check_role(role)
            return view(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    return decorate


def check_role(role: Role) -> Actor:
    """Return who asks.

    Raises
    ------
    Forbidden
        If their role does not include `role`.
    """
    actor = identity.required()
    if not actor.role.includes(role):
        raise Forbidden()
    return actor


def may(role: str) -> bool:
    """Tell whether the one who asks has the rights of `role`; templates leave out what is not allowed."""
    actor = identity.actor()
    return actor is not None and actor.role.includes(Role(role))


def confirmed() -> bool:
    """Tell whether the user has said yes to what this POST will do."""
    return request.form.get("confirmed") == "yes"


def ask(question: str, *, title: str, yes: str, back: str) -> str:
    """Show the question of a POST that was not confirmed in a dialog, as a page with a form of its own."""
    given = [
        (name, value)
        for name, values in request.form.lists()
        if name not in ("csrf_token", "confirmed")
        for value in values
    ]
    return render_template("confirm.html", question=question, title=title, yes=yes, back=back, given=given)


def safe_next(target: str | None) -> str:
    """Return `target` if it is a path of this site, else the home page."""
    parts = urlsplit(target or "")
    plain = "\\" not in (target or "") and (target or "").isprintable()
    if target and plain and target.startswith("/") and not target.startswith("//") and not parts.netloc:
        return target
    return url_for("pages.home.show")


def _to_sign_in() -> Response:
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    if wanted in (None, "/"):
        return redirect(url_for("pages.sign_in.show"), 303)  # type: ignore[return-value]
    return redirect(url_for("pages.sign_in.show", next=wanted), 303)  # type: ignore[return-value]
