"""The user's own settings: language, theme, time zone, password."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain import setup, users
from domain.errors import Fault, Forbidden, Invalid, Refusal
from web import database, i18n, identity, messages
from web.forms.base import RecordForm, show_faults
from web.pages import guard, layout, records
from web.pages.records import Answer
from web.pages.sign_in import SecretField

blueprint = Blueprint("account", __name__)
YEAR = 365 * 24 * 3600


class PasswordForm(RecordForm):
    """A new password, and the one it replaces."""

    current = SecretField(_("Current password"), render_kw={"autocomplete": "current-password"})
    password = SecretField(_("New password"), render_kw={"autocomplete": "new-password"})
    repeated = SecretField(_("New password again"), render_kw={"autocomplete": "new-password"})


@blueprint.post("/language")
@guard.open_to_all
def switch_language() -> Answer:
    """Switch the language: of this browser, and of the user if somebody is signed in."""
    answer = redirect(guard.safe_next(request.form.get("next")), 303)
    language = request.form.get("language")
    if language in i18n.LANGUAGES:
        answer.set_cookie(i18n.COOKIE, language, max_age=YEAR, samesite="Lax", httponly=True)
        actor = identity.actor()
        if actor is not None and actor.user_id is not None:
            session = database.session()
            user = users.get(session, actor.name, lock=True)
            users.change_user(session, user, values={"language_code": language}, actor=actor)
    return answer  # type: ignore[return-value]


@blueprint.post("/appearance")
def appearance() -> Answer:
    """Keep the theme chosen for this browser."""
    answer = redirect(guard.safe_next(request.form.get("next")), 303)
    if request.form.get("theme") in layout.THEMES:
        answer.set_cookie(
            layout.THEME_COOKIE, request.form["theme"], max_age=YEAR, samesite="Lax", httponly=True
        )
    return answer  # type: ignore[return-value]


@blueprint.post("/time-zone")
def timezone() -> Answer:
    """Keep the time zone that the user sees times in; blank is that of the setup."""
    session, actor = database.session(), identity.required()
    back = redirect(url_for("pages.account.show"), 303)
    if actor.user_id is None:
        raise Forbidden()
    try:
        users.change_user(
            session,
            users.get(session, actor.name, lock=True),
            values={"timezone": request.form.get("timezone", "").strip() or None},
            actor=actor,
        )
        flash(gettext("Saved."), "good")
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
    return back  # type: ignore[return-value]


@blueprint.route("/my-settings", methods=["GET", "POST"])
def show() -> Answer:
    """Show the user's settings; POST changes the password."""
    actor = identity.required()
    form = PasswordForm()
    if request.method == "POST" and _change_password(form, actor):
        flash(gettext("The password has been changed."), "good")
        return redirect(url_for("pages.account.show"), 303)  # type: ignore[return-value]
    return records.form_page(
        "account/card.html",
        form,
        has_user=actor.user_id is not None,
        timezone=actor.timezone or "",
        setup_timezone=setup.get(database.session()).timezone,
        timezones=sorted(available_timezones()),
    )


def _change_password(form: PasswordForm, actor: users.Actor) -> bool:
    session = database.session()
    user = users.get(session, actor.name)
    faults = []
    if user.password_hash is not None and (
        not form.current.data
        or users.by_password(session, name=user.name, password=form.current.data) is None
    ):
        form.current.errors = [gettext("This is not your current password.")]
    if form.password.data != form.repeated.data:
        form.repeated.errors = [gettext("The two new passwords differ.")]
    if not form.password.data:
        faults.append(Fault("password", "required"))
    if faults:
        show_faults(form, Invalid(faults))
    if form.faulty_fields():
        database.undo()
        return False
    changed = records.attempt(
        form,
        lambda: users.change_user(
            session,
            users.get(session, actor.name, lock=True),
            values={"password": form.password.data},
            actor=actor,
        ),
    )
    if changed is not None:
        identity.sign_in(changed)
    return changed is not None
