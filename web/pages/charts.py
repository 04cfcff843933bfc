"""Charts: drawn on the server, shown as images, so that their styles are their own and no script comes with them.

What the home page knows goes into the address of its pictures: they ask no database, cannot differ from the numbers
beside them, and are kept by browsers.
"""

from __future__ import annotations

import sys
from typing import Any

import pygal
from flask import Blueprint, Response, request, url_for
from flask_babel import format_decimal, get_locale, gettext
from pygal.etree import etree
from pygal.style import Style

from web.headers import OWN_STYLE_ONLY
from web.pages.records import Answer

# Its finder for plug-ins, of which we use none, is of a kind that Python warns of at every import that fails.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

blueprint = Blueprint("charts", __name__, url_prefix="/charts")

MOST_VALUES, LONGEST_LABEL = 62, 40
LARGEST_VALUE = 10**12
WIDTH, COLUMNS_HEIGHT, ROW_HEIGHT = 440, 190, 32
LABEL_EVERY = 7
COUNTED_ONE_BY_ONE = 5
KEPT_SECONDS = 24 * 3600
# Ink for light and for dark pages; "any" is seen on both.
INKS = {"light": ("#565f66", "#0b5e6b"), "dark": ("#a5b0b7", "#6cc5d1"), "any": ("#7c868d", "#2b8a99")}


def bars(*, ink: str = "any", horizontal: bool = False, **options: Any) -> Any:
    """Begin a bar chart that is drawn on whatever lies behind, light or dark."""
    words, colour = INKS[ink]
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground=words,
        foreground_strong=words,
        foreground_subtle=words,
        guide_stroke_color=words + "40",
        major_guide_stroke_color=words + "60",
        colors=(colour,),
        font_family="system-ui, sans-serif",
        label_font_size=12,
        major_label_font_size=12,
    )
    shape = {
        "js": [], "style": style, "width": 900, "show_legend": False, "margin": 8, "x_label_rotation": 0,
        "truncate_label": -1, "no_data_text": gettext("No interactions"), "value_formatter": format_decimal,
        **options,
    }  # fmt: skip
    return (pygal.HorizontalBar if horizontal else pygal.Bar)(**shape)


def fill(drawn: Any, labels: list[str], numbers: list[int]) -> None:
    """Give a chart its numbers of interactions; few of them are counted on its scale one by one."""
    drawn.x_labels = labels
    if numbers and max(numbers) <= COUNTED_ONE_BY_ONE:
        drawn.y_labels = range(max(numbers) + 1)
    drawn.add(gettext("Interactions"), numbers)


def answer(drawn: Any) -> Response:
    """Answer with a picture, without the script that its maker always puts in."""
    picture = drawn.render_tree()
    for part in list(picture.iter()):
        for child in list(part):
            if str(child.tag).endswith("script"):
                part.remove(child)
    response = Response(bytes(etree.tostring(picture, encoding="utf-8")), mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = OWN_STYLE_ONLY
    return response


def addresses(values: list[tuple[str, int]], *, horizontal: bool = False) -> dict[str, str]:
    """Return the addresses of a picture of labelled numbers, by the ink it is drawn in; each language has its own."""
    given: dict[str, Any] = {
        "language": str(get_locale()),
        "label": [label for label, _value in values],
        "value": [value for _label, value in values],
    }
    shape = "rows" if horizontal else "columns"
    return {ink: url_for("pages.charts.show", shape=shape, ink=ink, **given) for ink in ("light", "dark")}


def row_height(rows: int) -> int:
    """Return the height of a picture of so many rows."""
    return 24 + ROW_HEIGHT * max(rows, 1)


@blueprint.get("/<any(columns, rows):shape>-<any(light, dark):ink>.svg")
def show(shape: str, ink: str) -> Answer:
    """Draw the numbers of the address."""
    numbers = [_number(given) for given in request.args.getlist("value")[:MOST_VALUES]]
    labels = [_printable(label) for label in request.args.getlist("label")[: len(numbers)]]
    if shape == "rows":
        # Drawn from below.
        numbers, labels = numbers[::-1], labels[::-1]
        drawn = bars(
            ink=ink, horizontal=True, width=WIDTH, height=row_height(len(numbers)), spacing=4,
            show_x_labels=False, show_x_guides=False, show_y_guides=False,
        )  # fmt: skip
        labels = [
            f"{label}: {format_decimal(number)}" for label, number in zip(labels, numbers, strict=False)
        ]
    else:
        drawn = bars(
            ink=ink, width=WIDTH, height=COLUMNS_HEIGHT, spacing=4, show_minor_x_labels=False, max_scale=5,
        )  # fmt: skip
        drawn.x_labels_major = labels[::-LABEL_EVERY]
    fill(drawn, labels, numbers)
    picture = answer(drawn)
    picture.headers["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
    return picture


def _number(given: str) -> int:
    return min(int(given), LARGEST_VALUE) if given.isascii() and given.isdecimal() and len(given) < 19 else 0


def _printable(given: str) -> str:
    return "".join(letter for letter in given[:LONGEST_LABEL] if letter.isprintable())
