"""Interaction templates (T2, T3): list, card with languages and statistics."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import templates
from web import vocabulary
from web.forms.master_data import InteractionTemplateForm
from web.pages import records, statistics
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS


def _extra(session: Session, template: Any, stored: records.Stored) -> dict[str, Any]:
    return statistics.of(session, "template", template, {"template_code": stored["code"]})


NOUN = records.Noun(
    name="interaction_templates",
    module=templates,
    key="code",
    form=InteractionTemplateForm,
    plural=_("Interaction Templates"),
    singular=_("Interaction Template"),
    new=_("New interaction template"),
    lead=_("The models that interactions are made from: group, cost, duration and who speaks to whom."),
    empty=_("A segment is logged with an interaction template: create the first one."),
    columns=(
        Column("code", FIELDS["code"], "code", endpoint="pages.interaction_templates.card"),
        Column("description", FIELDS["description"]),
        Column("group_code", FIELDS["group_code"], "code", endpoint="pages.interaction_groups.card"),
        Column("unit_cost", FIELDS["unit_cost"], "amount"),
        Column("unit_duration_min", FIELDS["unit_duration_min"], "number"),
        Column("information_flow", FIELDS["information_flow"], "choice", words=vocabulary.INFORMATION_FLOWS),
        Column("initiated_by", FIELDS["initiated_by"], "choice", words=vocabulary.INITIATED_BY),
        Column(
            "correspondence_type",
            FIELDS["correspondence_type"],
            "choice",
            words=vocabulary.CORRESPONDENCE_TYPES,
        ),
        Column("campaign_no", FIELDS["campaign_no"], "code", endpoint="pages.campaigns.card"),
        Column("retired", FIELDS["retired"], "flag"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=_("Code or description")),
        Filter("group_code", FIELDS["group_code"], "code", lookup="group"),
        Filter("retired", _("Retired ones"), words={"true": _("Show them too")}),
    ),
    extra=_extra,
    defaults=lambda: {"correspondence_type": "email"},
)
blueprint = records.blueprint(NOUN, __name__)
