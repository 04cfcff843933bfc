"""Forms of purges: which entries, when, and what purges and housekeeping keep to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from domain.purge_filters import CHECKS
from web.forms.base import RecordForm
from web.forms.fields import CodeField, DayField, FlagField, TextField, WholeField
from web.vocabulary import FIELDS

FILTERS = tuple(CHECKS)
DAYS = ("date_from", "date_to")


class PurgeForm(RecordForm):
    """Which canceled entries are to be deleted; nothing given means all of them (E5)."""

    groups: tuple[tuple[Any, tuple[str, ...]], ...] = ((None, FILTERS), (None, ("archive",)))
    entry_no_from = WholeField(_("From Entry No."), maximum=2**63 - 1)
    entry_no_to = WholeField(_("To Entry No."), maximum=2**63 - 1)
    contact_no = CodeField(FIELDS["contact_no"], lookup="contact")
    date_from = DayField(_("From Date"))
    date_to = DayField(_("To Date"))
    campaign_no = CodeField(FIELDS["campaign_no"], lookup="campaign")
    group_code = CodeField(FIELDS["group_code"], lookup="group")
    template_code = CodeField(FIELDS["template_code"], lookup="template")
    salesperson_code = CodeField(FIELDS["salesperson_code"], lookup="salesperson")
    canceled_for_days = WholeField(
        FIELDS["canceled_for_days"], maximum=36_500, hint=_("Days of 24 hours since the cancel.")
    )
    archive = FlagField(
        FIELDS["archive"], hint=_("The entries are written to a compressed file before they are deleted.")
    )

    def nested(self) -> dict[str, Any]:
        """Give what was typed as the domain takes it."""
        return nested(self.values())


class PurgeScheduleForm(PurgeForm):
    """When a purge starts by itself, and which entries it deletes."""

    groups = (
        (_("When"), ("name", "cron", "timezone", "enabled")),
        (_("Which canceled entries"), FILTERS),
        (None, ("archive",)),
    )
    needed = ("name", "cron")
    fixed = ("name",)
    name = TextField(FIELDS["name"])
    cron = TextField(
        FIELDS["cron"],
        hint=_("Minute, hour, day of month, month, day of week; “0 2 * * *” is every night at two."),
    )
    timezone = TextField(FIELDS["timezone"], hint=_("Such as Europe/Berlin; blank for that of the setup."))
    enabled = FlagField(FIELDS["enabled"])


class HousekeepingForm(RecordForm):
    """What purges and housekeeping keep to, and when housekeeping is done."""

    groups = (
        (_("Deleting canceled entries"), ("purge_rows_limit",)),
        (
            _("Housekeeping"),
            (
                "keep_jobs_days",
                "keep_idempotency_keys_hours",
                "keep_document_data_days",
                "keep_canceled_segments_days",
            ),
        ),
        (_("When"), ("cron", "timezone", "enabled")),
    )
    purge_rows_limit = WholeField(
        FIELDS["purge_rows_limit"], maximum=10**12, hint=_("More at once must be confirmed.")
    )
    keep_jobs_days = WholeField(
        FIELDS["keep_jobs_days"], hint=_("Finished jobs; records of deletions are kept for ever.")
    )
    keep_idempotency_keys_hours = WholeField(
        FIELDS["keep_idempotency_keys_hours"], hint=_("Answers to repeated requests; 24 at least.")
    )
    keep_document_data_days = WholeField(
        FIELDS["keep_document_data_days"],
        hint=_("What came with document events; their ids stay, so that none is recorded twice."),
    )
    keep_canceled_segments_days = WholeField(
        FIELDS["keep_canceled_segments_days"],
        hint=_("0 keeps canceled logged segments until somebody deletes them."),
    )
    cron = TextField(FIELDS["cron"])
    timezone = TextField(FIELDS["timezone"])
    enabled = FlagField(FIELDS["enabled"])


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put the filters among values into `filters`; blank ones are left out."""
    filters = {name: values[name] for name in FILTERS if values.get(name) is not None}
    return {**{name: value for name, value in values.items() if name not in FILTERS}, "filters": filters}


def flat(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Put stored filters beside the other values, as a form has them."""
    filters = dict(stored["filters"])
    for name in DAYS:
        if name in filters:
            filters[name] = dt.date.fromisoformat(filters[name])
    return {**stored, **filters}
