"""The site as it is served, with a real worker, in a real Chromium.

Every page that a test visits is watched: no error on the console, no request that fails or leads elsewhere, a strict
policy. Pictures are kept in the folder that INTERLOG_SCREENSHOTS names, if it does.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response
from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from domain import contacts, interaction_groups, salespeople, templates, users
from domain.actors import system
from domain.settings import Settings
from ops import commands
from ops.embedded import EmbeddedRedis
from ops.processes import wait_until
from web import i18n

PASSWORD = "a good long password"
PEOPLE = 60
READY_SECONDS = 60
PICTURES = os.environ.get("INTERLOG_SCREENSHOTS")
LOCALES = {"en": "en-GB", "ru": "ru-RU"}
ROLES = ("viewer", "salesperson", "marketing", "admin")
# A user whom a test may give a language; the others have that of their browsers.
POLYGLOT = "polyglot"


@dataclass
class Site:
    """A running site with its worker."""

    url: str
    worker: subprocess.Popen[bytes]
    settings: Settings

    def pause_worker(self) -> None:
        """Let the worker take no new work."""
        self.worker.send_signal(signal.SIGSTOP)

    def resume_worker(self) -> None:
        """Let the worker go on."""
        self.worker.send_signal(signal.SIGCONT)


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
    settings = Settings(DATABASE_URL=url, REDIS_URL=stack_redis.url)
    site = Site(f"http://127.0.0.1:{port}", processes[1], settings)
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
        for name, role in (*zip(ROLES, ROLES, strict=True), (POLYGLOT, "viewer")):
            values = {"name": name, "role": role, "password": PASSWORD}
            own = {"salesperson_code": "JO"} if role == "salesperson" else {}
            users.create_user(session, values={**values, **own}, actor=actor)


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

    def post(self, path: str, values: dict[str, Any]) -> dict[str, Any]:
        """Ask the API for something as the page shown would."""
        token = self.page.locator("[name=csrf_token]").first.input_value()
        answer = self.page.request.post(self.url + path, data=values, headers={"X-CSRFToken": token})
        assert answer.ok, answer.text()
        return dict(answer.json())

    def picture(self, name: str) -> None:
        """Keep a picture of the page for whoever wants to look at it."""
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES, f"{name}.png"), full_page=True)

    def watch(self) -> None:
        """Note console errors, failed requests, requests to other hosts, and pages without a strict policy."""
        self.page.on(
            "console", lambda message: self._complain(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.page.on("request", self._look_at)
        self.page.on("requestfailed", self._look_at_failed)
        self.page.on("response", self._look_at_answer)

    def _look_at(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self._complain(f"request to {request.url}")

    def _look_at_failed(self, request: Request) -> None:
        # What is under way when a page is left is given up; so are streams.
        if request.failure != "net::ERR_ABORTED":
            self._complain(f"{request.failure}: {request.url}")

    def _look_at_answer(self, response: Response) -> None:
        if response.status >= 400:
            self._complain(f"status of {response.status}: {response.url}")
        policy = response.headers.get("content-security-policy", "")
        if response.request.is_navigation_request() and (
            "default-src 'self'" not in policy or "unsafe" in policy
        ):
            self._complain(f"policy of {response.url}: {policy}")

    def _complain(self, text: str) -> None:
        if not any(each in text for each in self.expected):
            self.complaints.append(text)


@dataclass(frozen=True)
class Words:
    """What the pages say for an English text in the language of a visit."""

    language: str

    def __call__(self, english: str, context: str | None = None) -> str:
        """Return the text; an English one that no page has is an error in every language."""
        return _texts(self.language)[context, english]


@cache
def _texts(language: str) -> dict[tuple[str | None, str], str]:
    with i18n.catalogues()["ru"].open("rb") as read:
        catalogue = read_po(read, locale="ru")
    return {
        (message.context, message.id): message.id if language == "en" else str(message.string)
        for message in catalogue
        if isinstance(message.id, str) and message.id
    }


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visit]]:
    """Opens a browser window; at the end there must have been no complaint."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def begin(*, language: str = "en", expected: tuple[str, ...] = (), **options: Any) -> Visit:
        context = browser.new_context(
            locale=LOCALES[language],
            **{"viewport": {"width": 1280, "height": 800}, **options},
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        begun = Visit(context.new_page(), site.url, expected=expected)
        begun.watch()
        visits.append(begun)
        return begun

    yield begin
    for context in contexts:
        context.close()
    assert [complaint for each in visits for complaint in each.complaints] == []
