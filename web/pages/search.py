"""Search for page or report: pages and actions by name in any of the languages, things by number or name.

A script shows it in a dialog on every page (Ctrl+K) and asks for the results alone; without it, it is a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import force_locale, gettext
from flask_babel import lazy_gettext as _

from domain import thing_search
from domain.thing_search import Thing, words_of
from web import database, i18n, vocabulary
from web.pages import guard, places
from web.pages.places import Place
from web.pages.records import Answer

blueprint = Blueprint("search", __name__, url_prefix="/search")

MOST_PLACES = 8
# Words of so many letters match with another ending: "взаимодействия" finds "взаимодействий".
INFLECTED, ENDING, CYRILLIC_ENDING = 5, 1, 2
# The same keys on the two keyboards; what was typed with the wrong one switched on is found too.
KEYS = (
    "`qwertyuiop[]asdfghjkl;'zxcvbnm,.",
    "ёйцукенгшщзхъфывапролджэячсмитьбю",
)

# Kind of thing -> its heading, its page.
THINGS: dict[str, tuple[Any, str]] = {
    "contact": (_("Contacts"), "pages.contacts.card"),
    "segment": (_("Active Segments"), "pages.segments.card"),
    "logged_segment": (_("Logged Segments"), "pages.logged_segments.card"),
    "interaction": (_("Interaction Log Entries"), "pages.interactions.card"),
    "postponed_interaction": (_("Postponed Interactions"), "pages.postponed.card"),
    "campaign": (_("Campaigns"), "pages.campaigns.card"),
    "interaction_template": (_("Interaction Templates"), "pages.interaction_templates.card"),
    "salesperson": (_("Salespeople"), "pages.salespeople.card"),
    "job": (_("Jobs"), "pages.jobs.card"),
}


@dataclass(frozen=True)
class Hit:
    """A line of the results: where it leads, what it is called, what tells it from others."""

    url: str
    title: str
    detail: str = ""
    code: str = ""


Results = list[tuple[str, list[Hit]]]
# Names, each as its words.
Names = list[list[str]]


@blueprint.get("/")
def show() -> Answer:
    """Show what was found, or every page when nothing is typed; to scripts the results alone."""
    typed = request.args.get("q", "").strip()[: thing_search.LONGEST]
    results = _everything() if not words_of(typed) else find(typed) or find(_on_the_other_keyboard(typed))
    template = (
        "search/_results.html" if request.headers.get("X-Fragment") == "results" else "search/page.html"
    )
    return render_template(template, typed=typed, results=results)


def find(typed: str) -> Results:
    """Find pages and things by what was typed, in groups as they are shown."""
    found: Results = []
    pages = [Hit(place.url, str(place.title), _where(place)) for place in find_places(typed)]
    if pages:
        found.append((gettext("Pages"), pages))
    by_kind: dict[str, list[Thing]] = {}
    for thing in thing_search.find(database.session(), typed=typed):
        by_kind.setdefault(thing.kind, []).append(thing)
    found += [(str(THINGS[kind][0]), [_hit(thing) for thing in things]) for kind, things in by_kind.items()]
    return found


def find_places(typed: str) -> list[Place]:
    """Find the places that the user may see whose names have all the words that were typed, the best first.

    Every language is looked through, whichever the user reads; words may be begun only, in any order, in any case.
    """
    words = words_of(typed)
    rated = [
        (_rating(words, *names), -position)
        for position, (place, names) in enumerate(zip(places.ALL, _names(), strict=True))
        if guard.may(place.role)
    ]
    best = sorted((each for each in rated if each[0]), reverse=True)
    return [places.ALL[-position] for _rate, position in best[:MOST_PLACES]]


def _rating(words: list[str], titles: Names, others: Names) -> int:
    """Tell how well a place fits: 0 is not at all. Its title counts for more than its other names, and those for more
    than words that are spread over several of them."""
    best = max((_fit(words, name) + bonus for names, bonus in ((titles, 4), (others, 0)) for name in names))
    if best > 4:
        return best
    return 1 if _fit(words, [word for name in (*titles, *others) for word in name]) else 0


def _fit(words: list[str], name: list[str]) -> int:
    """Tell how well words fit a name: 8 is exactly, 7 its beginning, 6 some of its words, 5 with other endings."""
    if words == name:
        return 8
    if " ".join(name).startswith(" ".join(words)):
        return 7
    if all(any(each.startswith(word) for each in name) for word in words):
        return 6
    if all(any(each.startswith(_stem(word)) for each in name) for word in words):
        return 5
    return 0


def _stem(word: str) -> str:
    if len(word) < INFLECTED:
        return word
    return word[: -ENDING if word.isascii() else -CYRILLIC_ENDING]


@cache
def _names() -> list[tuple[Names, Names]]:
    """Return for each place the words of its titles in every language, and those of its other names."""
    said = []
    for place in places.ALL:
        titles, others = [], []
        for language in i18n.LANGUAGES:
            with force_locale(language):
                titles.append(words_of(str(place.title)))
                others += [words_of(name) for name in str(place.words).split(",")]
        said.append((titles, [name for name in others if name]))
    return said


def _where(place: Place) -> str:
    """Say under which heading of the menu a page is found."""
    return next(
        (str(group.title) for group in places.MORE if any(place is each for each in group.places)), ""
    )


def _hit(thing: Thing) -> Hit:
    url = url_for(THINGS[thing.kind][1], key=thing.key)
    name = str(vocabulary.JOB_KINDS.get(thing.name, thing.name)) if thing.kind == "job" else thing.name
    code = thing.key[:8] if thing.kind == "job" else thing.key
    return Hit(url, name or thing.key, thing.detail or "", code)


def _everything() -> Results:
    return [
        (str(group.title), [Hit(place.url, str(place.title)) for place in group.places])
        for group in places.groups()
    ]


def _on_the_other_keyboard(typed: str) -> str:
    latin, cyrillic = KEYS
    to_other = {**dict(zip(latin, cyrillic, strict=True)), **dict(zip(cyrillic, latin, strict=True))}
    return "".join(to_other.get(letter, letter) for letter in typed.lower())
