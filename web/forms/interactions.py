"""Forms of interactions with one contact: recording one, comments, the outcome, erasing a contact."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import Form, HiddenField

from web import vocabulary as words
from web.forms.base import RecordForm
from web.forms.fields import ChoiceField, CodeField, FlagField, RowsField, TextField, TimeField
from web.forms.segments import LineForm

FIELDS = words.FIELDS
COMMENT = 2000


class CommentRow(Form):
    """One comment."""

    comment = TextField(_("Comment"), limit=COMMENT, rows=2)


class InteractionForm(LineForm):
    """An interaction with one contact (I1 to I8); what is left blank comes from template and contact."""

    needed = ("contact_no", "template_code", "description", "salesperson_code", "date")
    groups = (
        (
            _("General"),
            (
                "contact_no",
                "template_code",
                "description",
                "salesperson_code",
                "date",
                "time",
                "evaluation",
                "successful",
                "phone_call",
                "contact_via",
            ),
        ),
        (
            _("Interaction"),
            (
                "subject",
                "language_code",
                "correspondence_type",
                "cost",
                "duration_min",
                "information_flow",
                "initiated_by",
                "campaign_no",
                "campaign_target",
                "campaign_response",
                "opportunity_no",
            ),
        ),
        (None, ("comments",)),
    )
    source_entry_no = HiddenField()

    contact_no = CodeField(
        FIELDS["contact_no"], lookup="contact", render_kw={"placeholder": _("No. or name")}
    )
    time = TimeField(FIELDS["time"], hint=_("Blank: now."))
    successful = FlagField(FIELDS["successful"])
    phone_call = FlagField(FIELDS["phone_call"], hint=_("With the template for outgoing calls."))
    contact_via = TextField(FIELDS["contact_via"], hint=_("The phone number of a call."))
    opportunity_no = TextField(FIELDS["opportunity_no"], limit=60)
    comments = RowsField(CommentRow, FIELDS["comments"], names=("comment",), spare=1)

    def interaction_values(self) -> dict[str, Any]:
        """Give what was typed as the fields of API.md."""
        values = self.values()
        values["comments"] = [row["comment"] for row in values["comments"]]
        source = self.source_entry_no.data or ""
        if source.isascii() and source.isdigit():
            values["source_entry_no"] = int(source)
        return values


class CommentForm(RecordForm):
    """A comment to be added to an entry (I7)."""

    needed = ("comment",)
    comment = TextField(_("New comment"), limit=COMMENT, rows=2, wide=True)


class OutcomeForm(RecordForm):
    """What came of a recorded interaction (I5)."""

    evaluation = ChoiceField(FIELDS["evaluation"], words=words.EVALUATIONS, blank="–")
    attempt_failed = FlagField(FIELDS["attempt_failed"])


class EraseForm(RecordForm):
    """The question before a contact is erased: its number or name is typed once more."""

    needed = ("typed",)
    typed = TextField(_("Name or number of the contact"))
