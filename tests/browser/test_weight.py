"""Every page that links lead to, loaded afresh: how much travels, and that nothing goes wrong on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from domain import (
    campaigns,
    postponed,
    purge_schedules,
    saved_criteria,
    segment_lines,
    segment_logging,
    segments,
)
from domain.actors import system
from ops.page_walk import walk
from ops.processes import wait_until
from tests.browser.conftest import Site, Visit
from tests.domain.events import make_event, receive, record
from tests.web.pages.test_every_page import PAGES

# Bytes that a page may take with all it needs, compressed, when nothing is in the browser's cache (issue 9).
HEAVIEST = 150_000
# Linked from a contact with more entries than its card shows; where the form of a selection leads.
NOT_LINKED = {"timeline.show", "many_lines.change"}


@pytest.fixture(scope="module")
def something_everywhere(site: Site) -> None:
    """At least one of everything that has a page."""
    engine = create_engine(site.settings.database_url, poolclass=NullPool)
    with Session(engine) as session, session.begin():
        actor = system(session)
        campaigns.create(session, values={"description": "Weighed"}, actor=actor)
        purge_schedules.create(session, values={"name": "Nightly", "cron": "0 2 * * *"}, actor=actor)
        for description in ("Weighed", "Weighed and logged"):
            values = {"description": description, "template_code": "LETTER", "salesperson_code": "AH"}
            segment = segments.create(session, values=values, actor=actor)
            nos = [f"CT0000{number:02}" for number in range(1, 51)]
            segment_lines.add_many(session, segment, contact_nos=nos, allow_existing=False, actor=actor)
        saved_criteria.save(session, segment, values={"code": "WEIGHED"}, actor=actor)
        postponed.create(session, values={"contact_no": "CT000001"}, actor=actor)
        receive(session, make_event(contact_no="CT000001"))
        record(session)
        job = segment_logging.request(session, segment, values={}, actor=actor)
        job_id = job.id
    assert wait_until(lambda: _is_done(engine, job_id), 30)


def _is_done(engine: Any, job_id: Any) -> bool:
    with engine.connect() as connection:
        state = connection.exec_driver_sql("SELECT state FROM job WHERE id = %s", (job_id,)).scalar()
    return state == "succeeded"


class Scales:
    """Weighs what a page loads, with the cache off."""

    def __init__(self, user: Visit) -> None:
        self._user = user
        self._weight = 0.0
        self.weights: dict[str, int] = {}
        protocol = user.page.context.new_cdp_session(user.page)
        protocol.send("Network.enable")
        protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
        protocol.on("Network.loadingFinished", self._add)

    def read(self, address: str) -> str:
        """Load a page; return its HTML."""
        self._weight = 0
        self._user.open(address)
        if self._user.page.locator("img[loading=lazy]").count():
            self._user.page.wait_for_load_state("networkidle")
        self.weights[address] = int(self._weight)
        return self._user.page.content()

    def _add(self, event: dict[str, Any]) -> None:
        self._weight += event["encodedDataLength"]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_page_is_heavy(
    language: str, visit: Callable[..., Visit], site: Site, something_everywhere: None
) -> None:
    """Every page is reached by links from the home page, and takes at most 150 kB when nothing is cached."""
    user = visit(language=language)
    user.sign_in("admin")
    scales = Scales(user)
    found = walk(scales.read, site.settings)
    heavy = {address: weight for address, weight in scales.weights.items() if weight > HEAVIEST}
    assert heavy == {}
    # a page whose files had come from the cache would weigh less than the style sheets alone
    assert min(scales.weights.values()) > 30_000
    assert set(PAGES) - set(found) == NOT_LINKED
