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
