"""What each role does in a day, in both languages, and what it is not offered (U1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, Words

both_languages = pytest.mark.parametrize("language", ["en", "ru"])


def sign_in(visit: Callable[..., Visit], language: str, role: str, **options: object) -> tuple[Visit, Words]:
    user = visit(language=language, **options)
    user.sign_in(role)
    return user, Words(language)


@both_languages
def test_a_viewer_reads_and_is_offered_no_change(language: str, visit: Callable[..., Visit]) -> None:
    user, words = sign_in(visit, language, "viewer", expected=("status of 403",))
    page = user.page
    expect(page.locator("h1")).to_have_text(words("Home"))
    page.get_by_role("link", name=words("Contacts"), exact=True).first.click()
    page.get_by_label(words("Search"), exact=True).fill("person 12")
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name="Person 12")
    expect(row).to_have_count(1)
    row.get_by_role("link").first.click()
    expect(page.locator("h1")).to_have_text("Person 12")
    expect(page.get_by_role("link", name=words("Create Interaction"))).to_have_count(0)
    expect(page.get_by_role("button", name=words("Save"), exact=True)).to_have_count(0)
    user.picture(f"viewer-contact-{language}")
    for path, new in (("segments", "New segment"), ("interactions", "Create Interaction")):
        user.open(f"/{path}/")
        expect(page.get_by_role("link", name=words(new))).to_have_count(0)
    user.open("/segments/new")
    expect(page.locator("h1")).to_have_text(words("Not allowed"))


@both_languages
def test_the_help_of_a_page_leads_into_the_guide(language: str, visit: Callable[..., Visit]) -> None:
    user, words = sign_in(visit, language, "viewer")
    page = user.page
    user.open("/logged-segments/")
    more = page.get_by_role("link", name=words("More in the user guide"))
    expect(more).to_be_hidden()
    page.locator(".help summary").focus()
    page.keyboard.press("Enter")
    expect(more).to_be_visible()
    user.picture(f"help-{language}")
    more.click()
    page.wait_for_url("**/guide/segments#logged-segments")
    expect(page.locator("#logged-segments")).to_be_in_viewport()
    user.picture(f"guide-{language}")


@both_languages
def test_a_salesperson_records_judges_and_cancels_their_own(
    language: str, visit: Callable[..., Visit]
) -> None:
    """I5, I7, E2"""
    user, words = sign_in(visit, language, "salesperson")
    page = user.page
    user.open("/contacts/CT000020")
    page.get_by_role("link", name=words("Create Interaction")).click()
    page.fill("#template_code", "CALL")
    page.fill("#description", f"Called {language}")
    page.get_by_role("button", name=words("Record", "button"), exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Called {language}")
    page.get_by_label(words("Evaluation")).select_option(label=words("Positive"))
    page.get_by_role("button", name=words("Save"), exact=True).click()
    expect(page.locator("dl.values").first).to_contain_text(words("Positive"))
    page.get_by_label(words("New comment")).fill("Wants a quote")
    page.get_by_role("button", name=words("Add comment")).click()
    expect(page.locator("#comments")).to_contain_text("Wants a quote")
    page.get_by_role("button", name=words("Cancel entry")).click()
    expect(page.locator(".title-line .state")).to_have_text(words("Canceled"))
    user.picture(f"salesperson-entry-{language}")
    page.get_by_role("button", name=words("Restore entry")).click()
    expect(page.get_by_role("button", name=words("Cancel entry"))).to_be_visible()


def test_a_salesperson_is_not_offered_to_cancel_what_is_not_theirs(visit: Callable[..., Visit]) -> None:
    """U1"""
    marketing, _ = sign_in(visit, "en", "marketing")
    values = {"contact_no": "CT000021", "template_code": "CALL", "description": "Of another"}
    entry = marketing.post("/api/v1/interactions", values)
    user, words = sign_in(visit, "en", "salesperson")
    user.open(f"/interactions/{entry['entry_no']}")
    expect(user.page.locator("h1")).to_have_text("Of another")
    expect(user.page.get_by_role("button", name=words("Cancel entry"))).to_have_count(0)


@both_languages
def test_marketing_logs_cancels_restores_and_follows_up(language: str, visit: Callable[..., Visit]) -> None:
    """C1, L1, L7, E3"""
    user, words = sign_in(visit, language, "marketing")
    page = user.page
    user.open("/campaigns/")
    page.get_by_role("link", name=words("New campaign")).first.click()
    page.fill("#description", f"Summer {language}")
    page.get_by_role("button", name=words("Create"), exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Summer {language}")
    campaign = page.url.rpartition("/")[2]
    user.open("/segments/new")
    page.fill("#description", f"Invitation {language}")
    page.fill("#template_code", "LETTER")
    page.fill("#campaign_no", campaign)
    page.get_by_role("button", name=words("Create"), exact=True).click()
    for contact in ("CT000030", "CT000031"):
        page.fill("#contact_no", contact)
        page.get_by_role("button", name=words("Add"), exact=True).click()
        expect(page.locator("#lines")).to_contain_text(f"Person {int(contact[-2:]) - 1}")
    page.get_by_role("link", name=words("Log…"), exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=words("Log"), exact=True).click()
    page.get_by_role("link", name=words("Logged Segment"), exact=True).click()
    page.get_by_role("button", name=words("Cancel logged segment")).click()
    dialog = page.get_by_role("dialog")
    user.picture(f"cancel-logged-segment-{language}")
    dialog.get_by_role("button", name=words("Cancel", "entry"), exact=True).click()
    expect(page.locator(".title-line")).to_contain_text(words("Canceled"))
    page.get_by_role("button", name=words("Restore"), exact=True).click()
    expect(page.locator(".title-line")).not_to_contain_text(words("Canceled"))
    page.get_by_role("link", name=words("Create Follow-up Segment")).click()
    page.get_by_role("button", name=words("Count contacts")).click()
    expect(page.locator(".note")).to_contain_text("2")
    page.get_by_role("button", name=words("Create Follow-up Segment")).click()
    expect(page.locator("dd a[href^='/segments/']").first).to_be_visible()
    user.open(f"/campaigns/{campaign}")
    expect(page.locator("[aria-labelledby=statistics-title]")).to_contain_text("16")
    user.picture(f"marketing-campaign-{language}")


@both_languages
def test_an_administrator_lets_somebody_in_and_out_again(language: str, visit: Callable[..., Visit]) -> None:
    """U1, U2"""
    user, words = sign_in(visit, language, "admin")
    page = user.page
    name = f"anna-{language}"
    user.open("/users/new")
    page.fill("#name", name)
    page.select_option("#role", label=words("Viewer"))
    page.get_by_role("button", name=words("Create"), exact=True).click()
    page.get_by_role("button", name=words("One-time sign-in link")).click()
    link = page.locator("#secret").inner_text()
    user.picture(f"admin-sign-in-link-{language}")

    guest = visit(language=language)
    guest.page.goto(link)
    guest.page.get_by_role("button", name=words("Sign in")).click()
    expect(guest.page.locator("h1")).to_have_text(words("Home"))

    page.get_by_role("link", name=words("Done")).click()
    page.get_by_label(words("Active"), exact=True).uncheck()
    page.get_by_role("button", name=words("Save"), exact=True).click()
    guest.open("/contacts/")
    expect(guest.page.locator("h1")).to_have_text(words("Sign in"))
    user.open(f"/audit/?object_key={name}")
    expect(page.locator("main")).to_contain_text(name)
    user.picture(f"admin-audit-{language}")
