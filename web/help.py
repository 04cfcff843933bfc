"""Help in place: what each page is for, and what one does there; the text of every page stands here.

A page shows its text folded below its title, with the way to the section of the user guide that tells more. A new
page gets an entry under its endpoint; a test sees to it that each has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _


@dataclass(frozen=True)
class Help:
    """The help of a page.

    Parameters
    ----------
    chapter, section
        Where the user guide tells more; a section is its English heading as it reads in an address.
    about
        What the page is for.
    steps
        What one does there, a sentence or two each.
    """

    chapter: str
    section: str
    about: Any
    steps: tuple[Any, ...]


def of(endpoint: str | None) -> Help | None:
    """Return the help of the page with an endpoint, such as `pages.segments.index`; None for what is no page."""
    return PAGES.get((endpoint or "").removeprefix("pages."))


def _help(guide: str, about: Any, *steps: Any) -> Help:
    chapter, _hash, section = guide.partition("#")
    return Help(chapter, section, about, steps)


_NEW_RECORD = _("Fill in what you know; every fault is shown beside its field, all of them at once.")
_OPEN_CARD = _("Open a row by its number or code to see and change it.")
_SAVE_CARD = _(
    "Change the fields and save. If somebody else has saved meanwhile, you are told and nothing is lost."
)
_FILTER_LIST = _(
    "Narrow the list with the filters; the address keeps them, so it can be bookmarked or sent on."
)
_STATISTICS = _(
    "The statistics count interactions that are neither canceled nor postponed, in the period you choose."
)

_GENERAL = {
    "home.show": _help(
        "first-steps#around-the-pages",
        _(
            "Where a day begins: what is under way, what was logged last, and what needs somebody's attention."
        ),
        _("Follow a link to go on with it. A service that has nothing yet shows the first steps instead."),
    ),
    "search.show": _help(
        "first-steps#around-the-pages",
        _("Finds every page and action by its name, and contacts, segments and entries by name or number."),
        _("Type a few letters of it, in any of the languages. On every page Ctrl+K opens the same search."),
    ),
    "guide.index": _help(
        "first-steps#help",
        _("The user guide, chapter by chapter."),
        _("Choose a chapter. The help of each page leads straight to the section that fits it."),
    ),
    "guide.chapter": _help(
        "first-steps#help",
        _("A chapter of the user guide."),
        _("The list beside the text leads to its sections, the buttons at the end to the next chapter."),
    ),
    "account.show": _help(
        "first-steps#sign-in",
        _("What concerns only you: language, light or dark pages, your password."),
        _("A new password ends all your other sessions."),
    ),
    "jobs.index": _help(
        "administration#jobs-and-housekeeping",
        _("Everything that took or takes longer than a moment, with who asked for it and what came of it."),
        _FILTER_LIST,
        _("Open a job to watch it, to cancel it, or to read why it failed."),
    ),
    "jobs.card": _help(
        "administration#jobs-and-housekeeping",
        _("One long operation: how far it is, what came of it, and what stood against it."),
        _("Progress is counted from what is safely stored. You may leave the page; the job goes on."),
        _("As long as it runs it can be canceled; the page says whether what was done is undone or stays."),
    ),
}
_CONTACTS = {
    "contacts.index": _help(
        "first-steps#contacts",
        _("All companies and people you write to, call or meet."),
        _FILTER_LIST,
        _OPEN_CARD,
    ),
    "contacts.new": _help(
        "first-steps#contacts",
        _("A new company or person."),
        _NEW_RECORD,
        _("Leave the number blank to be given the next one. A person may belong to a company."),
    ),
    "contacts.card": _help(
        "first-steps#contacts",
        _("One company or person, with everything that has passed between you."),
        _("Create an interaction from here, and contact, company and salesperson are filled in already."),
        _(
            "The account numbers tie printed documents to this contact; “Privacy Blocked” stops every interaction."
        ),
    ),
    "timeline.show": _help(
        "first-steps#contacts",
        _("Everything that has happened with this contact, the latest first."),
        _("Choose kinds to see less. For a company its people's are included, unless you want only its own."),
    ),
    "personal_data.erase": _help(
        "administration#erase-a-contact",
        _("A person's right to be forgotten: name, address and free text go for good, sums and dates stay."),
        _("Read what will be gone, then confirm. This cannot be undone."),
    ),
}
_SEGMENTS = {
    "segments.index": _help(
        "segments#create-a-segment",
        _("The segments that are being prepared. One that has been logged moves to the Logged Segments."),
        _("Create a segment, add contacts, check it, then log it: every contact gets an entry in the log."),
        _FILTER_LIST,
    ),
    "segments.new": _help(
        "segments#create-a-segment",
        _("The head of a new segment: the interaction that all its contacts will get."),
        _("Describe it and choose an interaction template; what you leave blank comes from the template."),
        _("Contacts are added on the next page."),
    ),
    "segments.card": _help(
        "segments#create-a-segment",
        _("A segment while it is prepared: the interaction on top, the contacts that will get it below."),
        _("Add contacts by a filter or one by one, take some out again, undo what went wrong."),
        _("Open a line to personalize it: its own values hold for that contact alone."),
        _("“Check” names what stands against logging; “Log…” turns every line into an entry of the log."),
    ),
    "segments.check": _help(
        "segments#check-the-segment",
        _("What would happen if the segment were logged now. Nothing is changed by looking."),
        _("Lines with a problem cannot be logged: mend them here in one go, or let the logging skip them."),
        _("Warnings are there to be thought about; such lines are logged all the same."),
    ),
    "segments.log": _help(
        "segments#log-the-segment",
        _("The last step: the segment becomes entries of the log, and moves to the Logged Segments."),
        _("Tick “Create Follow-up Segment” to get a new segment with the same contacts, for the next step."),
        _("Say what to do with lines that have problems: log nothing, or skip them and log the others."),
    ),
    "segment_criteria.act": _help(
        "segments#add-contacts",
        _("Lines come and go by conditions on contacts and on what has passed between you and them."),
        _(
            "While you type you are told how many contacts that would be; nothing is done before the button is pressed."
        ),
        _("Several values in one field are alternatives; every field that is filled must match."),
    ),
    "segment_criteria.other_ways": _help(
        "segments#add-contacts",
        _("Other sources of contacts: saved criteria, a logged segment, a list, a copy of this segment."),
        _("Choose one of the boxes. What it adds can be undone on the segment like everything else."),
    ),
    "segment_criteria.why": _help(
        "segments#how-lines-came-and-went",
        _("Tells why a contact is in the segment or not, action by action."),
        _("Type the number or name of a contact."),
    ),
    "segment_lines.card": _help(
        "segments#personalize-a-line",
        _("One contact of the segment, and what is different for it."),
        _("Fill in a field to give the line a value of its own; empty it to inherit again."),
        _("Below an empty field stands what applies as long as it is empty."),
    ),
    "many_lines.change": _help(
        "segments#personalize-a-line",
        _("The same own values for many lines at once."),
        _("Fill in what the lines shall have; or take their own values back, or the lines out."),
    ),
    "saved_criteria.index": _help(
        "segments#add-contacts",
        _("Recipes for segments: the steps that built one, kept to be repeated on today's contacts."),
        _("Save them from a segment, and apply them to another, both under “Other ways…”."),
    ),
    "saved_criteria.card": _help(
        "segments#add-contacts",
        _("The steps of one recipe, in the order they are done."),
        _("They are done in a segment, under “Other ways…”. Here you read or delete them."),
    ),
    "logged_segments.index": _help(
        "segments#logged-segments",
        _("The segments that have become entries of the log."),
        _("Open one to see its entries and the lines that were skipped, or to cancel it as a whole."),
        _(
            "Canceled ones can be deleted here, which frees their segment numbers; their entries stay canceled."
        ),
    ),
    "logged_segments.card": _help(
        "segments#logged-segments",
        _("What was logged, by whom and when, and how much of it counts today."),
        _("Cancel it, and all its entries stop counting; restore it, and exactly those come back."),
        _("Make a follow-up segment of its contacts, or a new segment of the lines that were skipped."),
    ),
    "logged_segments.follow_up": _help(
        "segments#follow-up",
        _("A new segment for the next step, with contacts of this one."),
        _(
            "Choose by what came of it: evaluation, failed attempts, no answer since. No choice means everybody."
        ),
    ),
}
_INTERACTIONS = {
    "interactions.index": _help(
        "log#find-entries",
        _("The log: every letter, call, e-mail, meeting and printed document, with the canceled ones."),
        _FILTER_LIST,
        _("Select entries, or take all that match, to cancel, restore or evaluate them together."),
    ),
    "interactions.card": _help(
        "log#cancel-and-restore",
        _(
            "One entry of the log. What was recorded stays as it was; its outcome and comments are added here."
        ),
        _("Evaluate it, say that the attempt failed, or add a comment."),
        _("An entry that was a mistake is canceled; it can be restored until it is deleted."),
    ),
    "interaction_form.new": _help(
        "interactions#create-an-interaction",
        _("Records one communication with one contact: a call, a letter, a meeting."),
        _(
            "Choose the contact and a template; cost, duration and the like follow from them unless you type them."
        ),
        _("“Record” puts it into the log. “Cancel…” lets you keep it to be finished later."),
    ),
    "postponed.index": _help(
        "interactions#postponed-interactions",
        _("Interactions that were begun and left. They are not in the log and count nowhere."),
        _("Open one to go on with it where you left."),
    ),
    "postponed.card": _help(
        "interactions#postponed-interactions",
        _("An interaction that was left for later, as it was when you left it."),
        _("Complete it and press “Finish”: it moves into the log. Or leave it again, or delete it."),
    ),
    "document_events.index": _help(
        "documents#the-list-of-document-events",
        _("What billing and quoting systems have printed or sent, and what Interlog made of it."),
        _(
            "Filter by outcome to find what was not recorded; each row says why and leads to what can be mended."
        ),
        _("After mending, replay the chosen ones or all that match."),
    ),
    "document_events.card": _help(
        "documents#mend-and-replay",
        _("One printed document: what was received, what became of it, and the entry it led to."),
        _("If it was not recorded, mend what the reason names, then try again from here."),
    ),
}
_MASTER_DATA = {
    "campaigns.index": _help(
        "statistics#campaigns",
        _("What you do in the market, with the cost and the echo of each."),
        _OPEN_CARD,
        _("Give a segment or a template a campaign, and its entries count for it."),
    ),
    "campaigns.new": _help(
        "statistics#campaigns",
        _("A new campaign."),
        _NEW_RECORD,
        _("Leave the number blank to be given the next one."),
    ),
    "campaigns.card": _help(
        "statistics#campaigns",
        _("One campaign: its data, what it cost and brought, and what counts for it."),
        _SAVE_CARD,
        _STATISTICS,
        _("A campaign entry can be canceled with everything below it, and restored."),
    ),
    "salespeople.index": _help(
        "administration#salespeople",
        _("The people who look after contacts."),
        _OPEN_CARD,
        _("Block one who has left; work handed over to others is then easy to find by the check."),
    ),
    "salespeople.new": _help(
        "administration#salespeople",
        _("A new salesperson."),
        _NEW_RECORD,
    ),
    "salespeople.card": _help(
        "administration#salespeople",
        _("One salesperson, and what they have done."),
        _SAVE_CARD,
        _STATISTICS,
    ),
    "interaction_templates.index": _help(
        "administration#interaction-groups-and-templates",
        _("Models of interactions: choose one, and most of a form is filled in."),
        _OPEN_CARD,
        _("One that is no longer wanted is retired; the log keeps its name."),
    ),
    "interaction_templates.new": _help(
        "administration#interaction-groups-and-templates",
        _("A new model of interactions."),
        _NEW_RECORD,
        _("It needs a group; languages give the subject in each of them."),
    ),
    "interaction_templates.card": _help(
        "administration#interaction-groups-and-templates",
        _("One model of interactions, and how often it was used."),
        _("Changes hold for what is recorded from now on; entries keep what they were recorded with."),
        _STATISTICS,
    ),
    "interaction_groups.index": _help(
        "administration#interaction-groups-and-templates",
        _("The headings that templates and entries stand under, for reports and filters."),
        _OPEN_CARD,
    ),
    "interaction_groups.new": _help(
        "administration#interaction-groups-and-templates",
        _("A new heading for templates."),
        _NEW_RECORD,
    ),
    "interaction_groups.card": _help(
        "administration#interaction-groups-and-templates",
        _("One group of templates, and what was recorded with them."),
        _SAVE_CARD,
        _STATISTICS,
    ),
}
_SETUP = {
    "template_setup.show": _help(
        "documents#which-documents-are-recorded",
        _("Says how each kind of printed document, e-mail and call gets into the log."),
        _("Choose a template for a document type, or leave it blank if it shall not be recorded."),
    ),
    "setup.show": _help(
        "administration#number-series-and-marketing-setup",
        _("A few choices that hold for everybody."),
        _("Name the number series for new segments, contacts and campaigns, and the time zone of dates."),
        _("Say for how long a reprint counts as the same print, and how soon a second contact is a warning."),
    ),
    "number_series.index": _help(
        "administration#number-series-and-marketing-setup",
        _("Where the numbers of segments, contacts and campaigns come from."),
        _OPEN_CARD,
    ),
    "number_series.new": _help(
        "administration#number-series-and-marketing-setup",
        _("A new series of numbers."),
        _("The starting number shows how the numbers look, such as SM00001."),
    ),
    "number_series.card": _help(
        "administration#number-series-and-marketing-setup",
        _("One series: what it gave out last, and whether numbers may be typed by hand."),
        _("No number is given out twice: the last number used cannot go down."),
    ),
    "purges.index": _help(
        "log#delete-canceled-entries",
        _("The record of what was deleted from the log."),
        _(
            "Each row names the filters, how many were deleted, and the archive with its checksum if there is one."
        ),
    ),
    "purges.new": _help(
        "log#delete-canceled-entries",
        _("Takes canceled entries out of the log for good. Nothing active is ever deleted."),
        _("Set the filters, press “Preview”, and read how many entries would go; then delete them."),
        _("Ask for an archive to have the rows written to a file first."),
    ),
    "purge_schedules.index": _help(
        "log#purge-schedules",
        _("Deleting canceled entries by the clock."),
        _OPEN_CARD,
        _("The list shows what became of the last run and when the next one is due."),
    ),
    "purge_schedules.new": _help(
        "log#purge-schedules",
        _("A new schedule for deleting canceled entries."),
        _NEW_RECORD,
        _("It runs only while it is enabled."),
    ),
    "purge_schedules.card": _help(
        "log#purge-schedules",
        _("One schedule: when it runs, what it deletes, what its last run did."),
        _SAVE_CARD,
        _("“Run now” does at once what it would do when due."),
    ),
    "housekeeping.show": _help(
        "administration#jobs-and-housekeeping",
        _("How long things are kept that nobody needs for ever."),
        _("It runs by itself, as often as is said here; “Run now” does it at once."),
    ),
    "users.index": _help(
        "administration#users-and-tokens",
        _("Everybody who can sign in."),
        _OPEN_CARD,
        _("Somebody who has left is made inactive; what they did stays under their name."),
    ),
    "users.new": _help(
        "administration#users-and-tokens",
        _("A new user."),
        _NEW_RECORD,
        _(
            "The role says what they may do, each including the ones before: viewer, salesperson, marketing, admin."
        ),
    ),
    "users.card": _help(
        "administration#users-and-tokens",
        _("One user: role, salesperson, language, and whether they can sign in."),
        _SAVE_CARD,
        _("A one-time sign-in link lets in who has no password or has forgotten it."),
    ),
    "tokens.index": _help(
        "administration#users-and-tokens",
        _("The keys with which other programs use Interlog."),
        _("Revoke a token that is no longer used; its program is refused from then on."),
    ),
    "tokens.new": _help(
        "administration#users-and-tokens",
        _("A new key for a program."),
        _("It is shown once, right after it is made. A billing system needs the role Service, and no more."),
    ),
    "audit.index": _help(
        "administration#audit",
        _("Every change of data: who, when, what it was before and after."),
        _FILTER_LIST,
        _("The same is shown at the end of each record's own page."),
    ),
}

PAGES: dict[str, Help] = {
    **_GENERAL,
    **_CONTACTS,
    **_SEGMENTS,
    **_INTERACTIONS,
    **_MASTER_DATA,
    **_SETUP,
}
