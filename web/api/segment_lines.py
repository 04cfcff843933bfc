"""Lines of segments."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from flask import Response, url_for
from pydantic import Field

from domain import many_lines, segment_lines, segments
from domain.actors import Role
from domain.errors import Fault, Invalid
from web import database, identity
from web.api.fields import Code, Flag, QueryFlag, QueryText, QueryWhole
from web.api.interaction_values import EffectiveValues, LineValues
from web.api.jobs import Job
from web.api.models import Body, Item, NumberedQuery, Path, Shown, needs
from web.api.replies import created, gone, listing, match, shown, with_faults
from web.api.routing import Api
from web.api.segments import SegmentPath, ask
from web.identity import allow

api = Api("segment_lines", tag="Segments")

# What the ETag of a line is made of.
STORED = ("contact_no", "overrides")


class SegmentLine(Shown):
    """A line: its contact, what it says of its own, what it will be logged with, and what stands against it."""

    line_no: int
    contact_no: str | None
    contact_name: str | None
    company_no: str | None
    overrides: dict[str, Any]
    effective: EffectiveValues
    problems: list[str]
    warnings: list[str]


class SegmentLineList(Shown):
    """A page of lines."""

    items: list[SegmentLine]
    next: str | None


class NewLines(Body, LineValues):
    """One contact with overrides, or many contacts."""

    model_config = needs()
    contact_no: Code | None
    contact_nos: Annotated[list[Code], Field(description="At most 10,000")] | None
    allow_existing: Flag | None


class LineChange(Body, LineValues):
    """Overrides to be changed; null inherits again."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = SegmentLine


class Warned(Shown):
    """A warning about added lines, and how many have it."""

    code: str
    count: int


class AddedLines(Shown):
    """What adding many contacts did."""

    added: int
    existing: int
    blocked: int
    warnings: list[Warned]


class SegmentLinePath(Path):
    """Which line of which segment."""

    thing: ClassVar[str] = segment_lines.THING
    no: str
    line_no: Annotated[int, Field(le=2**31 - 1)]


class SegmentLineQuery(NumberedQuery):
    """Which lines; `problem=any` gives all that have one, `q` looks at number and name of the contact."""

    contact_no: list[QueryText] | None = None
    q: list[QueryText] | None = None
    problem: list[QueryText] | None = None
    warning: list[QueryText] | None = None
    overridden: QueryFlag | None = None


class LineFilter(Item):
    """Which lines, as in their list."""

    contact_no: list[QueryText] | None = None
    q: list[QueryText] | None = None
    problem: list[QueryText] | None = None
    warning: list[QueryText] | None = None
    overridden: Literal["true", "false"] | None = None


class ChosenLines(Body):
    """Lines by number, by a filter, or all."""

    model_config = needs()
    line_nos: Annotated[list[QueryWhole], Field(description="At most 10,000")] | None
    filter: LineFilter | None
    all: Flag | None


class ManyLinesChange(ChosenLines):
    """Overrides to be changed on many lines."""

    model_config = needs("values")
    values: Annotated[dict[str, Any], Field(description="Overrides by name; null inherits again")] | None


@api.get("/segments/<no>/lines", responses={200: SegmentLineList})
@allow(Role.VIEWER)
def index(path: SegmentPath, query: SegmentLineQuery) -> Response:
    """List the lines of a segment with their effective values."""
    session = database.session()
    segment = segments.get(session, path.no)
    return listing(
        query,
        fetch=lambda **options: segment_lines.page(session, segment, **options),
        describe=lambda rows: rows,
        key=lambda line: line["line_no"],
    )


@api.post("/segments/<no>/lines", responses={200: AddedLines, 201: SegmentLine})
@allow(Role.MARKETING)
def create(path: SegmentPath, body: NewLines) -> Response:
    """Add one contact with overrides (201, the line), or many (200, counts)."""
    session = database.session()
    segment = segments.get(session, path.no)
    if "contact_nos" in body.named:
        return shown(with_faults(body, lambda values: _add_many(segment, values)))
    line = with_faults(body, lambda values: _add(segment, values))
    where = url_for("api.segment_lines.show", no=segment.no, line_no=line.line_no)
    return created(segment_lines.describe(session, segment, line), where, stored=STORED)


def _add(segment: segments.Segment, values: dict[str, Any]) -> segment_lines.SegmentLine:
    overrides = dict(values)
    return segment_lines.add(
        database.session(),
        segment,
        contact_no=overrides.pop("contact_no", None),
        allow_existing=bool(overrides.pop("allow_existing", None)),
        values=overrides,
        actor=identity.required(),
    )


def _add_many(segment: segments.Segment, values: dict[str, Any]) -> dict[str, Any]:
    alone = [
        Fault(name, "invalid", values[name])
        for name in values
        if name not in ("contact_nos", "allow_existing")
    ]
    if alone:
        raise Invalid(alone)
    added = segment_lines.add_many(
        database.session(),
        segment,
        contact_nos=values.get("contact_nos") or [],
        allow_existing=bool(values.get("allow_existing")),
        actor=identity.required(),
    )
    warnings = [{"code": "excluded", "count": added.excluded}] if added.excluded else []
    return {
        "added": added.added,
        "existing": added.existing,
        "blocked": added.blocked,
        "warnings": warnings,
    }


@api.post("/segments/<no>/lines/change", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def change_many(path: SegmentPath, body: ManyLinesChange) -> Response:
    """Ask for overrides of many lines to be changed, all of them or none."""
    if isinstance(body.given().get("values"), dict):
        own = LineChange.model_validate(body.values)
        body.values = own.given()
        body.faults.extend(replace(fault, field=f"values.{fault.field}") for fault in own.faults)
    return ask(path, body, many_lines.change)


@api.post("/segments/<no>/lines/remove", responses={200: Job, 202: Job})
@allow(Role.MARKETING)
def remove_many(path: SegmentPath, body: ChosenLines) -> Response:
    """Ask for many lines to be taken out, as one action that can be undone."""
    return ask(path, body, many_lines.remove)


@api.get("/segments/<no>/lines/<int:line_no>", responses={200: SegmentLine})
@allow(Role.VIEWER)
def show(path: SegmentLinePath) -> Response:
    """Show a line."""
    session = database.session()
    segment = segments.get(session, path.no)
    line = segment_lines.get(session, segment, path.line_no)
    return shown(segment_lines.describe(session, segment, line), stored=STORED)


@api.patch("/segments/<no>/lines/<int:line_no>", responses={200: SegmentLine})
@allow(Role.MARKETING)
def change(path: SegmentLinePath, body: LineChange) -> Response:
    """Change overrides of a line."""
    session = database.session()
    segment = segments.get(session, path.no, lock=True)
    line = segment_lines.get(session, segment, path.line_no, lock=True)
    match(lambda: segment_lines.describe(session, segment, line), STORED)
    with_faults(
        body,
        lambda values: segment_lines.change(session, segment, line, values=values, actor=identity.required()),
    )
    return shown(segment_lines.describe(session, segment, line), stored=STORED)


@api.delete("/segments/<no>/lines/<int:line_no>", responses={204: None})
@allow(Role.MARKETING)
def delete(path: SegmentLinePath) -> Response:
    """Take a line out of a segment."""
    session = database.session()
    segment = segments.get(session, path.no, lock=True)
    line = segment_lines.get(session, segment, path.line_no, lock=True)
    match(lambda: segment_lines.describe(session, segment, line), STORED)
    segment_lines.remove(session, segment, line, actor=identity.required())
    return gone()
