"""The timeline of a contact: on its card, and page by page below it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from domain import contacts, timeline
from domain.contacts import Contact
from domain.timeline import Place
from web import database
from web.pages.records import Answer

blueprint = Blueprint("timeline", __name__, url_prefix="/contacts/<key>/timeline")

LIMIT = 20


@blueprint.get("/")
def show(key: str) -> Answer:
    """Show the timeline from a place on; scripts append it to what is shown already."""
    session = database.session()
    contact = contacts.get(session, key)
    written = request.args.get("after")
    after = Place.read(written) if written else None
    return render_template("contacts/timeline.html", contact=contact, **read(session, contact, after=after))


def read(session: Session, contact: Contact, *, after: Place | None = None) -> dict[str, Any]:
    """Read a page of the timeline, and where the next one begins; `own=yes` leaves a company's people out."""
    own = request.args.get("own") == "yes"
    entries = timeline.page(session, contact, after=after, limit=LIMIT + 1, company=not own)
    shown = entries[:LIMIT]
    return {
        "timeline": shown,
        "timeline_own": own,
        "timeline_next": timeline.place_of(shown) if len(entries) > LIMIT else None,
    }
