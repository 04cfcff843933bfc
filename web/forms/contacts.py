"""The form of a contact (C1 to C3)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import Form

from web import vocabulary as words
from web.forms.base import RecordForm
from web.forms.fields import ChoiceField, CodeField, CodesField, FlagField, RowsField, TextField

FIELDS = words.FIELDS
SEVERAL = _("Several, separated by commas.")


class AccountRow(Form):
    """A customer or vendor account that belongs to the contact."""

    type = ChoiceField(FIELDS["type"], words=words.ACCOUNT_TYPES, blank="–")
    no = TextField(_("Account No."), limit=60)


class ContactForm(RecordForm):
    """A company or a person."""

    needed = ("type", "name")
    fixed = ("no",)
    groups = (
        (None, ("no", "type", "name", "company_no", "salesperson_code", "language_code")),
        (
            _("Communication"),
            (
                "email",
                "phone",
                "mobile_phone",
                "correspondence_type",
                "address",
                "post_code",
                "city",
                "country_code",
                "territory_code",
            ),
        ),
        (_("Privacy and segments"), ("exclude_from_segment", "privacy_blocked")),
        (
            _("Groups"),
            ("mailing_groups", "industry_groups", "business_relations", "job_responsibilities", "accounts"),
        ),
    )
    no = CodeField(FIELDS["no"], hint=_("Leave blank to take the next number of the series."))
    type = ChoiceField(FIELDS["type"], words=words.CONTACT_TYPES)
    name = TextField(FIELDS["name"])
    company_no = CodeField(
        FIELDS["company_no"], lookup="company", hint=_("Number of the company that a person belongs to.")
    )
    salesperson_code = CodeField(FIELDS["salesperson_code"], lookup="salesperson")
    language_code = CodeField(FIELDS["language_code"])
    email = TextField(FIELDS["email"])
    phone = TextField(FIELDS["phone"])
    mobile_phone = TextField(FIELDS["mobile_phone"])
    correspondence_type = ChoiceField(
        FIELDS["correspondence_type"], words=words.CORRESPONDENCE_TYPES, blank="–"
    )
    address = TextField(FIELDS["address"])
    post_code = TextField(FIELDS["post_code"])
    city = TextField(FIELDS["city"])
    country_code = CodeField(FIELDS["country_code"])
    territory_code = CodeField(FIELDS["territory_code"])
    exclude_from_segment = FlagField(
        FIELDS["exclude_from_segment"], hint=_("Not found by Add contacts; can be added by hand.")
    )
    privacy_blocked = FlagField(
        FIELDS["privacy_blocked"], hint=_("No interactions are recorded with this contact.")
    )
    mailing_groups = CodesField(FIELDS["mailing_groups"], hint=SEVERAL)
    industry_groups = CodesField(FIELDS["industry_groups"], hint=SEVERAL)
    business_relations = CodesField(FIELDS["business_relations"], hint=SEVERAL)
    job_responsibilities = CodesField(FIELDS["job_responsibilities"], hint=SEVERAL)
    accounts = RowsField(AccountRow, FIELDS["accounts"], names=("type", "no"), spare=1)
