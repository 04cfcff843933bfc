"""Times are shown in the user's own time zone, else in that of the setup (U2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo


def shown(browser: Browser, demo: Demo) -> str:
    details = browser.open(f"/jobs/{demo.job}").one("section", aria_labelledby="details-title")
    return next(
        each.one("dd").text
        for each in details.all("div")
        if each.all("dt") and each.text.startswith("Requested")
    )


def test_each_user_sees_times_in_a_zone_of_their_own(
    browser_of: Callable[..., Browser], sessions: Any, demo: Demo
) -> None:
    with sessions() as session, session.begin():
        session.execute(
            text("UPDATE job SET created_at = '2026-03-10 22:30+00' WHERE id = :id"), {"id": demo.job}
        )
    viewer, admin = browser_of(Role.VIEWER), browser_of(Role.ADMIN)
    assert shown(viewer, demo) == "10 Mar 2026 22:30"
    viewer.open("/my-settings")
    viewer.send("/time-zone", timezone="Asia/Vladivostok")
    assert shown(viewer, demo) == "11 Mar 2026 08:30"
    assert shown(admin, demo) == "10 Mar 2026 22:30"
    changes = admin.open("/users/viewer").one("section", aria_labelledby="history-title").text
    assert "Asia/Vladivostok" in changes
    viewer.open("/my-settings")
    viewer.send("/time-zone", timezone="Mars/Olympus")
    assert "there is no “Mars/Olympus”" in viewer.page.text
    assert shown(viewer, demo) == "11 Mar 2026 08:30"
    viewer.open("/my-settings")
    viewer.send("/time-zone", timezone="")
    assert shown(viewer, demo) == "10 Mar 2026 22:30"
