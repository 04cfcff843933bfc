"""Salespeople."""

from __future__ import annotations

from typing import ClassVar

from flask import Response
from pydantic import BaseModel

from domain import salespeople
from domain.actors import Role
from web.api import nouns
from web.api.fields import Code, Email, Flag, Name, QueryFlag, QueryText
from web.api.models import Body, Path, PeriodQuery, Shown, Statistics, StatisticsQuery, needs
from web.api.routing import Api
from web.identity import allow

api = Api("salespeople", tag="Salespeople")
SHOW = "api.salespeople.show"


class SalespersonFields(BaseModel):
    """What is stored of a salesperson."""

    code: Code | None
    name: Name | None
    email: Email | None
    blocked: Flag | None


class Salesperson(Statistics, SalespersonFields):
    """A salesperson."""


class SalespersonList(Shown):
    """A page of salespeople."""

    items: list[Salesperson]
    next: str | None


class NewSalesperson(Body, SalespersonFields):
    """A salesperson to be made."""

    model_config = needs("code")
    shows: ClassVar[type[Shown] | None] = Salesperson


class SalespersonChange(Body, SalespersonFields):
    """Fields of a salesperson to be changed."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = Salesperson


class SalespersonPath(Path):
    """Which salesperson."""

    thing: ClassVar[str] = salespeople.THING
    code: str


class SalespersonQuery(StatisticsQuery):
    """Which salespeople."""

    q: list[QueryText] | None = None
    blocked: QueryFlag | None = None


@api.get("/salespeople", responses={200: SalespersonList})
@allow(Role.VIEWER)
def index(query: SalespersonQuery) -> Response:
    """List salespeople."""
    return nouns.index(salespeople, query, key="code")


@api.post("/salespeople", responses={201: Salesperson})
@allow(Role.ADMIN)
def create(body: NewSalesperson) -> Response:
    """Make a salesperson."""
    return nouns.create(salespeople, body, endpoint=SHOW, key="code")


@api.get("/salespeople/<code>", responses={200: Salesperson})
@allow(Role.VIEWER)
def show(path: SalespersonPath, query: PeriodQuery) -> Response:
    """Show a salesperson with statistics."""
    return nouns.show(salespeople, path.code, query)


@api.patch("/salespeople/<code>", responses={200: Salesperson})
@allow(Role.ADMIN)
def change(path: SalespersonPath, body: SalespersonChange) -> Response:
    """Change a salesperson."""
    return nouns.change(salespeople, path.code, body)


@api.delete("/salespeople/<code>", responses={204: None})
@allow(Role.ADMIN)
def delete(path: SalespersonPath) -> Response:
    """Delete a salesperson that nothing refers to."""
    return nouns.delete(salespeople, path.code)
