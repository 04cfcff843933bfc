"""English and Russian, and the way numbers and dates are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from web import i18n


@pytest.fixture(scope="module")
def texts() -> Catalog:
    return i18n.extract()


@pytest.mark.parametrize("language", [each for each in i18n.LANGUAGES if each != "en"])
def test_the_catalogue_is_complete(language: str, texts: Catalog) -> None:
    source = i18n.catalogues()[language]
    with source.open("rb") as read:
        catalogue = read_po(read, locale=language)
    kept = {(message.context, message.id) for message in catalogue if message.id}
    wanted = {(message.context, message.id) for message in texts if message.id}
    assert wanted - kept == set(), "run: python -m web.i18n update"
    assert kept - wanted == set(), "run: python -m web.i18n update"
    for message in catalogue:
        if message.id:
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            assert all(strings), f"not translated: {message.id}"
            assert not message.fuzzy, f"fuzzy: {message.id}"
            assert not list(message.check(catalogue)), f"placeholders: {message.id}"


def test_the_catalogues_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language, source in i18n.catalogues().items():
        copy = tmp_path / language / "LC_MESSAGES" / "messages.po"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(i18n, "TRANSLATIONS", tmp_path)
    i18n.compile_catalogues()
    assert len(list(tmp_path.glob("*/LC_MESSAGES/messages.mo"))) == len(i18n.LANGUAGES) - 1


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de,en;q=0.5", "en"),
        ("de", "en"),
        ("", "en"),
        ("de,ru;q=0.1", "ru"),
    ],
)
def test_the_browser_chooses_the_language(
    accepted: str, shown: str, browser_of: Callable[..., Browser]
) -> None:
    browser = browser_of(None, language=accepted)
    assert browser.open("/sign-in").one("html").attributes["lang"] == shown


def test_the_language_can_be_switched_before_signing_in(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(None)
    browser.open("/sign-in?next=/contacts/")
    browser.send("/language", language="ru", next="/sign-in?next=/contacts/")
    assert browser.here == "/sign-in?next=/contacts/"
    assert browser.page.one("h1").text == "Войти"


def test_a_user_keeps_the_language_switched_to_in_every_browser(
    browser_of: Callable[..., Browser],
) -> None:
    """U2: a user has a language."""
    browser = browser_of(Role.MARKETING)
    browser.open("/segments/")
    browser.send("/language", language="ru", next="/segments/")
    assert browser.page.one("h1").text == "Активные сегменты"
    elsewhere = browser_of(Role.MARKETING, language="en")
    assert elsewhere.open("/segments/").one("h1").text == "Активные сегменты"
    elsewhere.send("/language", language="en", next="/segments/")
    assert elsewhere.page.one("h1").text == "Active Segments"


def test_the_pages_carry_the_names_users_know(browser_of: Callable[..., Browser], demo: Demo) -> None:
    browser = browser_of(Role.ADMIN, language="ru")
    names = {
        "/": "Начальная страница",
        "/contacts/": "Контакты",
        "/segments/": "Активные сегменты",
        "/logged-segments/": "Зарегистрированные сегменты",
        "/interactions/": "Журналы взаимодействий",
        "/interaction-templates/": "Шаблоны взаимодействий",
        "/interaction-groups/": "Группы взаимодействий",
        "/salespeople/": "Менеджеры по продажам",
        "/campaigns/": "Кампании",
        "/number-series/": "Серии номеров",
        "/marketing-setup/": "Маркетинг - настройка",
        "/template-setup/": "Настройка шаблонов взаимодействия",
        "/jobs/": "Задания",
    }
    assert {path: browser.open(path).one("h1").text for path in names} == names
    card = browser.open(f"/segments/{demo.segment}")
    assert "Журнал…" in [link.text for link in card.all("a", class_="btn")]
    assert "Создать контрольный сегмент" in card.one("dialog", id="log-dialog").text


def test_amounts_are_written_and_read_as_in_the_readers_language(
    browser_of: Callable[..., Browser],
) -> None:
    browser = browser_of(Role.ADMIN, language="ru")
    browser.open("/interaction-templates/LETTER")
    browser.fill(unit_cost="1 234,50")
    assert browser.page.one("input", id="unit_cost").attributes["value"] == "1234,50"
    browser.fill(unit_cost="8.00")
    assert browser.page.one("input", id="unit_cost").attributes["value"] == "8,00"
    english = browser_of(Role.ADMIN)
    english.open("/interaction-templates/LETTER")
    english.fill(unit_cost="1,234.50")
    assert english.page.one("input", id="unit_cost").attributes["value"] == "1234.50"
    english.fill(unit_cost="8")


def test_faults_are_told_in_the_readers_language(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.ADMIN, language="ru")
    browser.open("/segments/new")
    page = browser.fill(template_code="NOPE", status=422)
    assert page.one(id="template_code-fault").text == "Шаблон взаимодействия: «NOPE» не существует."
