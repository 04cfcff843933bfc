"""Active Segments: list, new, card with its lines, adding contacts, check, Log (S1 to S10, L1 to L7)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import (
    criteria_actions,
    jobs,
    salespeople,
    segment_check,
    segment_lines,
    segment_logging,
    segments,
    setup,
)
from domain.users import Role
from web import database, identity, vocabulary
from web.forms.base import RecordForm
from web.forms.segments import EFFECTIVE, AddLineForm, LogForm, SegmentForm
from web.pages import guard, inheritance, lists, records
from web.pages.jobs import UNFINISHED
from web.pages.lists import Column, Filter
from web.pages.records import Answer, Stored
from web.vocabulary import FIELDS

ACTIONS_SHOWN = 100
# What can be done at once for all lines with a problem or warning: give them a salesperson, or take them out.
REPAIRS = {
    **dict.fromkeys(("salesperson_missing", "salesperson_unknown", "salesperson_blocked"), "salesperson"),
    **dict.fromkeys(
        (
            "privacy_blocked",
            "contact_erased",
            "contact_missing",
            "contacted_recently",
            "excluded",
            "email_missing",
        ),
        "take_out",
    ),
}
# So many loggings at once are looked through for the one of a segment.
MOST_LOGGINGS = 200
# The check of more lines than this takes longer than a page may: the page comes first and says so.
MOST_CHECKED_AT_ONCE = 10_000

LINE_FILTERS = (
    Filter("q", _("Contact"), "search", hint=_("No. or name")),
    Filter("overridden", _("Own values"), words={"true": _("Only lines with own values")}),
    Filter(
        "problem", _("Problems"), words={"any": _("Only lines with problems"), **vocabulary.LINE_PROBLEMS}
    ),
    Filter("warning", _("Warnings"), words=vocabulary.LINE_WARNINGS),
)
# The lines of a segment, with their effective values.
LINE_COLUMNS = (
    Column("line_no", _("Line"), "number"),
    Column("contact_no", _("Contact"), "code", endpoint="pages.contacts.card"),
    Column("contact_name", _("Name")),
    Column("template_code", FIELDS["template_code"], "code"),
    Column("description", FIELDS["description"]),
    Column("date", FIELDS["date"], "date"),
    Column("salesperson_code", FIELDS["salesperson_code"], "code"),
    Column("campaign_no", FIELDS["campaign_no"], "code"),
    Column(
        "correspondence_type", FIELDS["correspondence_type"], "choice", words=vocabulary.CORRESPONDENCE_TYPES
    ),
    Column("cost", FIELDS["cost"], "amount"),
    Column("duration_min", FIELDS["duration_min"], "number"),
    Column("findings", _("Problems"), "badges", sparse=True),
)
MORE_LINE_COLUMNS = (
    Column("company_no", FIELDS["company_no"], "code", endpoint="pages.contacts.card"),
    Column("subject", FIELDS["subject"]),
    Column("group_code", FIELDS["group_code"], "code"),
    Column("language_code", FIELDS["language_code"], "code"),
    Column("information_flow", FIELDS["information_flow"], "choice", words=vocabulary.INFORMATION_FLOWS),
    Column("initiated_by", FIELDS["initiated_by"], "choice", words=vocabulary.INITIATED_BY),
    Column("campaign_target", FIELDS["campaign_target"], "flag"),
    Column("campaign_response", FIELDS["campaign_response"], "flag"),
    Column("evaluation", FIELDS["evaluation"], "choice", words=vocabulary.EVALUATIONS),
)


def _fetch_lines(session: Session, wanted: lists.Wanted) -> list[Stored]:
    segment = segments.get(session, wanted.of or "")
    lines = segment_lines.page(session, segment, filters=wanted.filters, **wanted.place)
    return [
        {**line["effective"], **line, "segment_no": segment.no, "findings": _findings(line)} for line in lines
    ]


def _findings(line: Stored) -> str:
    words = {**vocabulary.LINE_PROBLEMS, **vocabulary.LINE_WARNINGS}
    return "; ".join(str(words.get(code, code)) for code in (*line["problems"], *line["warnings"]))


LINES = lists.register(
    lists.Listing(
        name="segment_lines",
        columns=LINE_COLUMNS,
        more_columns=MORE_LINE_COLUMNS,
        filters=LINE_FILTERS,
        fetch=_fetch_lines,
        key="line_no",
        sorts=lists.BY_LINE,
        sorted_by={"line_no": "made"},
        after_name="after_line",
    )
)


def _extra(session: Session, segment: segments.Segment, stored: Stored) -> dict[str, Any]:
    actions = criteria_actions.page(session, segment, limit=ACTIONS_SHOWN, newest_first=True)
    job = jobs.open_job(session, segments.serial_key(segment)) or _logging_job(session, segment)
    return {
        "list": lists.read(LINES, of=stored["no"]),
        "actions": criteria_actions.describe(session, actions),
        "job": jobs.describe(session, [job])[0] if job else None,
        "add_line_form": AddLineForm(formdata=None),
        "log_form": LogForm(formdata=None, data={"on_invalid": "refuse"}),
        "is_editable": job is None and guard.may(Role.MARKETING),
    }


def _logging_job(session: Session, segment: segments.Segment) -> jobs.Job | None:
    """Find the job that is logging a frozen segment."""
    if segment.status != segments.Status.LOGGING:
        return None
    logging = jobs.page(session, filters={"kind": ["log_segment"], "state": UNFINISHED}, limit=MOST_LOGGINGS)
    return next((job for job in logging if job.parameters["segment_no"] == segment.no), None)


def _defaults() -> dict[str, Any]:
    session, actor = database.session(), identity.required()
    own = session.get(salespeople.Salesperson, actor.salesperson_id) if actor.salesperson_id else None
    return {"date": setup.today(session), "salesperson_code": own.code if own else None}


def _prepare(form: RecordForm, stored: Stored) -> None:
    for name, applied in EFFECTIVE.items():
        applies = stored["effective"][applied]
        from_description = name == "subject" and applies == stored["description"]
        source = _("From description") if from_description else _("From template")
        inheritance.tell(form[name], own=stored[name], applies=applies, source=source)


NOUN = records.Noun(
    name="segments",
    module=segments,
    key="no",
    form=SegmentForm,
    plural=_("Active Segments"),
    singular=_("Segment"),
    new=_("New segment"),
    lead=_("Lists of contacts with an interaction that is to be logged for all of them."),
    empty=_("Create a segment, add contacts to it, then log its interaction for all of them at once."),
    columns=(
        Column("no", FIELDS["no"], "code", endpoint="pages.segments.card"),
        Column("description", FIELDS["description"]),
        Column("date", FIELDS["date"], "date"),
        Column("salesperson_code", FIELDS["salesperson_code"], "code", endpoint="pages.salespeople.card"),
        Column("campaign_no", FIELDS["campaign_no"], "code", endpoint="pages.campaigns.card"),
        Column("template_code", FIELDS["template_code"], "code", endpoint="pages.interaction_templates.card"),
        Column("lines_count", _("Lines"), "number"),
        Column("cost_total", _("Cost"), "amount"),
        Column("status", _("Status"), "choice", words=vocabulary.SEGMENT_STATES),
    ),
    more_columns=(
        Column("subject", FIELDS["subject"]),
        Column("actions_count", _("Actions"), "number"),
        Column("duration_total_min", _("Duration (min.)"), "number"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=_("No. or description")),
        Filter("campaign_no", FIELDS["campaign_no"], "code", lookup="campaign"),
        Filter("status", _("Status"), words=vocabulary.SEGMENT_STATES),
    ),
    writes=Role.MARKETING,
    card="segments/card.html",
    extra=_extra,
    prepare=_prepare,
    defaults=_defaults,
)
blueprint = records.blueprint(NOUN, __name__)


@blueprint.post("/<key>/add-line")
@guard.needs(Role.MARKETING)
def add_line(key: str) -> Answer:
    """Add one contact by hand."""
    session = database.session()
    segment = segments.get(session, key, lock=True)
    form = AddLineForm()
    line = records.attempt_once(
        form,
        lambda: segment_lines.add(
            session,
            segment,
            contact_no=form.contact_no.data,
            values={},
            allow_existing=bool(form.allow_existing.data),
            actor=identity.required(),
        ),
    )
    if line is None:
        return records.form_page("segments/add_line.html", form, segment=segment)
    flash(gettext("Contact %(no)s has been added.", no=form.contact_no.data), "good")
    return redirect(url_for("pages.segments.card", key=segment.no) + "#lines", 303)  # type: ignore[return-value]


@blueprint.get("/<key>/check")
def check(key: str) -> Answer:
    """Show what stands against logging the segment (S9); of a big one, that it is being looked for, at once."""
    session = database.session()
    segment = segments.get(session, key)
    at_once = segment.lines_count <= MOST_CHECKED_AT_ONCE or "found" in request.args
    return render_template(
        "segments/check.html",
        segment=segment,
        found=segment_check.check(session, segment, send=False) if at_once else None,
        repairs=REPAIRS if guard.may(Role.MARKETING) else {},
    )


@blueprint.route("/<key>/log", methods=["GET", "POST"])
@guard.needs(Role.MARKETING)
def log(key: str) -> Answer:
    """The Log dialog, as a page of its own without JavaScript; POST enqueues the logging."""
    session = database.session()
    segment = segments.get(session, key)
    form = LogForm() if request.method == "POST" else LogForm(data={"on_invalid": "refuse"})
    if request.method == "POST":
        values = {
            "follow_up": form.follow_up.data,
            "send": False,
            "on_invalid": form.on_invalid.data or "refuse",
        }
        actor = identity.required()
        job = records.attempt_once(
            form, lambda: segment_logging.request(session, segment, values=values, actor=actor).id
        )
        if job is not None:
            return redirect(url_for("pages.jobs.card", key=job), 303)  # type: ignore[return-value]
    return records.form_page("segments/log.html", form, segment=segment)
