"""Forms that build a segment: criteria, and the other ways contacts come (S5 to S8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask_babel import lazy_gettext as _

from domain import contact_filters, criteria
from domain.errors import Fault, Invalid
from web import vocabulary as words
from web.forms.base import Groups, RecordForm
from web.forms.fields import (
    ChoiceField,
    CodeField,
    CodesField,
    DayField,
    FlagField,
    TextField,
)

FIELDS = words.FIELDS
T = TypeVar("T")
SEVERAL = _("Several, separated by commas.")
# Fields of the form that filter interactions begin with this, as some filter contacts as well.
ENTRY = "entry_"


class CriteriaForm(RecordForm):
    """Filters and options of an action; those of the options that belong to it are shown."""

    contact_names = tuple(contact_filters.CONTACT)
    group_names = tuple(contact_filters.GROUPS)
    entry_names = tuple(contact_filters.INTERACTIONS)
    groups: Groups = (
        (
            _("Contacts"),
            ("type", "name", "no", "salesperson_code", "country_code", "city", "post_code", "territory_code",
             "language_code"),
        ),
        (_("Groups"), group_names),
        (_("One and the same interaction"), tuple(ENTRY + name for name in entry_names)),
    )  # fmt: skip
    type = ChoiceField(FIELDS["type"], words=words.CONTACT_TYPES, blank=_("Any"))
    name = TextField(_("Name contains"))
    no = CodesField(FIELDS["no"], hint=SEVERAL)
    salesperson_code = CodesField(FIELDS["salesperson_code"], hint=SEVERAL)
    country_code = CodesField(FIELDS["country_code"], hint=SEVERAL)
    city = CodesField(FIELDS["city"], hint=SEVERAL)
    post_code = CodesField(FIELDS["post_code"], hint=SEVERAL)
    territory_code = CodesField(FIELDS["territory_code"], hint=SEVERAL)
    language_code = CodesField(FIELDS["language_code"], hint=SEVERAL)
    mailing_groups = CodesField(FIELDS["mailing_groups"], hint=SEVERAL)
    industry_groups = CodesField(FIELDS["industry_groups"], hint=_("People have their company's as well."))
    business_relations = CodesField(
        FIELDS["business_relations"], hint=_("People have their company's as well.")
    )
    job_responsibilities = CodesField(FIELDS["job_responsibilities"], hint=SEVERAL)
    entry_template_code = CodeField(FIELDS["template_code"], lookup="template")
    entry_group_code = CodeField(FIELDS["group_code"], lookup="group")
    entry_campaign_no = CodeField(FIELDS["campaign_no"], lookup="campaign")
    entry_salesperson_code = CodeField(FIELDS["salesperson_code"], lookup="salesperson")
    entry_segment_no = CodeField(FIELDS["segment_no"])
    entry_logged_segment_no = CodeField(FIELDS["logged_segment_no"])
    entry_evaluation = ChoiceField(FIELDS["evaluation"], words=words.EVALUATIONS, blank=_("Any"))
    entry_date_from = DayField(_("From"))
    entry_date_to = DayField(_("To"))
    all = FlagField(_("All contacts"), hint=_("Needed if no filter is set."))
    allow_existing = FlagField(FIELDS["allow_existing"])
    expand_companies = FlagField(
        _("Also all colleagues of the people that match, and the people of companies")
    )
    include_related_companies = FlagField(_("Also the companies of the people that match"))
    ignore_exclusion = FlagField(_("Also contacts that are excluded from segments"))
    entire_companies = FlagField(
        _("Entire companies: one contact that matches decides for all of its company")
    )

    def for_action(self, action: str) -> CriteriaForm:
        """Show the options of one action."""
        own = tuple(name for name, actions in criteria.OPTIONS.items() if action in actions)
        for name in criteria.OPTIONS:
            if name not in own:
                del self[name]
        self.groups = (*type(self).groups, (_("Options"), ("all", *own)))
        if action != criteria.ADD:
            self["all"].label.text = _("All lines")
        return self

    def request_values(self, action: str) -> dict[str, Any]:
        """Give what was typed as the body of an action (API.md, segments/actions)."""
        values = self.values()
        contact = {name: values[name] for name in self.contact_names if values.get(name)}
        entry = {name: self._entry(name, values) for name in self.entry_names if values.get(ENTRY + name)}
        filters: dict[str, Any] = {name: values[name] for name in self.group_names if values.get(name)}
        if contact:
            filters["contact"] = contact
        if entry:
            filters["interactions"] = entry
        if values.get("all"):
            filters["all"] = True
        set_options = {name: True for name in criteria.OPTIONS if values.get(name)}
        return {"action": action, "filters": filters, **set_options}

    def _entry(self, name: str, values: Mapping[str, Any]) -> Any:
        value = values[ENTRY + name]
        if name == "logged_segment_no" and value.isascii() and value.isdigit():
            return int(value)
        return value.isoformat() if name in ("date_from", "date_to") else value

    def with_own_names(self, step: Callable[[], T]) -> T:
        """Do `step`; faults of filters come out under the names of the form's fields."""
        try:
            return step()
        except Invalid as invalid:
            raise Invalid(_renamed(fault) for fault in invalid.faults) from invalid


def _renamed(fault: Fault) -> Fault:
    path = fault.field.split(".")
    match path:
        case ["filters", "interactions", name, *_rest]:
            name = ENTRY + name
        case ["filters", "contact", name, *_rest] | ["filters", name, *_rest]:
            pass
        case _:
            return fault
    return Fault(name, fault.code, fault.value, fault.params)


class SaveCriteriaForm(RecordForm):
    """Under which code the actions of a segment are kept."""

    needed = ("code",)
    code = CodeField(FIELDS["code"])
    description = TextField(FIELDS["description"])


class ApplyCriteriaForm(RecordForm):
    """Which saved criteria are done."""

    needed = ("code",)
    code = CodeField(_("Saved Criteria"), lookup="saved_criteria")


class ReuseForm(RecordForm):
    """Which logged segment's contacts are added."""

    needed = ("logged_segment_no",)
    logged_segment_no = CodeField(FIELDS["logged_segment_no"], lookup="logged_segment")

    def values(self) -> dict[str, Any]:
        """Give the number as a number."""
        given = self.logged_segment_no.data or ""
        return {"logged_segment_no": int(given) if given.isascii() and given.isdigit() else given or None}


class FillForm(RecordForm):
    """Which mailing group is filled."""

    needed = ("mailing_group",)
    mailing_group = CodeField(_("Mailing Group"))
    replace = FlagField(_("Whoever is not in the segment leaves the group"))


class CopyForm(RecordForm):
    """What the copy is called."""

    description = TextField(FIELDS["description"])


class ListForm(RecordForm):
    """Contact numbers or e-mail addresses, pasted or from a file."""

    needed = ("list",)
    list = TextField(
        _("Contact numbers or email addresses"),
        limit=1_000_000,
        rows=6,
        wide=True,
        hint=_("Separated by lines, blanks or commas; or a CSV file with a column “no” or “email”."),
    )
    allow_existing = FlagField(FIELDS["allow_existing"])
