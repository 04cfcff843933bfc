"""Interaction Log Entries as a page: selection, saved filters, columns, paging, files, statistics (E1 to E4, T5)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from web import downloads


def numbers(browser: Browser) -> list[str]:
    """The entry numbers that the list shows."""
    return [box.attributes["value"] for box in browser.page.all("input", name="entry_no")]


def test_selected_entries_are_changed_by_a_job_that_says_what_it_did(
    browser_of: Callable[..., Browser], do_jobs: Callable[[], None]
) -> None:  # E2
    browser = browser_of(Role.MARKETING)
    browser.open("/interactions/")
    chosen = numbers(browser)[:2]
    browser.send("/interactions/change", status=200, change="cancel", scope="selected", entry_no=chosen)
    assert "This concerns 2 entries." in browser.page.one("main").text
    browser.send("/interactions/change", change="cancel", scope="selected", entry_no=chosen, confirmed="yes")
    job = browser.here
    do_jobs()
    result = browser.open(job).one("main").text
    assert "Cancel Interactions" in result
    assert "Changed" in result
    browser.open("/interactions/?canceled=true")
    assert numbers(browser) == chosen

    browser.send("/interactions/change", change="restore", scope="matching", canceled="true", confirmed="yes")
    do_jobs()
    browser.open("/interactions/?canceled=true")
    assert numbers(browser) == []


def test_all_that_match_is_asked_about_in_words(marketing_browser: Browser) -> None:
    browser = marketing_browser
    browser.open("/interactions/?salesperson_code=AH")
    browser.send(
        "/interactions/change", status=200, change="evaluate", scope="matching", salesperson_code="AH",
        evaluation_given="positive",
    )  # fmt: skip
    assert "every entry that matches: Salesperson: AH." in browser.page.one("main").text
    browser.open("/interactions/")
    browser.send("/interactions/change", change="cancel", scope="selected")
    assert "Select entries first" in browser.page.one("main").text


def test_a_viewer_selects_nothing(browser_of: Callable[..., Browser]) -> None:  # U1
    browser = browser_of(Role.VIEWER)
    browser.open("/interactions/")
    assert numbers(browser) == []
    browser.send("/interactions/change", status=403, change="cancel", scope="matching", confirmed="yes")


def test_pages_go_both_ways(admin_browser: Browser) -> None:
    browser = admin_browser

    def follow(words: str) -> list[str]:
        links = [link for link in browser.page.all("a") if link.text.strip() == words]
        browser.open(links[0].attributes["href"])
        return numbers(browser)

    browser.open("/interactions/?sort=date")
    first = numbers(browser)
    assert len(first) == 50
    second = follow("Next page")
    assert not set(first) & set(second)
    assert follow("Previous page") == first
    assert not [link for link in browser.page.all("a") if link.text.strip() == "Previous page"]


def test_filters_are_saved_under_a_name_and_forgotten(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.SALESPERSON)
    browser.open("/interactions/?salesperson_code=AH&date_from=2026-01-01")
    browser.send(
        "/lists/interactions/views",
        view_name="Mine",
        next="/interactions/",
        salesperson_code="AH",
        date_from="2026-01-01",
        sort="date",
    )
    link = next(link for link in browser.page.all("a") if link.text == "Mine")
    assert "salesperson_code=AH" in link.attributes["href"]
    assert "sort=date" in link.attributes["href"]
    browser.send("/lists/interactions/views", view_name=" ", salesperson_code="AH", next="/interactions/")
    assert "must be given" in browser.page.one("main").text
    other = browser_of(Role.VIEWER)
    assert "Mine" not in other.open("/interactions/").one("main").text
    browser.send("/lists/interactions/views/forget", view_name="Mine", next="/interactions/")
    assert not [link for link in browser.page.all("a") if link.text == "Mine"]


def test_columns_are_chosen_and_kept(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.SALESPERSON)

    def heads() -> list[str]:
        table = browser.page.all("table", class_="grid")[0]
        return [head.text.rstrip(" ↕▲▼") for head in table.all("th") if head.text]

    browser.open("/interactions/")
    usual = heads()
    browser.send("/lists/interactions/columns", column=["entry_no", "origin", "user"], next="/interactions/")
    assert heads() == ["Entry No.", "Origin", "User"]
    browser.open("/interactions/?q=nothing")
    browser.open("/interactions/")
    assert heads() == ["Entry No.", "Origin", "User"]
    browser.send("/lists/interactions/columns", usual="yes", next="/interactions/")
    assert heads() == usual


def test_files_have_the_columns_and_rows_that_are_shown(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.VIEWER, language="ru")
    answer = browser.flask.get(
        "/lists/interactions/export.csv?salesperson_code=AH", headers={"Accept-Language": "ru"}
    )
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Номер операции,Дата,Контакт")
    assert len(lines) > 50
    answer = browser.flask.get("/lists/interactions/export.xlsx?q=no such text")
    assert answer.mimetype == downloads.XLSX
    content = answer.data
    answer.close()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == 1


def test_a_workbook_goes_on_on_the_next_sheet_and_has_no_formula(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "ROWS_OF_SHEET", 3)
    pages = [[{"a": "=1+1"}, {"a": 2}], [{"a": None}, {"a": "x"}, {"a": True}]]
    with app.test_request_context():
        answer = downloads.xlsx(pages, columns={"a": "A"}, name="a.xlsx")
        answer.direct_passthrough = False
        content = answer.get_data()
        answer.close()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 3
        first = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in first
    assert b"=1+1" in first


def test_an_entry_says_why_it_cannot_be_restored(
    browser_of: Callable[..., Browser], demo: Demo, sessions: Any
) -> None:
    browser = browser_of(Role.MARKETING)
    entry = f"/interactions/{demo.entry_no}"
    browser.open(entry)
    browser.send(f"{entry}/cancel")
    assert "The entry has been canceled." in browser.page.one("main").text
    segment = f"/logged-segments/{demo.logged_segment}"
    browser.open(segment)
    browser.send(f"{segment}/cancel", status=200)
    assert "with all its entries" in browser.page.one("main").text
    browser.send(f"{segment}/cancel", confirmed="yes")
    shown = browser.open(entry).one("main").text
    assert "The logged segment of this entry is canceled" in shown
    assert "It was also canceled by itself" in shown
    browser.send(f"{entry}/restore")
    assert "restore that first" in browser.page.one("main").text
    browser.open(segment)
    browser.send(f"{segment}/restore")
    browser.open(entry)
    browser.send(f"{entry}/restore")
    with sessions() as session:
        assert not session.scalar(text("SELECT count(*) FROM interaction WHERE canceled_at IS NOT NULL"))


def test_a_follow_up_is_counted_before_it_is_made(marketing_browser: Browser, demo: Demo) -> None:  # L7
    browser = marketing_browser
    address = f"/logged-segments/{demo.logged_segment}/follow-up"
    browser.open(address)
    browser.fill(status=200, count="yes")
    assert "would have 59 contacts" in browser.page.one("main").text
    browser.fill(status=200, evaluation_negative="y", count="yes")
    assert "would have 0 contacts" in browser.page.one("main").text


@pytest.mark.parametrize(
    "address",
    [
        "/contacts/{company}", "/salespeople/AH", "/interaction-templates/LETTER", "/interaction-groups/LETTERS",
        "/campaigns/CP0001",
    ],
)  # fmt: skip
def test_statistics_are_of_a_period_with_a_picture_of_its_months(
    address: str, admin_browser: Browser, demo: Demo
) -> None:  # T5
    browser = admin_browser
    path = address.format(**vars(demo))
    page = browser.open(path)
    for chart in page.all("img", class_="chart"):
        answer = browser.flask.get(chart.attributes["src"])
        assert answer.mimetype == "image/svg+xml"
        assert b"<script" not in answer.data
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "campaigns" in path or page.all("img", class_="chart")
    page = browser.open(f"{path}?date_from=2001-01-01&date_to=2001-12-31")
    assert not page.all("img", class_="chart")
    browser.open(f"{path}?date_from=yesterday")


def test_a_change_that_is_stopped_says_that_what_it_did_stays(
    marketing_browser: Browser, do_jobs: Callable[[], None]
) -> None:
    browser = marketing_browser
    browser.open("/interactions/")
    browser.send("/interactions/change", change="cancel", scope="matching", q="no such text", confirmed="yes")
    job = browser.here
    browser.send(f"{job}/cancel", status=200)
    assert "What it has done so far stays." in browser.page.one("main").text
    browser.send(f"{job}/cancel", confirmed="yes")
    do_jobs()
    assert "what it had done by then stays" in browser.open(job).one("main").text
