"""Logged segments, what was skipped, and the segments made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import Field

from domain import canceling, follow_ups, logged_segment_deletion, logged_segments
from domain.actors import Role
from web import database, identity
from web.api import nouns
from web.api.fields import Day, Flag, Instant, QueryFlag, QueryText, Whole
from web.api.interaction_values import Evaluation
from web.api.jobs import Job
from web.api.models import Body, NoFields, NumberedQuery, Path, Shown, needs
from web.api.replies import accepted, listing, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("logged_segments", tag="Logged segments")

# What can change of a logged segment, beside its number.
STORED = ("no", "status", "canceled", "canceled_at")


class LoggedSegment(Shown):
    """A logged segment. Its counts say how it was logged and never change; the active ones are beside them."""

    no: int
    segment_no: str
    description: str
    date: Day | None
    user: str
    status: Literal["logging", "logged"]
    canceled: bool
    canceled_at: Instant | None
    canceled_by: str | None
    interactions_count: int
    campaign_entries_count: int
    skipped_count: int
    active_interactions_count: int
    job_id: str


class LoggedSegmentList(Shown):
    """A page of logged segments."""

    items: list[LoggedSegment]
    next: str | None


class LoggedSegmentPath(Path):
    """Which logged segment."""

    thing: ClassVar[str] = logged_segments.THING
    no: Annotated[int, Field(le=2**31 - 1)]


class LoggedSegmentQuery(NumberedQuery):
    """Which logged segments."""

    segment_no: list[QueryText] | None = None
    canceled: QueryFlag | None = None


class SkippedLine(Shown):
    """A line that was not logged, and why."""

    line_no: int
    contact_no: str | None
    contact_name: str | None
    problems: list[str]


class SkippedLineList(Shown):
    """A page of skipped lines."""

    items: list[SkippedLine]
    next: str | None


class Outcome(Body):
    """Which entries a follow-up is made of, all conditions at once; active ones unless told otherwise."""

    model_config = needs()
    evaluations: list[Evaluation] | None
    attempt_failed: Flag | None
    canceled: Flag | None
    no_inbound_since: Day | Flag | None


class DeletedSegments(Body):
    """Which canceled logged segments are deleted."""

    model_config = needs()
    nos: list[Whole] | None
    all: Flag | None


@api.get("/logged-segments", responses={200: LoggedSegmentList})
@allow(Role.VIEWER)
def index(query: LoggedSegmentQuery) -> Response:
    """List logged segments."""
    return nouns.index(logged_segments, query, key="no")


@api.get("/logged-segments/<int:no>", responses={200: LoggedSegment})
@allow(Role.VIEWER)
def show(path: LoggedSegmentPath) -> Response:
    """Show a logged segment."""
    session = database.session()
    found = logged_segments.get(session, path.no)
    return shown(logged_segments.describe(session, [found])[0], stored=STORED)


@api.get("/logged-segments/<int:no>/skipped", responses={200: SkippedLineList})
@allow(Role.VIEWER)
def skipped(path: LoggedSegmentPath, query: NumberedQuery) -> Response:
    """List the lines that were not logged, each with its reasons."""
    session = database.session()
    logged = logged_segments.get(session, path.no)
    return listing(
        query,
        fetch=lambda filters, after, limit: logged_segments.skipped(
            session, logged, after=after, limit=limit
        ),
        describe=lambda rows: rows,
        key=lambda line: line["line_no"],
    )


@api.post("/logged-segments/<int:no>/skipped/segment", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def segment_of_skipped(path: LoggedSegmentPath, body: NoFields) -> Response:
    """Make a new segment of the lines that were not logged."""
    return _request(path, body, of_skipped=True)


@api.post("/logged-segments/<int:no>/follow-up", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def follow_up(path: LoggedSegmentPath, body: Outcome) -> Response:
    """Make a new segment of the active entries, or of those with an outcome, in the same order."""
    return _request(path, body, of_skipped=False)


@api.post("/logged-segments/<int:no>/cancel", responses={200: LoggedSegment})
@allow(Role.MARKETING)
def cancel(path: LoggedSegmentPath, body: NoFields) -> Response:
    """Cancel a logged segment and with it its entries and campaign entries."""
    return _change(path, body, canceling.cancel_logged_segment)


@api.post("/logged-segments/<int:no>/restore", responses={200: LoggedSegment})
@allow(Role.MARKETING)
def restore(path: LoggedSegmentPath, body: NoFields) -> Response:
    """Restore a logged segment: exactly what its cancel took comes back."""
    return _change(path, body, canceling.restore_logged_segment)


@api.post("/logged-segments/delete-canceled", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def delete_canceled(body: DeletedSegments) -> Response:
    """Delete canceled logged segments; their entries stay, canceled."""
    session, actor = database.session(), identity.required()
    return accepted(
        with_faults(body, lambda values: logged_segment_deletion.request(session, values=values, actor=actor))
    )


def _change(path: LoggedSegmentPath, body: Body, change: Callable[..., Any]) -> Response:
    body.refuse_faults()
    session = database.session()
    changed = change(session, logged_segments.get(session, path.no), actor=identity.required())
    return shown(logged_segments.describe(session, [changed])[0], stored=STORED)


def _request(path: LoggedSegmentPath, body: Body, *, of_skipped: bool) -> Response:
    session = database.session()
    logged = logged_segments.get(session, path.no)
    job = with_faults(
        body,
        lambda values: follow_ups.request(
            session, logged, values=values, actor=identity.required(), of_skipped=of_skipped
        ),
    )
    return accepted(job)
