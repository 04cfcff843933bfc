"""Building a segment on pages: criteria, undo, why, saved criteria, other ways, many lines, repairs (S4 to S9)."""

from __future__ import annotations

import pytest

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import Element, faults_beside
from tests.web.pages.test_segments import lines_of, new_segment


@pytest.fixture
def browser(marketing_browser: Browser) -> Browser:
    return marketing_browser


def filled(browser: Browser, description: str, **filters: str) -> str:
    """Make a segment and add contacts by criteria; return its number."""
    no = new_segment(browser, description)
    browser.open(f"/segments/{no}/add-contacts")
    browser.fill(**(filters or {"all": "y"}))
    assert browser.here == f"/segments/{no}"
    return no


def trail(page: Element) -> list[list[str]]:
    """The actions shown: number, action, criteria, added, removed, left out."""
    table = page.one("section", id="actions").one("table")
    return [[cell.text for cell in row.all("td")][:6] for row in table.all("tr")[1:]]


def test_a_segment_is_added_to_reduced_and_undone(browser: Browser, demo: Demo) -> None:
    """S5 to S7: small actions are done at once, and the trail says them in words."""
    no = filled(browser, "Built", name="person 1", type="person", expand_companies="y")
    assert browser.page.one(class_="is-good").text.startswith("Add Contacts. Added: 59")
    browser.open(f"/segments/{no}/reduce-contacts")
    assert not browser.page.all("input", id="allow_existing")
    page = browser.fill(no=f"{demo.contacts[2]}, {demo.contacts[3]}", count="1", status=200)
    assert page.one(class_="counted").text.strip() == "2 lines would be removed."
    browser.open(f"/segments/{no}/reduce-contacts")
    page = browser.fill(no=f"{demo.contacts[2]}, {demo.contacts[3]}")
    assert trail(page) == [
        ["2", "Reduce Contacts", f"No.: {demo.contacts[2]} or {demo.contacts[3]}", "", "2", ""],
        ["1", "Add Contacts", "Type: Person; Name contains: “person 1” (with all colleagues)", "59", "", ""],
    ]
    assert "Undo the last action?" in browser.send(f"/segments/{no}/undo", status=200).text
    page = browser.send(f"/segments/{no}/undo", confirmed="yes")
    assert len(trail(page)) == 1
    assert "59 contact lines" in page.text
    browser.send(f"/segments/{no}/undo", confirmed="yes")
    page = browser.send(f"/segments/{no}/undo", confirmed="yes")
    assert "There is no action to undo." in page.one(class_="is-bad").text


def test_what_cannot_be_taken_stands_beside_its_field(browser: Browser) -> None:
    no = new_segment(browser, "Faults")
    browser.open(f"/segments/{no}/refine-contacts")
    page = browser.fill(
        salesperson_code="AH, NOBODY", entry_template_code="NONE", entry_logged_segment_no="x", status=422
    )
    assert set(faults_beside(page)) == {"entry_logged_segment_no"}
    page = browser.fill(entry_logged_segment_no="", status=422)
    assert set(faults_beside(page)) == {"salesperson_code", "entry_template_code"}


def test_a_script_gets_the_number_alone(browser: Browser) -> None:
    no = new_segment(browser, "Counted")
    browser.open(f"/segments/{no}/add-contacts")
    token = browser.page.all("input", name="csrf_token")[0].attributes["value"]
    for typed, said in (
        ({"name": "person"}, "59 contacts would be added."),
        ({}, ""),
        ({"entry_evaluation": "great"}, "none of the choices"),
    ):
        data = {"csrf_token": token, "count": "1", **typed}
        answer = browser.flask.post(
            f"/segments/{no}/add-contacts", data=data, headers={"X-Fragment": "count"}
        )
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert said in answer.text, answer.text


def test_why_a_contact_is_in_or_not(browser: Browser, demo: Demo) -> None:
    """S7"""
    no = filled(browser, "Why", name="Person 1", type="person")
    text = browser.open(f"/segments/{no}/why?contact_no={demo.contacts[2]}").one("main").text
    assert "in the segment, on line 1" in text
    assert "added (" in text
    text = browser.open(f"/segments/{no}/why?contact_no={demo.company}").one("main").text
    assert "not in the segment." in text
    assert "does not match" in text
    assert "There is no contact “NOBODY”." in browser.open(f"/segments/{no}/why?contact_no=NOBODY").text


def test_criteria_are_saved_shown_in_words_applied_and_deleted(browser: Browser) -> None:
    """S8"""
    no = filled(browser, "Saved", name="Person 2", type="person")
    browser.open(f"/segments/{no}/other-ways")
    page = browser.send(f"/segments/{no}/save", **{"save-code": "TWO", "save-description": "Twos"})
    assert "Name contains: “Person 2”" in page.one("table").text
    assert "TWO" in browser.open("/saved-criteria/?q=two").one("table").text
    second = new_segment(browser, "Again")
    browser.open(f"/segments/{second}/other-ways")
    page = browser.send(f"/segments/{second}/apply", **{"apply-code": "two"})
    assert "Apply Saved Criteria. Added: 11" in page.one(class_="is-good").text
    browser.open(f"/segments/{second}/other-ways")
    page = browser.send(f"/segments/{second}/apply", status=422, **{"apply-code": "NONE"})
    assert list(faults_beside(page)) == ["apply-code"]
    browser.open("/saved-criteria/TWO")
    browser.send("/saved-criteria/TWO/delete", confirmed="yes")
    browser.open("/saved-criteria/TWO", status=404)


def test_other_ways_to_build(browser: Browser, demo: Demo) -> None:
    """S8"""
    no = new_segment(browser, "Otherwise")
    browser.open(f"/segments/{no}/other-ways")
    listed = f"no;name\n{demo.contacts[5]};x\nX99;y\n"
    page = browser.send(f"/segments/{no}/list", status=200, **{"listed-list": listed})
    assert "X99" in page.one("section", aria_labelledby="unknown-title").text
    browser.open(f"/segments/{no}/other-ways")
    page = browser.send(
        f"/segments/{no}/list", status=200, **{"listed-list": "p7@example.com, nobody@example.com"}
    )
    assert "nobody@example.com" in page.text
    browser.open(f"/segments/{no}/other-ways")
    page = browser.send(f"/segments/{no}/reuse", **{"reuse-logged_segment_no": str(demo.logged_segment)})
    assert "Reuse Logged Segment. Added: 57" in page.one(class_="is-good").text
    assert trail(page)[0][2] == f"contacts of logged segment {demo.logged_segment}"
    browser.open(f"/segments/{no}/other-ways")
    page = browser.send(f"/segments/{no}/fill", **{"fill-mailing_group": "OURS"})
    assert "Fill Mailing Group. Added: 59" in page.one(class_="is-good").text
    browser.open(f"/segments/{no}/other-ways")
    page = browser.send(f"/segments/{no}/copy", **{"copy-description": ""})
    assert browser.here != f"/segments/{no}"
    assert "59 contact lines" in page.text


def test_chosen_lines_are_changed_and_taken_out(browser: Browser, demo: Demo) -> None:
    """S2, S7"""
    no = filled(browser, "Many", name="Person 3", type="person")
    page = browser.open(f"/segments/{no}/lines/many/", status=303)
    browser.open(f"/segments/{no}/lines/many/?line_no=1&line_no=2")
    page = browser.fill(cost="7", campaign_no="(blank)")
    assert "Change Lines. Changed: 2" in page.one(class_="is-good").text
    page = browser.open(f"/segments/{no}?overridden=true")
    assert len(lines_of(page)) == 2
    browser.open(f"/segments/{no}/lines/many/?overridden=true")
    page = browser.fill(inherit="cost", evaluation="positive")
    assert len(lines_of(browser.open(f"/segments/{no}?q={demo.contacts[4]}"))) == 1
    browser.open(f"/segments/{no}/lines/many/?q=Person 3")
    asked = browser.send(f"/segments/{no}/lines/many/remove", status=200, q="Person 3")
    assert "Take out Contact contains: “Person 3”?" in asked.one("main").text
    page = browser.send(f"/segments/{no}/lines/many/remove", q="Person 3", confirmed="yes")
    assert "No contacts yet" in page.text
    assert trail(page)[0][:3] == ["2", "Reduce Contacts by hand", "Contact contains: “Person 3”"]


def test_the_check_repairs_all_lines_of_a_kind(browser: Browser, demo: Demo) -> None:
    """S9"""
    no = new_segment(browser, "Repairs", template_code="LETTER")
    browser.fill(salesperson_code="")
    browser.open(f"/segments/{no}/add-contacts")
    browser.fill(no=", ".join(demo.contacts[1:3]))
    page = browser.open(f"/segments/{no}/check")
    assert page.one("a", href=f"/segments/{no}?problem=salesperson_missing#lines").text == "Show 1 line"
    browser.send(f"/segments/{no}/lines/many/", problem="salesperson_missing", salesperson_code="AH")
    assert "Nothing stands against" in browser.open(f"/segments/{no}/check").text


def test_a_viewer_sees_the_trail_and_cannot_change_it(browser_of, browser: Browser) -> None:
    """U1"""
    no = filled(browser, "Looked at", name="Person 4", type="person")
    viewer = browser_of(Role.VIEWER)
    page = viewer.open(f"/segments/{no}")
    assert trail(page)[0][1] == "Add Contacts"
    assert not page.all("input", name="line_no")
    viewer.send(f"/segments/{no}/undo", status=403)
