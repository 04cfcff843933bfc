"""The form of a follow-up segment by outcome (L7)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from web import vocabulary as words
from web.forms.base import RecordForm
from web.forms.fields import ChoiceField, DayField, FlagField

EVALUATION = "evaluation_"


class FollowUpForm(RecordForm):
    """Which entries a follow-up segment is made of; all conditions hold at once."""

    groups = (
        (_("Evaluation"), tuple(f"{EVALUATION}{code}" for code in words.EVALUATIONS)),
        (_("Outcome"), ("attempt_failed", "canceled", "no_inbound", "no_inbound_from")),
    )
    evaluation_very_positive = FlagField(words.EVALUATIONS["very_positive"])
    evaluation_positive = FlagField(words.EVALUATIONS["positive"])
    evaluation_neutral = FlagField(words.EVALUATIONS["neutral"])
    evaluation_negative = FlagField(words.EVALUATIONS["negative"])
    evaluation_very_negative = FlagField(words.EVALUATIONS["very_negative"])
    attempt_failed = ChoiceField(
        words.FIELDS["attempt_failed"], words={"true": _("Yes"), "false": _("No")}, blank=_("Any")
    )
    canceled = ChoiceField(_("Entries"), words={"false": _("Active ones"), "true": _("Canceled ones")})
    no_inbound = FlagField(
        _("Only contacts that have not answered since"),
        hint=_("No inbound interaction later than the entry."),
    )
    no_inbound_from = DayField(_("… or since this date"))

    def request_values(self) -> dict[str, object]:
        """Give what was chosen as the body of a follow-up (API.md, logged-segments/follow-up)."""
        values = self.values()
        outcome: dict[str, object] = {
            name: values[name] == "true" for name in ("attempt_failed", "canceled") if values.get(name)
        }
        evaluations = [code for code in words.EVALUATIONS if values.get(f"{EVALUATION}{code}")]
        if evaluations:
            outcome["evaluations"] = evaluations
        if values.get("no_inbound_from") or values.get("no_inbound"):
            outcome["no_inbound_since"] = values.get("no_inbound_from") or True
        return outcome
