"""Signing in and out (U1): by password, or by a one-time link that only a press of its button uses up."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from wtforms.widgets import PasswordInput

from domain import users
from web import database, identity
from web.forms.base import RecordForm
from web.forms.fields import TextField
from web.pages import guard
from web.pages.records import Answer

blueprint = Blueprint("sign_in", __name__)

# Status of an attempt that did not succeed; only these count against the limit.
FAILED = 422


class SecretField(TextField):
    """A password: kept as typed, never shown again."""

    widget = PasswordInput(hide_value=True)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0] if valuelist and valuelist[0] else None


class SignInForm(RecordForm):
    """User name and password."""

    name = TextField(_("User Name"), render_kw={"autocomplete": "username", "autocapitalize": "none"})
    password = SecretField(_("Password"), render_kw={"autocomplete": "current-password"})


@blueprint.route("/sign-in", methods=["GET", "POST"])
@guard.open_to_all
def show() -> Answer:
    """Ask for user name and password."""
    form = SignInForm()
    target = guard.safe_next(request.args.get("next"))
    if request.method == "GET":
        if identity.actor() is not None:
            return redirect(target, 303)  # type: ignore[return-value]
        return render_template("sign_in/form.html", form=form)
    user = None
    if form.name.data and form.password.data:
        user = users.by_password(database.session(), name=form.name.data, password=form.password.data)
    if user is None:
        database.undo()
        form.form_errors.append(gettext("The user name or the password is wrong."))
        return make_response(render_template("sign_in/form.html", form=form), FAILED)
    _begin(user)
    return redirect(target, 303)  # type: ignore[return-value]


@blueprint.route("/sign-in/link/<token>", methods=["GET", "POST"])
@guard.open_to_all
def link(token: str) -> Answer:
    """Show the button of a one-time link (GET uses nothing up, so previews do no harm); sign in by POST."""
    if request.method == "GET":
        return render_template("sign_in/link.html")
    user = users.use_sign_in_link(database.session(), token=token)
    if user is None:
        database.undo()
        form = SignInForm(formdata=None)
        form.form_errors.append(
            gettext("This link has been used or is too old. Ask an administrator for a new one.")
        )
        return make_response(render_template("sign_in/form.html", form=form), FAILED)
    _begin(user)
    return redirect(url_for("pages.home.show"), 303)  # type: ignore[return-value]


@blueprint.post("/sign-out")
@guard.open_to_all
def sign_out() -> Answer:
    """End the session of this browser."""
    identity.sign_out()
    session.clear()
    return redirect(url_for("pages.sign_in.show"), 303)  # type: ignore[return-value]


def limit(app: Flask) -> None:
    """Allow only so many failed attempts a minute, for each address and for each user name."""
    limiter: Limiter = app.extensions["rate_limiter"]
    views: dict[str, Any] = app.view_functions
    for endpoint, key in LIMITED:
        views[endpoint] = limiter.limit(
            lambda: f"{app.config['SIGN_INS_PER_MINUTE']}/minute",
            methods=["POST"],
            key_func=key,
            deduct_when=lambda response: response.status_code == FAILED,
        )(views[endpoint])


def _name_tried() -> str:
    return "user " + request.form.get("name", "").strip().lower()[:100]


def _who_asks() -> str:
    actor = identity.actor()
    return f"password of {actor.name}" if actor else get_remote_address()


LIMITED = (
    ("pages.sign_in.show", get_remote_address),
    ("pages.sign_in.show", _name_tried),
    ("pages.sign_in.link", get_remote_address),
    # A new password is given by whoever knows the old one, not by whoever finds a browser signed in.
    ("pages.account.show", _who_asks),
)


def _begin(user: users.AppUser) -> None:
    """Begin a session with nothing in it of who sat here before."""
    session.clear()
    identity.sign_in(user)
