"""What the card of an entry shows and takes besides what was recorded: comments, the outcome, its history."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from domain import canceling, comments, interaction_creation, interactions
from domain.actors import Role
from web import database, identity
from web.forms.base import etag_of
from web.forms.interactions import CommentForm, OutcomeForm
from web.pages import audit, guard, postponed, records
from web.pages.records import Answer

blueprint = Blueprint("interaction_card", __name__, url_prefix="/interactions/<int:key>")

CHANGEABLE = tuple(interaction_creation.CHANGEABLE)


def shown(session: Session, entry: dict[str, Any]) -> dict[str, Any]:
    """Read what the card shows."""
    key = entry["entry_no"]
    facts = canceling.facts(session, key)
    outcome_form = OutcomeForm(formdata=None, data=entry)
    outcome_form.etag.data = etag_of(entry, CHANGEABLE)
    return {
        "entry": entry,
        "facts": facts,
        "may_change": identity.required().may_change(
            actor_id=facts.actor_id, salesperson_id=facts.salesperson_id
        ),
        "comments": comments.of(session, key),
        "comment_form": CommentForm(formdata=None),
        "outcome_form": outcome_form,
        "postponed": postponed.of(session, source_entry_no=key),
        "history": audit.history(session, interactions.THING, key),
    }


@blueprint.post("/comment")
@guard.needs(Role.SALESPERSON)
def comment(key: int) -> Answer:
    """Comment on an entry."""
    session, actor = database.session(), identity.required()
    interactions.get(session, key)
    form = CommentForm()

    def add() -> int:
        comments.add(session, key, values=form.values(), actor=actor)
        return key

    if records.attempt_once(form, add) is None:
        entry = interactions.get(session, key)
        page = {**shown(session, entry), "comment_form": form}
        return records.form_page("interactions/card.html", form, **page)
    return redirect(url_for("pages.interactions.card", key=key) + "#comments", 303)  # type: ignore[return-value]


@blueprint.post("/outcome")
@guard.needs(Role.SALESPERSON)
def outcome(key: int) -> Answer:
    """Change the evaluation of an entry, or whether the attempt failed."""
    session = database.session()
    entry = interaction_creation.lock(session, key)
    form = OutcomeForm()
    saved = records.save_once(
        form,
        etag_of(entry, CHANGEABLE),
        lambda: interaction_creation.change(
            session, key, values=form.changes(entry), actor=identity.required()
        ),
    )
    if not saved:
        page = {**shown(session, interactions.get(session, key)), "outcome_form": form}
        return records.form_page("interactions/card.html", form, **page)
    flash(gettext("Saved."), "good")
    return redirect(url_for("pages.interactions.card", key=key), 303)  # type: ignore[return-value]
