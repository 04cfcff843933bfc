"""Interaction groups (T1): list, card with statistics."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import interaction_groups
from web.forms.master_data import InteractionGroupForm
from web.pages import records, statistics
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS


def _extra(session: Session, group: Any, stored: records.Stored) -> dict[str, Any]:
    return statistics.of(session, "group", group, {"group_code": stored["code"]})


NOUN = records.Noun(
    name="interaction_groups",
    module=interaction_groups,
    key="code",
    form=InteractionGroupForm,
    plural=_("Interaction Groups"),
    singular=_("Interaction Group"),
    new=_("New interaction group"),
    lead=_("How interaction templates and log entries are sorted, such as letters, calls, meetings."),
    empty=_("Every interaction template belongs to a group: create one first."),
    columns=(
        Column("code", FIELDS["code"], "code", endpoint="pages.interaction_groups.card"),
        Column("description", FIELDS["description"]),
    ),
    filters=(Filter("q", _("Search"), "search", hint=_("Code or description")),),
    extra=_extra,
)
blueprint = records.blueprint(NOUN, __name__)
