"""What all lists have: files of what they show, chosen columns, views saved under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, request
from flask_babel import gettext

from domain import list_settings
from domain.errors import Refusal
from web import database, downloads, identity, messages
from web.pages import guard, lists
from web.pages.lists import Column, Listing
from web.pages.records import Answer

blueprint = Blueprint("list_actions", __name__, url_prefix="/lists/<name>")

# Rows read at a time for a file; with 5,000 the cost of a page is that of its rows.
ROWS = 5_000


@blueprint.get("/export.<any(csv, xlsx):form>")
def export(name: str, form: str) -> Answer:
    """Give the rows that match as a file with the columns that are shown; codes are in words."""
    listing = _listing(name)
    columns = lists.columns(listing)
    asked = lists.wanted(listing, of=request.args.get("of"), limit=ROWS)
    pages = lists.every_page(database.transaction, listing, asked)
    write = downloads.csv if form == "csv" else downloads.xlsx
    database.rest()
    return write(
        ([_in_words(columns, row) for row in rows] for rows in pages),
        columns={column.name: column.label for column in columns},
        name=f"{name.replace('_', '-')}.{form}",
    )


def _in_words(columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
    said = {}
    for column in columns:
        value = column.value_of(row)
        said[column.name] = str(column.words.get(value, value)) if column.words and value else value
    return said


@blueprint.post("/columns")
def choose_columns(name: str) -> Answer:
    """Keep which columns the user wants to see."""
    listing = _listing(name)
    chosen = [each for each in listing.all_columns if each in request.form.getlist("column")]
    usual = [column.name for column in listing.columns]
    list_settings.choose_columns(
        database.session(),
        actor=identity.required(),
        list=name,
        chosen=[] if chosen == usual or "usual" in request.form else chosen,
    )
    return _back()


@blueprint.post("/views")
def save_view(name: str) -> Answer:
    """Save filters, order and columns under a name."""
    listing = _listing(name)
    names = (*(each.name for each in listing.filters), "sort", "columns")
    view = {each: request.form[each] for each in names if request.form.get(each)}
    try:
        list_settings.save_filter(
            database.session(),
            actor=identity.required(),
            list=name,
            name=request.form.get("view_name", ""),
            filters=view,
        )
        flash(gettext("The view has been saved."), "good")
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
    return _back()


@blueprint.post("/views/forget")
def forget_view(name: str) -> Answer:
    """Forget a saved view."""
    listing, view = _listing(name), request.form.get("view_name", "")
    list_settings.forget_filter(database.session(), actor=identity.required(), list=listing.name, name=view)
    flash(gettext("The saved view “%(name)s” has been deleted.", name=view), "good")
    return _back()


def _listing(name: str) -> Listing:
    """Find the listing of this name, for those who may see it."""
    listing = lists.LISTINGS.get(name) or abort(404)
    guard.check_role(listing.reads)
    return listing


def _back() -> Answer:
    return redirect(guard.safe_next(request.form.get("next")), 303)  # type: ignore[return-value]
