"""A day with one contact, in a real browser, in Russian."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visit


def test_an_interaction_is_left_found_again_and_finished(visit: Callable[..., Visit]) -> None:
    """I2, I6, P1 to P3, E1: from a contact, by way of «Отложенные взаимодействия», into the log."""
    user = visit(language="ru", expected=("status of 422",))
    page = user.page
    user.sign_in()
    user.open("/contacts/CT000005")
    page.get_by_role("link", name="Создать взаимодействие").click()
    expect(page.locator("h1")).to_have_text("Создать взаимодействие")
    page.fill("#template_code", "LETTER")
    page.press("#template_code", "Tab")
    expect(page.locator("#cost")).to_have_attribute("placeholder", "8,00")
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
    page.fill("#template_code", "CALL")
    page.get_by_role("button", name="Завершить", exact=True).dblclick()
    expect(page.locator("h1")).to_have_text("Обещала перезвонить")
    expect(page.locator("#comments")).to_contain_text("После обеда")
    user.picture("interaction-entry-ru")

    page.get_by_role("link", name="Журналы взаимодействий").first.click()
    expect(page.get_by_role("row", name="Обещала перезвонить")).to_contain_text("CALL")
    user.open("/postponed-interactions/")
    expect(page.get_by_role("row", name="Обещала перезвонить")).to_have_count(0)
    user.open("/contacts/CT000005")
    expect(page.locator(".timeline")).to_contain_text("Обещала перезвонить")
    user.picture("timeline-ru")


RECORD = """async (numbers) => {
  const token = document.querySelector('[name="csrf_token"]').value;
  for (const number of numbers) {
    await fetch("/api/v1/interactions", {
      method: "POST",
      headers: {"Content-Type": "application/json", "X-CSRFToken": token},
      body: JSON.stringify({contact_no: "CT000009", template_code: "CALL", description: `Call ${number}`}),
    });
  }
}"""


def test_the_timeline_goes_on_as_the_reader_scrolls(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in()
    user.open("/interactions/new/")
    page.evaluate(RECORD, list(range(22)))
    user.open("/contacts/CT000009")
    page.locator("[data-more]").scroll_into_view_if_needed()
    expect(page.locator(".timeline > li")).to_have_count(22)
    expect(page.locator("[data-more]")).to_have_count(0)
