"""Purges, their records, and the schedules they start by."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import BaseModel, Field

from domain import purge_records, purge_schedules, purging
from domain.actors import Role
from web import database, identity
from web.api import nouns
from web.api.fields import Code, Day, Flag, Instant, Name, Number, QueryFlag, QueryText, Whole
from web.api.jobs import Job
from web.api.models import Body, Item, ListQuery, NumberedQuery, Path, Shown, needs
from web.api.replies import accepted, listing, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("purges", tag="Purges")
SHOW = "api.purges.show_schedule"


class PurgeFilters(Item):
    """Which canceled entries; what is given must hold all at once, none means every canceled entry."""

    entry_no_from: Number | None = None
    entry_no_to: Number | None = None
    contact_no: Code | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    campaign_no: Code | None = None
    group_code: Code | None = None
    template_code: Code | None = None
    salesperson_code: Code | None = None
    canceled_for_days: Whole | None = None


class Purge(Shown):
    """The record of a purge, kept for ever."""

    id: int
    job_id: str
    schedule: str | None
    user: str
    filters: dict[str, Any]
    archive: bool
    state: Literal["queued", "running", "succeeded", "refused", "failed", "canceled"]
    deleted: int
    started_at: Instant
    finished_at: Instant | None
    duration_seconds: float | None
    archive_file: str | None
    archive_sha256: str | None
    archive_rows: int | None


class PurgeList(Shown):
    """A page of records, newest first."""

    items: list[Purge]
    next: str | None


class PurgePath(Path):
    """Which purge."""

    thing: ClassVar[str] = purge_records.THING
    id: Annotated[int, Field(le=2**63 - 1)]


class PurgeQuery(NumberedQuery):
    """Which records."""

    schedule: list[QueryText] | None = None
    state: list[Literal["queued", "running", "succeeded", "refused", "failed", "canceled"]] | None = None


class Matching(Shown):
    """How many entries would be deleted now."""

    matching: int


class NewPurge(Body):
    """What is to be deleted; `preview` only counts, `confirm` says yes to however many there are."""

    model_config = needs()

    filters: PurgeFilters | None
    archive: Flag | None
    preview: Flag | None
    confirm: Flag | None


class ScheduleFields(BaseModel):
    """What is stored of a schedule."""

    name: Name
    cron: Name
    timezone: Name
    archive: Flag
    enabled: Flag


class LastRun(Shown):
    """How the last run went."""

    started_at: Instant
    state: str | None
    deleted: int | None
    job_id: str | None
    problem: dict[str, Any] | None


class PurgeSchedule(Shown, ScheduleFields):
    """When purges start by themselves."""

    filters: dict[str, Any]
    next_run_at: Instant | None
    last_run: LastRun | None


class PurgeScheduleList(Shown):
    """A page of schedules."""

    items: list[PurgeSchedule]
    next: str | None


class NewPurgeSchedule(Body):
    """A schedule to be made; without a time zone it has that of the setup."""

    model_config = needs("name", "cron")
    shows: ClassVar[type[Shown] | None] = PurgeSchedule

    name: Name | None
    cron: Name | None
    timezone: Name | None
    filters: PurgeFilters | None
    archive: Flag | None
    enabled: Flag | None


class PurgeScheduleChange(NewPurgeSchedule):
    """Fields of a schedule to be changed; `filters` replaces all of them."""

    model_config = needs()


class PurgeSchedulePath(Path):
    """Which schedule."""

    thing: ClassVar[str] = purge_schedules.THING
    name: str


class PurgeScheduleQuery(ListQuery):
    """Which schedules."""

    q: list[QueryText] | None = None
    enabled: QueryFlag | None = None


class Confirmation(Body):
    """Whether it is to be done however many entries there are."""

    model_config = needs()

    confirm: Flag | None


@api.get("/purges", responses={200: PurgeList})
@allow(Role.VIEWER)
def index(query: PurgeQuery) -> Response:
    """List the records of purges, newest first."""
    session = database.session()
    return listing(
        query,
        fetch=lambda **options: purge_records.page(session, **options),
        describe=lambda rows: purge_records.describe(session, rows),
        key=lambda record: record.id,
    )


@api.get("/purges/<int:id>", responses={200: Purge})
@allow(Role.VIEWER)
def show(path: PurgePath) -> Response:
    """Show the record of a purge."""
    session = database.session()
    return shown(purge_records.describe(session, [purge_records.get(session, path.id)])[0])


@api.post("/purges", responses={200: Matching, 202: Job})
@allow(Role.ADMIN)
def create(body: NewPurge) -> Response:
    """Delete canceled entries, or count them."""
    session = database.session()

    def asked(values: dict[str, Any]) -> Response:
        if values.get("preview"):
            return shown(purging.preview(session, filters=values.get("filters") or {}))
        return accepted(purging.request(session, values=values, actor=identity.required()))

    return with_faults(body, asked)


@api.get("/purge-schedules", responses={200: PurgeScheduleList})
@allow(Role.VIEWER)
def schedules(query: PurgeScheduleQuery) -> Response:
    """List the schedules of purges."""
    return nouns.index(purge_schedules, query, key="name")


@api.post("/purge-schedules", responses={201: PurgeSchedule})
@allow(Role.ADMIN)
def create_schedule(body: NewPurgeSchedule) -> Response:
    """Make a schedule."""
    return nouns.create(purge_schedules, body, endpoint=SHOW, key="name")


@api.get("/purge-schedules/<name>", responses={200: PurgeSchedule})
@allow(Role.VIEWER)
def show_schedule(path: PurgeSchedulePath) -> Response:
    """Show a schedule."""
    return nouns.show(purge_schedules, path.name)


@api.patch("/purge-schedules/<name>", responses={200: PurgeSchedule})
@allow(Role.ADMIN)
def change_schedule(path: PurgeSchedulePath, body: PurgeScheduleChange) -> Response:
    """Change a schedule; it takes effect within seconds."""
    return nouns.change(purge_schedules, path.name, body)


@api.delete("/purge-schedules/<name>", responses={204: None})
@allow(Role.ADMIN)
def delete_schedule(path: PurgeSchedulePath) -> Response:
    """Delete a schedule; the records of its purges stay."""
    return nouns.delete(purge_schedules, path.name)


@api.post("/purge-schedules/<name>/run", responses={200: Job, 202: Job})
@allow(Role.ADMIN)
def run_schedule(path: PurgeSchedulePath, body: Confirmation) -> Response:
    """Start it now, beside its times."""
    session = database.session()
    schedule = purge_schedules.get(session, path.name, lock=True)
    body.refuse_faults()
    confirm = bool(body.given().get("confirm"))
    return accepted(purge_schedules.run(session, schedule, actor=identity.required(), confirm=confirm))
