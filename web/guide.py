"""Reads the user guide, docs/guide: the same Markdown files that a code host shows.

Each language has a folder with the same chapters and the same headings in them. A section is addressed by its English
heading, in every language, so that one address leads to it whoever follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import url_for
from flask_babel import get_locale
from markupsafe import Markup, escape

from web.assets import asset

FOLDER = Path(__file__).parent.parent / "docs" / "guide"
# The chapters in the order they are read.
NAMES = ("first-steps", "segments", "interactions", "log", "documents", "statistics", "administration")
# Every picture has this size, in pixels: a page keeps its place while they come.
PICTURE_SIZE = (1120, 700)
ENGLISH = "en"

_HEADING = re.compile(r"## (.+)")
_PICTURE = re.compile(r"!\[(?P<words>[^\]]+)\]\((?P<file>images/[\w-]+\.webp)\)")
_ITEM = re.compile(r"(?:-|\d+\.) ")
_INLINE = re.compile(
    r"\*\*(?P<strong>[^*]+)\*\*|`(?P<code>[^`]+)`|\[(?P<words>[^\]]+)\]\((?P<target>[\w-]+)\.md\)"
)


@dataclass(frozen=True)
class Section:
    """A section of a chapter: where a link finds it, and its heading."""

    anchor: str
    title: str


@dataclass(frozen=True)
class Chapter:
    """A chapter in one language."""

    name: str
    language: str
    title: str
    sections: tuple[Section, ...]
    text: str

    @property
    def html(self) -> Markup:
        """The chapter below its title."""
        anchors = iter(self.sections)
        return Markup("\n").join(_block(block, anchors, self.language) for block in _blocks(self.text)[1:])


def language() -> str:
    """Return the language of the guide that the reader is shown."""
    spoken = str(get_locale())
    return spoken if (FOLDER / spoken).is_dir() else ENGLISH


@cache
def chapters(language: str) -> tuple[Chapter, ...]:
    """Return the chapters in a language, in the order they are read."""
    return tuple(_read(name, language) for name in NAMES)


def _read(name: str, language: str) -> Chapter:
    text = (FOLDER / language / f"{name}.md").read_text(encoding="utf-8")
    title, *titles = _headings(text)
    english = _headings((FOLDER / ENGLISH / f"{name}.md").read_text(encoding="utf-8"))[1:]
    sections = [Section(_slug(anchor), said) for anchor, said in zip(english, titles, strict=True)]
    return Chapter(name, language, title, tuple(sections), text)


def _headings(text: str) -> list[str]:
    return re.findall(r"^##? (.+)$", text, re.MULTILINE)


def _slug(title: str) -> str:
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")


def _blocks(text: str) -> list[str]:
    return [block.strip("\n") for block in re.split(r"\n{2,}", text.strip())]


def _block(block: str, anchors: Iterator[Section], language: str) -> Markup:
    if heading := _HEADING.fullmatch(block):
        return Markup('<h2 id="{}">{}</h2>').format(next(anchors).anchor, _inline(heading[1]))
    if picture := _PICTURE.fullmatch(block):
        width, height = PICTURE_SIZE
        return Markup('<img src="{}" width="{}" height="{}" loading="lazy" alt="{}">').format(
            asset(f"{language}/{picture['file']}", "pages.guide"), width, height, picture["words"]
        )
    if _ITEM.match(block):
        items = re.split(r"\n(?=(?:-|\d+\.) )", block)
        tag = "ul" if block.startswith("-") else "ol"
        inner = Markup("").join(
            Markup("<li>{}</li>").format(_inline(_ITEM.sub("", item, count=1))) for item in items
        )
        return Markup("<{0}>{1}</{0}>").format(Markup(tag), inner)
    if block.startswith("|"):
        return _table(block)
    return Markup("<p>{}</p>").format(_inline(block))


def _table(block: str) -> Markup:
    head, _rule, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
    ]
    heads = Markup("").join(Markup('<th scope="col">{}</th>').format(_inline(cell)) for cell in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row)
        )
        for row in rows
    )
    table = '<table class="grid is-wrapped"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    return Markup('<div class="table-frame">' + table + "</div>").format(heads, body)


def _inline(text: str) -> Markup:
    """Write a line of text: strong words, code, links to other chapters; everything else as it stands."""
    parts, end = [], 0
    for found in _INLINE.finditer(text):
        parts.append(escape(text[end : found.start()]))
        if found["strong"]:
            parts.append(Markup("<strong>{}</strong>").format(found["strong"]))
        elif found["code"]:
            parts.append(Markup("<code>{}</code>").format(found["code"]))
        else:
            url = url_for("pages.guide.chapter", key=found["target"])
            parts.append(Markup('<a href="{}">{}</a>').format(url, found["words"]))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
