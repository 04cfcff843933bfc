"""Jobs (J1): list, and the page of one with live progress that survives a reload and works without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import job_endings, job_engine, job_kinds, job_steps, jobs
from domain.errors import Forbidden
from domain.users import Role
from web import database, identity, vocabulary
from web.jobs import described
from web.pages import guard, job_words, lists
from web.pages.lists import Column, Filter, Listing
from web.pages.records import Answer

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

__all__ = ["blueprint", "job_kinds"]

UNFINISHED = ["queued", "running", "canceling"]
COLUMNS = (
    Column("kind", _("Job"), "choice", words=vocabulary.JOB_KINDS),
    Column("about", _("About"), "code"),
    Column("state", _("Status"), "choice", words=vocabulary.JOB_STATES),
    Column("progress", _("Progress"), "bar"),
    Column("done", _("Done"), "number"),
    Column("total", _("Rows"), "number"),
    Column("created_by", vocabulary.FIELDS["user"], "code"),
    Column("created_at", _("Requested"), "instant"),
    Column("finished_at", _("Finished"), "instant"),
)
FILTERS = (
    Filter("kind", _("Job"), words=vocabulary.JOB_KINDS),
    Filter("state", _("Status"), words=vocabulary.JOB_STATES),
)

# Which kinds of open jobs the pages of a blueprint show in a line above their content; cards, those about their thing.
SHOWN_ON = {
    "segments": ("log_segment", "criteria_action", "undo", "apply_criteria", "reuse", "change_lines", "remove_lines",
                 "copy_segment", "follow_up"),
    "logged_segments": ("log_segment", "follow_up", "delete_logged_segments"),
    "interactions": ("log_segment", "cancel_interactions", "restore_interactions", "evaluate_interactions", "purge"),
    "contacts": ("import_contacts", "fill_mailing_group", "erase"),
    "document_events": ("replay",),
    "purges": ("purge",),
    "purge_schedules": ("purge",),
    "housekeeping": ("housekeeping",),
}  # fmt: skip
MOST_SHOWN = 5
MOST_WATCHED = 30


def _fetch(session: Session, wanted: lists.Wanted) -> list[dict[str, Any]]:
    found = jobs.page(
        session,
        filters=wanted.filters,
        **{**wanted.place, "after": wanted.after},
    )
    return [{**job, "about": _about(job["parameters"])} for job in jobs.describe(session, found)]


def _about(parameters: Mapping[str, Any]) -> Any:
    """Return the number of what a job works on."""
    return parameters.get("segment_no") or parameters.get("logged_segment_no")


LISTING = lists.register(
    Listing(
        name="jobs",
        columns=COLUMNS,
        filters=FILTERS,
        fetch=_fetch,
        key="id",
        sorts=lists.NEWEST_FIRST,
        sorted_by={"created_at": "made"},
    )
)


@blueprint.get("/")
def index() -> Answer:
    """List jobs, newest first unless the other order is chosen."""
    return render_template("jobs/list.html", list=lists.read(LISTING))


@blueprint.get("/watch")
def watch() -> Answer:
    """Tell scripts how far jobs are, and what is said of those that have ended; ids that are none are left out."""
    session = database.session()
    found = jobs.of_ids(session, request.args.getlist("id")[:MOST_WATCHED])
    return jsonify(
        [
            {
                "id": job["id"],
                "progress": job["progress"] if job["total"] else None,
                "text": job_words.done(job),
                "ended": job_words.announcement(job),
            }
            for job in described(session, found)
        ]
    )


def under_way() -> dict[str, Any]:
    """Give a page the ids of the user's own open jobs, and the open jobs it shows itself."""
    session, actor = database.session(), identity.required()
    found = jobs.open_jobs(session, limit=MOST_WATCHED)
    kinds = SHOWN_ON.get((request.blueprint or "").rpartition(".")[2], ())
    key = (request.view_args or {}).get("key")
    shown = [
        job
        for job in found
        if job.kind in kinds and (key is None or str(key) in map(str, job.parameters.values()))
    ]
    return {
        "own": [str(job.id) for job in found if job.created_by == actor.id],
        "shown": jobs.describe(session, shown[:MOST_SHOWN]) if shown else [],
    }


@blueprint.get("/<key>")
def card(key: str) -> Answer:
    """Show a job: progress while it runs, then what came of it."""
    session = database.session()
    job = described(session, [jobs.get(session, key)])[0]
    return render_template(
        "jobs/card.html",
        job=job,
        is_open=job["state"] in UNFINISHED,
        is_undone=_is_undone(job["kind"]),
        may_cancel=_may_cancel(job),
        result_words=job_words.RESULT_WORDS,
        advice=job_words.advice(job),
        problem_text=job["problem"]["detail"] if job["problem"] else "",
        words_of_states={state: str(word) for state, word in vocabulary.JOB_STATES.items()},
    )


@blueprint.post("/<key>/cancel")
def cancel(key: str) -> Answer:
    """Stop a job; what it did is undone, if its kind can."""
    session = database.session()
    job = jobs.get(session, key)
    if not _may_cancel(jobs.describe(session, [job])[0]):
        raise Forbidden()
    back = url_for("pages.jobs.card", key=job.id)
    if not guard.confirmed():
        return guard.ask(
            gettext("Stop this job? What it has deleted so far stays deleted.")
            if job.kind == "purge"
            else gettext("Cancel this job? What it has done so far is undone.")
            if _is_undone(job.kind)
            else gettext("Cancel this job? What it has done so far stays."),
            title=gettext("Cancel job"),
            yes=gettext("Cancel job"),
            back=back,
        )
    try:
        job_endings.request_cancel(session, job, actor=identity.required())
    except job_endings.JobFinished:
        flash(gettext("The job has already ended."), "warn")
    return redirect(back, 303)  # type: ignore[return-value]


def to_job(job: jobs.Job, segment_no: str) -> Answer:
    """Go to the page of a job that was just asked for; if it was small and is done, back to its segment."""
    session = database.session()
    if not job_engine.do_if_small(session, job):
        return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]
    result = job.result or {}
    title = vocabulary.CRITERIA_ACTIONS.get(job.parameters.get("action", ""), vocabulary.JOB_KINDS[job.kind])
    flash(f"{title}. {job_words.counts(result) or gettext('Nothing has changed.')}", "good")
    where = result.get("segment_no", segment_no)
    return redirect(url_for("pages.segments.card", key=where), 303)  # type: ignore[return-value]


def _may_cancel(job: dict[str, Any]) -> bool:
    """Tell whether the one who asks may stop a job: marketing any, others their own (U1)."""
    actor = identity.required()
    return actor.role.includes(Role.MARKETING) or actor.name == job["created_by"]


def _is_undone(kind: str) -> bool:
    """Tell whether what a job of this kind has done is undone when it does not succeed."""
    return kind in job_steps.KINDS and job_steps.KINDS[kind].undoes
