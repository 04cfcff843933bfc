"""Number series (N1 to N3): list, card."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext as _p

from domain import number_series
from web.forms.master_data import NumberSeriesForm
from web.pages import records
from web.pages.lists import Column, Filter
from web.vocabulary import FIELDS

NOUN = records.Noun(
    name="number_series",
    module=number_series,
    key="code",
    form=NumberSeriesForm,
    plural=_("Number Series"),
    singular=_p("one", "Number Series"),
    new=_("New number series"),
    lead=_(
        "Where segments, contacts and campaigns get their numbers. The marketing setup says which is used."
    ),
    empty=_("Create a series and name it in the marketing setup."),
    columns=(
        Column("code", FIELDS["code"], "code", endpoint="pages.number_series.card"),
        Column("description", FIELDS["description"]),
        Column("starting_no", FIELDS["starting_no"], "code"),
        Column("last_no_used", FIELDS["last_no_used"], "code"),
        Column("increment", FIELDS["increment"], "number"),
        Column("allow_manual", FIELDS["allow_manual"], "flag"),
    ),
    filters=(Filter("q", _("Search"), "search", hint=_("Code or description")),),
    deletable=False,
    defaults=lambda: {"increment": 1, "allow_manual": True},
)
blueprint = records.blueprint(NOUN, __name__)
