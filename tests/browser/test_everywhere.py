"""What goes with every page: the search, the keys, jobs that announce themselves, lists on a phone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit
from tests.browser.test_journeys import make_segment


def test_the_search_leads_anywhere_by_keys_alone(visit: Callable[..., Visit]) -> None:
    user = visit(language="ru")
    page = user.page
    user.sign_in("admin")
    user.open("/jobs/")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Что вы ищете?")
    expect(field).to_be_focused()
    page.keyboard.type("взаимодействий журнал")
    chosen = page.locator("#search-hits [aria-selected=true]")
    expect(chosen).to_have_text("Журналы взаимодействий")
    user.picture("search-ru")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    page.keyboard.press("Control+k")
    # Faster than the results come.
    page.keyboard.type("person 17")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/CT*")
    expect(page.locator("h1")).to_have_text("Person 17")
    page.keyboard.press("Control+k")
    page.keyboard.type("сегменты")
    expect(chosen).to_have_text("Активные сегменты")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_text("Зарегистрированные сегменты")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    page.wait_for_url("**/logged-segments/")


def test_the_keys_of_a_page_are_told_and_can_be_switched_off(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in("admin")
    user.open("/campaigns/")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys.get_by_text("New campaign")).to_be_visible()
    keys.get_by_label("Single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(keys).to_be_hidden()
    page.get_by_text("admin", exact=True).click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    keys.get_by_label("Single keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_url("**/campaigns/new")


def test_a_job_announces_itself_wherever_its_user_is(visit: Callable[..., Visit], site: Site) -> None:
    user = visit()
    page = user.page
    user.sign_in()
    no = make_segment(user, "Announced")
    site.pause_worker()
    try:
        user.open(f"/segments/{no}/log")
        page.get_by_label("Skip those lines").check()
        page.get_by_role("button", name="Log", exact=True).click()
        page.wait_for_url("**/jobs/*")
        user.open("/segments/")
        expect(page.locator(".under-way").get_by_role("link", name=f"Log Segment {no}")).to_be_visible()
        user.open("/campaigns/")
    finally:
        site.resume_worker()
    toast = page.locator(".toasts .is-good")
    expect(toast).to_contain_text(f"Log Segment {no}: Succeeded. Interactions: 59, Skipped Lines: 1.")
    user.picture("toast-en")
    user.open("/contacts/")
    expect(page.locator(".toasts")).to_be_empty()


def test_a_list_on_a_phone_is_a_list_of_cards(visit: Callable[..., Visit]) -> None:
    user = visit(language="ru", viewport={"width": 390, "height": 800})
    page = user.page
    user.sign_in("admin")
    user.open("/contacts/")
    city = page.locator("tbody tr").first.get_by_text("Kazan")
    assert city.get_attribute("data-label") == "Город"
    frame = page.locator(".table-frame")
    assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")
    user.picture("cards-ru")
