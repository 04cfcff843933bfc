"""WCAG 2.2 AA on every page, in both themes, as axe-core finds faults of it; the states that a click opens as well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from domain.actors import Role
from tests.web.pages.conftest import PASSWORD, Demo
from tests.web.pages.test_every_page import PAGES
from web.pages import lists

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
# What else there is depends on no colour.
COLOURS = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}


def _look_up(page: Page) -> None:
    page.locator("#template_code").press_sequentially("le")
    expect(page.locator("#template_code-offers")).to_be_visible()
    page.keyboard.press("ArrowDown")


OPENED: dict[str, tuple[str, Callable[[Page], object]]] = {
    "an open look-up": ("/segments/new", _look_up),
    "the dialog that logs": ("/segments/{segment}", lambda page: page.click("[data-dialog=log-dialog]")),
    "a form with faults": ("/segments/{segment}/add-contacts", lambda page: page.click("main .btn-primary")),
    "chosen columns": ("/contacts/?q=Person", lambda page: page.locator(".tools summary").nth(1).click()),
    "the menu": ("/", lambda page: page.locator(".mainnav summary").last.click()),
    "a question": (
        "/contacts/{company}",
        lambda page: page.locator("form[data-confirm] button").first.click(),
    ),
    "nothing found": ("/interactions/?contact_no=NOBODY", lambda page: None),
    "a page that is not there": ("/contacts/NOBODY", lambda page: None),
}


@pytest.fixture(scope="module")
def page(app: Flask, demo: Demo, browser: Chromium) -> Iterator[Page]:
    """A page of an administrator who has signed in."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{server.port}",
        viewport={"width": 1280, "height": 800},
        locale="en-GB",
        reduced_motion="reduce",
    )
    # Rows are alike, and axe looks at each.
    patch = pytest.MonkeyPatch()
    patch.setattr(lists, "LIMIT", 6)
    try:
        opened = context.new_page()
        opened.goto("/sign-in")
        faults = faults_of(opened, ALL)
        opened.fill("#name", Role.ADMIN.value)
        opened.fill("#password", PASSWORD)
        opened.press("#password", "Enter")
        opened.wait_for_url(f"**:{server.port}/")
        assert faults == []
        yield opened
    finally:
        patch.undo()
        context.close()
        server.shutdown()
        thread.join()


def faults_of(page: Page, options: dict[str, object]) -> list[str]:
    """Say what axe finds on a page: rule and element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]]


def faults_in_both_themes(page: Page) -> list[str]:
    found = faults_of(page, ALL)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    found += [f"dark {fault}" for fault in faults_of(page, COLOURS)]
    page.emulate_media(color_scheme="light")
    return found


def test_no_page_has_a_fault_that_axe_finds_in_either_theme(page: Page, demo: Demo) -> None:
    faults = []
    for endpoint, (address, _least) in PAGES.items():
        page.goto(address.format(**vars(demo)))
        faults += [f"{endpoint}: {fault}" for fault in faults_in_both_themes(page)]
    assert not faults, "\n".join(faults)


def test_nor_has_what_a_click_opens(page: Page, demo: Demo) -> None:
    faults = []
    for name, (address, act) in OPENED.items():
        page.goto(address.format(**vars(demo)))
        act(page)
        page.wait_for_load_state()
        faults += [f"{name}: {fault}" for fault in faults_in_both_themes(page)]
    assert not faults, "\n".join(faults)
