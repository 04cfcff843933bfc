"""Contacts (C1 to C3): list with search, card with statistics and the latest interactions."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import contacts, segment_lines, segments
from domain.errors import Refusal
from domain.users import Role
from web import database, identity, messages, vocabulary
from web.forms.base import RecordForm
from web.forms.contacts import ContactForm
from web.pages import guard, layout, postponed, records, statistics, timeline
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS


def _extra(session: Session, contact: Any, stored: records.Stored) -> dict[str, Any]:
    return {
        **statistics.of(session, "contact", contact, {"contact_no": stored["no"]}),
        "postponed": postponed.of(session, contact_no=stored["no"]),
        **timeline.read(session, contact),
        **({"is_editable": False} if stored["erased"] else {}),
    }


def _wanted_accounts() -> list[dict[str, str]]:
    """Read the account that a contact is wanted for, from where its lack was noticed (document events, D3)."""
    type, no = request.args.get("account_type", ""), request.args.get("account_no", "")
    return [{"type": type, "no": no}] if type in vocabulary.ACCOUNT_TYPES and no else []


def _add_account(form: RecordForm, _stored: records.Stored) -> None:
    """Fill the blank row of accounts with the account that is wanted."""
    if request.method == "GET":
        for account in _wanted_accounts():
            row = form["accounts"].entries[-1].form
            row["type"].data, row["no"].data = account["type"], account["no"]


NOUN = records.Noun(
    name="contacts",
    module=contacts,
    key="no",
    form=ContactForm,
    plural=_("Contacts"),
    singular=_("Contact"),
    new=_("New contact"),
    lead=_("Companies and people, with everything that has passed between you and them."),
    empty=_("Create the first contact, or import many with the command “interlog import contacts”."),
    columns=(
        Column("no", FIELDS["no"], "code", endpoint="pages.contacts.card"),
        Column("name", FIELDS["name"]),
        Column("type", FIELDS["type"], "choice", words=vocabulary.CONTACT_TYPES),
        Column("company_no", FIELDS["company_no"], "code", endpoint="pages.contacts.card"),
        Column("country_code", FIELDS["country_code"], "code"),
        Column("city", FIELDS["city"]),
        Column("email", FIELDS["email"]),
        Column("phone", FIELDS["phone"]),
        Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
        Column("privacy_blocked", FIELDS["privacy_blocked"], "flag"),
    ),
    more_columns=(
        Column("mobile_phone", FIELDS["mobile_phone"]),
        Column("address", FIELDS["address"]),
        Column("post_code", FIELDS["post_code"], "code"),
        Column("territory_code", FIELDS["territory_code"], "code"),
        Column("language_code", FIELDS["language_code"], "code"),
        Column(
            "correspondence_type",
            FIELDS["correspondence_type"],
            "choice",
            words=vocabulary.CORRESPONDENCE_TYPES,
        ),
        Column("exclude_from_segment", FIELDS["exclude_from_segment"], "flag"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=_("No., name, email, city …")),
        Filter("type", FIELDS["type"], words=vocabulary.CONTACT_TYPES),
        Filter("salesperson_code", FIELDS["salesperson_code"], "code", lookup="salesperson"),
        Filter("company_no", FIELDS["company_no"], "code", lookup="company", is_more=True),
        Filter("account_type", _("Account Type"), words=vocabulary.ACCOUNT_TYPES, is_more=True),
        Filter("account_no", _("Account No."), is_more=True),
    ),
    writes=Role.MARKETING,
    list="contacts/list.html",
    card="contacts/card.html",
    extra=_extra,
    title_field="name",
    defaults=lambda: {"type": "company", "no": request.args.get("no"), "accounts": _wanted_accounts()},
    prepare=_add_account,
)
blueprint = records.blueprint(NOUN, __name__)


@blueprint.post("/add-to-segment")
@guard.needs(Role.MARKETING)
def add_to_segment() -> records.Answer:
    """Add the selected contacts to an active segment, by hand (S4); those that are there already stay as they are."""
    session, nos = database.session(), request.form.getlist("no")
    back = redirect(url_for("pages.contacts.index"), 303)
    if not nos:
        flash(gettext("Select contacts first."), "warn")
        return back  # type: ignore[return-value]
    try:
        segment = segments.get(session, request.form.get("segment_no", "").strip(), lock=True)
        added = segment_lines.add_many(
            session, segment, contact_nos=nos, allow_existing=False, actor=identity.required()
        )
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return back  # type: ignore[return-value]
    numbers = {name: layout.number(getattr(added, name)) for name in ("added", "existing", "blocked")}
    flash(
        gettext(
            "Added: %(added)s; already there: %(existing)s; blocked for privacy: %(blocked)s.", **numbers
        ),
        "good",
    )
    return redirect(url_for("pages.segments.card", key=segment.no) + "#lines", 303)  # type: ignore[return-value]
