"""A segment built from nothing to check-clean with the keyboard alone, in both languages (S5 to S9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit

WORDS = {
    "en": {
        "added": "contacts would be added",
        "removed": "Reduce Contacts. Removed:",
        "undone": "Undo Criteria Action. Added:",
        "clean": "Nothing stands against logging this segment.",
    },
    "ru": {
        "added": "контактов",
        "removed": "Сокращение контактов. Удалено:",
        "undone": "Возврат действия с условиями. Добавлено:",
        "clean": "Ничто не мешает",
    },
}


def reach(page: Page, selector: str) -> None:
    """Press Tab until the control has the focus."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_segment_is_built_with_the_keyboard_alone(language: str, visit: Callable[..., Visit]) -> None:
    words = WORDS[language]
    user = visit(language=language)
    user.sign_in()
    page, press = user.page, user.page.keyboard.press
    user.open("/segments/new")
    reach(page, "#description")
    page.keyboard.type("By keyboard")
    reach(page, "#template_code")
    page.keyboard.type("LETTER")
    press("Control+s")
    page.wait_for_url("**/segments/SM*")
    no = page.url.rpartition("/")[2]

    press("a")
    page.wait_for_url("**/add-contacts")
    reach(page, "#city")
    page.keyboard.type("kazan")
    expect(page.locator("[data-counted]")).to_contain_text(words["added"])
    user.picture(f"criteria-{language}")
    press("Control+s")
    page.wait_for_url(f"**/segments/{no}")
    count = page.locator("#lines .panel-head .count").inner_text()

    press("r")
    page.wait_for_url("**/reduce-contacts")
    reach(page, "#type")
    press("End")
    press("Control+s")
    page.wait_for_url(f"**/segments/{no}")
    expect(page.get_by_text(words["removed"])).to_be_visible()
    user.picture(f"trail-{language}")
    reach(page, "#actions form button")
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    reach(page, "dialog[open] button[value=yes]")
    press("Enter")
    expect(page.get_by_text(words["undone"])).to_be_visible()
    assert page.locator("#lines .panel-head .count").inner_text() == count

    press("c")
    page.wait_for_url("**/check")
    while page.locator(".repair input[name=salesperson_code]").count():
        reach(page, ".repair input[name=salesperson_code]")
        page.keyboard.type("AH")
        press("Enter")
        page.wait_for_url(f"**/segments/{no}")
        press("c")
        page.wait_for_url("**/check")
    expect(page.get_by_text(words["clean"])).to_be_visible()
    user.picture(f"check-{language}")
