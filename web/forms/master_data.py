"""Forms of master data other than contacts."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import Form

from web import vocabulary as words
from web.forms.base import RecordForm
from web.forms.fields import (
    AmountField,
    ChoiceField,
    CodeField,
    DayField,
    FlagField,
    MinutesField,
    RowsField,
    TextField,
    WholeField,
)

FIELDS = words.FIELDS
BLANK = "–"


class SalespersonForm(RecordForm):
    """Somebody who sells."""

    needed = ("code",)
    fixed = ("code",)
    code = CodeField(FIELDS["code"])
    name = TextField(words.PERSON_NAME)
    email = TextField(FIELDS["email"])
    blocked = FlagField(
        FIELDS["blocked"], hint=_("A blocked salesperson cannot be used in new interactions.")
    )


class CampaignForm(RecordForm):
    """A marketing effort."""

    fixed = ("no",)
    no = CodeField(FIELDS["no"], hint=_("Leave blank to take the next number of the series."))
    description = TextField(FIELDS["description"])
    starting_date = DayField(FIELDS["starting_date"])
    ending_date = DayField(FIELDS["ending_date"])
    salesperson_code = CodeField(FIELDS["salesperson_code"], lookup="salesperson")


class InteractionGroupForm(RecordForm):
    """A group of interaction templates (T1)."""

    needed = ("code",)
    fixed = ("code",)
    code = CodeField(FIELDS["code"])
    description = TextField(FIELDS["description"])


class LanguageRow(Form):
    """One language of an interaction template, with its subject."""

    language_code = CodeField(FIELDS["language_code"], render_kw={"placeholder": "en"})
    subject = TextField(FIELDS["subject"], limit=250, render_kw={"size": 50})


class InteractionTemplateForm(RecordForm):
    """An interaction template (T2)."""

    needed = ("code", "group_code")
    fixed = ("code",)
    groups = (
        (None, ("code", "description", "group_code", "retired")),
        (
            _("Interaction"),
            (
                "unit_cost",
                "unit_duration_min",
                "information_flow",
                "initiated_by",
                "correspondence_type",
                "ignore_contact_correspondence_type",
            ),
        ),
        (_("Campaign"), ("campaign_no", "campaign_target", "campaign_response")),
        (_("Languages"), ("language_code", "languages")),
    )
    code = CodeField(FIELDS["code"])
    description = TextField(FIELDS["description"])
    group_code = CodeField(FIELDS["group_code"], lookup="group")
    retired = FlagField(
        FIELDS["retired"], hint=_("Hidden from new work. The log keeps its code and description.")
    )
    unit_cost = AmountField(FIELDS["unit_cost"])
    unit_duration_min = MinutesField(FIELDS["unit_duration_min"])
    information_flow = ChoiceField(FIELDS["information_flow"], words=words.INFORMATION_FLOWS, blank=BLANK)
    initiated_by = ChoiceField(FIELDS["initiated_by"], words=words.INITIATED_BY, blank=BLANK)
    correspondence_type = ChoiceField(
        _("Correspondence Type (Default)"), words=words.CORRESPONDENCE_TYPES, blank=BLANK
    )
    ignore_contact_correspondence_type = FlagField(
        FIELDS["ignore_contact_correspondence_type"],
        hint=_("The type of this template is used whatever the contact prefers."),
    )
    campaign_no = CodeField(FIELDS["campaign_no"], lookup="campaign")
    campaign_target = FlagField(FIELDS["campaign_target"])
    campaign_response = FlagField(FIELDS["campaign_response"])
    language_code = CodeField(_("Default Language"), hint=_("One of the languages below."))
    languages = RowsField(
        LanguageRow,
        FIELDS["languages"],
        names=("language_code", "subject"),
        hint=_("A row without language and subject does not count."),
    )


class NumberSeriesForm(RecordForm):
    """A number series (N1 to N3)."""

    needed = ("code", "starting_no")
    fixed = ("code",)
    code = CodeField(FIELDS["code"])
    description = TextField(FIELDS["description"])
    starting_no = CodeField(
        FIELDS["starting_no"], hint=_("Such as SM00001: letters, then digits that count.")
    )
    last_no_used = CodeField(FIELDS["last_no_used"], hint=_("Can only go up: no number is given out twice."))
    increment = WholeField(FIELDS["increment"], minimum=1, maximum=10_000)
    allow_manual = FlagField(FIELDS["allow_manual"], hint=_("Numbers can also be given by hand."))


class SetupForm(RecordForm):
    """The marketing setup."""

    groups = (
        (_("General"), ("company_name", "timezone")),
        (_("Numbering"), ("segment_nos", "contact_nos", "campaign_nos")),
        (_("Interactions"), ("reprint_window_hours", "contact_pressure_days")),
    )
    needed = ("timezone",)
    company_name = TextField(FIELDS["company_name"])
    timezone = TextField(
        FIELDS["timezone"], hint=_("IANA name such as Europe/Berlin; dates of entries are in this zone.")
    )
    segment_nos = CodeField(FIELDS["segment_nos"], lookup="number_series")
    contact_nos = CodeField(FIELDS["contact_nos"], lookup="number_series")
    campaign_nos = CodeField(FIELDS["campaign_nos"], lookup="number_series")
    reprint_window_hours = WholeField(
        FIELDS["reprint_window_hours"],
        hint=_("Prints of one document within this time count on one entry; 0 records every print."),
    )
    contact_pressure_days = WholeField(
        FIELDS["contact_pressure_days"],
        hint=_("Warns of contacts who had an interaction so many days around the date; 0 never warns."),
    )


class UserForm(RecordForm):
    """Somebody who can sign in (U1, U2)."""

    needed = ("name", "role")
    fixed = ("name",)
    name = CodeField(_("User Name"))
    display_name = TextField(FIELDS["display_name"])
    email = TextField(FIELDS["email"])
    role = ChoiceField(FIELDS["role"], words=words.ROLES)
    salesperson_code = CodeField(
        FIELDS["salesperson_code"],
        lookup="salesperson",
        hint=_("Whose entries are the user's own; also the default on new segments."),
    )
    language_code = ChoiceField(
        FIELDS["language_code"], words={"en": "English", "ru": "Русский"}, blank=_("As the browser")
    )
    timezone = TextField(FIELDS["timezone"], hint=_("Such as Europe/Berlin; blank for that of the setup."))
    active = FlagField(FIELDS["active"], hint=_("Someone who is not active cannot sign in."))


class TokenForm(RecordForm):
    """An API token for a program."""

    needed = ("name", "role")
    name = CodeField(FIELDS["name"], hint=_("The user shown on everything made with the token."))
    role = ChoiceField(FIELDS["role"], words=words.ROLES)
    salesperson_code = CodeField(FIELDS["salesperson_code"], lookup="salesperson")
    expires_at = DayField(FIELDS["expires_at"], hint=_("Last day, in UTC. Blank: does not expire."))
