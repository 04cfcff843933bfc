"""What look-up fields offer while somebody types."""

from __future__ import annotations

from flask import Blueprint, jsonify, request

from domain import contacts
from web import database
from web.pages.records import Answer

blueprint = Blueprint("lookup", __name__, url_prefix="/lookup")
OFFERED = 12
LONGEST = 100


@blueprint.get("/<any(contact, company):kind>")
def offer(kind: str) -> Answer:
    """Offer contacts whose number, name or address contains what was typed."""
    typed = request.args.get("q", "").strip()[:LONGEST]
    filters = {"q": [typed]} if typed else {}
    if kind == "company":
        filters["type"] = ["company"]
    found = contacts.page(database.session(), filters=filters, limit=OFFERED)
    return jsonify([{"value": contact.no, "label": contact.name} for contact in found])
