"""Document Events (D7): the ledger of what was printed or sent and what became of it, and Replay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext, to_utc
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import document_events, document_replay
from domain.document_events import REPLAYABLE, Outcome
from domain.errors import Fault, Invalid
from domain.users import Role
from web import database, identity, vocabulary
from web.document_events import described
from web.pages import guard, layout, lists
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer
from web.vocabulary import FIELDS

blueprint = Blueprint("document_events", __name__, url_prefix="/document-events")

CARD = "pages.document_events.card"
# What somebody should look at, in the order of the tabs.
ATTENTION = (Outcome.UNRESOLVED, Outcome.IGNORED, Outcome.REJECTED, Outcome.SUPPRESSED)
COLUMNS = (
    Column("happened_at", _("Event Time"), "instant", endpoint=CARD, key="position"),
    Column("outcome", _("Outcome"), "choice", words=vocabulary.EVENT_OUTCOMES),
    Column("document_type", FIELDS["document_type"], "choice", words=vocabulary.DOCUMENT_TYPES),
    Column("document_no", FIELDS["document_no"], "code"),
    Column("account", _("Account"), "code"),
    Column("contact_no", FIELDS["contact_no"], "code", endpoint="pages.contacts.card"),
    Column("contact_name", FIELDS["name"]),
    Column("entry_no", FIELDS["entry_no"], "number", endpoint="pages.interactions.card", plain=True),
    Column("source", FIELDS["source"]),
    Column("reason", _("Reason")),
)
MORE_COLUMNS = (
    Column("id", _("Event ID"), "code"),
    Column("received_at", _("Received"), "instant"),
    Column("door", _("Came by"), "choice", words=vocabulary.EVENT_DOORS),
    Column("description", FIELDS["description"]),
)
FILTERS = (
    Filter("outcome", _("Outcome"), words=vocabulary.EVENT_OUTCOMES),
    Filter("document_type", FIELDS["document_type"], words=vocabulary.DOCUMENT_TYPES),
    Filter("document_no", FIELDS["document_no"]),
    Filter("contact_no", FIELDS["contact_no"], "code", lookup="contact"),
    Filter("from", _("From Date"), "date"),
    Filter("to", _("To Date"), "date"),
    Filter("source", FIELDS["source"], is_more=True),
    Filter("id", _("Event ID"), is_more=True),
    Filter("door", _("Came by"), words=vocabulary.EVENT_DOORS, is_more=True),
    Filter("conflicts", _("Conflicts"), words={"true": _("Yes"), "false": _("No")}, is_more=True),
)


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = document_events.page(
        session,
        filters=_by_instant(wanted.filters),
        reader=identity.required(),
        **{**wanted.place, "after": wanted.after},
    )
    return [_row(event) for event in described(found)]


LISTING = lists.register(
    Listing(
        name="document_events",
        columns=COLUMNS,
        more_columns=MORE_COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key="position",
        sorts=lists.NEWEST_FIRST,
        sorted_by={"received_at": "made"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List the events that match the filters, in the order in which they came."""
    shown = lists.read(LISTING)
    return render_template(
        "document_events/list.html",
        list=shown,
        counts=document_events.counts(database.session(), outcomes=ATTENTION),
        attention=ATTENTION,
        chosen=lists.given(shown.filters),
    )


@blueprint.get("/<int:key>")
def card(key: int) -> Answer:
    """Show everything that came, and what became of it."""
    (event,) = described([document_events.get(database.session(), key)])
    return render_template("document_events/card.html", event=_row(event))


@blueprint.get("/<int:key>/link")
def link(key: int) -> Answer:
    """Lead to the card of a contact that the event's account is to be linked to, with the account filled in."""
    event = _row(document_events.get(database.session(), key))
    contact_no = request.args.get("contact_no", "").strip()
    if not contact_no:
        return redirect(url_for(CARD, key=key), 303)  # type: ignore[return-value]
    target = url_for("pages.contacts.card", key=contact_no, **_account(event["reasons"]))
    return redirect(target, 303)  # type: ignore[return-value]


@blueprint.post("/replay")
@guard.needs(Role.ADMIN)
def replay() -> Answer:
    """Ask for events to be tried again: those selected, or all that match the filters of the list."""
    session = database.session()
    values = _chosen()
    if not values:
        flash(gettext("No event is selected."), "warn")
        return redirect(url_for("pages.document_events.index"), 303)  # type: ignore[return-value]
    if not guard.confirmed():
        count = document_replay.count(session, values=values)
        return guard.ask(
            ngettext("Try %(n)s event again?", "Try %(n)s events again?", count, n=layout.number(count)),
            title=gettext("Replay"),
            yes=gettext("Replay"),
            back=url_for("pages.document_events.index"),
        )
    job = document_replay.request(session, values=values, actor=identity.required())
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]


def _chosen() -> dict[str, Any]:
    """Read from a form which events to try again."""
    chosen = lists.selected(LISTING, "position")
    if not chosen.is_all:
        return {"positions": chosen.numbers} if chosen.numbers else {}
    return {"filter": _by_instant(chosen.given)} if chosen.given else {"all": True}


def _by_instant(filters: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Say days, which are those of the time zone that times are shown in, as instants; the last day counts in full."""
    read = dict(filters)
    for name, days in (("from", 0), ("to", 1)):
        if name in read:
            try:
                day = dt.date.fromisoformat(read[name][0]) + dt.timedelta(days=days)
                read[name] = [to_utc(dt.datetime.combine(day, dt.time())).isoformat() + "Z"]
            except (ValueError, OverflowError) as error:
                raise Invalid([Fault(f"query.{name}", "invalid", read[name][0])]) from error
    return read


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give an event the fields of its document, and the way to what can be mended."""
    data = event["data"] or {}
    names = ("document_type", "document_no", "document_version", "document_occurrence", "description")
    return {
        **event,
        **{name: data.get(name) for name in names},
        "happened_at": event["time"] or event["received_at"],
        "account": data.get("account_no") or data.get("contact_no"),
        "can_replay": event["outcome"] in REPLAYABLE,
        "remedy": _remedy(event["reasons"]),
    }


def _account(reasons: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the account that no contact is linked to, as parameters of the contact's page."""
    for reason in reasons:
        if reason["code"] == "no_contact":
            return {"account_type": reason["account_type"], "account_no": reason["account_no"]}
    return {}


def _remedy(reasons: list[dict[str, Any]]) -> tuple[str, str] | None:
    """Say where what kept an event from being recorded can be mended: an address and what is done there."""
    for reason in reasons:
        match reason["code"]:
            case "no_template":
                address = url_for("pages.template_setup.show", _anchor=reason["document_type"])
                return address, gettext("Set up a template")
            case "no_contact" if guard.may(Role.MARKETING):
                return url_for("pages.contacts.new", **_account(reasons)), gettext("Create the contact")
            case "contact_unknown" if guard.may(Role.MARKETING):
                address = url_for("pages.contacts.new", no=reason["contact_no"])
                return address, gettext("Create the contact")
            case "privacy_blocked" | "contact_erased":
                address = url_for("pages.contacts.card", key=reason["contact_no"])
                return address, gettext("Show the contact")
    return None
