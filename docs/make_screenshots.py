"""Take the screenshots of docs/images and of the user guide: `.venv/bin/python -m docs.make_screenshots`.

Starts the whole stack on a free port with a small made-up company, signs in through the one-time link, and
photographs the main job and the pages of the guide in English and in Russian. So that a small segment can be seen
half done, its worker is paused, and this script does some of its chunks itself.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, StorageState, sync_playwright

from docs import guide_pictures
from docs.guide_pictures import Camera
from domain import criteria, job_engine, job_kinds, logged_segments, segment_lines, segments, users
from domain.database import make_sessions
from ops import demo
from ops.commands import ROOT
from ops.job_client import JobClient
from ops.processes import free_port
from ops.stack import Options, Stack, up

__all__ = ["job_kinds", "photograph"]

IMAGES = ROOT / "docs" / "images"
LOCALES = {"en": "en-GB", "ru": "ru-RU"}
WIDTH = 1280
# Of each picture, in pixels: as much as tells something.
HEIGHTS = {"segment": 1120, "log-dialog": 700, "progress": 500, "logged-segments": 380, "log": 640}
CONTACTS = 24_000
# The plan, then three of five chunks.
CHUNKS_DONE = 4
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
OWN_VALUES: tuple[dict[str, object], ...] = (
    {"template_code": "VISIT", "description": "Brings the invitation in person"},
    {"correspondence_type": "hard_copy", "cost": Decimal("12.50")},
)


def photograph(stack: Stack) -> None:
    """Do the main job in the browser, once in each language, and keep what it looks like."""
    demo.run(stack, contacts=CONTACTS, seed=1)
    client = JobClient(stack.database_url, stack.redis_url, process="screenshots")
    try:
        story = guide_pictures.tell(client)
        with sync_playwright() as playwright, _browser(playwright) as browser:
            darkroom = browser.new_page()
            state = _sign_in(browser, _sign_in_link(client, stack))
            for language, locale in LOCALES.items():
                context = browser.new_context(locale=locale, storage_state=state, reduced_motion="reduce")
                camera = Camera(context.new_page(), language, darkroom, stack.base_url)
                logged_no = _photograph_in(camera, client, stack)
                guide_pictures.photograph_pages(camera, story, logged_no)
                context.close()
    finally:
        client.close()


@contextmanager
def _browser(playwright: Playwright) -> Iterator[Browser]:
    installed = next((path for path in CHROMIUM if Path(path).exists()), None)
    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=installed, args=arguments)
    try:
        yield browser
    finally:
        browser.close()


def _sign_in_link(client: JobClient, stack: Stack) -> str:
    with client.transaction() as session:
        admin = users.get(session, demo.ADMIN, lock=True)
        return f"{stack.base_url}/sign-in/link/{users.create_sign_in_link(session, admin)}"


def _sign_in(browser: Browser, link: str) -> StorageState:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.locator("main form button, .panel form button").first.click()
    page.wait_for_url("**/")
    state = context.storage_state()
    context.close()
    return state


def _photograph_in(camera: Camera, client: JobClient, stack: Stack) -> int:
    """Do the main job; return the number of the logged segment."""
    no, page, language = _new_segment(client), camera.page, camera.language
    camera.open(f"/segments/{no}")
    _keep(page, "segment", language)
    guide_pictures.photograph_segment(camera, no, empty_no=_empty_segment(client))
    camera.open(f"/segments/{no}")
    page.locator("[data-dialog=log-dialog]").click()
    dialog = page.locator("#log-dialog")
    dialog.locator("[name=follow_up]").check()
    dialog.locator("#on-invalid-skip").check()
    _keep(page, "log-dialog", language)
    camera.guide("log-dialog")
    with _paused(stack):
        dialog.locator("button.btn-primary").click()
        page.wait_for_url("**/jobs/*")
        sessions = make_sessions(client.engine)
        for _ in range(CHUNKS_DONE):
            job_engine.work_one(sessions)
        # an address of its own: it is the same job after a reload
        page.reload()
        page.wait_for_timeout(1500)
        _keep(page, "progress", language)
        camera.guide("progress")
    page.locator("[data-job-state] .is-good").wait_for()
    camera.open("/logged-segments/")
    _keep(page, "logged-segments", language)
    camera.open("/interactions/")
    _keep(page, "log", language)
    with client.transaction() as session:
        return logged_segments.page(session, filters={}, limit=1, newest_first=True)[0].no


def _new_segment(client: JobClient) -> str:
    """Make a segment of everybody with a few lines that say something of their own; return its number."""
    with client.transaction() as session:
        admin = users.actor_of(session, users.get(session, demo.ADMIN))
        template, description = demo.OCCASIONS[1]
        values = {"description": description, "template_code": template}
        segment = segments.create(session, values=values, actor=admin)
        job = criteria.request(session, segment, values={"filters": {"all": True}}, actor=admin)
        no: str = segment.no
    client.finish(job)
    with client.transaction() as session:
        segment = segments.get(session, no)
        for line_no, own in enumerate(OWN_VALUES, start=2):
            line = segment_lines.get(session, segment, line_no)
            segment_lines.change(session, segment, line, values=own, actor=admin)
    return no


def _empty_segment(client: JobClient) -> str:
    with client.transaction() as session:
        actor = users.actor_of(session, users.get(session, demo.ADMIN))
        return str(segments.create(session, values={"description": "Buyers in Berlin"}, actor=actor).no)


@contextmanager
def _paused(stack: Stack) -> Iterator[None]:
    """Let the worker and its pool processes stand still for the length of a block."""
    worker = stack.pid_of("worker")
    assert worker
    os.killpg(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(worker, signal.SIGCONT)


def _keep(page: Page, name: str, language: str) -> None:
    path = IMAGES / f"{name}-{language}.png"
    page.set_viewport_size({"width": WIDTH, "height": HEIGHTS[name]})
    page.screenshot(path=path, animations="disabled", caret="hide")
    sys.stdout.write(f"  {path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB\n")


def main() -> None:
    """Take all screenshots."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="interlog-screenshots-") as folder:
        # PostgreSQL does not run as root: its account has to reach the folder.
        os.chmod(folder, 0o755)
        options = Options(Path(folder) / "data", port=free_port(), workers=1, web_processes=1)
        up(options, job=photograph, stay=False)


if __name__ == "__main__":
    main()
