"""Segments: headers, actions, check and logging. Their lines are in `web.api.segment_lines`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Literal

from flask import Response, url_for
from pydantic import Field, Strict, WithJsonSchema

from domain import (
    contact_filters,
    contacts,
    criteria,
    criteria_actions,
    jobs,
    mailing_group_fill,
    saved_criteria,
    segment_check,
    segment_copy,
    segment_logging,
    segment_reuse,
    segment_story,
    segments,
    undo,
)
from domain.actors import Role
from web import database, identity
from web.api import nouns
from web.api.fields import Amount, Code, Flag, Instant, Minutes, Name, QueryFlag, QueryText, Total
from web.api.interaction_values import EffectiveValues, Inheritable
from web.api.jobs import Job
from web.api.models import Body, ListQuery, NoFields, NumberedQuery, Path, Query, Shown, needs
from web.api.replies import accepted, created, listing, shown, with_faults
from web.api.routing import Api
from web.api.saved_criteria import SavedCriteria
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
    def one_or_many(type: str) -> dict[str, Any]:
        return {"anyOf": [{"type": type}, {"type": "array", "items": {"type": type}}]}

    def fields(names: Iterable[str]) -> dict[str, Any]:
        return {name: one_or_many("integer" if name == "logged_segment_no" else "string") for name in names}

    properties = {
        "contact": {"type": "object", "properties": fields(contact_filters.CONTACT)},
        **fields(contact_filters.GROUPS),
        "interactions": {"type": "object", "properties": fields(contact_filters.INTERACTIONS)},
        "all": {"type": "boolean"},
    }
    return {"type": "object", "properties": properties}


class ActionRequest(Body):
    """Which contacts an action is about: different filters are ANDed, values of one field ORed."""

    model_config = needs("action", "filters")
    action: Literal["add", "reduce", "refine"] | None
    filters: Annotated[dict[str, Any], WithJsonSchema(_filters_schema())] | None
    allow_existing: Annotated[
        Flag | None, Field(description="add: contacts that are there already, once more")
    ]
    expand_companies: Annotated[Flag | None, Field(description="add: also all colleagues of each match")]
    include_related_companies: Annotated[
        Flag | None, Field(description="add: also the company of each match")
    ]
    ignore_exclusion: Annotated[Flag | None, Field(description="add: also contacts excluded from segments")]
    entire_companies: Annotated[
        Flag | None, Field(description="reduce, refine: one match decides for all lines of its company")
    ]


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
    excluded: int
    existing: int
    blocked: int
    user: str
    created_at: Instant


class ActionList(Shown):
    """A page of actions, in the order they were done."""

    items: list[Action]
    next: str | None


class CriteriaToSave(Body):
    """Under which code the actions of a segment are kept."""

    model_config = needs("code")
    code: Code | None
    description: Name | None


class CriteriaToApply(Body):
    """Which saved criteria are done."""

    model_config = needs("code")
    code: Code | None


class ReuseRequest(Body):
    """Which logged segment's contacts are added."""

    model_config = needs("logged_segment_no")
    logged_segment_no: Annotated[int, Strict(), Field(ge=1, le=2**31 - 1)] | None


class FillRequest(Body):
    """Which mailing group is filled; with `replace` whoever is not in the segment leaves it."""

    model_config = needs("mailing_group")
    mailing_group: Code | None
    replace: Flag | None


class CopyRequest(Body):
    """What the copy is called; by default what the original is."""

    model_config = needs()
    description: Name | None


class WhyQuery(Query):
    """About which contact."""

    contact_no: QueryText


class Effect(Shown):
    """What an action did with a contact, or why it did nothing."""

    code: Literal["added", "removed", "blocked", "excluded", "existing", "matches", "no_match"]
    line_no: int | None


class ToldAction(Action):
    """An action, and what it did with a contact."""

    effects: list[Effect]


class Story(Shown):
    """Why a contact is in a segment, or not."""

    lines: list[int]
    actions: list[ToldAction]


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
    return ask(path, body, criteria.request)


@api.post("/segments/<no>/actions/count", responses={200: ActionResult})
@allow(Role.MARKETING)
def count(path: SegmentPath, body: ActionRequest) -> Response:
    """Say what an action would do now; nothing is changed."""
    session = database.session()
    segment = segments.get(session, path.no)
    return shown(with_faults(body, lambda values: criteria.count(session, segment, values=values)))


@api.post("/segments/<no>/actions/undo", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def undo_action(path: SegmentPath, body: NoFields) -> Response:
    """Ask for the last action to be undone, exactly."""
    body.refuse_faults()
    session = database.session()
    return accepted(undo.request(session, segments.get(session, path.no), actor=identity.required()))


@api.post("/segments/<no>/save-criteria", responses={201: SavedCriteria})
@allow(Role.MARKETING)
def save_criteria(path: SegmentPath, body: CriteriaToSave) -> Response:
    """Keep the actions of a segment under a code."""
    session = database.session()
    segment = segments.get(session, path.no)
    saved = with_faults(
        body, lambda values: saved_criteria.save(session, segment, values=values, actor=identity.required())
    )
    described = saved_criteria.describe(session, [saved])[0]
    return created(
        described, url_for("api.saved_criteria.show", code=saved.code), stored=saved_criteria.STORED
    )


@api.post("/segments/<no>/apply-criteria", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def apply_criteria(path: SegmentPath, body: CriteriaToApply) -> Response:
    """Ask for the actions of saved criteria, one after the other, on today's contacts."""
    return ask(path, body, saved_criteria.apply)


@api.post("/segments/<no>/reuse", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def reuse(path: SegmentPath, body: ReuseRequest) -> Response:
    """Ask for a line for each contact of a logged segment that is not there yet."""
    return ask(path, body, segment_reuse.request)


@api.post("/segments/<no>/fill-mailing-group", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def fill_mailing_group(path: SegmentPath, body: FillRequest) -> Response:
    """Ask for the contacts of a segment to be put into a mailing group."""
    return ask(path, body, mailing_group_fill.request)


@api.post("/segments/<no>/copy", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def copy(path: SegmentPath, body: CopyRequest) -> Response:
    """Ask for a new segment with the same header and lines."""
    return ask(path, body, segment_copy.request)


@api.get("/segments/<no>/why", responses={200: Story})
@allow(Role.VIEWER)
def why(path: SegmentPath, query: WhyQuery) -> Response:
    """Say why a contact is in a segment, or not."""
    session = database.session()
    segment = segments.get(session, path.no)
    return shown(segment_story.of_contact(session, segment, contacts.get(session, query.contact_no)))


def ask(path: SegmentPath, body: Body, request: Callable[..., jobs.Job]) -> Response:
    """Ask the domain for a job on a segment."""
    session = database.session()
    segment = segments.get(session, path.no)
    return accepted(
        with_faults(body, lambda values: request(session, segment, values=values, actor=identity.required()))
    )


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
    return ask(path, body, segment_logging.request)
