"""Many lines of a segment at once: own values given or taken back, lines taken out; and the repairs of the check."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext

from domain import many_lines, segment_lines, segments
from domain.errors import Refusal
from domain.users import Role
from web import database, identity, messages
from web.forms.segments import ManyLinesForm
from web.pages import criteria_words, guard, lists, records
from web.pages.jobs import to_job
from web.pages.records import Answer

blueprint = Blueprint("many_lines", __name__, url_prefix="/segments/<key>/lines/many")

FILTERS = tuple(name for name in segment_lines.FILTERS if name != "line_nos")


@blueprint.route("/", methods=["GET", "POST"])
@guard.needs(Role.MARKETING)
def change(key: str) -> Answer:
    """Change own values of chosen lines: ticked ones, or all that match a filter."""
    session = database.session()
    segment = segments.get(session, key)
    chosen = _chosen()
    if chosen is None:
        flash(gettext("Choose at least one line."), "warn")
        return redirect(url_for("pages.segments.card", key=segment.no) + "#lines", 303)  # type: ignore[return-value]
    form = ManyLinesForm() if request.method == "POST" else ManyLinesForm(data={})
    if request.method == "POST":
        values = {**chosen, "values": form.overrides()}
        job = records.attempt(
            form, lambda: many_lines.change(session, segment, values=values, actor=identity.required())
        )
        if job is not None:
            return to_job(job, segment.no)
        segment = segments.get(session, key)
    return records.form_page(
        "segments/many_lines.html", form, segment=segment, chosen=_arguments(), said=_said(chosen)
    )


@blueprint.post("/remove")
@guard.needs(Role.MARKETING)
def remove(key: str) -> Answer:
    """Take chosen lines out, after a question."""
    session = database.session()
    segment = segments.get(session, key)
    chosen = _chosen()
    back = url_for("pages.segments.card", key=segment.no) + "#lines"
    if chosen is None:
        return redirect(back, 303)  # type: ignore[return-value]
    if not guard.confirmed():
        return guard.ask(
            gettext("Take out %(lines)s? It can be undone.", lines=_said(chosen)),
            title=gettext("Take out"),
            yes=gettext("Take out"),
            back=back,
        )
    try:
        job = many_lines.remove(session, segment, values=chosen, actor=identity.required())
    except Refusal as refusal:
        database.undo()
        flash(messages.refusal_message(refusal), "bad")
        return redirect(back, 303)  # type: ignore[return-value]
    return to_job(job, segment.no)


def _arguments() -> list[tuple[str, str]]:
    """Return what names the chosen lines, from the address or the form, to be passed on."""
    names = ("line_no", "scope", "all", *FILTERS)
    return [(name, value) for name in names for value in request.values.getlist(name) if value]


def _chosen() -> dict[str, Any] | None:
    """Return which lines are meant, as the domain takes it; ticked ones win over a filter. None: nothing was chosen."""
    given = _arguments()
    is_all = request.values.get("scope") == "matching"
    numbers = [number for name, value in given if name == "line_no" and (number := lists.whole(value))]
    if numbers and not is_all:
        return {"line_nos": numbers}
    filters: dict[str, list[str]] = {}
    for name, value in given:
        if name in FILTERS:
            filters.setdefault(name, []).append(value)
    if filters:
        return {"filter": filters}
    return {"all": True} if is_all or ("all", "yes") in given else None


def _said(chosen: dict[str, Any]) -> str:
    lines = {"line_nos": chosen["line_nos"]} if "line_nos" in chosen else chosen.get("filter", {})
    return criteria_words.condition({"lines": lines})
