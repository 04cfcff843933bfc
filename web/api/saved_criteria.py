"""Saved criteria: the actions of a segment kept under a code. They are saved and applied at a segment's own address."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from flask import Response

from domain import saved_criteria
from domain.actors import Role
from web.api import nouns
from web.api.fields import Instant, QueryText
from web.api.models import ListQuery, Path, Shown
from web.api.routing import Api
from web.identity import allow

api = Api("saved_criteria", tag="Segments")


class SavedAction(Shown):
    """An action as it will be done."""

    action: Literal["add", "reduce", "refine"]
    filters: dict[str, Any]
    options: dict[str, Any]


class SavedCriteria(Shown):
    """Actions kept under a code, in the order they are done."""

    code: str
    description: str
    actions: list[SavedAction]
    actions_count: int
    user: str
    created_at: Instant


class SavedCriteriaList(Shown):
    """A page of saved criteria."""

    items: list[SavedCriteria]
    next: str | None


class SavedCriteriaPath(Path):
    """Which saved criteria."""

    thing: ClassVar[str] = saved_criteria.THING
    code: str


class SavedCriteriaQuery(ListQuery):
    """Which saved criteria."""

    q: list[QueryText] | None = None


@api.get("/saved-criteria", responses={200: SavedCriteriaList})
@allow(Role.VIEWER)
def index(query: SavedCriteriaQuery) -> Response:
    """List saved criteria."""
    return nouns.index(saved_criteria, query, key="code")


@api.get("/saved-criteria/<code>", responses={200: SavedCriteria})
@allow(Role.VIEWER)
def show(path: SavedCriteriaPath) -> Response:
    """Show saved criteria."""
    return nouns.show(saved_criteria, path.code)


@api.delete("/saved-criteria/<code>", responses={204: None})
@allow(Role.MARKETING)
def delete(path: SavedCriteriaPath) -> Response:
    """Delete saved criteria; segments built by them stay as they are."""
    return nouns.delete(saved_criteria, path.code)
