"""Salespeople: list, card with statistics."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import salespeople
from web.forms.master_data import SalespersonForm
from web.pages import postponed, records, statistics
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS, PERSON_NAME


def _extra(session: Session, salesperson: Any, stored: records.Stored) -> dict[str, Any]:
    return {
        **statistics.of(session, "salesperson", salesperson, {"salesperson_code": stored["code"]}),
        "postponed": postponed.of(session, salesperson_code=stored["code"]),
    }


NOUN = records.Noun(
    name="salespeople",
    module=salespeople,
    key="code",
    form=SalespersonForm,
    plural=_("Salespeople"),
    singular=_("Salesperson"),
    new=_("New salesperson"),
    lead=_("Who looks after contacts, campaigns and segments. Every interaction has one."),
    empty=_("An interaction needs a salesperson: create the first one."),
    columns=(
        Column("code", FIELDS["code"], "code", endpoint="pages.salespeople.card"),
        Column("name", PERSON_NAME),
        Column("email", FIELDS["email"]),
        Column("blocked", FIELDS["blocked"], "flag"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=_("Code, name or email")),
        Filter("blocked", FIELDS["blocked"], words={"true": _("Yes"), "false": _("No")}),
    ),
    card="salespeople/card.html",
    extra=_extra,
    title_field="name",
)
blueprint = records.blueprint(NOUN, __name__)
