"""Interaction templates."""

from __future__ import annotations

from typing import ClassVar, Literal

from flask import Response
from pydantic import BaseModel

from domain import templates
from domain.actors import Role
from web.api import nouns
from web.api.fields import Amount, Code, Flag, Minutes, Name, QueryFlag, QueryText, Subject
from web.api.models import Body, Item, Path, PeriodQuery, Shown, Statistics, StatisticsQuery, needs
from web.api.routing import Api
from web.identity import allow

api = Api("interaction_templates", tag="Interaction templates")
SHOW = "api.interaction_templates.show"


class TemplateLanguage(Item):
    """A language of a template, with its subject."""

    language_code: Code | None
    subject: Subject | None = None


class InteractionTemplateFields(BaseModel):
    """What is stored of an interaction template."""

    code: Code | None
    group_code: Code | None
    description: Name | None
    unit_cost: Amount | None
    unit_duration_min: Minutes | None
    information_flow: Literal["outbound", "inbound"] | None
    initiated_by: Literal["us", "them"] | None
    correspondence_type: Literal["hard_copy", "email", "fax"] | None
    ignore_contact_correspondence_type: Flag | None
    campaign_no: Code | None
    campaign_target: Flag | None
    campaign_response: Flag | None
    language_code: Code | None
    languages: list[TemplateLanguage] | None
    retired: Flag | None


class InteractionTemplate(Statistics, InteractionTemplateFields):
    """An interaction template."""


class InteractionTemplateList(Shown):
    """A page of interaction templates."""

    items: list[InteractionTemplate]
    next: str | None


class NewInteractionTemplate(Body, InteractionTemplateFields):
    """An interaction template to be made."""

    model_config = needs("code", "group_code")
    shows: ClassVar[type[Shown] | None] = InteractionTemplate


class InteractionTemplateChange(Body, InteractionTemplateFields):
    """Fields of an interaction template to be changed."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = InteractionTemplate


class InteractionTemplatePath(Path):
    """Which interaction template."""

    thing: ClassVar[str] = templates.THING
    code: str


class InteractionTemplateQuery(StatisticsQuery):
    """Which interaction templates; retired ones only with `retired=true`."""

    q: list[QueryText] | None = None
    group_code: list[QueryText] | None = None
    campaign_no: list[QueryText] | None = None
    retired: QueryFlag | None = None


@api.get("/interaction-templates", responses={200: InteractionTemplateList})
@allow(Role.VIEWER)
def index(query: InteractionTemplateQuery) -> Response:
    """List interaction templates."""
    return nouns.index(templates, query, key="code")


@api.post("/interaction-templates", responses={201: InteractionTemplate})
@allow(Role.ADMIN)
def create(body: NewInteractionTemplate) -> Response:
    """Make an interaction template."""
    return nouns.create(templates, body, endpoint=SHOW, key="code")


@api.get("/interaction-templates/<code>", responses={200: InteractionTemplate})
@allow(Role.VIEWER)
def show(path: InteractionTemplatePath, query: PeriodQuery) -> Response:
    """Show an interaction template with statistics."""
    return nouns.show(templates, path.code, query)


@api.patch("/interaction-templates/<code>", responses={200: InteractionTemplate})
@allow(Role.ADMIN)
def change(path: InteractionTemplatePath, body: InteractionTemplateChange) -> Response:
    """Change or retire an interaction template."""
    return nouns.change(templates, path.code, body)


@api.delete("/interaction-templates/<code>", responses={204: None})
@allow(Role.ADMIN)
def delete(path: InteractionTemplatePath) -> Response:
    """Delete an interaction template that nothing uses and no entry was made from."""
    return nouns.delete(templates, path.code)
