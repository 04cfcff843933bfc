"""Users (U1, U2): list, card, one-time sign-in links. For administrators."""

from __future__ import annotations

from flask import render_template, url_for
from flask_babel import lazy_gettext as _

from domain import audit, users
from domain.users import Role
from web import database, vocabulary
from web.forms.master_data import UserForm
from web.pages import guard, records
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS

NOUN = records.Noun(
    name="users",
    module=users,
    key="name",
    form=UserForm,
    plural=_("Users"),
    singular=_("User"),
    new=_("New user"),
    lead=_("Who can sign in, and what they may do."),
    empty="",
    columns=(
        Column("name", _("User Name"), "code", endpoint="pages.users.card"),
        Column("display_name", FIELDS["display_name"]),
        Column("email", FIELDS["email"]),
        Column("role", FIELDS["role"], "choice", words=vocabulary.ROLES),
        Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
        Column("active", FIELDS["active"], "flag"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=_("Name or email")),
        Filter("role", FIELDS["role"], words=vocabulary.ROLES),
        Filter("active", FIELDS["active"], words={"true": _("Yes"), "false": _("No")}),
    ),
    reads=Role.ADMIN,
    deletable=False,
    card="users/card.html",
    title_field="display_name",
    create=users.create_user,
    change=users.change_user,
    defaults=lambda: {"active": True, "role": "salesperson"},
)
blueprint = records.blueprint(NOUN, __name__)


@blueprint.post("/<key>/sign-in-link")
@guard.needs(Role.ADMIN)
def sign_in_link(key: str) -> records.Answer:
    """Make a one-time sign-in link and show it, once."""
    session = database.session()
    user = users.get(session, key)
    token = users.create_sign_in_link(session, user)
    audit.record(
        session,
        actor=guard.check_role(Role.ADMIN),
        action="create_sign_in_link",
        object_type="user",
        object_key=user.name,
    )
    return render_template(
        "secret.html",
        title=_("One-time sign-in link"),
        text=_("Give this link to the user. It works once, within 24 hours, and is not shown again."),
        secret=url_for("pages.sign_in.link", token=token, _external=True),
        back=NOUN.url("card", key=user.name),
    )
