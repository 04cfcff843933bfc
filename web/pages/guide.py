"""The user guide: its chapters, in the reader's language, as pages of the site."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from web import guide
from web.pages.records import Answer

# Its pictures are the blueprint's static files, so they are kept by browsers as ours are.
blueprint = Blueprint(
    "guide", __name__, url_prefix="/guide", static_folder=str(guide.FOLDER), static_url_path="/files"
)


@blueprint.get("/")
def index() -> Answer:
    """Show the chapters with their sections."""
    return render_template("guide/index.html", chapters=guide.chapters(guide.language()))


@blueprint.get("/<key>")
def chapter(key: str) -> Answer:
    """Show a chapter."""
    chapters = guide.chapters(guide.language())
    places = [place for place, each in enumerate(chapters) if each.name == key]
    if not places:
        abort(404)
    here = places[0]
    return render_template(
        "guide/chapter.html",
        chapter=chapters[here],
        previous=chapters[here - 1] if here else None,
        following=chapters[here + 1] if here + 1 < len(chapters) else None,
    )
