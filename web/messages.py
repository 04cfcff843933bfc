"""Words for faults and refusals, in the reader's language; outside a request in English, as the CLI wants them.

A code is stable, its words are not: clients look at codes, people read these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _

from domain.errors import Fault, NotFound, Refusal
from web.vocabulary import FIELDS

# Words for a fault; `field` is its label, `value` what was given.
FAULTS: dict[str, Any] = {
    "required": _("%(field)s must be given."),
    "unknown": _("%(field)s: there is no “%(value)s”."),
    "invalid": _("%(field)s: “%(value)s” cannot be taken."),
    "too_long": _("%(field)s is too long; at most %(limit)s are allowed."),
    "too_large": _("%(field)s: “%(value)s” is too large."),
    "negative": _("%(field)s: “%(value)s” is negative."),
    "not_a_choice": _("%(field)s: “%(value)s” is none of the choices."),
    "unknown_field": _("There is no field “%(field)s” here."),
    "read_only": _("%(field)s cannot be changed."),
    "in_use": _("%(field)s: “%(value)s” is in use."),
    "already_exists": _("%(field)s: “%(value)s” exists already."),
    "manual_number_not_allowed": _("%(field)s: the number series does not allow numbers given by hand."),
    "number_series_missing": _("%(field)s: the setup names no number series."),
    "number_series_exhausted": _("%(field)s: the number series has no number left."),
    "account_taken": _("%(field)s: the account “%(value)s” belongs to another contact."),
    "privacy_blocked": _("%(field)s: “%(value)s” is blocked for privacy."),
    "contact_erased": _("%(field)s: the contact “%(value)s” has been erased."),
    "salesperson_blocked": _("%(field)s: the salesperson “%(value)s” is blocked."),
    "template_retired": _("%(field)s: the interaction template “%(value)s” is retired."),
    "in_template_setup": _("%(field)s: the interaction template is in the template setup."),
    "has_languages": _("%(field)s: the interaction template “%(value)s” has languages."),
    "contact_in_segment": _("%(field)s: the contact “%(value)s” is in the segment already."),
    "segment_busy": _("The segment is being worked on; wait for the job to end."),
    "description_missing": _("The segment has no description."),
    "segment_empty": _("The segment has no lines."),
    "filter_missing": _("A filter must be given, or “all”."),
    "last_admin": _("Without this user nobody could administer any more."),
    "outgoing_call_template_missing": _(
        "The template setup names no interaction template for outgoing calls; choose one."
    ),
    "already_logged": _("%(field)s: a segment “%(value)s” has been logged already."),
    "malformed": _("It cannot be read as an event: %(value)s"),
    "event_conflict": _("An event “%(value)s” of this source is here already, with another content."),
}

# Words for a fault whose code alone says too little, by its parameter `reason`: what goes wrong with files.
REASONS: dict[str, Any] = {
    "cells": _("The row has %(found)s cells, but the header has %(expected)s."),
    "quotes": _("The quotation marks of row %(row)s are not in order, so nobody knows where that row ends."),
    "not_utf8": _("The file is not UTF-8: line %(line)s, byte %(byte)s; save it as UTF-8 and try again."),
    "header": _("The first row does not name the columns."),
    "long_line": _("The file has a line of more than a million characters; is it a CSV file?"),
    "one_selection": _("Name entries, or give a filter, or say “all”: only one of the three."),
    "repeated": _("The file has the column “%(value)s” twice."),
    "also_a_column": _("%(field)s is both a column and set to one value."),
    "company_of_company": _("%(field)s: a company cannot belong to a company."),
    "erased": _("The contact “%(value)s” was erased and stays so."),
    "cron": _("%(field)s: “%(value)s” is no cron expression of five fields that ever comes true."),
    "not_a_company": _("%(field)s: “%(value)s” is not a company."),
    "time_out_of_range": _("%(field)s: “%(value)s” is more than a day ahead, or before 1900."),
}
REPEATED = _("%(field)s: “%(value)s” stands on row %(row)s already.")
TOO_SHORT = _("%(field)s: at least %(at_least)s characters are needed.")
FILE: dict[str, Any] = {
    "required": _("The file is empty."),
    "too_large": _("The file has more than %(limit)s rows; split it."),
}
MAPPING: dict[str, Any] = {
    "unknown": _("%(field)s: the file has no column “%(value)s”."),
    "unknown_field": _("%(field)s is no field of a contact that can be imported."),
}

# Words for a refusal as a whole, by its code.
REFUSALS: dict[str, Any] = {
    "malformed": _("The body cannot be read as JSON: %(reason)s."),
    "not_signed_in": _("Sign in, or give a valid token."),
    "forbidden": _("Your role does not allow this."),
    "csrf": _("The CSRF token is missing or has expired; reload the page."),
    "not_found": _("There is nothing here."),
    "method_not_allowed": _("This method is not allowed here."),
    "not_acceptable": _("The answer can only be given as %(offered)s."),
    "conflict": _("This cannot be done as things stand."),
    "stale": _("It has been changed in the meantime; read it again."),
    "body_too_large": _("The body is too large."),
    "too_many_events": _("A batch has at most 1,000 events; send several."),
    "unsupported_media_type": _("The body must be %(wanted)s."),
    "rate_limited": _("Too many requests; try again later."),
    "too_many_streams": _("Too many live views are open; ask for the job again and again instead."),
    "unavailable": _("The database cannot be reached; try again in a moment."),
    "internal": _("Something went wrong here; it has been noted."),
    "chunk_failed": _("A part of the work failed again and again: %(error)s"),
    "in_use": _("It is in use and cannot be deleted."),
    "segment_busy": _("The segment is being worked on; wait for the job to end."),
    "logging_in_progress": _("The segment is being logged."),
    "already_logged": _("A segment with this number has been logged already."),
    "description_missing": _("The segment has no description."),
    "segment_empty": _("The segment has no lines."),
    "segment_has_problems": _("Lines of the segment have problems."),
    "number_series_missing": _("The setup names no number series."),
    "number_series_exhausted": _("The number series has no number left."),
    "contact_in_segment": _("The contact is in the segment already."),
    "above_canceled": _("What it belongs to is canceled; restore that first."),
    "nothing_to_undo": _("There is no action to undo."),
    "no_actions": _("The segment has no actions."),
    "filter_missing": _("A filter must be given, or “all”."),
    "job_finished": _("The job has ended already."),
    "clock_suspect": _(
        "The clock of the database is further ahead than can be; nothing is deleted until it is confirmed."
    ),
    "archive_foreign": _("The archive does not fit this service: %(reason)s."),
    "purge_too_large": _(
        "%(count)s entries would be deleted, more than the %(limit)s that need no confirmation."
    ),
    "in_template_setup": _("The interaction template is in the template setup."),
    "last_admin": _("Without this user nobody could administer any more."),
    "idempotency_key_reused": _("This Idempotency-Key was used for another request."),
}

# Why a batch of document events cannot be read although it is JSON.
NO_ARRAY = _("a batch is an array of events")

THINGS: dict[str, Any] = {
    "contact": _("There is no contact “%(key)s”."),
    "salesperson": _("There is no salesperson “%(key)s”."),
    "campaign": _("There is no campaign “%(key)s”."),
    "interaction_group": _("There is no interaction group “%(key)s”."),
    "interaction_template": _("There is no interaction template “%(key)s”."),
    "number_series": _("There is no number series “%(key)s”."),
    "user": _("There is no user “%(key)s”."),
    "token": _("There is no token “%(key)s”."),
    "campaign_entry": _("There is no campaign entry “%(key)s”."),
    "segment": _("There is no segment “%(key)s”."),
    "saved_criteria": _("There are no saved criteria “%(key)s”."),
    "segment_line": _("The segment has no line “%(key)s”."),
    "logged_segment": _("There is no logged segment “%(key)s”."),
    "interaction": _("There is no interaction log entry “%(key)s”."),
    "postponed_interaction": _(
        "There is no postponed interaction “%(key)s”; it may have been finished or deleted."
    ),
    "document_event": _("There is no document event “%(key)s”."),
    "job": _("There is no job “%(key)s”."),
    "purge": _("There is no purge “%(key)s”."),
    "purge_schedule": _("There is no purge schedule “%(key)s”."),
}

UNKNOWN_FAULT = _("%(field)s: “%(value)s” cannot be taken (%(code)s).")
SEVERAL_FAULTS = _("%(count)s values cannot be taken.")
SHOWN_LENGTH = 60


def label(field: str) -> str:
    """Return the name people know a field by; its path where there is none."""
    return str(FIELDS.get(field.rpartition(".")[2], field))


def message(fault: Fault) -> str:
    """Say one fault, with its field and value."""
    params: dict[str, object] = {
        "limit": "",
        **fault.params,
        "field": fault.field if fault.code == "unknown_field" else label(fault.field),
        "value": shown(fault.value),
        "code": fault.code,
    }
    return str(_template(fault)) % params


def faults_told(faults: Iterable[Fault]) -> list[dict[str, str]]:
    """Say faults one by one, as answers show them."""
    return [{"field": fault.field, "code": fault.code, "message": message(fault)} for fault in faults]


def _template(fault: Fault) -> Any:
    reason = str(fault.params.get("reason"))
    if reason in REASONS:
        return REASONS[reason]
    if fault.code == "already_exists" and "row" in fault.params:
        return REPEATED
    if fault.code == "invalid" and "at_least" in fault.params:
        return TOO_SHORT
    words = FILE if fault.field == "file" else MAPPING if fault.field.startswith("mapping.") else {}
    return words.get(fault.code) or FAULTS.get(fault.code, UNKNOWN_FAULT)


def refusal_message(refusal: Refusal) -> str:
    """Say why a request was refused: its only fault, or what its code means."""
    if isinstance(refusal, NotFound):
        return str(THINGS.get(refusal.thing, REFUSALS["not_found"])) % {"key": shown(refusal.key)}
    if len(refusal.faults) == 1:
        return message(refusal.faults[0])
    if refusal.faults and refusal.code not in REFUSALS:
        return str(SEVERAL_FAULTS) % {"count": len(refusal.faults)}
    return words_for(refusal.code, **refusal.params)


def words_for(code: str, **params: object) -> str:
    """Say what a refusal's code means."""
    known = {"reason": "", "offered": "", "wanted": "", "error": "", **params}
    return str(REFUSALS.get(code, REFUSALS["conflict"])) % known


def shown(value: object) -> str:
    """Write a value short enough for a sentence."""
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = "".join(character if character.isprintable() else "�" for character in text[: SHOWN_LENGTH * 2])
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"
