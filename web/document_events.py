"""Document events as readers see them: what became of each in a sentence a clerk understands (D7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from domain.errors import Fault
from web import messages
from web.vocabulary import DOCUMENT_TYPES

# The words of a reason, by its code; what they name is what the recorder noted.
REASONS: dict[str, Any] = {
    "no_template": _("The template setup has no template for the document type “%(document_type)s”."),
    "contact_unknown": _("There is no contact “%(contact_no)s”."),
    "contact_erased": _("The contact “%(contact_no)s” has been erased."),
    "privacy_blocked": _("The contact “%(contact_no)s” is blocked for privacy."),
    "salesperson_unknown": _(
        "There is no salesperson “%(salesperson_code)s”; it was recorded without a salesperson."
    ),
    "campaign_unknown": _("There is no campaign “%(campaign_no)s”; it was recorded without a campaign."),
    "recording_failed": _("Recording it failed: %(error)s"),
}
NO_CONTACT: dict[str, Any] = {
    "customer": _("No contact is linked to customer %(account_no)s."),
    "vendor": _("No contact is linked to vendor %(account_no)s."),
}


def described(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give events of the ledger their reason in words."""
    return [{**event, "reason": reason_of(event["reasons"])} for event in events]


def reason_of(reasons: Iterable[Mapping[str, Any]]) -> str | None:
    """Say why an event has its outcome, in the reader's language; None if there is nothing to say."""
    return " ".join(map(_sentence, reasons)) or None


def _sentence(reason: Mapping[str, Any]) -> str:
    code = reason["code"]
    words = NO_CONTACT.get(reason.get("account_type", "")) if code == "no_contact" else REASONS.get(code)
    if words is None:
        fault = Fault(reason.get("field", ""), code, reason.get("value"), reason.get("params") or {})
        return messages.message(fault)
    known = {name: messages.shown(value) for name, value in reason.items()}
    document_type = known.get("document_type")
    if document_type in DOCUMENT_TYPES:
        known["document_type"] = str(DOCUMENT_TYPES[document_type])
    return str(words) % known
