"""`interlog bench-pages`: how long the server takes for each page, and how much travels, on the demo's company.

Walks through the site by its links as an administrator, then asks for each page it found again and again, one
request at a time, over HTTP. A page may ask for more files; those a browser keeps, so they are not counted here.
"""

from __future__ import annotations

import http.client
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click
from sqlalchemy import text

from domain.database import make_engine
from domain.settings import Settings
from ops import accounts, demo
from ops.errors import OpsError
from ops.page_walk import walk
from ops.processes import free_port, wait_until
from ops.stack import Options, Stack, up

# Milliseconds that 95 of 100 requests of a page may take (issue 9).
MOST = 100
SECONDS_FOR_SUMS = 60
UNSUMMED = text("SELECT no FROM logged_segment WHERE summed_up_at IS NULL")


@dataclass(frozen=True)
class Figure:
    """Milliseconds of a page, the median and 95 of 100, and its kilobytes as they travel."""

    page: str
    median: float
    p95: float
    kilobytes: float


def run(*, contacts: int, rounds: int) -> None:
    """Make the company, measure, print a table; fail if a page is slower than it may be.

    Parameters
    ----------
    contacts
        Of the company.
    rounds
        Requests for each page.
    """
    with tempfile.TemporaryDirectory(prefix="interlog-bench-pages-") as folder:
        # PostgreSQL does not run as root: its account has to reach the folder.
        Path(folder).chmod(0o755)
        options = Options(Path(folder) / "data", port=free_port(), workers=2, web_processes=1)
        up(options, job=partial(_measure, contacts=contacts, rounds=rounds), stay=False)


def _measure(stack: Stack, *, contacts: int, rounds: int) -> None:
    demo.run(stack, contacts=contacts, seed=1)
    _wait_for_sums(stack)
    servers = {"DATABASE_URL": stack.database_url, "REDIS_URL": stack.redis_url}
    settings = Settings.model_validate(servers)
    with accounts.token_for_now(stack.database_url, name="bench", role="admin") as token:
        site = Site(stack.base_url, token)
        pages = walk(lambda address: site.ask(address).decode(), settings)
        figures = [figure(site, page, address, rounds) for page, address in pages.items()]
    figures.sort(key=lambda each: each.p95, reverse=True)
    click.echo(f"\n{'page':<32}{'median ms':>11}{'p95 ms':>9}{'kB':>7}")
    for each in figures:
        click.echo(f"{each.page:<32}{each.median:>11.1f}{each.p95:>9.1f}{each.kilobytes:>7.1f}")
    slow = [each.page for each in figures if each.p95 > MOST]
    if slow:
        raise OpsError(f"more than {MOST} ms at 95 of 100: {', '.join(slow)}")


def _wait_for_sums(stack: Stack) -> None:
    """Wait for what the schedules do within seconds of a logging; until then, statistics are read from the log."""
    engine = make_engine(stack.database_url, process="bench")

    def is_summed_up() -> bool:
        with engine.connect() as connection:
            return connection.execute(UNSUMMED).first() is None

    try:
        if not wait_until(is_summed_up, SECONDS_FOR_SUMS):
            raise OpsError(f"the log is not summed up after {SECONDS_FOR_SUMS} s")
    finally:
        engine.dispose()


class Site:
    """A signed-in client that keeps one connection, as a browser does."""

    def __init__(self, base_url: str, token: str) -> None:
        address = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, address: str, **headers: str) -> bytes:
        """Ask for an address; return the body of the answer as it travels."""
        self._connection.request("GET", address, headers={**self._headers, **headers})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OpsError(f"{address} answers {answer.status}")
        return body


def figure(site: Site, page: str, address: str, rounds: int) -> Figure:
    """Measure a page."""
    taken, size = [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        size = len(site.ask(address, **{"Accept-Encoding": "gzip"}))
        taken.append((time.perf_counter() - started) * 1000)
    p95 = statistics.quantiles(taken, n=20)[-1]
    return Figure(page, statistics.median(taken), p95, size / 1000)
