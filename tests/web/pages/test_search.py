"""Search for page or report: by name in any language, by words people type, by number; roles are honoured."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from domain.actors import Role
from tests.web.pages.conftest import LANGUAGES, Browser, Demo
from tests.web.pages.test_every_page import PAGES
from web.pages import places, search

# Pages of their own that no name leads to: the search itself, and a chapter of the guide.
UNNAMED = {"search.show", "guide.chapter"}


# What is typed -> the address of the first page found, whatever language is read.
FOUND = (
    ("Журналы взаимодействий", "/interactions/"),
    ("журнал взаимодействия", "/interactions/"),
    ("взаимодействий ЖУРНАЛЫ", "/interactions/"),
    ("Interaction Log Entries", "/interactions/"),
    ("entries log", "/interactions/"),
    ("Сегменты", "/segments/"),
    ("сегм", "/segments/"),
    ("ctuvtyns", "/segments/"),
    ("Активные сегменты", "/segments/"),
    ("Зарегистрированные сегменты", "/logged-segments/"),
    ("Удалить отмененные операции журналов взаимодействий", "/purges/new"),
    ("удалить отменённые операции", "/purges/new"),
    ("purge", "/purge-schedules/"),
    ("clean up the log", "/purges/new"),
    ("Log Segment", "/segments/"),
    ("Регистрировать сегмент", "/segments/"),
    ("Отложенные взаимодействия", "/postponed-interactions/"),
    ("Создать взаимодействие", "/interactions/new/"),
    ("новый контакт", "/contacts/new"),
    ("Маркетинг - настройка", "/marketing-setup/"),
    ("серии номеров", "/number-series/"),
    ("события печати", "/document-events/"),
    ("тёмная", "/my-settings"),
    ("начальная страница", "/"),
    ("failed jobs", "/jobs/?state=failed"),
)


def hits(browser: Browser, typed: str) -> list[str]:
    """The addresses found, in order, without the ways to look elsewhere."""
    page = browser.open(f"/search/?q={typed}")
    groups = page.one("main").all("section", class_="hits")
    elsewhere = {"hits-elsewhere"}
    return [
        link.attributes["href"]
        for group in groups
        if group.attributes["aria-labelledby"] not in elsewhere
        for link in group.all("a")
    ]


def test_every_page_of_the_menu_and_every_page_without_a_key_is_in_the_registry() -> None:
    named = {place.endpoint.removeprefix("pages.") for place in places.ALL}
    of_menu = {place.endpoint for place in places.MAIN} | {
        place.endpoint for group in places.MORE for place in group.places
    }
    assert of_menu <= {place.endpoint for place in places.ALL}
    without_key = {name for name, (address, _) in PAGES.items() if "{" not in address}
    cards = {name for name in without_key if name.endswith(".card")}
    assert without_key - cards - UNNAMED <= named


@pytest.mark.parametrize("place", places.ALL, ids=lambda place: place.endpoint)
def test_a_place_is_offered_to_those_who_may_see_its_page(place: places.Place) -> None:
    """U1. An action that begins on a page that all may see can want more."""
    assert place.role.includes(PAGES[place.endpoint.removeprefix("pages.")][1])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_found_whatever_the_language(language: str, browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.ADMIN, language=language)
    assert {typed: hits(browser, typed)[:1] for typed, _first in FOUND} == {
        typed: [first] for typed, first in FOUND
    }


def test_nobody_is_offered_what_they_may_not_see(browser_of: Callable[..., Browser]) -> None:
    """U1."""
    viewer = browser_of(Role.VIEWER)
    assert "/purges/new" not in hits(viewer, "purge")
    assert not [each for each in hits(viewer, "new") if each.endswith("/new")]
    assert "/users/" not in hits(viewer, "users")
    assert "/users/" not in hits(viewer, "")
    assert "/users/" in hits(browser_of(Role.ADMIN), "")


def test_things_are_found_by_name_and_number(browser_of: Callable[..., Browser], demo: Demo) -> None:
    viewer = browser_of(Role.VIEWER)
    assert hits(viewer, "cronus") == [f"/contacts/{demo.company}"]
    assert hits(viewer, "person 17") == ["/contacts/CT000019"]
    assert f"/segments/{demo.segment}" in hits(viewer, "letter spring")
    assert f"/interactions/{demo.entry_no}" in hits(viewer, str(demo.entry_no))
    assert f"/jobs/{demo.job}" in hits(viewer, demo.job)
    assert "/campaigns/CP0001" in hits(viewer, "cp0001")
    assert f"/postponed-interactions/{demo.postponed}" in hits(viewer, str(demo.postponed))


def test_what_is_not_found_can_be_looked_for_elsewhere(admin_browser: Browser) -> None:
    assert hits(admin_browser, "nonsuch") == []
    page = admin_browser.page
    assert page.one("h2", id="hits-elsewhere").text == "Nothing is called “nonsuch”"
    assert page.one("main").all("a", href="/contacts/?q=nonsuch")
    assert page.one("main").one("input", name="q").attributes["value"] == "nonsuch"


def test_a_script_gets_the_results_alone(admin_browser: Browser) -> None:
    answer = admin_browser.flask.get("/search/?q=jobs", headers={"X-Fragment": "results"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'href="/jobs/"' in answer.text


def test_every_page_leads_to_the_search(admin_browser: Browser) -> None:
    page = admin_browser.open("/jobs/")
    assert page.one("a", href="/search/", class_="search-link").attributes["aria-keyshortcuts"] == "Control+K"
    assert page.one("dialog", id="search-dialog").one("form").attributes["action"] == "/search/"


def test_words_of_a_place_are_said_once_for_a_process(app: Flask) -> None:
    """Who asks first decides nothing: both languages are kept."""
    with app.test_request_context("/"):
        titles, _others = search._names()[0]
    assert titles == [["contacts"], ["контакты"]]
