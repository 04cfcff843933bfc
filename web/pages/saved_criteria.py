"""Saved Criteria (S8): list, card in plain words, delete. They are saved and applied on a segment's page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import saved_criteria
from domain.users import Role
from web import database, identity
from web.pages import guard, lists
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("saved_criteria", __name__, url_prefix="/saved-criteria")

COLUMNS = (
    Column("code", FIELDS["code"], "code", endpoint="pages.saved_criteria.card"),
    Column("description", FIELDS["description"]),
    Column("actions_count", _("Actions"), "number"),
    Column("user", FIELDS["user"], "code"),
    Column("created_at", _("Saved"), "instant"),
)
FILTERS = (Filter("q", _("Search"), "search", hint=_("Code or description")),)


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = saved_criteria.page(
        session, filters=wanted.filters, after=wanted.after, limit=wanted.limit, sort=wanted.sort
    )
    rows = saved_criteria.describe(session, found)
    return [{**row, "id": saved.id} for row, saved in zip(rows, found, strict=True)]


LISTING = lists.register(
    Listing(
        name="saved_criteria",
        columns=COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key=lists.by_key("code"),
        sorts=lists.BY_KEY,
        sorted_by={"code": "key", "created_at": "made"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List saved criteria."""
    return render_template("saved_criteria/list.html", list=lists.read(LISTING))


@blueprint.get("/<key>")
def card(key: str) -> Answer:
    """Show saved criteria in words."""
    session = database.session()
    saved = saved_criteria.describe(session, [saved_criteria.get(session, key)])[0]
    return render_template("saved_criteria/card.html", saved=saved)


@blueprint.post("/<key>/delete")
@guard.needs(Role.MARKETING)
def delete(key: str) -> Answer:
    """Delete saved criteria after a question."""
    session = database.session()
    saved = saved_criteria.get(session, key, lock=True)
    if not guard.confirmed():
        return guard.ask(
            gettext("Delete the saved criteria “%(code)s”? Segments built by them stay.", code=saved.code),
            title=gettext("Delete"),
            yes=gettext("Delete"),
            back=url_for("pages.saved_criteria.card", key=saved.code),
        )
    saved_criteria.delete(session, saved, actor=identity.required())
    flash(gettext("The saved criteria “%(code)s” have been deleted.", code=key), "good")
    return redirect(url_for("pages.saved_criteria.index"), 303)  # type: ignore[return-value]
