"""What is said of jobs in a line or two: how far they are, what came of them, what to do when they did not succeed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from domain.jobs import FINAL, State
from web import vocabulary
from web.pages import layout

RESULT_WORDS = {
    "logged_segment_no": _("Logged Segment"),
    "interactions": _("Interactions"),
    "skipped": _("Skipped Lines"),
    "follow_up_segment_no": _("Follow-up Segment"),
    "follow_up_left_out": _("Left out of the follow-up"),
    "segment_no": _("New Segment"),
    "contacts": _("Contacts"),
    "contact_no": _("Contact"),
    "comments": _("Comments"),
    "postponed": _("Postponed Interactions"),
    "left_out": _("Left out"),
    "added": _("Added"),
    "removed": _("Removed"),
    "existing": _("Already there"),
    "excluded": _("Excluded from segments"),
    "blocked": _("Blocked for privacy"),
    "created": _("Created"),
    "updated": _("Updated"),
    "rejected": _("Rejected"),
    "changed": _("Changed"),
    "unchanged": _("Unchanged"),
    "refused": _("Refused"),
    "deleted": _("Deleted"),
    "recorded": vocabulary.EVENT_OUTCOMES["recorded"],
    "reprint": vocabulary.EVENT_OUTCOMES["reprint"],
    "ignored": vocabulary.EVENT_OUTCOMES["ignored"],
    "unresolved": vocabulary.EVENT_OUTCOMES["unresolved"],
    "suppressed": vocabulary.EVENT_OUTCOMES["suppressed"],
    "purge_id": _("Record"),
    "jobs": _("Jobs"),
    "idempotency_keys": _("Answers to repeated requests"),
    "sign_in_links": _("Sign-in links"),
    "document_events": _("Document Events"),
}
# State -> how it is shown.
KINDS = {State.SUCCEEDED: "good", State.REFUSED: "warn", State.FAILED: "bad", State.CANCELED: "info"}
# What to do about a job that was refused or failed, by the code of its problem.
ADVICE: dict[str, Any] = {
    "segment_has_problems": _(
        "Mend the lines of the segment, or log it again and skip the lines with problems."
    ),
    "segment_empty": _("Add contacts to the segment, then log it."),
    "description_missing": _("Give the segment a description, then log it."),
    "number_series_missing": _(
        "Let an administrator name a number series in the Marketing Setup, then start it again."
    ),
    "number_series_exhausted": _(
        "Let an administrator open a further number series and name it in the Marketing Setup, then start it again."
    ),
    "clock_suspect": _(
        "Let an administrator look whether the clock of the database is right and confirm it on the home page."
    ),
    "purge_too_large": _("Narrow the filters, or start it again and confirm the number."),
    "archive_foreign": _("Choose an archive that was written by this service."),
}
# What a job is about, in its parameters.
ABOUT = ("segment_no", "logged_segment_no", "contact_no")
REFUSED_ADVICE = _("Mend what it says, then start it again.")
FAILED_ADVICE = _("Start it again. If it fails again, show an administrator the address of its page.")


def advice(job: Mapping[str, Any]) -> str:
    """Say what to do about a job that did not succeed; nothing about others."""
    if job["state"] not in (State.REFUSED, State.FAILED):
        return ""
    usual = FAILED_ADVICE if job["state"] == State.FAILED else REFUSED_ADVICE
    return str(ADVICE.get((job["problem"] or {}).get("code", ""), usual))


def title(job: Mapping[str, Any]) -> str:
    """Name a job by its kind and what it is about."""
    about = next((str(job["parameters"][name]) for name in ABOUT if job["parameters"].get(name)), "")
    return f"{vocabulary.JOB_KINDS.get(job['kind'], job['kind'])} {about}".strip()


def counts(result: Mapping[str, Any] | None) -> str:
    """List the numbers that came of a job; 0 is left out."""
    numbers = {name: value for name, value in (result or {}).items() if isinstance(value, int) and value}
    return ", ".join(
        f"{word}: {layout.number(numbers[name])}"
        for name, word in RESULT_WORDS.items()
        if name in numbers and not name.endswith("_no")
    )


def done(job: Mapping[str, Any]) -> str:
    """Say how far a job is: a percentage, or its state while that is not known."""
    if job["state"] == State.RUNNING and job["total"]:
        return f"{int(job['progress'] * 100)} %"
    return str(vocabulary.JOB_STATES[job["state"]])


def announcement(job: Mapping[str, Any]) -> dict[str, str] | None:
    """Say that a job has ended, and where to go from there; None while it goes on.

    Parameters
    ----------
    job
        As `web.jobs.described` gives it.
    """
    if job["state"] not in FINAL:
        return None
    told = (
        counts(job["result"]) if job["state"] == State.SUCCEEDED else (job["problem"] or {}).get("detail", "")
    )
    parts = (f"{title(job)}: {vocabulary.JOB_STATES[job['state']]}", told, advice(job))
    url, more = _next(job)
    return {
        "kind": KINDS[State(job["state"])],
        "text": " ".join(part.rstrip(".") + "." for part in parts if part),
        "url": url,
        "more": more,
    }


def _next(job: Mapping[str, Any]) -> tuple[str, str]:
    """Return where what came of a job is found, and the words of the link."""
    result = job["result"] or {}
    if job["state"] == State.SUCCEEDED and job["kind"] == "log_segment":
        return (
            url_for("pages.logged_segments.card", key=result["logged_segment_no"]),
            gettext("Open the logged segment"),
        )
    if job["state"] == State.SUCCEEDED and result.get("segment_no"):
        return url_for("pages.segments.card", key=result["segment_no"]), gettext("Go to the new segment")
    return url_for("pages.jobs.card", key=job["id"]), gettext("Show the job")
