"""Measures how long pages and API take to answer while several use them, events come in and a segment is logged.

On the large log of `lists`, so that pages are as full as they get.
"""

from __future__ import annotations

import http.cookiejar
import itertools
import re
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from domain import users
from ops.bench import lists
from ops.bench.company import Company, timed
from ops.bench.events import EventBench
from ops.bench.figures import Waits
from ops.bench.ground import Ground
from ops.bench.together import beside
from ops.demo import ADMIN
from ops.errors import OpsError

# People at once, what each pauses between two answers, and for how long.
PEOPLE, PAUSE, SECONDS = 4, 0.05, 30.0
EVENTS_PER_SECOND = 100
LINES = 10_000
PAGES = (
    "/", "/segments/", "/segments/{no}", "/segments/{no}/lines/many", "/contacts/", "/contacts/C1", "/interactions/",
    "/interactions/?template_code=T1&sort=-date", "/logged-segments/", "/logged-segments/1", "/jobs/",
    "/document-events/", "/statistics/template/T1.svg",
)  # fmt: skip
API = (
    "segments", "segments/{no}", "segments/{no}/check", "contacts/C1", "interactions", "interactions?sort=-date",
    "interactions?salesperson_code=SP1", "logged-segments", "jobs",
)  # fmt: skip

Fetch = Callable[[str], object]


def measure(ground: Ground) -> Iterator[Waits]:
    """Have people use pages and programs the API, each address in turn, while events and segments become entries."""
    lists.make(ground, entries=ground.rows * lists.TIMES)
    events = EventBench(ground)
    company = Company(ground, contacts=LINES)
    no = company.segment_of_first(LINES, template="T1")
    token = ground.token(f"load-{uuid.uuid4().hex[:8]}", "marketing")
    visits: list[tuple[str, Fetch]] = []
    open_page, open_api = _signed_in(ground), _with_token(token)
    for pages, apis in itertools.zip_longest(PAGES, API):
        if pages:
            visits.append((pages.format(no=no), open_page))
        if apis:
            visits.append((f"/api/v1/{apis.format(no=no)}", open_api))
    waited: dict[str, list[float]] = defaultdict(list)
    people = [
        _visitor(ground.stack.base_url, visits, person * len(visits) // PEOPLE, waited)
        for person in range(PEOPLE)
    ]
    with beside(*people, partial(events.send_evenly, EVENTS_PER_SECOND)):
        logged = _log_again_and_again(company, no)
    events.close()
    shown = dict(sorted(waited.items()))
    note = f"{logged} segments of {LINES:,} lines logged, {EVENTS_PER_SECOND} events a second meanwhile"
    for kind, of_kind in (("API", True), ("pages", False)):
        times = [ms for address, all in shown.items() if address.startswith("/api/") == of_kind for ms in all]
        yield Waits(f"load.{kind.lower()}", f"all {kind}", tuple(times), note=note)
    for address, times in shown.items():
        name = address.replace(no, "NO")
        yield Waits(f"load.{name}", name, tuple(times))


def _log_again_and_again(company: Company, no: str) -> int:
    """Log copies of a segment for a while; return how many."""
    deadline, logged = time.monotonic() + SECONDS, 0
    while time.monotonic() < deadline:
        company.log(company.copy_segment(no))
        logged += 1
    return logged


def _visitor(
    base_url: str, visits: list[tuple[str, Fetch]], first: int, waited: dict[str, list[float]]
) -> Callable[[threading.Event], None]:
    """Make somebody who opens addresses, one after another, beginning with the one given."""

    def visit(over: threading.Event) -> None:
        for address, fetch in itertools.islice(itertools.cycle(visits), first, None):
            try:
                waited[address].append(1000 * timed(partial(fetch, base_url + address)))
            except OSError as error:
                raise OpsError(f"{address}: {error}") from error
            if over.wait(PAUSE):
                return

    return visit


def _signed_in(ground: Ground) -> Fetch:
    """Sign the administrator in through a one-time link; return what opens a page."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    with ground.client.transaction() as session:
        token = users.create_sign_in_link(session, users.get(session, ADMIN, lock=True))
    link = f"{ground.stack.base_url}/sign-in/link/{token}"
    with opener.open(link, timeout=60) as answer:
        field = re.search(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    assert field is not None
    opener.open(link, urllib.parse.urlencode({"csrf_token": field[1]}).encode(), timeout=60).close()

    def fetch(address: str) -> None:
        with opener.open(address, timeout=60) as answer:
            answer.read()
            if "/sign-in" in answer.url:
                raise OpsError("the bench is not signed in")

    return fetch


def _with_token(token: str) -> Fetch:
    def fetch(address: str) -> None:
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    return fetch
