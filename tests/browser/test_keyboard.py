"""The main job and the lists without a mouse; what was typed is not lost."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_building import reach

# Whether what has the focus can be seen to have it.
IS_SEEN = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && style.outlineWidth !== "0px" || style.boxShadow !== "none";
}"""


def go(page: Page, selector: str) -> None:
    """Reach a control by Tab; it must be seen to have the focus."""
    reach(page, selector)
    assert page.evaluate(IS_SEEN), selector


def test_the_main_job_by_keyboard_alone(visit: Callable[..., Visit]) -> None:  # noqa: PLR0915 - one journey
    """S1 to S5, L1, L7: create, add contacts, personalise a line, Log, follow-up."""
    user = visit()
    page, press = user.page, user.page.keyboard.press
    user.sign_in()
    press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    press("Enter")
    expect(page.locator("#content")).to_be_focused()
    user.open("/")
    go(page, ".mainnav a[href='/segments/']")
    press("Enter")
    page.wait_for_url("**/segments/")
    press("n")
    page.wait_for_url("**/segments/new")

    go(page, "#description")
    page.keyboard.type("Without a mouse")
    go(page, "#template_code")
    page.keyboard.type("lett")
    expect(page.locator("#template_code-offers [role=option]")).to_have_count(1)
    press("ArrowDown")
    expect(page.locator("#template_code")).to_have_attribute(
        "aria-activedescendant", "template_code-offers-0"
    )
    press("Enter")
    expect(page.locator("#template_code")).to_have_value("LETTER")
    press("Control+s")
    page.wait_for_url("**/segments/SM*")
    no = page.url.rpartition("/")[2]

    press("a")
    page.wait_for_url("**/add-contacts")
    go(page, "#city")
    page.keyboard.type("kazan")
    press("Control+s")
    page.wait_for_url(f"**/segments/{no}")

    press("j")
    press("j")
    go(page, "tbody tr:nth-child(2) td.number a")
    press("Enter")
    page.wait_for_url("**/lines/2/")
    go(page, "#description")
    page.keyboard.type("A word for her alone")
    press("Control+s")
    page.wait_for_url("**/segments/*")
    expect(page.locator("#lines tbody tr").nth(1).locator(".own")).to_have_text(
        "A word for her alone (own value)"
    )

    press("l")
    expect(page.get_by_role("dialog")).to_be_visible()
    go(page, "#log-dialog [name=follow_up]")
    press("Space")
    go(page, "#log-dialog [name=on_invalid]")
    press("ArrowDown")
    go(page, "#log-dialog .btn-primary")
    press("Enter")
    page.wait_for_url("**/jobs/*")
    expect(page.locator("#result-title")).to_be_visible()
    go(page, "dd a[href^='/segments/']")
    press("Enter")
    expect(page.locator("h1")).to_have_text(f"Follow-up on segment {no}")


def test_rows_are_gone_through_and_selected_by_keyboard(visit: Callable[..., Visit]) -> None:
    user = visit()
    page, press = user.page, user.page.keyboard.press
    user.sign_in()
    user.open("/segments/new")
    page.fill("#description", "Rows")
    page.press("#description", "Enter")
    page.wait_for_url("**/segments/SM*")
    for number in (1, 2, 3):
        page.fill("#contact_no", f"CT00000{number}")
        page.press("#contact_no", "Enter")
        expect(page.locator("#lines tbody tr")).to_have_count(number)
    page.wait_for_load_state()  # the rows are there before the script that listens to keys
    boxes = page.locator("td.select input")
    press("j")
    expect(boxes.nth(0)).to_be_focused()
    press("j")
    press("x")
    expect(boxes.nth(1)).to_be_checked()
    expect(page.locator("[data-selected-count]")).to_have_text("(1 selected)")
    press("k")
    expect(boxes.nth(0)).to_be_focused()
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("[data-selected-count]")).to_have_text("(3 selected)")
    expect(page.locator("[data-select-all]")).to_be_checked()


def test_a_look_up_field_offers_takes_and_closes(visit: Callable[..., Visit]) -> None:
    user = visit()
    page, press = user.page, user.page.keyboard.press
    user.sign_in()
    user.open("/interactions/new/")
    field, offers = page.locator("#contact_no"), page.locator("#contact_no-offers")
    expect(field).to_have_role("combobox")
    field.press_sequentially("person 1")
    expect(offers.get_by_role("option")).to_have_count(11)
    expect(field).to_have_attribute("aria-expanded", "true")
    press("Escape")
    expect(offers).to_be_hidden()
    expect(field).to_have_value("person 1")
    press("ArrowDown")
    expect(offers).to_be_visible()
    press("ArrowUp")
    expect(offers.get_by_role("option").last).to_have_attribute("aria-selected", "true")
    offers.get_by_role("option").first.click()
    expect(field).to_have_value("CT000002")
    expect(page.locator(".lookup-name").first).to_have_text("Person 1")
    field.fill("nobody of this name")
    expect(page.locator(".lookup [role=status]").first).to_have_text("Nothing found")


def test_leaving_asks_when_something_was_typed_and_only_then(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    user.sign_in()
    user.open("/contacts/CT000012")
    page.locator("#city").click()
    user.open("/contacts/")
    assert asked == []
    user.open("/contacts/CT000012")
    page.locator("#city").press_sequentially("x")
    user.open("/contacts/")
    assert asked == ["beforeunload"]
    user.open("/contacts/CT000012")
    page.fill("#city", "Tver")
    page.press("#city", "Control+s")
    expect(page.get_by_text("Saved.")).to_be_visible()
    user.open("/contacts/")
    assert asked == ["beforeunload"]
