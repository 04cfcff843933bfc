"""Number series."""

from __future__ import annotations

from typing import ClassVar

from flask import Response
from pydantic import BaseModel

from domain import number_series
from domain.actors import Role
from web.api import nouns
from web.api.fields import Code, Flag, Name, QueryText, Whole
from web.api.models import Body, ListQuery, Path, Shown, needs
from web.api.routing import Api
from web.identity import allow

api = Api("number_series", tag="Number series")
SHOW = "api.number_series.show"


class NumberSeriesFields(BaseModel):
    """What is stored of a number series."""

    code: Code | None
    description: Name | None
    starting_no: Code | None
    last_no_used: Code | None
    increment: Whole | None
    allow_manual: Flag | None


class NumberSeries(Shown, NumberSeriesFields):
    """A number series."""


class NumberSeriesList(Shown):
    """A page of number series."""

    items: list[NumberSeries]
    next: str | None


class NewNumberSeries(Body, NumberSeriesFields):
    """A number series to be made."""

    model_config = needs("code", "starting_no")


class NumberSeriesChange(Body, NumberSeriesFields):
    """Fields of a number series to be changed."""

    model_config = needs()


class NumberSeriesPath(Path):
    """Which number series."""

    thing: ClassVar[str] = number_series.THING
    code: str


class NumberSeriesQuery(ListQuery):
    """Which number series."""

    q: list[QueryText] | None = None


@api.get("/number-series", responses={200: NumberSeriesList})
@allow(Role.VIEWER)
def index(query: NumberSeriesQuery) -> Response:
    """List number series."""
    return nouns.index(number_series, query, key="code")


@api.post("/number-series", responses={201: NumberSeries})
@allow(Role.ADMIN)
def create(body: NewNumberSeries) -> Response:
    """Make a number series."""
    return nouns.create(number_series, body, endpoint=SHOW, key="code")


@api.get("/number-series/<code>", responses={200: NumberSeries})
@allow(Role.VIEWER)
def show(path: NumberSeriesPath) -> Response:
    """Show a number series."""
    return nouns.show(number_series, path.code)


@api.patch("/number-series/<code>", responses={200: NumberSeries})
@allow(Role.ADMIN)
def change(path: NumberSeriesPath, body: NumberSeriesChange) -> Response:
    """Change a number series."""
    return nouns.change(number_series, path.code, body)
