"""What every page owes its users in a browser: keyboard, narrow screens, both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import POLYGLOT, Visit

PAGES = (
    "/",
    "/search/?q=person",
    "/contacts/",
    "/contacts/CT000001",
    "/contacts/new",
    "/segments/",
    "/segments/new",
    "/jobs/",
    "/logged-segments/",
    "/interactions/",
    "/document-events/",
    "/interaction-templates/",
    "/interaction-templates/LETTER",
    "/interaction-groups/",
    "/template-setup/",
    "/campaigns/",
    "/salespeople/AH",
    "/marketing-setup/",
    "/number-series/",
    "/users/",
    "/users/marketing",
    "/tokens/",
    "/my-settings",
)


# Lists of which a column is out of sight.
CUT = """
    [...document.querySelectorAll(".table-frame")]
        .filter((frame) => frame.scrollWidth > frame.clientWidth + 1)
        .map((frame) => frame.textContent.trim().slice(0, 40))
"""


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 1280, "light"), ("ru", 1280, "light"), ("en", 1280, "dark"), ("ru", 390, "light")],
)
def test_no_page_is_wider_than_the_screen(
    language: str, width: int, scheme: str, visit: Callable[..., Visit]
) -> None:
    user = visit(language=language, viewport={"width": width, "height": 800}, color_scheme=scheme)
    user.sign_in("admin")
    for path in PAGES:
        user.open(path)
        assert user.page.locator("html").get_attribute("data-bs-theme") == scheme
        too_wide = user.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert too_wide <= 0, path
        assert user.page.evaluate(CUT) == [], path
        user.picture(
            f"{path.strip('/').replace('/', '-').replace('?', '-') or 'home'}-{language}-{width}-{scheme}"
        )


def test_the_keyboard_reaches_search_new_and_menus(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in("admin")
    user.open("/contacts/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    page.keyboard.type("person 5")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=person*")
    expect(page.locator("tbody tr")).to_have_count(11)
    menu = page.locator(".mainnav summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Marketing Setup")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Marketing Setup")).to_be_hidden()
    expect(menu).to_be_focused()
    page.locator("body").focus()
    page.keyboard.press("n")
    page.wait_for_url("**/contacts/new")


def test_the_first_fault_gets_the_focus(visit: Callable[..., Visit]) -> None:
    user = visit(expected=("422",))
    page = user.page
    user.sign_in("admin")
    user.open("/interaction-templates/new")
    page.fill("#unit_cost", "much")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#code")).to_be_focused()
    expect(page.locator("#unit_cost")).to_have_value("much")
    expect(page.locator("#unit_cost-fault")).to_be_visible()


def test_rows_can_be_added_to_a_form(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in("admin")
    user.open("/interaction-templates/CALL")
    rows = page.locator("[data-rows=languages] tbody tr")
    before = rows.count()
    page.get_by_role("button", name="Add row").click()
    expect(rows).to_have_count(before + 1)
    row = rows.nth(before)
    row.locator("input").first.fill("en")
    row.locator("input").last.fill("A call")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-rows=languages] input").first).to_have_value("en")


def test_the_theme_is_chosen(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in("admin")
    user.open("/my-settings")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    user.open("/contacts/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_language_is_switched_on_any_page(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in(POLYGLOT)
    user.open("/interactions/?q=x")
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("h1")).to_have_text("Журналы взаимодействий")
    assert page.url.endswith("/interactions/?q=x")
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Interaction Log Entries")
