"""The site as it is served, with a real worker, in a real Chromium.

Chromium is taken from PATH (Debian's package `chromium`) or from the environment variable CHROMIUM.
INTERLOG_SCREENSHOTS names a folder to keep pictures of the pages in.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request, sync_playwright
from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from domain import contacts, interaction_groups, salespeople, templates, users
from domain.actors import system
from ops import commands
from ops.embedded import EmbeddedRedis
from ops.processes import wait_until
from web import i18n

PASSWORD = "a good long password"
PEOPLE = 60
READY_SECONDS = 60
QUIET = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Site:
    """A running site with its worker."""

    url: str
    worker: subprocess.Popen[bytes]

    def pause_worker(self) -> None:
        """Let the worker take no new work."""
        self.worker.send_signal(signal.SIGSTOP)

    def resume_worker(self) -> None:
        """Let the worker go on."""
        self.worker.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install Debian's package chromium, or set CHROMIUM")
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
    launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def site(
    chromium: str,
    postgres_server: Any,
    template_database: str,
    stack_redis: EmbeddedRedis,
    tmp_path_factory: Any,
) -> Iterator[Site]:
    """Web server, worker and beat on a database of their own."""
    i18n.compile_catalogues()
    name = f"browser_{uuid.uuid4().hex[:8]}"
    url = postgres_server.create(name, template=template_database)
    _fill(url)
    port = _free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": stack_redis.url,
        "INTERLOG_SECRET_KEY": "a key for tests",
    }
    logs: Path = tmp_path_factory.mktemp("site")
    processes = [
        _start(command, environment, logs / f"{number}.log")
        for number, command in enumerate(
            [
                commands.web(host="127.0.0.1", port=port, processes=1, threads=16),
                commands.worker(concurrency=1),
                commands.beat(),
            ]
        )
    ]
    site = Site(f"http://127.0.0.1:{port}", processes[1])
    try:
        assert wait_until(lambda: _answers(site.url + "/readyz"), READY_SECONDS), (
            logs / "0.log"
        ).read_text()[-2000:]
        yield site
    finally:
        site.resume_worker()
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        postgres_server.drop(name)


def _start(command: commands.Command, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command.arguments,
            env={**environment, **command.environment},
            cwd=commands.ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _fill(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with Session(engine) as session, session.begin():
        actor = system(session)
        for code, name in (("AH", "Annette Hill"), ("JO", "Jim Olive")):
            salespeople.create(session, values={"code": code, "name": name}, actor=actor)
        interaction_groups.create(session, values={"code": "LETTERS"}, actor=actor)
        for code, cost in (("LETTER", 8), ("CALL", 2)):
            templates.create(
                session,
                values={
                    "code": code,
                    "group_code": "LETTERS",
                    "description": code.title(),
                    "unit_cost": cost,
                },
                actor=actor,
            )
        for number in range(PEOPLE):
            contacts.create(
                session,
                values={
                    "type": "person",
                    "name": f"Person {number}",
                    "salesperson_code": "AH" if number != 7 else None,
                    "city": "Kazan",
                    "email": f"p{number}@example.com",
                },
                actor=actor,
            )
        for role in ("marketing", "admin"):
            users.create_user(session, values={"name": role, "role": role, "password": PASSWORD}, actor=actor)


@dataclass
class Visit:
    """A user at a browser. What goes wrong in the background is kept and must be nothing in the end."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def open(self, path: str) -> None:
        """Open a page of the site."""
        self.page.goto(self.url + path)

    def sign_in(self, name: str = "marketing") -> None:
        """Sign in through the form."""
        self.open("/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", PASSWORD)
        self.page.press("#password", "Enter")
        self.page.wait_for_url(self.url + "/")

    def picture(self, name: str) -> None:
        """Keep a picture of the page if a folder is named for it."""
        folder = os.environ.get("INTERLOG_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def listen(self) -> None:
        """Note console errors, failed requests and requests to other hosts."""
        self.page.on(
            "console", lambda message: self._complain(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.page.on("request", self._look_at)

    def _look_at(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self._complain(f"request to {request.url}")

    def _complain(self, text: str) -> None:
        if not any(each in text for each in self.expected):
            self.complaints.append(text)


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visit]]:
    """Opens a browser window; at the end there must have been no complaint."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def begin(*, language: str = "en", expected: tuple[str, ...] = (), **options: Any) -> Visit:
        context = browser.new_context(
            locale={"en": "en-GB", "ru": "ru-RU"}[language],
            **{"viewport": {"width": 1280, "height": 800}, **options},
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        begun = Visit(context.new_page(), site.url, expected=expected)
        begun.listen()
        visits.append(begun)
        return begun

    yield begin
    for context in contexts:
        context.close()
    assert [complaint for each in visits for complaint in each.complaints] == []
