"""A day with one contact, in a real browser, in Russian."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit


def test_an_interaction_goes_all_its_way_from_the_setup_to_its_end(visit: Callable[..., Visit]) -> None:
    """T2, T4, I2, I6, P1 to P3, E1, E2, E5: a template is set up, an interaction with it left and finished; its
    entry is canceled and, by way of the search, deleted."""
    user = visit(language="ru", expected=("status of 422",))
    page = user.page
    user.sign_in("admin")
    set_up_a_template(page)
    user.open("/contacts/CT000005")
    page.get_by_role("link", name="Создать взаимодействие").click()
    expect(page.locator("h1")).to_have_text("Создать взаимодействие")
    page.fill("#template_code", "TALK")
    page.press("#template_code", "Tab")
    expect(page.locator("#cost")).to_have_attribute("placeholder", "3,50")
    page.fill("#description", "Обещала перезвонить")
    page.fill("#comments-0-comment", "После обеда")
    user.picture("interaction-form-ru")
    page.get_by_role("button", name="Отмена…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Назад к форме").click()
    expect(page.locator("#description")).to_have_value("Обещала перезвонить")
    page.get_by_role("button", name="Отмена…").click()
    user.picture("interaction-leave-ru")
    dialog.get_by_role("button", name="Завершить позже").click()
    page.wait_for_url("**/contacts/CT000005")

    page.get_by_text("Ещё", exact=True).click()
    page.get_by_role("link", name="Отложенные взаимодействия", exact=True).first.click()
    row = page.get_by_role("row", name="Обещала перезвонить")
    expect(row).to_contain_text("Person 4")
    user.picture("postponed-ru")
    row.get_by_role("link").first.click()
    expect(page.locator("#comments-0-comment")).to_have_value("После обеда")
    page.fill("#template_code", "NOPE")
    page.get_by_role("button", name="Завершить", exact=True).click()
    expect(page.locator("#template_code-fault")).to_contain_text("NOPE")
    page.fill("#template_code", "TALK")
    page.get_by_role("button", name="Завершить", exact=True).dblclick()
    expect(page.locator("h1")).to_have_text("Обещала перезвонить")
    expect(page.locator("#comments")).to_contain_text("После обеда")
    user.picture("interaction-entry-ru")

    page.get_by_role("link", name="Журналы взаимодействий").first.click()
    expect(page.get_by_role("row", name="Обещала перезвонить")).to_contain_text("TALK")
    user.open("/postponed-interactions/")
    expect(page.get_by_role("row", name="Обещала перезвонить")).to_have_count(0)
    user.open("/contacts/CT000005")
    expect(page.locator(".timeline")).to_contain_text("Обещала перезвонить")
    user.picture("timeline-ru")
    cancel_and_delete(user)


def cancel_and_delete(user: Visit) -> None:
    """Cancel the entry, then delete it for good on the page that the search finds."""
    page = user.page
    page.get_by_role("link", name="Журналы взаимодействий").first.click()
    page.get_by_role("row", name="Обещала перезвонить").get_by_role("link").first.click()
    page.get_by_role("button", name="Отменить операцию").click()
    expect(page.locator(".title-line .state")).to_have_text("Отменено")
    page.keyboard.press("Control+k")
    page.keyboard.type("Удалить отмененные операции журналов взаимодействий")
    expect(page.locator("#search-hits [aria-selected=true]")).to_contain_text("Удалить отмененные операции")
    user.picture("search-ru")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Удалить отмененные операции журналов взаимодействий")
    page.get_by_role("button", name="Просмотр").click()
    expect(page.get_by_role("row", name="Обещала перезвонить")).to_be_visible()
    user.picture("delete-canceled-ru")
    page.get_by_role("button", name=re.compile("^Удалить .* безвозвратно$")).click()
    expect(page.get_by_text("Выполнено")).to_be_visible()
    user.open("/interactions/?q=Обещала перезвонить")
    expect(page.get_by_text("Ничего не найдено")).to_be_visible()


def set_up_a_template(page: Page) -> None:
    """Make a template and set it up for outgoing calls."""
    page.get_by_text("Ещё", exact=True).click()
    page.get_by_role("link", name="Шаблоны взаимодействий", exact=True).click()
    page.get_by_role("link", name="Новый шаблон взаимодействия").first.click()
    page.fill("#code", "TALK")
    page.fill("#description", "Разговор")
    page.fill("#group_code", "LETTERS")
    page.fill("#unit_cost", "3,50")
    page.get_by_role("button", name="Создать").click()
    expect(page.locator("h1")).to_have_text("Разговор")
    page.get_by_text("Ещё", exact=True).click()
    page.get_by_role("link", name="Настройка шаблонов взаимодействия").click()
    page.get_by_role("combobox", name="Исходящий звонок").fill("TALK")
    page.get_by_role("button", name="Сохранить").click()
    expect(page.get_by_text("Сохранено")).to_be_visible()


def test_the_timeline_goes_on_as_the_reader_scrolls(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in()
    user.open("/interactions/new/")
    reader = {"no": "READER", "type": "person", "name": "Reader", "salesperson_code": "AH"}
    user.post("/api/v1/contacts", reader)
    for number in range(22):
        values = {"contact_no": "READER", "template_code": "CALL", "description": f"Call {number}"}
        user.post("/api/v1/interactions", values)
    user.open("/contacts/READER")
    page.locator("[data-more]").scroll_into_view_if_needed()
    expect(page.locator(".timeline > li")).to_have_count(22)
    expect(page.locator("[data-more]")).to_have_count(0)
