"""Languages: which one a request is answered in, and how its numbers and times are written.

A page is shown in the user's own language, else in the one switched to in this browser (a cookie), else in the
first of the browser's languages that Interlog speaks. The API follows `Accept-Language` alone.

`python -m web.i18n` compiles the catalogues; `python -m web.i18n update` first brings them up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from flask import Flask, g, has_request_context, request
from flask_babel import Babel

LANGUAGES = {"en": "English", "ru": "Русский"}
COOKIE = "language"
WEB = Path(__file__).parent
TRANSLATIONS = WEB / "translations"
SOURCES = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {**DEFAULT_KEYWORDS, "_p": ((1, "c"), 2)}


def init_app(app: Flask) -> None:
    """Answer every request of `app` in the language of its reader."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "en")
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS))
    Babel(app, locale_selector=choose_language, timezone_selector=choose_timezone)


def choose_language() -> str:
    """Choose the language of the current request, one of `LANGUAGES`."""
    if not has_request_context():
        return "en"
    accepted = request.accept_languages.best_match(list(LANGUAGES)) or "en"
    if request.path.startswith("/api/"):
        return accepted
    own = getattr(g.get("actor"), "language_code", None)
    for language in (own, request.cookies.get(COOKIE)):
        if language in LANGUAGES:
            return language
    return accepted


def choose_timezone() -> str:
    """Choose the time zone that instants are shown in, as an IANA name: the user's own, else that of the setup."""
    if not has_request_context():
        return "UTC"
    read: Callable[[], str] | None = g.get("read_timezone")
    if read is None:
        return "UTC"
    if "timezone" not in g:
        g.timezone = read()
    return str(g.timezone)


def compile_catalogues() -> None:
    """Compile the catalogues that are newer than their compiled form (`messages.po` to `messages.mo`)."""
    for language, source in catalogues().items():
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as read:
            catalogue = read_po(read, locale=language)
        unfinished = compiled.with_suffix(".mo.new")
        with unfinished.open("wb") as write:
            write_mo(write, catalogue)
        unfinished.replace(compiled)


def extract() -> Catalog:
    """Collect every text of the pages and the API that is to be translated."""
    found = Catalog(charset="utf-8")
    for _file, _line, message, comments, context in extract_from_dir(WEB, SOURCES, keywords=KEYWORDS):
        found.add(message, None, auto_comments=comments, context=context)
    return found


def catalogues() -> dict[str, Path]:
    """Return the catalogue of each language that texts are translated into."""
    return {source.parent.parent.name: source for source in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/*.po"))}


def update_catalogues() -> None:
    """Bring the catalogues up to date: new texts come in untranslated, texts no longer used go."""
    found = extract()
    for language, source in catalogues().items():
        with source.open("rb") as read:
            catalogue = read_po(read, locale=language)
        catalogue.update(found, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with source.open("wb") as write:
            write_po(write, catalogue, omit_header=False, no_location=True, sort_output=True, width=110)


if __name__ == "__main__":
    if sys.argv[1:] == ["update"]:
        update_catalogues()
    compile_catalogues()
