"""Lists everywhere alike: orders, pages both ways, chips, columns, saved views, files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import g
from sqlalchemy import Engine, event, text

from domain import (
    campaign_entries,
    campaigns,
    contacts,
    interaction_groups,
    salespeople,
    segment_lines,
    segments,
    templates,
)
from domain.actors import Role, system
from tests.domain.events import make_event, receive, record
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import Element
from tests.web.pages.test_queries import queries_of
from web.pages import list_actions, lists
from web.pages.lists import LISTINGS

# Listing -> address of a page that shows it, narrowed to a dozen rows where there are many.
SHOWN = {
    "contacts": "/contacts/?q=Person 1",
    "segments": "/segments/?q=M1",
    "campaigns": "/campaigns/?q=M1",
    "campaign_entries": "/campaigns/M00",
    "salespeople": "/salespeople/?q=M1",
    "interaction_templates": "/interaction-templates/?q=M1",
    "interaction_groups": "/interaction-groups/?q=M1",
    "number_series": "/number-series/",
    "saved_criteria": "/saved-criteria/",
    "purge_schedules": "/purge-schedules/",
    "users": "/users/",
    "tokens": "/tokens/",
    "audit": "/audit/?object_type=user",
    "jobs": "/jobs/",
    "purges": "/purges/",
    "logged_segments": "/logged-segments/",
    "skipped_lines": "/logged-segments/{logged_segment}",
    "segment_lines": "/segments/{segment}?q=Person 1",
    "interactions": "/interactions/?contact_no={person}",
    "postponed": "/postponed-interactions/",
    "document_events": "/document-events/?document_no=M1&document_no=M2",
}
# Found among millions of entries by a search of its own (docs/decisions/0011), with tests of its own.
BY_SEARCH = {"interactions"}
# Sorts that put the parts of one row in order, not the rows.
WITHIN_A_ROW = {"Sort Key: k.received_at, k.hash"}


@pytest.fixture(scope="module")
def many(sessions: Any, demo: Demo) -> None:
    """Fifty more of everything."""
    with sessions() as session, session.begin():
        actor = system(session)
        receive(session, *(make_event(document_no=f"M{number}") for number in range(50)))
        record(session)
        for number in range(50):
            code = f"M{number:02}"
            salespeople.create(session, values={"code": code, "name": "Many"}, actor=actor)
            interaction_groups.create(session, values={"code": code}, actor=actor)
            campaigns.create(session, values={"no": code, "salesperson_code": code}, actor=actor)
            templates.create(
                session, values={"code": code, "group_code": code, "campaign_no": code}, actor=actor
            )
            contacts.create(
                session,
                values={"no": code, "type": "person", "name": "Many", "salesperson_code": code},
                actor=actor,
            )
            segment = segments.create(
                session,
                values={
                    "description": code,
                    "template_code": code,
                    "campaign_no": code,
                    "salesperson_code": code,
                },
                actor=actor,
            )
            segment_lines.add_many(session, segment, contact_nos=[code], allow_existing=False, actor=actor)


@pytest.fixture(scope="module")
def shown(sessions: Any, demo: Demo, many: None) -> dict[str, str]:
    """The addresses, with several entries of one campaign among what they show."""
    with sessions() as session, session.begin():
        campaign = campaigns.get(session, "M00")
        today = session.execute(text("SELECT current_date")).scalar_one()
        for kind in ("sales_invoice", "sales_quote", "sales_order_confirmation", None):
            campaign_entries.open_entry(
                session, campaign_id=campaign.id, description="x", date=today, salesperson_id=None,
                document_type=kind,
            )  # fmt: skip
    return {name: path.format(person=demo.contacts[3], **vars(demo)) for name, path in SHOWN.items()}


def rows_of(page: Element) -> list[str]:
    """The texts of the rows of the list on a page."""
    tables = page.one("main").all("table", class_="grid")
    return [row.text for row in tables[0].one("tbody").all("tr")] if tables else []


def link(page: Element, words: str) -> str | None:
    found = [each for each in page.one("main").all("a") if each.text.strip() == words]
    return found[0].attributes["href"] if found else None


def addressed(path: str, **more: str) -> str:
    return path + ("&" if "?" in path else "?") + "&".join(f"{name}={value}" for name, value in more.items())


def test_every_list_is_looked_at() -> None:
    assert set(SHOWN) == set(LISTINGS)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_list_is_paged_both_ways_in_each_of_its_orders(
    name: str, shown: dict[str, str], admin_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, orders = admin_browser, LISTINGS[name].sorts
    whole = {sort: rows_of(browser.open(addressed(shown[name], sort=sort))) for sort in orders}
    assert all(sorted(keys) == sorted(whole[next(iter(orders))]) for keys in whole.values())
    for sort, keys in whole.items():
        if "-" + sort in whole:
            assert whole["-" + sort] == keys[::-1], sort
    monkeypatch.setattr(lists, "LIMIT", 5)
    for sort, keys in whole.items():
        pages = [rows_of(browser.open(addressed(shown[name], sort=sort)))]
        while (next_url := link(browser.page, "Next page")) is not None:
            pages.append(rows_of(browser.open(next_url)))
        assert [key for page in pages for key in page] == keys
        for page in reversed(pages[:-1]):
            previous = link(browser.page, "Previous page")
            assert previous is not None
            assert rows_of(browser.open(previous)) == page
        assert link(browser.page, "First page") is None


@contextmanager
def pages_read() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that read a page of something, with their parameters."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "ORDER BY" in statement and "LIMIT" in statement:
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("name", sorted(set(SHOWN) - BY_SEARCH))
def test_a_page_of_a_list_comes_from_an_index_in_each_of_its_orders(
    name: str, shown: dict[str, str], admin_browser: Browser, sessions: Any
) -> None:
    """No OFFSET, and nothing is sorted: an index gives the order."""
    listing, of = LISTINGS[name], shown[name].rpartition("/")[2].partition("?")[0] or None
    for sort in listing.sorts:
        wanted = lists.Wanted({}, sort=sort, limit=3, of=of)
        with admin_browser.flask.application.test_request_context(), sessions() as session:
            as_administrator(session)
            with pages_read() as statements:
                rows = listing.fetch(session, wanted)
                if rows:
                    after = listing.cursor(rows[0], sort)
                    listing.fetch(session, lists.Wanted({}, sort=sort, limit=3, of=of, after=after))
            assert statements, name
            connection = session.connection()
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            statement, parameters = statements[-1]
            assert "OFFSET" not in statement
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
            keys = [line for line in plan if "Sort Key" in line and line.strip() not in WITHIN_A_ROW]
            assert keys == [], (sort, plan)


def as_administrator(session: Any) -> None:
    g.actor = system(session)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_list_takes_as_many_queries_for_many_rows_as_for_two(
    name: str, shown: dict[str, str], admin_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_rows = queries_of(admin_browser, shown[name])
    rows = len(rows_of(admin_browser.page))
    monkeypatch.setattr(lists, "LIMIT", 2)
    few_rows = queries_of(admin_browser, shown[name])
    assert len(rows_of(admin_browser.page)) == min(rows, 2)
    assert many_rows <= few_rows < 30


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_list_is_given_as_a_file_of_what_it_shows(
    name: str, shown: dict[str, str], admin_browser: Browser
) -> None:
    browser = admin_browser
    page = browser.open(shown[name])
    rows = len(rows_of(page))
    address = link(page, "Export CSV")
    if address is None:
        assert rows == 0
        return
    answer = browser.flask.get(address)
    assert answer.mimetype == "text/csv"
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(lines[0]) == len(LISTINGS[name].columns)
    assert len(lines) - 1 == rows
    assert not any("{" in cell or "Markup" in cell for line in lines for cell in line)


def test_a_file_goes_beyond_the_page(
    shown: dict[str, str], admin_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_actions, "ROWS", 2)
    answer = admin_browser.flask.get("/lists/contacts/export.csv?q=Person 1&sort=-key")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))[1:]
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert len(rows) == 11


def test_files_of_what_a_role_may_not_see_are_refused(browser_of: Callable[..., Browser]) -> None:  # U1
    browser = browser_of(Role.MARKETING)
    for name in ("users", "tokens", "audit"):
        browser.open(f"/lists/{name}/export.csv", status=403)
    browser.open("/lists/nothing/export.csv", status=404)


def test_each_filter_that_is_set_can_be_taken_away(admin_browser: Browser) -> None:
    page = admin_browser.open("/contacts/?q=Person&type=person&salesperson_code=AH&sort=-made")
    chips = page.all("li", class_="chip")
    assert [chip.text for chip in chips] == ["Search: Person", "Type: Person", "Salesperson: AH"]
    cross = chips[1].one("a")
    assert cross.attributes["aria-label"] == "Take away the filter “Type”"
    page = admin_browser.open(cross.attributes["href"])
    assert [chip.text for chip in page.all("li", class_="chip")] == ["Search: Person", "Salesperson: AH"]
    assert "sort=-made" in admin_browser.here
    page = admin_browser.open(str(link(page, "Clear all")))
    assert not page.all("li", class_="chip")


def test_filtering_keeps_order_and_columns(admin_browser: Browser) -> None:
    page = admin_browser.open("/contacts/?sort=-key&columns=no,city&after=CT000009&q=x")
    hidden = {
        each.attributes["name"]: each.attributes["value"]
        for each in page.one("form", class_="filters").all("input", type="hidden")
    }
    assert hidden == {"sort": "-key", "columns": "no,city"}


def test_the_head_of_a_column_sorts_and_turns_round(admin_browser: Browser) -> None:
    page = admin_browser.open("/contacts/")
    head = page.one("th", aria_sort="ascending")
    assert head.text.startswith("No.")
    page = admin_browser.open(head.one("a").attributes["href"])
    assert page.one("th", aria_sort="descending").text.startswith("No.")
    page = admin_browser.open("/interactions/")
    by_date = next(head for head in page.all("th") if head.text.startswith("Date"))
    assert "aria-sort" not in by_date.attributes
    page = admin_browser.open(by_date.one("a").attributes["href"])
    assert page.one("th", aria_sort="descending").text.startswith("Date")


def test_an_address_says_the_columns_for_whoever_opens_it(
    admin_browser: Browser, browser_of: Callable[..., Browser]
) -> None:
    def heads(page: Element) -> list[str]:
        table = page.all("table", class_="grid")[0]
        return [head.text.split(" ↕")[0].rstrip(" ▲▼") for head in table.all("th") if head.text.strip()]

    address = "/contacts/?columns=name,city,nonsense,no"
    assert heads(admin_browser.open(address)) == ["Name", "City", "No."]
    viewer = browser_of(Role.VIEWER)
    assert heads(viewer.open(address)) == ["Name", "City", "No."]
    assert len(heads(viewer.open("/contacts/"))) == 10


def test_a_view_keeps_filters_order_and_columns_of_any_list(browser_of: Callable[..., Browser]) -> None:
    browser = browser_of(Role.MARKETING)
    browser.open("/segments/?q=etter&sort=-made&columns=no,subject")
    form = browser.page.one("form", action="/lists/segments/views")
    kept = {each.attributes["name"]: each.attributes.get("value", "") for each in form.all("input")}
    browser.send("/lists/segments/views", **{**kept, "view_name": "Open ones"})
    address = str(link(browser.open("/segments/"), "Open ones"))
    assert address == "/segments/?q=etter&sort=-made&columns=no,subject"
    assert not link(browser.open("/contacts/"), "Open ones")
    browser.send("/lists/segments/views/forget", view_name="Open ones", next="/segments/")
    assert not link(browser.page, "Open ones")


def test_lines_are_chosen_one_by_one_or_all_that_match(marketing_browser: Browser, demo: Demo) -> None:
    """S2"""
    page = marketing_browser.open(f"/segments/{demo.segment}?q=Person 1")
    form = page.one("form", id="selection")
    assert form.one("input", name="q").attributes["value"] == "Person 1"
    base = f"/segments/{demo.segment}/lines/many/"
    ticked = marketing_browser.open(f"{base}?scope=selected&q=Person 1&line_no=3&line_no=4")
    assert "3" in ticked.one(class_="lead").text
    matching = marketing_browser.open(f"{base}?scope=matching&q=Person 1&line_no=3")
    assert "Person 1" in matching.one(class_="lead").text
    assert "all" in marketing_browser.open(f"{base}?scope=matching").one(class_="lead").text


def test_selected_contacts_are_added_to_a_segment(marketing_browser: Browser, demo: Demo) -> None:
    """S4"""
    browser = marketing_browser
    browser.open("/segments/new")
    browser.fill(description="By selection", template_code="LETTER")
    no = browser.here.rpartition("/")[2]
    browser.open("/contacts/?type=person")
    chosen = [box.attributes["value"] for box in browser.page.all("input", name="no")][:3]
    assert len(chosen) == 3
    browser.send("/contacts/add-to-segment", no=chosen[:2], segment_no=no.lower())
    browser.send("/contacts/add-to-segment", no=chosen, segment_no=no)
    assert "Added: 1; already there: 2; blocked for privacy: 0." in browser.page.one("main").text
    assert "3 contact lines" in browser.page.one("section", id="lines").text
    assert (
        "There is no segment “NOPE”."
        in browser.send("/contacts/add-to-segment", no=chosen, segment_no="NOPE").one("main").text
    )
    assert "Select contacts first." in browser.send("/contacts/add-to-segment", segment_no=no).text


def test_selected_logged_segments_are_deleted_and_nothing_selected_deletes_nothing(
    marketing_browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """E6"""
    browser, path = marketing_browser, f"/logged-segments/{demo.logged_segment}"
    browser.open("/logged-segments/")
    assert not browser.page.all("input", name="no")
    browser.send(f"{path}/cancel", confirmed="yes")
    browser.open("/logged-segments/")
    assert browser.page.one("input", name="no").attributes["value"] == str(demo.logged_segment)
    browser.send("/logged-segments/delete-canceled", confirmed="yes")
    assert "Select logged segments first." in browser.page.one("main").text
    browser.send("/logged-segments/delete-canceled", no=str(demo.logged_segment), status=200)
    browser.send("/logged-segments/delete-canceled", no=str(demo.logged_segment), confirmed="yes")
    do_jobs()
    browser.open(path, status=404)
