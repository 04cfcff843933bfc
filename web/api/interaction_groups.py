"""Interaction groups."""

from __future__ import annotations

from typing import ClassVar

from flask import Response
from pydantic import BaseModel

from domain import interaction_groups
from domain.actors import Role
from web.api import nouns
from web.api.fields import Code, Name, QueryText
from web.api.models import Body, Path, PeriodQuery, Shown, Statistics, StatisticsQuery, needs
from web.api.routing import Api
from web.identity import allow

api = Api("interaction_groups", tag="Interaction groups")
SHOW = "api.interaction_groups.show"


class InteractionGroupFields(BaseModel):
    """What is stored of an interaction group."""

    code: Code | None
    description: Name | None


class InteractionGroup(Statistics, InteractionGroupFields):
    """An interaction group."""


class InteractionGroupList(Shown):
    """A page of interaction groups."""

    items: list[InteractionGroup]
    next: str | None


class NewInteractionGroup(Body, InteractionGroupFields):
    """An interaction group to be made."""

    model_config = needs("code")
    shows: ClassVar[type[Shown] | None] = InteractionGroup


class InteractionGroupChange(Body, InteractionGroupFields):
    """Fields of an interaction group to be changed."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = InteractionGroup


class InteractionGroupPath(Path):
    """Which interaction group."""

    thing: ClassVar[str] = interaction_groups.THING
    code: str


class InteractionGroupQuery(StatisticsQuery):
    """Which interaction groups."""

    q: list[QueryText] | None = None


@api.get("/interaction-groups", responses={200: InteractionGroupList})
@allow(Role.VIEWER)
def index(query: InteractionGroupQuery) -> Response:
    """List interaction groups."""
    return nouns.index(interaction_groups, query, key="code")


@api.post("/interaction-groups", responses={201: InteractionGroup})
@allow(Role.ADMIN)
def create(body: NewInteractionGroup) -> Response:
    """Make an interaction group."""
    return nouns.create(interaction_groups, body, endpoint=SHOW, key="code")


@api.get("/interaction-groups/<code>", responses={200: InteractionGroup})
@allow(Role.VIEWER)
def show(path: InteractionGroupPath, query: PeriodQuery) -> Response:
    """Show an interaction group with statistics."""
    return nouns.show(interaction_groups, path.code, query)


@api.patch("/interaction-groups/<code>", responses={200: InteractionGroup})
@allow(Role.ADMIN)
def change(path: InteractionGroupPath, body: InteractionGroupChange) -> Response:
    """Change an interaction group."""
    return nouns.change(interaction_groups, path.code, body)


@api.delete("/interaction-groups/<code>", responses={204: None})
@allow(Role.ADMIN)
def delete(path: InteractionGroupPath) -> Response:
    """Delete an interaction group that is not in use."""
    return nouns.delete(interaction_groups, path.code)
