"""Help in place and the user guide: every page has its text, which leads to a section that is there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from babel.messages.pofile import read_po

from domain.actors import Role
from tests.web.pages.conftest import LANGUAGES, Browser, Demo
from tests.web.pages.test_every_page import PAGES
from web import guide, help, i18n

OTHERS = [language for language in LANGUAGES if language != guide.ENGLISH]
BOLD = re.compile(r"\*\*([^*]+)\*\*")


def chapter_text(language: str, name: str) -> str:
    return (guide.FOLDER / language / f"{name}.md").read_text()


def test_every_page_has_its_help_and_nothing_else_has() -> None:
    assert set(help.PAGES) == set(PAGES)


def test_the_help_of_a_page_leads_to_a_section_of_the_guide() -> None:
    sections = {
        (chapter.name, section.anchor) for chapter in guide.chapters("en") for section in chapter.sections
    }
    for endpoint, text in help.PAGES.items():
        assert (text.chapter, text.section) in sections, endpoint


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_shows_its_help_folded(
    language: str, browser_of: Callable[..., Browser], demo: Demo
) -> None:
    browser = browser_of(Role.ADMIN, language=language)
    for endpoint, (address, _) in PAGES.items():
        shown = browser.open(address.format(**vars(demo))).one("main").one("details", class_="help")
        assert "open" not in shown.attributes
        assert len(shown.all("li")) == len(help.PAGES[endpoint].steps)
        assert bool(re.search("[а-яё]{3}", shown.text)) is (language == "ru"), endpoint
        assert shown.one("a").attributes["href"].startswith("/guide/")


def test_a_page_that_is_not_found_explains_nothing(admin_browser: Browser) -> None:
    assert not admin_browser.open("/contacts/NOBODY", status=404).all("details", class_="help")
    admin_browser.open("/guide/nothing", status=404)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guide_is_shown_chapter_by_chapter(language: str, browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.VIEWER, language=language)
    index = browser.open("/guide/").one("main")
    for chapter in guide.chapters(language):
        assert chapter.title in index.text
        page = browser.open(f"/guide/{chapter.name}").one("main")
        assert page.one("h1").text == chapter.title
        assert [(head.attributes["id"], head.text) for head in page.all("h2")] == [
            (section.anchor, section.title) for section in chapter.sections
        ]
        article = page.one("article")
        # What the reader of Markdown did not understand would be left in the text.
        assert not re.search(r"\*\*|\]\(|^#|!\[|`", article.text, re.MULTILINE), chapter.name
        for picture in article.all("img"):
            answer = browser.flask.get(picture.attributes["src"], buffered=True)
            assert (answer.status_code, answer.mimetype) == (200, "image/webp")
            assert "immutable" in answer.headers["Cache-Control"]
            assert picture.attributes["alt"]
        for link in article.all("a"):
            browser.open(link.attributes["href"])


def test_the_guide_is_for_those_who_have_signed_in(browser_of: Callable[..., Browser]) -> None:
    browser_of(None).open("/guide/files/en/first-steps.md", status=303)


@pytest.mark.parametrize("language", OTHERS)
def test_the_guide_has_the_same_structure_in_every_language(language: str) -> None:
    def files(of: str) -> set[str]:
        folder = guide.FOLDER / of
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert files(language) == files(guide.ENGLISH)
    assert {f"{name}.md" for name in guide.NAMES} == {
        name for name in files(language) if name.endswith(".md")
    }
    for name in guide.NAMES:
        for what in (r"^(#+) ", r"\]\(([^)]+)\)", r"^(\||-|\d+\.) ", "(`)"):
            english, other = (
                re.findall(what, chapter_text(each, name), re.MULTILINE) for each in (guide.ENGLISH, language)
            )
            assert english == other, (name, what)


@pytest.mark.parametrize("language", OTHERS)
def test_the_guide_names_things_as_the_pages_do(language: str) -> None:
    """What is bold and stands on a page in English stands there in the other language, in the same order."""
    with i18n.catalogues()[language].open("rb") as read:
        catalogue = read_po(read, locale=language)
    words: dict[str, set[str]] = {}
    for message in catalogue:
        if isinstance(message.id, str):
            words.setdefault(message.id, set()).add(str(message.string))
    for name in guide.NAMES:
        english, other = (BOLD.findall(chapter_text(each, name)) for each in (guide.ENGLISH, language))
        for said, translated in zip(english, other, strict=True):
            assert translated in words.get(said, {translated}), (name, said)


def test_every_picture_of_the_guide_is_shown_and_all_are_light() -> None:
    sizes = {path: path.stat().st_size for path in guide.FOLDER.rglob("*.webp")}
    shown = {
        guide.FOLDER / language / picture
        for language in LANGUAGES
        for name in guide.NAMES
        for picture in re.findall(r"\((images/[^)]+)\)", chapter_text(language, name))
    }
    assert set(sizes) == shown
    assert sum(sizes.values()) < 3_000_000
