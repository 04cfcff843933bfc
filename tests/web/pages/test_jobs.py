"""The page of a job: it survives a reload, works without JavaScript, and can stop the job (J1, L8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.test_segments import add, new_segment


@pytest.fixture
def open_job(marketing_browser: Browser, demo: Demo) -> str:
    """The address of a job that nobody has begun."""
    no = new_segment(marketing_browser, "Waiting", template_code="LETTER")
    add(marketing_browser, no, demo.contacts[2])
    marketing_browser.open(f"/segments/{no}/log")
    marketing_browser.send(on_invalid="refuse")
    return marketing_browser.here


def test_an_unfinished_job_refreshes_itself_without_javascript(
    open_job: str, marketing_browser: Browser
) -> None:
    page = marketing_browser.open(open_job)
    assert page.one("meta", http_equiv="refresh") in page.all("noscript")[0].children
    panel = page.all("section", class_="panel")[0]
    key = open_job.rpartition("/")[2]
    assert panel.attributes["data-events"] == f"/api/v1/jobs/{key}/events"
    assert marketing_browser.flask.get(panel.attributes["data-poll"]).json["state"] == "queued"


def test_a_job_is_canceled_after_a_question(
    open_job: str, marketing_browser: Browser, do_jobs: Callable[[], None]
) -> None:
    """L8: the segment opens as it was."""
    browser = marketing_browser
    browser.open(open_job)
    assert "What it has done so far is undone." in browser.send(f"{open_job}/cancel", status=200).text
    browser.send(f"{open_job}/cancel", confirmed="yes")
    do_jobs()
    page = browser.open(open_job)
    assert "The job has been canceled" in page.text
    segment = next(link.attributes["href"] for link in page.all("a") if link.text == "Back to the segment")
    assert browser.open(segment).one("dialog", id="log-dialog")
    browser.send(f"{open_job}/cancel", confirmed="yes")
    assert "The job has already ended." in browser.page.text


def test_a_finished_job_shows_its_result_and_no_longer_refreshes(
    marketing_browser: Browser, demo: Demo
) -> None:
    page = marketing_browser.open(f"/jobs/{demo.job}")
    assert not page.all("meta", http_equiv="refresh")
    assert page.one("a", href=f"/logged-segments/{demo.logged_segment}", class_="btn")
    result = page.one("section", aria_labelledby="result-title").text
    assert "Interactions 59" in result
    assert "Skipped Lines 1" in result


def test_others_jobs_are_stopped_by_marketing_only(open_job: str, browser_of: Callable[..., Browser]) -> None:
    """U1."""
    viewer = browser_of(Role.VIEWER)
    page = viewer.open(open_job)
    assert not [button for button in page.all("button") if button.text == "Cancel job"]
    viewer.send(f"{open_job}/cancel", status=403, confirmed="yes")


def test_running_jobs_are_on_the_home_page(open_job: str, marketing_browser: Browser) -> None:
    home = marketing_browser.open("/")
    assert home.one("section", aria_labelledby="running-title").all("a", href=open_job)


def key_of(job: str) -> str:
    return job.rpartition("/")[2]


def test_scripts_learn_how_far_jobs_are_and_what_came_of_them(
    open_job: str, marketing_browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    ask = (
        f"/jobs/watch?id={key_of(open_job)}&id={demo.job}&id=nonsense&id=00000000-0000-0000-0000-000000000000"
    )
    told = {each["id"]: each for each in marketing_browser.flask.get(ask).json}
    assert set(told) == {key_of(open_job), demo.job}
    assert told[key_of(open_job)] == {
        "id": key_of(open_job),
        "progress": None,
        "text": "Queued",
        "ended": None,
    }
    assert told[demo.job]["ended"] == {
        "kind": "good",
        "text": "Log Segment SM00002: Succeeded. Interactions: 59, Skipped Lines: 1.",
        "url": f"/logged-segments/{demo.logged_segment}",
        "more": "Open the logged segment",
    }
    do_jobs()
    told = {each["id"]: each for each in marketing_browser.flask.get(ask).json}
    assert told[key_of(open_job)]["ended"]["kind"] == "good"


def test_ones_own_open_jobs_are_watched_on_every_page(
    open_job: str, marketing_browser: Browser, browser_of: Callable[..., Browser], do_jobs: Callable[[], None]
) -> None:
    def watched(browser: Browser) -> list[str]:
        page = browser.open("/campaigns/")
        assert not page.all("ul", class_="under-way")
        return page.one("div", class_="toasts").attributes["data-own"].split()

    assert key_of(open_job) in watched(marketing_browser)
    assert key_of(open_job) not in watched(browser_of(Role.VIEWER))
    do_jobs()
    assert watched(marketing_browser) == []


def test_an_open_job_is_a_small_bar_where_its_thing_is_shown(
    open_job: str, marketing_browser: Browser, do_jobs: Callable[[], None]
) -> None:
    browser = marketing_browser
    segment = browser.open(open_job).one("section", aria_labelledby="details-title").all("a")[0].text
    bar = {"data_job_bar": key_of(open_job)}
    for path in ("/segments/", "/logged-segments/", "/interactions/", f"/segments/{segment}", "/", "/jobs/"):
        assert browser.open(path).one("span", **bar).all("progress"), path
    assert not browser.open("/contacts/").all("span", **bar)
    do_jobs()
    assert not browser.open("/segments/").all("span", **bar)


def test_a_job_that_was_refused_says_what_to_do(
    marketing_browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """L3."""
    browser = marketing_browser
    no = new_segment(browser, "No template")
    add(browser, no, demo.contacts[2])
    browser.open(f"/segments/{no}/log")
    browser.send(on_invalid="refuse")
    job = browser.here
    do_jobs()
    page = browser.open(job)
    assert "Mend the lines of the segment" in page.text
    assert page.one("main").all("a", href=f"/segments/{no}")
    ended = browser.flask.get(f"/jobs/watch?id={key_of(job)}").json[0]["ended"]
    assert ended["kind"] == "warn"
    assert "Mend the lines of the segment" in ended["text"]
