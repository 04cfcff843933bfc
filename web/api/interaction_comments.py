"""Comments on interaction log entries (I7)."""

from __future__ import annotations

from typing import ClassVar

from flask import Response, url_for

from domain import comments, interactions
from domain.actors import Role
from web import database, identity
from web.api.fields import CommentText, Instant
from web.api.interactions import InteractionPath
from web.api.models import Body, Shown, needs
from web.api.replies import created, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("interaction_comments", tag="Interactions")


class InteractionComment(Shown):
    """A comment on an entry."""

    comment: str
    date: Instant
    user: str


class InteractionCommentList(Shown):
    """The comments on an entry, in the order they were written."""

    items: list[InteractionComment]
    next: str | None


class NewComment(Body):
    """A comment to be added."""

    model_config = needs("comment")
    shows: ClassVar[type[Shown] | None] = InteractionComment
    comment: CommentText | None


@api.get("/interactions/<int:entry_no>/comments", responses={200: InteractionCommentList})
@allow(Role.VIEWER)
def index(path: InteractionPath) -> Response:
    """List the comments on an entry."""
    session = database.session()
    entry = interactions.get(session, path.entry_no)
    return shown({"items": comments.of(session, entry["entry_no"]), "next": None})


@api.post("/interactions/<int:entry_no>/comments", responses={201: InteractionComment})
@allow(Role.SALESPERSON)
def create(path: InteractionPath, body: NewComment) -> Response:
    """Comment on an entry."""
    session = database.session()
    interactions.get(session, path.entry_no)
    comment = with_faults(
        body, lambda values: comments.add(session, path.entry_no, values=values, actor=identity.required())
    )
    return created(comment, url_for("api.interaction_comments.index", entry_no=path.entry_no))
