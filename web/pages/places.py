"""The registry of pages: what each is called, the words it is looked for by, and who may see it.

The menu and the search are made from it. Words of search are one text in each language, kinds of saying separated by
commas; a test keeps the registry complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request, url_for
from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext as _p

from domain.users import Role
from web.pages import guard


@dataclass(frozen=True)
class Place:
    """A page, or an action that begins on one.

    Parameters
    ----------
    role
        The least role that may see it.
    words
        Other names that people look for it by.
    arguments
        Of its address, such as a filter of a list.
    """

    title: Any
    endpoint: str
    role: Role = Role.VIEWER
    words: Any = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return url_for(self.endpoint, **self.arguments)

    @property
    def is_current(self) -> bool:
        """Whether the page shown now belongs to this one."""
        return (request.endpoint or "").rpartition(".")[0] == self.endpoint.rpartition(".")[0]


@dataclass(frozen=True)
class Group:
    """Places under one heading."""

    title: Any
    places: tuple[Place, ...]

    def seen(self) -> Group:
        """Return the group as the one who asks may see it."""
        return Group(self.title, tuple(place for place in self.places if guard.may(place.role)))


MAIN = (
    Place(
        _("Contacts"),
        "pages.contacts.index",
        words=_p("search", "companies, people, persons, customers, vendors, address book, contact list"),
    ),
    Place(
        _("Active Segments"),
        "pages.segments.index",
        words=_p(
            "search", "segments, segment list, mailing lists, target groups, add contacts, reduce, refine"
        ),
    ),
    Place(
        _("Logged Segments"),
        "pages.logged_segments.index",
        words=_p("search", "segment history, create follow-up segment, cancel logged segment, mailings done"),
    ),
    Place(
        _("Interaction Log Entries"),
        "pages.interactions.index",
        words=_p(
            "search", "log, interactions, journal, history, report, export to Excel, CSV, letters, calls"
        ),
    ),
    Place(
        _("Jobs"),
        "pages.jobs.index",
        words=_p("search", "tasks, progress, queue, background, running, import"),
    ),
)
MORE = (
    Group(
        _("Marketing"),
        (
            Place(
                _("Campaigns"),
                "pages.campaigns.index",
                words=_p("search", "campaign list, campaign entries, targets, responses"),
            ),
            Place(
                _("Salespeople"),
                "pages.salespeople.index",
                words=_p("search", "salesperson, sellers, account managers, purchasers"),
            ),
            Place(
                _("Saved Criteria"),
                "pages.saved_criteria.index",
                words=_p("search", "saved segment criteria, filters"),
            ),
        ),
    ),
    Group(
        _("Interactions"),
        (
            Place(
                _("Postponed Interactions"),
                "pages.postponed.index",
                words=_p("search", "resume, finish later, drafts, unfinished, left for later"),
            ),
            Place(
                _("Document Events"),
                "pages.document_events.index",
                words=_p("search", "printed documents, invoices, quotes, ledger, replay, reprint, inbox"),
            ),
            Place(
                _("Interaction Templates"),
                "pages.interaction_templates.index",
                words=_p("search", "template list, models, letter templates"),
            ),
            Place(
                _("Interaction Groups"),
                "pages.interaction_groups.index",
                words=_p("search", "group list, statistics of groups"),
            ),
            Place(
                _("Interaction Template Setup"),
                "pages.template_setup.show",
                words=_p("search", "document types, which template for which document, outgoing calls"),
            ),
        ),
    ),
    Group(
        _("Setup"),
        (
            Place(
                _("Marketing Setup"),
                "pages.setup.show",
                words=_p("search", "settings, configuration, time zone, company name, reprint window"),
            ),
            Place(
                _("Number Series"),
                "pages.number_series.index",
                words=_p("search", "numbering, numbers, numerators"),
            ),
        ),
    ),
    Group(
        _("Administration"),
        (
            Place(
                _("Users"),
                "pages.users.index",
                Role.ADMIN,
                words=_p("search", "accounts, roles, rights, permissions, passwords, sign-in"),
            ),
            Place(
                _("API Tokens"), "pages.tokens.index", Role.ADMIN, words=_p("search", "keys, access, service")
            ),
            Place(
                _("Audit"),
                "pages.audit.index",
                Role.ADMIN,
                words=_p("search", "change log, who changed what, history of changes"),
            ),
            Place(
                _("Delete Canceled Interaction Log Entries"),
                "pages.purges.new",
                Role.ADMIN,
                words=_p("search", "purge, clean up the log, remove canceled entries, deletion"),
            ),
            Place(
                _("Purge Schedules"),
                "pages.purge_schedules.index",
                words=_p("search", "nightly, automatic deletion, timetable, cron"),
            ),
            Place(
                _("Housekeeping"),
                "pages.housekeeping.show",
                words=_p("search", "retention, old jobs, old data, keep days"),
            ),
        ),
    ),
)
# Not in the menu: what is begun from a list, or is a list with a filter.
OTHERS = (
    Group(
        _("Begin"),
        (
            Place(
                _("Create Interaction"),
                "pages.interaction_form.new",
                Role.SALESPERSON,
                words=_p("search", "new interaction, log a call, phone call, letter, meeting, record"),
            ),
            Place(
                _("Log Segment"),
                "pages.segments.index",
                Role.MARKETING,
                words=_p("search", "log, journal of a segment, register"),
            ),
            Place(
                _("New segment"), "pages.segments.new", Role.MARKETING, words=_p("search", "create segment")
            ),
            Place(
                _("New contact"),
                "pages.contacts.new",
                Role.MARKETING,
                words=_p("search", "create contact, new company, new person"),
            ),
            Place(
                _("New campaign"),
                "pages.campaigns.new",
                Role.MARKETING,
                words=_p("search", "create campaign"),
            ),
            Place(
                _("New salesperson"),
                "pages.salespeople.new",
                Role.ADMIN,
                words=_p("search", "create salesperson"),
            ),
            Place(
                _("New interaction template"),
                "pages.interaction_templates.new",
                Role.ADMIN,
                words=_p("search", "create interaction template"),
            ),
            Place(
                _("New interaction group"),
                "pages.interaction_groups.new",
                Role.ADMIN,
                words=_p("search", "create interaction group"),
            ),
            Place(
                _("New number series"),
                "pages.number_series.new",
                Role.ADMIN,
                words=_p("search", "create number series"),
            ),
            Place(_("New user"), "pages.users.new", Role.ADMIN, words=_p("search", "create user")),
            Place(_("New token"), "pages.tokens.new", Role.ADMIN, words=_p("search", "create API token")),
            Place(
                _("New schedule"),
                "pages.purge_schedules.new",
                Role.ADMIN,
                words=_p("search", "create purge schedule"),
            ),
        ),
    ),
    Group(
        _("Look through"),
        (
            Place(
                _("Canceled interaction log entries"),
                "pages.interactions.index",
                words=_p("search", "canceled interactions, restore entries"),
                arguments={"canceled": "true"},
            ),
            Place(
                _("Deleted Interaction Log Entries"),
                "pages.purges.index",
                words=_p("search", "purges, archives, what was deleted"),
            ),
            Place(
                _("Unresolved document events"),
                "pages.document_events.index",
                words=_p("search", "documents without contact, unknown customers"),
                arguments={"outcome": "unresolved"},
            ),
            Place(
                _("Failed jobs"),
                "pages.jobs.index",
                words=_p("search", "errors, problems"),
                arguments={"state": "failed"},
            ),
        ),
    ),
    Group(
        _("My own"),
        (
            Place(
                _("Home"), "pages.home.show", words=_p("search", "start page, role center, overview, charts")
            ),
            Place(
                _("My settings"),
                "pages.account.show",
                words=_p("search", "language, theme, dark, light, password, time zone, profile"),
            ),
            Place(
                _("User Guide"),
                "pages.guide.index",
                words=_p("search", "help, manual, instructions, how to"),
            ),
        ),
    ),
)


EVERYTHING = (Group(_("Pages"), MAIN), *MORE, *OTHERS)
ALL = tuple(place for group in EVERYTHING for place in group.places)


def navigation() -> dict[str, Any]:
    """Give the pages that the user may see, in the order of the top bar."""
    more = [group for group in (each.seen() for each in MORE) if group.places]
    return {
        "main": MAIN,
        "more": more,
        "more_is_current": any(place.is_current for group in more for place in group.places),
    }


def groups() -> list[Group]:
    """Give every place that the user may see, as the search shows them when nothing is typed."""
    return [group for group in (each.seen() for each in EVERYTHING) if group.places]
