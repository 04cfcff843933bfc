"""Recording an interaction with one contact, or leaving it for later; what may change of a recorded one.

The paths are those of the log, so the routes are of the same `api`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Response, url_for
from pydantic import BaseModel, RootModel

from domain import interaction_creation, interactions, postponed
from domain.actors import Role
from domain.postponed import Postponed as PostponedRow
from web import database, identity
from web.api.fields import Flag
from web.api.interaction_values import Evaluation
from web.api.interactions import STORED, Interaction, InteractionPath, api
from web.api.models import Body, Shown, needs
from web.api.postponed_interactions import SHOW as SHOW_POSTPONED
from web.api.postponed_interactions import InteractionFields, Postponed
from web.api.replies import created, match, shown, with_faults
from web.identity import allow

__all__ = ["api"]


class NewInteraction(Body, InteractionFields):
    """An interaction to be recorded, or to be left for later."""

    model_config = needs("contact_no", "template_code")
    shows: ClassVar[type[Shown] | None] = Interaction
    postponed: Flag | None


class Made(RootModel[Interaction | Postponed]):
    """The entry, or what was postponed."""


class ChangeableFields(BaseModel):
    """What may change of an entry."""

    evaluation: Evaluation | None
    attempt_failed: Flag | None


class InteractionChange(Body, ChangeableFields):
    """Fields of an entry to be changed."""

    model_config = needs()
    shows: ClassVar[type[Shown] | None] = Interaction


@api.post("/interactions", responses={201: Made})
@allow(Role.SALESPERSON)
def create(body: NewInteraction) -> Response:
    """Record an interaction; with `postponed` leave it for later instead."""
    session = database.session()
    made = with_faults(body, _make)
    if isinstance(made, PostponedRow):
        described = postponed.describe(session, [made])[0]
        return created(described, url_for(SHOW_POSTPONED, entry_no=made.entry_no), stored=postponed.STORED)
    return created(
        interactions.get(session, made), url_for("api.interactions.show", entry_no=made), stored=STORED
    )


def _make(values: dict[str, Any]) -> int | PostponedRow:
    session, actor = database.session(), identity.required()
    if values.pop("postponed", None):
        return postponed.create(session, values=values, actor=actor)
    return interaction_creation.create(session, values=values, actor=actor)


@api.patch("/interactions/<int:entry_no>", responses={200: Interaction})
@allow(Role.SALESPERSON)
def change(path: InteractionPath, body: InteractionChange) -> Response:
    """Change the evaluation of an entry, or whether the attempt failed."""
    session = database.session()
    entry = interaction_creation.lock(session, path.entry_no)
    match(lambda: entry, STORED)
    with_faults(
        body,
        lambda values: interaction_creation.change(
            session, path.entry_no, values=values, actor=identity.required()
        ),
    )
    return shown(interactions.get(session, path.entry_no), stored=STORED)
