"""Schedules of purges: list, new, card with the next runs, run now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask import flash, redirect, url_for
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from domain import purge_schedules, setup
from domain.errors import Refusal
from domain.users import Actor, Role
from web import database, messages, vocabulary
from web.forms.purges import PurgeScheduleForm, flat, nested
from web.pages import guard, records
from web.pages.lists import Column, Filter
from web.pages.purges import in_form
from web.pages.records import Answer
from web.vocabulary import FIELDS


class LastRun(Column):
    """A column of what the last run says."""

    def value_of(self, row: Mapping[str, Any]) -> Any:
        """Return its value, if there was a run."""
        return (row["last_run"] or {}).get(self.name)


def _describe(session: Session, schedule: Any) -> records.Stored:
    return flat(purge_schedules.describe(session, [schedule])[0])


def _extra(session: Session, schedule: Any, stored: records.Stored) -> dict[str, Any]:
    return {
        "runs": runs_of(session, stored["cron"], stored["timezone"]),
        "last_run": stored["last_run"],
        "job_states": vocabulary.JOB_STATES,
    }


def runs_of(session: Session, expression: str, timezone: str) -> list[str]:
    """Write the next runs in their own time zone."""

    return [
        format_datetime(run, "EEEE, d MMMM y, HH:mm zzzz", tzinfo=ZoneInfo(timezone), locale=get_locale())
        for run in purge_schedules.next_runs(session, expression=expression, timezone=timezone)
    ]


def _create(session: Session, *, values: dict[str, Any], actor: Actor) -> Any:
    return in_form(lambda: purge_schedules.create(session, values=nested(values), actor=actor))


def _change(session: Session, schedule: Any, *, values: dict[str, Any], actor: Actor) -> Any:
    kept = {name: value for name, value in flat({"filters": schedule.filters}).items() if name != "filters"}
    given = nested({**kept, **values})
    return in_form(lambda: purge_schedules.change(session, schedule, values=given, actor=actor))


def _defaults() -> dict[str, Any]:
    return {"timezone": setup.get(database.session()).timezone, "enabled": True, "cron": "0 2 * * *"}


NOUN = records.Noun(
    name="purge_schedules",
    module=purge_schedules,
    key="name",
    form=PurgeScheduleForm,
    plural=_("Purge Schedules"),
    singular=_("Purge Schedule"),
    new=_("New schedule"),
    lead=_("When canceled interaction log entries are deleted without anybody asking."),
    empty=_("Make a schedule, and canceled entries go by themselves, after as many days as you like."),
    columns=(
        Column("name", FIELDS["name"], "code", endpoint="pages.purge_schedules.card"),
        Column("cron", FIELDS["cron"], "code"),
        Column("timezone", FIELDS["timezone"], "code"),
        Column("enabled", FIELDS["enabled"], "flag"),
        Column("archive", FIELDS["archive"], "flag"),
        Column("next_run_at", _("Next Run"), "instant"),
        LastRun("started_at", _("Last Run"), "instant"),
        LastRun("state", _("Status"), "choice", words=vocabulary.JOB_STATES),
        LastRun("deleted", _("Deleted"), "number"),
    ),
    filters=(
        Filter("q", _("Search"), "search", hint=FIELDS["name"]),
        Filter("enabled", FIELDS["enabled"], words={"true": _("Yes"), "false": _("No")}),
    ),
    card="purges/schedule.html",
    title_field="name",
    describe=_describe,
    extra=_extra,
    defaults=_defaults,
    create=_create,
    change=_change,
)
blueprint = records.blueprint(NOUN, __name__)


@blueprint.post("/<key>/run")
@guard.needs(Role.ADMIN)
def run(key: str) -> Answer:
    """Start it now, after asking."""
    session = database.session()
    schedule = purge_schedules.get(session, key, lock=True)
    back = NOUN.url("card", key=schedule.name)
    if not guard.confirmed():
        return guard.ask(
            gettext("Delete the canceled entries of this schedule now? This cannot be undone."),
            title=gettext("Run now"),
            yes=gettext("Run now"),
            back=back,
        )
    try:
        job = purge_schedules.run(session, schedule, actor=guard.check_role(Role.ADMIN))
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(back, 303)  # type: ignore[return-value]
    return redirect(url_for("pages.jobs.card", key=job.id), 303)  # type: ignore[return-value]
