"""Schedules: what starts by itself, when, and how it went last (E5, E8, J).

Beats call `start_due` every second. A schedule that is due is claimed with SKIP LOCKED, its job asked for and its next
time set in one transaction, so each due time counts once however many beats there are, and what was missed while all
were stopped is made up for once. Nothing is claimed while PostgreSQL's clock cannot be believed: the times wait.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Identity, exists, func, select, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import actors, audit, clock_guard, cron, housekeeping, purge_filters, purging, records, setup
from domain import values as v
from domain.actors import Actor
from domain.database import Base, constraints_as_faults
from domain.errors import Faults, Refusal
from domain.job_endings import problem_of
from domain.jobs import Job
from domain.purge_records import PurgeRecord

THING = "purge_schedule"
STORED = ("name", "cron", "timezone", "filters", "archive", "enabled")
# Runs that a page shows ahead.
RUNS_SHOWN = 5


def _name(value: object) -> str:
    """Check a name: a text that can stand in a path."""
    name: str = v.text(required=True)(value)
    if not name.isprintable() or "/" in name or name != name.strip():
        raise v.Bad("invalid")
    return name


def _cron(value: object) -> str:
    expression: str = v.text(cron.LIMIT, required=True)(value)
    if not cron.is_expression(expression):
        raise v.Bad("invalid", reason="cron")
    return " ".join(expression.split())


def _filters(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise v.Bad("invalid")
    return value


CHECKS: dict[str, v.Check] = {
    "name": _name,
    "cron": _cron,
    "timezone": v.text(required=True),
    "filters": _filters,
    "archive": v.flag(),
    "enabled": v.flag(),
}
READ_ONLY = ("next_run_at", "last_run", "next_runs")


class PurgeSchedule(Base):
    """When something is started. `filters` and `archive` are those of a purge."""

    __tablename__ = "purge_schedule"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    work: Mapped[str] = mapped_column(default="purge", server_default="purge")
    name: Mapped[str]
    cron: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    archive: Mapped[bool] = mapped_column(server_default="false")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    next_run_at: Mapped[dt.datetime | None]
    last_started_at: Mapped[dt.datetime | None]
    last_job_id: Mapped[uuid.UUID | None]
    last_state: Mapped[str | None]
    last_problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


def get(session: Session, key: str, *, lock: bool = False) -> PurgeSchedule:
    """Find a schedule of purges by name, ignoring case; raise `NotFound` if there is none."""
    found = records.find(session, PurgeSchedule, PurgeSchedule.name, key, thing=THING, lock=lock)
    return found


def of_housekeeping(session: Session, *, lock: bool = False) -> PurgeSchedule:
    """Return the schedule of housekeeping, which is always there."""
    query = select(PurgeSchedule).where(PurgeSchedule.work == "housekeeping")
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one()


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[PurgeSchedule]:  # fmt: skip
    """Read a page of the schedules of purges by name, or as `sort` says; filters `q`, `enabled`."""
    conditions = [PurgeSchedule.work == "purge"]
    if filters.get("q"):
        conditions.append(records.contains([PurgeSchedule.name], filters["q"]))
    if filters.get("enabled"):
        conditions.append(records.filter_by_flag(PurgeSchedule.enabled, filters["enabled"]))
    return records.page(
        session, PurgeSchedule, PurgeSchedule.name, conditions=conditions, after=after, limit=limit, sort=sort
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> PurgeSchedule:
    """Make a schedule; raise `Invalid` naming every fault. Without a time zone it has that of the setup."""
    faults = Faults()
    defaults: dict[str, Any] = {"name": None, "cron": None, "enabled": True, "archive": False, "filters": {}}
    given = {name: value for name, value in values.items() if name != "timezone" or value}
    taken = _take(session, {**defaults, "timezone": setup.get(session).timezone, **given}, faults)
    if "name" in taken and _is_taken(session, taken["name"]):
        faults.add("name", "already_exists", taken["name"])
    faults.raise_if_any()
    schedule = PurgeSchedule(**taken)
    _set_next(session, schedule)
    with constraints_as_faults(session, dict(values)):
        session.add(schedule)
    audit.record_difference(
        session, actor=actor, action="create", object_type=THING, object_key=schedule.name,
        before={}, after=_stored(schedule),
    )  # fmt: skip
    return schedule


def change(
    session: Session, schedule: PurgeSchedule, *, values: Mapping[str, Any], actor: Actor
) -> PurgeSchedule:
    """Change the given fields; raise `Invalid` naming every fault. The name stays; the next time is found anew."""
    records.lock(session, schedule, thing=THING, key=schedule.name)
    faults = Faults()
    taken = _take(session, records.key_stays(values, "name", schedule.name, faults), faults)
    faults.raise_if_any()
    before = _stored(schedule)
    records.assign(schedule, taken)
    if {"cron", "timezone", "enabled"} & set(taken):
        _set_next(session, schedule)
    session.flush()
    audit.record_difference(
        session, actor=actor, action="change", object_type=THING, object_key=schedule.name,
        before=before, after=_stored(schedule),
    )  # fmt: skip
    return schedule


def delete(session: Session, schedule: PurgeSchedule, *, actor: Actor) -> None:
    """Delete a schedule; the records of its purges stay."""
    records.remove(
        session, schedule, thing=THING, key_field="name", key=schedule.name, references={}, parameters={}
    )
    audit.record(
        session, actor=actor, action="delete", object_type=THING, object_key=schedule.name,
        changes={name: [value, None] for name, value in _stored(schedule).items()},
    )  # fmt: skip


def run(session: Session, schedule: PurgeSchedule, *, actor: Actor, confirm: bool = False) -> Job:
    """Start it now, beside its times, even if it is not enabled.

    Raises
    ------
    Invalid, ClockSuspect, PurgeTooLarge
        As `purging.request`.
    """
    if schedule.work == "housekeeping":
        job = housekeeping.request(session, actor=actor)
    else:
        values = {"filters": schedule.filters, "archive": schedule.archive, "confirm": confirm}
        job = purging.request(session, values=values, actor=actor, schedule=schedule.name)
    _note(session, schedule, job=job)
    return job


def start_due(session: Session) -> bool:
    """Start one schedule that is due; tell whether there was one. The caller commits.

    A run that is refused is noted as such, and comes again at its next time.
    """
    schedule = session.scalars(
        select(PurgeSchedule)
        .where(
            PurgeSchedule.enabled == true(),
            PurgeSchedule.next_run_at <= func.clock_timestamp(),
            text("NOT EXISTS (SELECT FROM clock_mark WHERE seen_ahead IS NOT NULL)"),
        )
        .order_by(PurgeSchedule.next_run_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).first()
    if schedule is None:
        return False
    try:
        with session.begin_nested():
            run(session, schedule, actor=actors.system(session))
    except clock_guard.ClockSuspect:
        return False
    except Refusal as refusal:
        _note(session, schedule, problem=problem_of(refusal))
    _set_next(session, schedule)
    session.flush()
    return True


def next_runs(
    session: Session, *, expression: str, timezone: str, count: int = RUNS_SHOWN
) -> list[dt.datetime]:
    """Return the next instants at which a valid expression comes true."""
    return cron.following(expression, timezone, _now(session), count=count)


def failed(session: Session) -> list[PurgeSchedule]:
    """Return the enabled schedules whose last run came to nothing, for the home page."""
    schedules = session.scalars(
        select(PurgeSchedule)
        .where(PurgeSchedule.enabled == true(), PurgeSchedule.last_started_at.is_not(None))
        .order_by(PurgeSchedule.name)
    )
    return [
        schedule
        for schedule, run in _last_runs(session, schedules)
        if run is not None and run["state"] in ("refused", "failed")
    ]


def describe(session: Session, things: Iterable[PurgeSchedule]) -> list[dict[str, Any]]:
    """Give schedules their API shape."""
    return [
        {**_stored(schedule), "next_run_at": schedule.next_run_at, "last_run": last_run}
        for schedule, last_run in _last_runs(session, things)
    ]


def _take(session: Session, values: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    taken = v.take(values, CHECKS, faults, read_only=READ_ONLY)
    if "timezone" in taken and not setup.is_timezone(session, taken["timezone"]):
        faults.add("timezone", "unknown", taken["timezone"])
    if "filters" in taken:
        taken["filters"] = purge_filters.read(session, taken["filters"], faults).given
    return taken


def _is_taken(session: Session, name: str) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    PurgeSchedule.work == "purge", func.lower(PurgeSchedule.name) == func.lower(name)
                )
            )
        )
    )


def _stored(schedule: PurgeSchedule) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in STORED}


def _now(session: Session) -> dt.datetime:
    now: dt.datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def _set_next(session: Session, schedule: PurgeSchedule) -> None:
    """Find the next time, from now on: what was missed is missed once."""
    with session.no_autoflush:  # enabled and its next time go together
        now = _now(session)
    schedule.next_run_at = (
        cron.following(schedule.cron, schedule.timezone, now)[0] if schedule.enabled else None
    )


def _note(
    session: Session,
    schedule: PurgeSchedule,
    *,
    job: Job | None = None,
    problem: dict[str, Any] | None = None,
) -> None:
    schedule.last_started_at = _now(session)
    schedule.last_job_id = job.id if job else None
    schedule.last_state = None if job else "refused"
    schedule.last_problem = problem
    session.flush()


def _last_runs(
    session: Session, things: Iterable[PurgeSchedule]
) -> list[tuple[PurgeSchedule, dict[str, Any] | None]]:
    """Put beside each schedule how its last run went: the job says it, for a purge also its record."""
    schedules = list(things)
    ids = [schedule.last_job_id for schedule in schedules if schedule.last_job_id]
    jobs = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(ids)))}
    purges = {
        record.job_id: record
        for record in session.scalars(select(PurgeRecord).where(PurgeRecord.job_id.in_(ids)))
    }

    def last_run(schedule: PurgeSchedule) -> dict[str, Any] | None:
        if schedule.last_started_at is None:
            return None
        job = jobs.get(schedule.last_job_id) if schedule.last_job_id else None
        record = purges.get(schedule.last_job_id) if schedule.last_job_id else None
        return {
            "started_at": schedule.last_started_at,
            "state": job.state if job else record.state if record else schedule.last_state,
            "deleted": record.deleted if record else None,
            "job_id": str(schedule.last_job_id) if schedule.last_job_id else None,
            "problem": job.problem if job else schedule.last_problem,
        }

    return [(schedule, last_run(schedule)) for schedule in schedules]
