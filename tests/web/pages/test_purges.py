"""Deleting canceled entries on its pages (E5, E7): filters, preview, the question, schedules, the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from tests.web.conftest import transaction
from tests.web.pages.conftest import Browser, Demo


def test_canceled_entries_are_counted_shown_and_deleted(
    admin_browser: Browser, demo: Demo, sessions: Any, do_jobs: Callable[[], None]
) -> None:
    cancel = "UPDATE interaction SET canceled_at = now(), canceled_by = actor_id WHERE entry_no = :no"
    with transaction(sessions) as session:
        session.execute(text(cancel), {"no": demo.entry_no})
    admin_browser.open("/purges/new")
    page = admin_browser.fill(status=422, contact_no="nobody")
    assert "nobody" in page.text
    page = admin_browser.send(status=200, entry_no_to=str(demo.entry_no))
    assert "1 entry would be deleted" in page.text
    assert str(demo.entry_no) in page.one("table").text

    admin_browser.send(entry_no_to=str(demo.entry_no), confirmed="yes")
    do_jobs()
    page = admin_browser.open("/purges/")
    assert f"To Entry No.: {demo.entry_no}" in page.one("table").text
    admin_browser.open(f"/interactions/{demo.entry_no}", status=404)


def test_more_than_the_setup_allows_is_asked_twice(
    admin_browser: Browser, demo: Demo, sessions: Any, do_jobs: Callable[[], None]
) -> None:
    with transaction(sessions) as session:
        session.execute(text("UPDATE purge_setup SET purge_rows_limit = 1"))
        session.execute(
            text("UPDATE interaction SET canceled_at = now(), canceled_by = actor_id WHERE entry_no <= :no"),
            {"no": demo.entry_no + 3},
        )
    admin_browser.open("/purges/new")
    page = admin_browser.send(status=200, confirmed="yes")
    assert "more than the 1 that need no second question" in page.text
    admin_browser.send(confirmed="yes", however_many="yes")
    do_jobs()
    with transaction(sessions) as session:
        session.execute(text("UPDATE purge_setup SET purge_rows_limit = 5000000"))
        left = session.scalar(text("SELECT count(*) FROM interaction WHERE canceled_at IS NOT NULL"))
    assert left == 0


def test_a_schedule_shows_its_next_runs_and_keeps_its_filters(admin_browser: Browser, demo: Demo) -> None:
    admin_browser.open("/purge-schedules/new")
    page = admin_browser.fill(status=422, name="Weekly", cron="now and then")
    assert "cron expression" in page.text
    page = admin_browser.fill(
        name="Weekly", cron="0 8 * * mon", timezone="Europe/Berlin", date_to="2026-03-09", enabled="y"
    )
    runs = [item.text for item in page.one("main").one("ol").all("li")]
    assert len(runs) == 5
    assert all("Monday" in run and "Central European" in run for run in runs)

    page = admin_browser.fill(canceled_for_days="30")
    assert "Saved." in page.text
    typed = admin_browser.typed()
    assert (typed["date_to"], typed["canceled_for_days"]) == ("2026-03-09", "30")


def test_a_clock_ahead_is_told_on_the_home_page_until_it_is_confirmed(
    admin_browser: Browser, demo: Demo, sessions: Any
) -> None:
    """Case 25."""
    with transaction(sessions) as session:
        session.execute(text("UPDATE clock_mark SET at = at - interval '10 years'"))
    assert "further ahead of" in admin_browser.open("/").text
    page = admin_browser.send("/purges/confirm-clock", confirmed="yes")
    assert "further ahead of" not in page.text


def test_housekeeping_is_changed_and_run(
    admin_browser: Browser, demo: Demo, sessions: Any, do_jobs: Callable[[], None]
) -> None:
    with transaction(sessions) as session:
        session.execute(
            text("UPDATE job SET finished_at = now() - interval '200 days' WHERE kind = 'log_segment'")
        )
    admin_browser.open("/housekeeping/")
    page = admin_browser.fill(keep_jobs_days="190")
    assert admin_browser.typed()["keep_jobs_days"] == "190"
    assert "Saved." in page.text
    admin_browser.send("/housekeeping/run")
    do_jobs()
    with transaction(sessions) as session:
        left = session.scalar(text("SELECT count(*) FROM job WHERE kind = 'log_segment'"))
    assert left == 0
