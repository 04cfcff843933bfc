"""API tokens of programs (U1): list, new, revoke. For administrators."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import tokens
from domain.users import Role
from web import database, vocabulary
from web.forms.master_data import TokenForm
from web.pages import guard, lists, records
from web.pages.lists import Column, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("tokens", __name__, url_prefix="/tokens")

COLUMNS = (
    Column("name", FIELDS["name"], "code"),
    Column("role", FIELDS["role"], "choice", words=vocabulary.ROLES),
    Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
    Column("created_at", _("Created"), "instant"),
    Column("created_by", _("Created By"), "code"),
    Column("expires_at", FIELDS["expires_at"], "instant"),
)


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = tokens.page(session, **wanted.place)
    return list(tokens.describe(session, found))


LISTING = lists.register(
    Listing(
        name="tokens",
        columns=COLUMNS,
        filters=(),
        fetch=_fetch,
        key="id",
        sorts=lists.OLDEST_FIRST,
        sorted_by={"created_at": "made"},
        reads=Role.ADMIN,
    )
)


@blueprint.get("/")
@guard.needs(Role.ADMIN)
def index() -> Answer:
    """List the tokens that work."""
    return render_template("users/tokens.html", list=lists.read(LISTING))


@blueprint.route("/new", methods=["GET", "POST"])
@guard.needs(Role.ADMIN)
def new() -> Answer:
    """Make a token and show its secret, once."""
    actor = guard.check_role(Role.ADMIN)
    form = TokenForm(data={"role": "service"}) if request.method == "GET" else TokenForm()
    if request.method == "POST":
        values = form.values()
        last_day = values.get("expires_at")
        if last_day is not None:
            values["expires_at"] = datetime.combine(last_day, time.min, UTC) + timedelta(days=1)
        made = records.attempt(
            form, lambda: tokens.create_token(database.session(), values=values, actor=actor)
        )
        if made is not None:
            return render_template(
                "secret.html",
                title=_("API Token"),
                text=_("Keep this token safe. It is not shown again."),
                secret=made[1],
                back=url_for("pages.tokens.index"),
            )
    return records.form_page("users/new_token.html", form)


@blueprint.post("/<int(max=2000000000):key>/revoke")
@guard.needs(Role.ADMIN)
def revoke(key: int) -> Answer:
    """Make a token useless."""
    session = database.session()
    token = tokens.get(session, key)
    if not guard.confirmed():
        return guard.ask(
            gettext(
                "Revoke the token “%(name)s”? Programs that use it are refused from now on.", name=token.name
            ),
            title=gettext("Revoke"),
            yes=gettext("Revoke"),
            back=url_for("pages.tokens.index"),
        )
    tokens.revoke_token(session, token, actor=guard.check_role(Role.ADMIN))
    flash(gettext("The token “%(name)s” has been revoked.", name=token.name), "good")
    return redirect(url_for("pages.tokens.index"), 303)  # type: ignore[return-value]
