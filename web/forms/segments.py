"""Forms of segments: header, a line's overrides, adding contacts, logging."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from web import vocabulary as words
from web.forms.base import Groups, RecordForm
from web.forms.fields import (
    AmountField,
    ChoiceField,
    CodeField,
    DayField,
    FlagField,
    InheritedChoiceField,
    InheritedCodeField,
    InheritedFlagField,
    MinutesField,
    NamesField,
    TextField,
)

FIELDS = words.FIELDS

# Header field -> the name of what applies (S3).
EFFECTIVE = {
    "campaign_no": "campaign_no",
    "subject": "subject",
    "language_code": "language_code",
    "correspondence_type": "correspondence_type",
    "unit_cost": "cost",
    "unit_duration_min": "duration_min",
    "information_flow": "information_flow",
    "initiated_by": "initiated_by",
    "campaign_target": "campaign_target",
    "campaign_response": "campaign_response",
}


class SegmentForm(RecordForm):
    """The header of a segment (S1). What is left blank in the interaction section comes from the template."""

    fixed = ("no",)
    groups = (
        (_("General"), ("no", "description", "date", "salesperson_code", "campaign_no")),
        (
            _("Interaction"),
            (
                "template_code",
                "subject",
                "language_code",
                "correspondence_type",
                "ignore_contact_correspondence_type",
                "unit_cost",
                "unit_duration_min",
                "information_flow",
                "initiated_by",
                "campaign_target",
                "campaign_response",
            ),
        ),
    )
    no = CodeField(FIELDS["no"], hint=_("Leave blank to take the next number of the series."))
    description = TextField(FIELDS["description"], hint=_("Needed before the segment can be logged."))
    date = DayField(FIELDS["date"])
    salesperson_code = CodeField(
        FIELDS["salesperson_code"], lookup="salesperson", hint=_("Blank: each contact's own.")
    )
    campaign_no = InheritedCodeField(FIELDS["campaign_no"], lookup="campaign")
    template_code = CodeField(FIELDS["template_code"], lookup="template")
    subject = TextField(FIELDS["subject"], limit=250)
    language_code = InheritedCodeField(FIELDS["language_code"])
    correspondence_type = InheritedChoiceField(
        FIELDS["correspondence_type"], words=words.CORRESPONDENCE_TYPES
    )
    ignore_contact_correspondence_type = InheritedFlagField(FIELDS["ignore_contact_correspondence_type"])
    unit_cost = AmountField(FIELDS["unit_cost"])
    unit_duration_min = MinutesField(FIELDS["unit_duration_min"])
    information_flow = InheritedChoiceField(FIELDS["information_flow"], words=words.INFORMATION_FLOWS)
    initiated_by = InheritedChoiceField(FIELDS["initiated_by"], words=words.INITIATED_BY)
    campaign_target = InheritedFlagField(FIELDS["campaign_target"])
    campaign_response = InheritedFlagField(FIELDS["campaign_response"])


class LineForm(RecordForm):
    """What a segment line says of its own (S2); a field left blank is inherited."""

    groups: Groups = (
        (_("General"), ("description", "date", "salesperson_code", "campaign_no", "evaluation")),
        (
            _("Interaction"),
            (
                "template_code",
                "subject",
                "language_code",
                "correspondence_type",
                "cost",
                "duration_min",
                "information_flow",
                "initiated_by",
                "campaign_target",
                "campaign_response",
            ),
        ),
    )
    description = TextField(FIELDS["description"])
    date = DayField(FIELDS["date"])
    salesperson_code = CodeField(FIELDS["salesperson_code"], lookup="salesperson")
    campaign_no = InheritedCodeField(FIELDS["campaign_no"], lookup="campaign")
    evaluation = ChoiceField(FIELDS["evaluation"], words=words.EVALUATIONS, blank="–")
    template_code = CodeField(FIELDS["template_code"], lookup="template")
    subject = TextField(FIELDS["subject"], limit=250)
    language_code = InheritedCodeField(FIELDS["language_code"])
    correspondence_type = InheritedChoiceField(
        FIELDS["correspondence_type"], words=words.CORRESPONDENCE_TYPES
    )
    cost = AmountField(FIELDS["cost"])
    duration_min = MinutesField(FIELDS["duration_min"])
    information_flow = InheritedChoiceField(FIELDS["information_flow"], words=words.INFORMATION_FLOWS)
    initiated_by = InheritedChoiceField(FIELDS["initiated_by"], words=words.INITIATED_BY)
    campaign_target = InheritedFlagField(FIELDS["campaign_target"])
    campaign_response = InheritedFlagField(FIELDS["campaign_response"])


class AddLineForm(RecordForm):
    """One contact added by hand (S4)."""

    needed = ("contact_no",)
    contact_no = CodeField(
        FIELDS["contact_no"], lookup="contact", render_kw={"placeholder": _("No. or name")}
    )
    allow_existing = FlagField(FIELDS["allow_existing"])


class ManyLinesForm(LineForm):
    """Own values for many lines: what is left blank stays as it is on each of them."""

    groups: Groups = (*LineForm.groups, (_("Inherit again"), ("inherit",)))
    inherit = NamesField(
        _("Own values to take back"),
        words={name: FIELDS[name] for _title, names in LineForm.groups for name in names},
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for field in self.value_fields():
            if isinstance(field, ChoiceField):
                field.blank = _("As it is")

    def overrides(self) -> dict[str, Any]:
        """Give the values to be set, and None for those to be inherited again."""
        values = self.values()
        taken_back = values.pop("inherit") or []
        return {
            **{name: value for name, value in values.items() if value is not None},
            **dict.fromkeys(taken_back),
        }


class LogForm(RecordForm):
    """How a segment is logged (L1 to L7)."""

    follow_up = FlagField(_("Create Follow-up Segment"), hint=_("A new segment with the same contacts."))
    send = FlagField(_("Send"), hint=_("Not possible yet: letters and emails cannot be delivered so far."))
    on_invalid = ChoiceField(
        _("Lines with problems"),
        words={
            "refuse": _("Log nothing if a line has a problem"),
            "skip": _("Skip those lines and log the others"),
        },
    )
