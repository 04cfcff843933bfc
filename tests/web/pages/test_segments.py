"""Segments on pages: header, lines, adding contacts, check, Log (S1 to S10, L1 to L7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain import criteria
from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import Element, faults_beside
from web.pages import segments as segment_pages


@pytest.fixture
def browser(marketing_browser: Browser) -> Browser:
    return marketing_browser


def new_segment(browser: Browser, description: str, **values: str) -> str:
    """Make a segment by its page and return its number."""
    browser.open("/segments/new")
    browser.fill(description=description, **values)
    return browser.here.rpartition("/")[2]


def lines_of(page: Element) -> list[list[str]]:
    """The lines shown: number, contact and the effective values."""
    table = page.one("section", id="lines").one("table", class_="grid")
    return [[cell.text for cell in row.all("td") if not cell.all("input")] for row in table.all("tr")[1:]]


def add(browser: Browser, no: str, contact_no: str, **values: str) -> Element:
    browser.open(f"/segments/{no}")
    return browser.send(f"/segments/{no}/add-line", contact_no=contact_no, **values)


def test_a_new_segment_takes_the_next_number_and_begins_with_today(browser: Browser) -> None:
    """N1, S1."""
    today = browser.open("/segments/new").one("input", id="date").attributes["value"]
    assert today
    no = new_segment(browser, "Numbered")
    assert no.startswith("SM")
    assert browser.page.one("input", id="no").attributes["readonly"] == ""
    assert browser.page.one("input", id="date").attributes["value"] == today


def test_the_interaction_section_shows_what_comes_from_the_template(browser: Browser) -> None:
    """S2: blank is from the template, and what applies is shown beside it."""
    new_segment(browser, "Inherits", template_code="LETTER")
    assert browser.page.one(id="unit_cost-hint").text == "From template: 8.00"
    blank = browser.page.one("select", id="information_flow").all("option")[0]
    assert blank.text == "From template: Outbound"
    browser.fill(unit_cost="15", information_flow="(blank)")
    assert browser.page.one(id="unit_cost-hint").text == "Own value (left empty: inherited)"
    chosen = [
        option.text
        for option in browser.page.one("select", id="information_flow").all("option")
        if "selected" in option.attributes
    ]
    assert chosen == ["Blank on purpose"]
    browser.fill(unit_cost="", information_flow="")
    assert "8.00" in browser.page.one(id="unit_cost-hint").text


def test_a_campaign_can_be_blank_on_purpose(browser: Browser) -> None:
    """S2."""
    new_segment(browser, "No campaign", template_code="LETTER")
    browser.send(**{**browser.typed(), "campaign_no": ["", "(blank)"]})
    assert "checked" in browser.page.one("input", id="campaign_no-blank").attributes
    browser.fill(description="Still none")
    assert "checked" in browser.page.one("input", id="campaign_no-blank").attributes


def test_the_lines_show_effective_values_and_mark_the_overridden(browser: Browser, demo: Demo) -> None:
    """S2, S3."""
    page = browser.open(f"/segments/{demo.segment}")
    assert len(lines_of(page)) == 50
    own = [cell.text for cell in page.one("section", id="lines").one("table").all("span", class_="own")]
    assert own == ["– (own value)", "3.00 (own value)"]
    filtered = browser.open(f"/segments/{demo.segment}?overridden=true")
    assert [row[0] for row in lines_of(filtered)] == [str(demo.overridden_line)]
    later = browser.open(page.one("a", rel="next").attributes["href"])
    assert [row[0] for row in lines_of(later)] == ["51", "52", "53", "54", "55"]


def test_a_header_edit_reaches_every_line_but_the_overridden(browser: Browser, demo: Demo) -> None:
    """S2."""
    no = new_segment(browser, "Before", template_code="LETTER")
    add(browser, no, demo.contacts[1])
    add(browser, no, demo.contacts[2])
    browser.open(f"/segments/{no}/lines/2/")
    browser.fill(description="For her alone", cost="2.5")
    page = browser.open(f"/segments/{no}")
    browser.fill(description="After")
    page = browser.page
    assert [row[4] for row in lines_of(page)] == ["After", "For her alone (own value)"]
    assert [row[9] for row in lines_of(page)] == ["8.00", "2.50 (own value)"]


def test_clearing_a_field_of_a_line_inherits_again(browser: Browser, demo: Demo) -> None:
    """S2."""
    no = new_segment(browser, "Back to the header", template_code="LETTER")
    add(browser, no, demo.contacts[1])
    browser.open(f"/segments/{no}/lines/1/")
    browser.fill(subject="My own", information_flow="inbound")
    page = browser.open(f"/segments/{no}/lines/1/")
    assert page.one(id="subject-hint").text == "Own value (left empty: inherited)"
    browser.fill(subject="", information_flow="")
    page = browser.open(f"/segments/{no}/lines/1/")
    assert page.one(id="subject-hint").text == "Inherited: Good news"
    assert page.one("select", id="information_flow").all("option")[0].text == "Inherited: Outbound"


def test_faults_of_a_line_stand_beside_its_fields(browser: Browser, demo: Demo) -> None:
    browser.open(f"/segments/{demo.segment}/lines/4/")
    page = browser.fill(template_code="NOPE", cost="1.234", date="tomorrow", status=422)
    assert set(faults_beside(page)) == {"template_code", "cost", "date"}


def test_a_contact_is_added_once_unless_asked_for(browser: Browser, demo: Demo) -> None:
    """S4."""
    no = new_segment(browser, "One each")
    add(browser, no, demo.contacts[3])
    browser.open(f"/segments/{no}")
    page = browser.send(f"/segments/{no}/add-line", contact_no=demo.contacts[3], status=422)
    assert "is in the segment already" in faults_beside(page)["contact_no"]
    page = add(browser, no, demo.contacts[3], allow_existing="y")
    assert len(lines_of(page)) == 2
    browser.open(f"/segments/{no}")
    page = browser.send(f"/segments/{no}/add-line", contact_no="NOPE", status=422)
    assert "contact_no" in faults_beside(page)


def test_a_line_is_removed_after_a_question(browser: Browser, demo: Demo) -> None:
    no = new_segment(browser, "Fewer")
    add(browser, no, demo.contacts[3])
    browser.open(f"/segments/{no}/lines/1/")
    assert "own values are lost" in browser.send(f"/segments/{no}/lines/1/remove", status=200).text
    page = browser.send(f"/segments/{no}/lines/1/remove", confirmed="yes")
    assert "No contacts yet" in page.text


def test_contacts_are_counted_then_added_by_a_filter(
    browser: Browser, demo: Demo, do_jobs: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S5."""
    no = new_segment(browser, "By filter")
    browser.open(f"/segments/{no}/add-contacts")
    page = browser.fill(status=422)
    assert "A filter must be given" in page.one(class_="is-bad").text
    page = browser.fill(city="БЕРЛИН, Oslo", type="person", count="1", status=200)
    assert page.one(class_="counted").text.startswith("59 contacts would be added.")
    monkeypatch.setattr(criteria, "SMALL", -1)
    browser.fill()
    assert browser.here.startswith("/jobs/")
    assert browser.page.all("progress")
    busy = browser.open(f"/segments/{no}")
    assert "Until it ends the segment cannot be changed." in busy.text
    assert not busy.all("dialog", id="log-dialog")
    do_jobs()
    page = browser.open(f"/segments/{no}")
    assert "59 contact lines" in page.text
    assert len(lines_of(page)) == 50


def test_the_check_names_problems_with_their_lines(browser: Browser, demo: Demo) -> None:
    """S9."""
    no = new_segment(browser, "To be checked", template_code="LETTER")
    browser.fill(salesperson_code="")
    add(browser, no, demo.contacts[1])
    add(browser, no, demo.contacts[2])
    page = browser.open(f"/segments/{no}/check")
    problem = page.one("section", aria_labelledby="problems-title").all("li")[0]
    assert problem.text.startswith("No salesperson : 1 line")
    assert page.one("a", href=f"/segments/{no}/lines/1/").text == "line 1"


def test_a_big_segment_is_checked_after_its_page_is_shown(
    browser: Browser, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S9: the page says at once what it is doing, and leads on by itself, without JavaScript too."""
    monkeypatch.setattr(segment_pages, "MOST_CHECKED_AT_ONCE", 1)
    no = new_segment(browser, "Big", template_code="LETTER")
    add(browser, no, demo.contacts[1])
    assert not browser.open(f"/segments/{no}/check").all("meta", http_equiv="refresh")
    add(browser, no, demo.contacts[2])
    page = browser.open(f"/segments/{no}/check")
    assert "Checking 2 lines …" in page.text
    assert (
        page.one("meta", http_equiv="refresh").attributes["content"] == f"0; url=/segments/{no}/check?found=1"
    )
    page = browser.open(page.one("a", href=f"/segments/{no}/check?found=1").attributes["href"])
    assert "Ready to be logged" in page.text
    assert not page.all("meta", http_equiv="refresh")


def test_a_segment_without_lines_or_description_is_not_logged(browser: Browser) -> None:
    """L2."""
    no = new_segment(browser, "")
    browser.open(f"/segments/{no}/log")
    page = browser.send(on_invalid="refuse", status=422)
    text = page.one(class_="is-bad").text
    assert "no description" in text
    assert "no lines" in text


def test_log_is_refused_with_all_problems_in_words(
    browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """L3: refuse is the default; nothing is logged and the lines are named."""
    no = new_segment(browser, "Refused", template_code="LETTER")
    browser.fill(salesperson_code="")
    add(browser, no, demo.contacts[1])
    add(browser, no, demo.contacts[2])
    page = browser.open(f"/segments/{no}")
    form = page.one("dialog", id="log-dialog")
    assert "disabled" in form.one("input", id="send").attributes
    assert "Not possible yet" in form.text
    browser.send(f"/segments/{no}/log", on_invalid="refuse")
    job = browser.here
    do_jobs()
    page = browser.open(job)
    assert "Nothing has changed." in page.text
    assert "No salesperson" in page.text
    assert page.one("a", href=f"/segments/{no}/lines/1/").text == "line 1"
    assert browser.open(f"/segments/{no}").one("dialog", id="log-dialog")


def test_log_skips_lines_with_problems_and_makes_a_follow_up(
    browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """L3, L5, L6, L7."""
    no = new_segment(browser, "Skipped", template_code="LETTER")
    browser.fill(salesperson_code="")
    add(browser, no, demo.contacts[1])
    add(browser, no, demo.contacts[2])
    browser.open(f"/segments/{no}")
    browser.send(f"/segments/{no}/log", on_invalid="skip", follow_up="y")
    job = browser.here
    frozen = browser.open(f"/segments/{no}")
    assert "disabled" in frozen.one("input", id="description").attributes
    do_jobs()
    result = browser.open(job)
    assert "Succeeded" in result.text
    logged = result.one("a", class_="btn-primary").attributes["href"]
    assert logged.startswith("/logged-segments/")
    browser.open(f"/segments/{no}", status=404)
    page = browser.open(logged)
    skipped = page.one("section", aria_labelledby="skipped-title").one("table")
    assert [cell.text for cell in skipped.all("tr")[1].all("td")][-1] == "No salesperson"
    follow_up = next(
        link.attributes["href"] for link in result.all("a") if link.text == "Go to the new segment"
    )
    assert browser.open(follow_up).one("h1").text == f"Follow-up on segment {no}"
    entries = browser.open(f"/interactions/?segment_no={no}").one("table", class_="grid")
    assert len(entries.all("tr")) == 2


def test_two_presses_give_one_logged_segment(
    browser: Browser, browser_of: Callable[..., Browser], demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """L1."""
    other = browser_of(Role.MARKETING)
    no = new_segment(browser, "Twice", template_code="LETTER")
    add(browser, no, demo.contacts[2])
    browser.open(f"/segments/{no}/log")
    other.open(f"/segments/{no}/log")
    browser.send(on_invalid="refuse")
    page = other.send(on_invalid="refuse", status=422)
    assert "being logged" in page.one(class_="is-bad").text
    do_jobs()
    page = browser.open(f"/logged-segments/?segment_no={no}")
    assert "Rows: 1" in page.text


def test_a_new_segment_is_made_of_skipped_lines_and_a_follow_up_of_a_logged_segment(
    browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """L3, L7."""
    card = f"/logged-segments/{demo.logged_segment}"
    for action, lines in (("skipped-segment", "1 contact line"), ("follow-up", "59 contact lines")):
        browser.open(card)
        browser.send(f"{card}/{action}")
        job = browser.here
        do_jobs()
        browser.open(job)
        target = next(
            link.attributes["href"]
            for link in browser.page.all("a", class_="btn")
            if link.attributes["href"].startswith("/segments/")
        )
        assert lines in browser.open(target).text
