"""Contacts (C1 to C3): list with search, card with statistics and the latest interactions."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import contacts
from domain.users import Role
from web import vocabulary
from web.forms.base import RecordForm
from web.forms.contacts import ContactForm
from web.pages import postponed, records, statistics, timeline
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
    card="contacts/card.html",
    extra=_extra,
    title_field="name",
    defaults=lambda: {"type": "company", "no": request.args.get("no"), "accounts": _wanted_accounts()},
    prepare=_add_account,
)
blueprint = records.blueprint(NOUN, __name__)
