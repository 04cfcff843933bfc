"""The main job as its users do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PEOPLE, Site, Visit

WORDS = {
    "en": {
        "segments": "Active Segments",
        "new": "New segment",
        "create": "Create",
        "add": "Add contacts…",
        "add_now": "Add contacts",
        "save": "Save",
        "log": "Log…",
        "log_now": "Log",
        "follow_up": "Create Follow-up Segment",
        "send": "Send",
        "skip": "Skip those lines and log the others",
        "logged": "Logged Segment",
        "entries": "Interaction Log Entries",
        "logged_segments": "Logged Segments",
        "outbound": "Outbound",
        "no_salesperson": "No salesperson",
    },
    "ru": {
        "segments": "Активные сегменты",
        "new": "Новый сегмент",
        "create": "Создать",
        "add": "Добавить контакты…",
        "add_now": "Добавить контакты",
        "save": "Сохранить",
        "log": "Журнал…",
        "log_now": "Журнал",
        "follow_up": "Создать контрольный сегмент",
        "send": "Отправить",
        "skip": "Пропустить эти строки и зарегистрировать остальные",
        "logged": "Зарегистрированный сегмент",
        "entries": "Журналы взаимодействий",
        "logged_segments": "Зарегистрированные сегменты",
        "outbound": "Исходящий",
        "no_salesperson": "Нет менеджера по продажам",
    },
}


def make_segment(visit: Visit, description: str) -> str:
    """Make a segment of all contacts with the template LETTER; return its number."""
    page = visit.page
    visit.open("/segments/new")
    page.fill("#description", description)
    page.fill("#template_code", "LETTER")
    page.press("#template_code", "Enter")
    page.wait_for_url("**/segments/SM*")
    no = page.url.rpartition("/")[2]
    visit.open(f"/segments/{no}/add-contacts")
    page.check("#all")
    page.click("main button.btn-primary")
    page.wait_for_url(f"**/segments/{no}")
    return no


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_segment_is_made_personalised_and_logged(
    language: str, visit: Callable[..., Visit], site: Site
) -> None:
    """S1 to S5, L1 to L7, in the words users know: from the home page to the follow-up with the same contacts."""
    words = WORDS[language]
    user = visit(language=language)
    page = user.page
    user.sign_in()
    no = create(page, words)
    page.get_by_role("link", name=words["add"]).first.click()
    page.fill("#city", "kazan")
    page.get_by_role("button", name=words["add_now"]).click()
    expect(page.locator("#lines tbody tr")).to_have_count(50)
    user.picture(f"segment-{language}")

    page.locator("#lines tbody tr").nth(1).get_by_role("link").first.click()
    page.fill("#template_code", "CALL")
    page.fill("#description", "A call for her")
    page.get_by_role("button", name=words["save"]).click()
    expect(page.locator("#lines tbody tr").nth(1).locator(".own")).to_have_count(2)

    site.pause_worker()
    page.get_by_role("link", name=words["log"], exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label(words["send"])).to_be_disabled()
    dialog.get_by_label(words["follow_up"]).check()
    dialog.get_by_label(words["skip"]).check()
    user.picture(f"log-dialog-{language}")
    dialog.get_by_role("button", name=words["log_now"], exact=True).click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("progress")).to_be_visible()
    page.reload()
    expect(page.locator("progress")).to_be_visible()
    user.picture(f"progress-{language}")
    site.resume_worker()
    expect(page.locator("#result-title")).to_be_visible()
    follow_up = page.locator("dd a[href^='/segments/']").inner_text()

    page.get_by_role("link", name=words["logged_segments"]).first.click()
    user.picture(f"logged-segments-{language}")
    page.get_by_role("row").filter(has_text=no).get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text(words["no_salesperson"])
    user.picture(f"logged-segment-{language}")
    page.get_by_role("main").get_by_role("link", name=words["entries"]).click()
    expect(page.locator("tbody tr")).to_have_count(50)
    user.picture(f"entries-{language}")
    user.open(f"/interactions/?segment_no={no}&template_code=CALL")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("A call for her")
    page.get_by_role("link", name=words["segments"]).first.click()
    page.get_by_role("link", name=follow_up, exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Follow-up on segment {no}")
    expect(page.locator("#lines")).to_contain_text(str(PEOPLE - 1))
    logged = contacts_of(user, f"/api/v1/interactions?segment_no={no}")
    assert len(logged) == PEOPLE - 1
    assert contacts_of(user, f"/api/v1/segments/{follow_up}/lines") == logged


def contacts_of(user: Visit, path: str) -> list[str]:
    """The contacts of the rows that the API gives, in order of their numbers."""
    answer = user.page.request.get(f"{user.url}{path}{'&' if '?' in path else '?'}limit=1000")
    return sorted(row["contact_no"] for row in answer.json()["items"])


def test_the_main_job_without_javascript(visit: Callable[..., Visit]) -> None:
    user = visit(java_script_enabled=False)
    page = user.page
    user.sign_in()
    user.open("/segments/new")
    page.fill("#description", "Without JavaScript")
    page.fill("#template_code", "LETTER")
    page.fill("#salesperson_code", "JO")
    page.click("main button.btn-primary")
    page.fill("#contact_no", "CT000001")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Log…").click()
    expect(page.get_by_role("heading", name="Log segment")).to_be_visible()
    page.get_by_role("button", name="Log", exact=True).click()
    # The page refreshes itself until the job has ended.
    expect(page.locator("#result-title")).to_be_visible()
    user.open("/contacts/CT000001")
    page.get_by_role("button", name="Delete CT000001").click()
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    page.get_by_role("link", name="No, go back").click()
    expect(page.locator("h1")).to_have_text("Person 0")


def test_progress_arrives_by_asking_where_events_do_not_get_through(
    visit: Callable[..., Visit], site: Site
) -> None:
    user = visit(expected=("net::ERR_FAILED",))
    page = user.page
    user.sign_in()
    no = make_segment(user, "Polled")
    page.route("**/api/v1/jobs/*/events", lambda route: route.abort())
    site.pause_worker()
    log(page, skip=True)
    with page.expect_response("**/api/v1/jobs/*"):
        pass
    expect(page.locator("progress")).to_be_visible()
    site.resume_worker()
    expect(page.locator("#result-title")).to_be_visible()
    user.open(f"/logged-segments/?segment_no={no}")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_running_job_is_canceled_and_the_segment_opens_again(
    visit: Callable[..., Visit], site: Site
) -> None:
    """L8."""
    user = visit()
    page = user.page
    user.sign_in()
    no = make_segment(user, "Canceled")
    site.pause_worker()
    log(page, skip=True)
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("dialog").get_by_role("button", name="No, go back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
    site.resume_worker()
    expect(page.get_by_text("The job has been canceled")).to_be_visible()
    user.open(f"/segments/{no}")
    expect(page.get_by_role("link", name="Log…")).to_be_visible()


def test_pressing_twice_makes_one(visit: Callable[..., Visit]) -> None:
    user = visit()
    page = user.page
    user.sign_in()
    user.open("/segments/new")
    page.fill("#description", "Pressed twice")
    page.get_by_role("button", name="Create").dblclick()
    page.wait_for_url("**/segments/SM*")
    user.open("/segments/?q=Pressed twice")
    expect(page.locator("tbody tr")).to_have_count(1)


def create(page: Page, words: dict[str, str]) -> str:
    """Make a segment, beginning on the home page; return its number."""
    page.get_by_role("link", name=words["segments"]).first.click()
    page.get_by_role("link", name=words["new"]).first.click()
    page.fill("#description", "Spring letter")
    page.fill("#template_code", "LETTER")
    page.fill("#subject", "Good news")
    page.fill("#unit_duration_min", "5")
    page.select_option("#information_flow", label=words["outbound"])
    page.get_by_role("button", name=words["create"]).click()
    page.wait_for_url("**/segments/SM*")
    return page.url.rpartition("/")[2]


def log(page: Page, *, skip: bool) -> None:
    """Press Log on the card shown."""
    page.click("[data-dialog='log-dialog']")
    if skip:
        page.check("#on-invalid-skip")
    page.click("#log-dialog button.btn-primary")
    page.wait_for_url("**/jobs/*")
