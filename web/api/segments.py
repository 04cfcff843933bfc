"""Segments: headers, actions, check and logging. Their lines are in `web.api.segment_lines`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import WithJsonSchema

from domain import criteria, criteria_actions, segment_check, segment_logging, segments
from domain.actors import Role
from web import database, identity
from web.api import nouns
from web.api.fields import Amount, Code, Flag, Instant, Minutes, Name, QueryFlag, QueryText, Total
from web.api.interaction_values import EffectiveValues, Inheritable
from web.api.jobs import Job
from web.api.models import Body, ListQuery, NumberedQuery, Path, Query, Shown, needs
from web.api.replies import accepted, listing, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("segments", tag="Segments")
SHOW = "api.segments.show"


class SegmentFields(Inheritable):
    """What is stored of a segment's header; null is left to the template."""

    no: Code | None
    description: Name | None
    ignore_contact_correspondence_type: Flag | None
    unit_cost: Amount | None
    unit_duration_min: Minutes | None


class Segment(Shown, SegmentFields):
    """A segment: what was typed, beside it what applies to a line, and totals of the effective lines."""

    effective: EffectiveValues
    status: Literal["open", "logging"]
    lines_count: int
    actions_count: int
    cost_total: Total
    duration_total_min: int


class SegmentList(Shown):
    """A page of segments."""

    items: list[Segment]
    next: str | None


class NewSegment(Body, SegmentFields):
    """A segment to be made; without a number it takes the next of its series."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = Segment


class SegmentChange(NewSegment):
    """Fields of a segment's header to be changed."""


class SegmentPath(Path):
    """Which segment."""

    thing: ClassVar[str] = segments.THING
    no: str


class SegmentQuery(ListQuery):
    """Which segments."""

    q: list[QueryText] | None = None
    campaign_no: list[QueryText] | None = None
    status: list[Literal["open", "logging"]] | None = None


def _filters_schema() -> dict[str, Any]:
    one_or_many = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    contact = {"type": "object", "properties": dict.fromkeys(criteria.CONTACT_FILTERS, one_or_many)}
    memberships = dict.fromkeys(criteria.MEMBERSHIPS, one_or_many)
    return {"type": "object", "properties": {"contact": contact, **memberships, "all": {"type": "boolean"}}}


class ActionRequest(Body):
    """Which contacts an action is about: different filters are ANDed, values of one field ORed."""

    model_config = needs("action", "filters")
    action: Literal["add", "reduce", "refine"] | None
    filters: Annotated[dict[str, Any], WithJsonSchema(_filters_schema())] | None
    allow_existing: Flag | None
    ignore_exclusion: Flag | None


class ActionResult(Shown):
    """What an action would do."""

    added: int
    removed: int
    excluded: int
    existing: int
    blocked: int


class Action(Shown):
    """An action that was done."""

    no: int
    action: Literal["add", "reduce", "refine"]
    manual: bool
    filters: dict[str, Any]
    options: dict[str, Any]
    added: int
    removed: int
    user: str
    created_at: Instant


class ActionList(Shown):
    """A page of actions, in the order they were done."""

    items: list[Action]
    next: str | None


class CheckQuery(Query):
    """Whether to look also for what hinders sending."""

    send: QueryFlag = False


class CheckedLine(Shown):
    """A line with a problem or warning."""

    line_no: int
    contact_no: str | None


class Finding(Shown):
    """A problem or warning, how many lines have it, and the first 20 of them."""

    code: str
    count: int
    lines: list[CheckedLine]


class Check(Shown):
    """What stands against logging a segment."""

    lines: int
    ready: int
    problems: list[Finding]
    warnings: list[Finding]


class LogRequest(Body):
    """How to log a segment."""

    model_config = needs()
    follow_up: Flag | None
    send: Flag | None
    on_invalid: Literal["refuse", "skip"] | None


@api.get("/segments", responses={200: SegmentList})
@allow(Role.VIEWER)
def index(query: SegmentQuery) -> Response:
    """List the active segments."""
    return nouns.index(segments, query, key="no")


@api.post("/segments", responses={201: Segment})
@allow(Role.MARKETING)
def create(body: NewSegment) -> Response:
    """Make a segment."""
    return nouns.create(segments, body, endpoint=SHOW, key="no")


@api.get("/segments/<no>", responses={200: Segment})
@allow(Role.VIEWER)
def show(path: SegmentPath) -> Response:
    """Show a segment."""
    return nouns.show(segments, path.no)


@api.patch("/segments/<no>", responses={200: Segment})
@allow(Role.MARKETING)
def change(path: SegmentPath, body: SegmentChange) -> Response:
    """Change the header of a segment; lines that do not override a field follow at once."""
    return nouns.change(segments, path.no, body)


@api.delete("/segments/<no>", responses={204: None})
@allow(Role.MARKETING)
def delete(path: SegmentPath) -> Response:
    """Delete an open segment with its lines."""
    return nouns.delete(segments, path.no)


@api.get("/segments/<no>/actions", responses={200: ActionList})
@allow(Role.VIEWER)
def index_actions(path: SegmentPath, query: NumberedQuery) -> Response:
    """List how lines came and went."""
    session = database.session()
    segment = segments.get(session, path.no)
    return listing(
        query,
        fetch=lambda filters, after, limit: criteria_actions.page(session, segment, after=after, limit=limit),
        describe=lambda rows: criteria_actions.describe(session, rows),
        key=lambda action: action.no,
    )


@api.post("/segments/<no>/actions", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def act(path: SegmentPath, body: ActionRequest) -> Response:
    """Ask for an action on a segment; actions on one segment queue one after the other."""
    session = database.session()
    segment = segments.get(session, path.no)
    job = with_faults(
        body,
        lambda values: criteria.request(session, segment, values=values, actor=identity.required()),
    )
    return accepted(job)


@api.post("/segments/<no>/actions/count", responses={200: ActionResult})
@allow(Role.MARKETING)
def count(path: SegmentPath, body: ActionRequest) -> Response:
    """Say what an action would do now; nothing is changed."""
    session = database.session()
    segment = segments.get(session, path.no)
    return shown(with_faults(body, lambda values: criteria.count(session, segment, values=values)))


@api.get("/segments/<no>/check", responses={200: Check})
@allow(Role.VIEWER)
def check(path: SegmentPath, query: CheckQuery) -> Response:
    """Say what stands against logging a segment."""
    session = database.session()
    return shown(segment_check.check(session, segments.get(session, path.no), send=query.send))


@api.post("/segments/<no>/log", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def log(path: SegmentPath, body: LogRequest) -> Response:
    """Have a segment logged; it is frozen from now on."""
    session = database.session()
    segment = segments.get(session, path.no)
    job = with_faults(
        body,
        lambda values: segment_logging.request(session, segment, values=values, actor=identity.required()),
    )
    return accepted(job)
