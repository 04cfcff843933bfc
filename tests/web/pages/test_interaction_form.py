"""Create Interaction, Postponed Interactions, the card of an entry, timeline, erasure and audit, as people use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import Element, faults_beside


@pytest.fixture
def seller(browser_of: Callable[..., Browser]) -> Browser:
    return browser_of(Role.SALESPERSON)


def count(sessions: Any, table: str) -> int:
    """Count the rows of a table."""
    with sessions() as session:
        return int(session.scalar(text(f"SELECT count(*) FROM {table}")))


def control(page: Element, name: str) -> dict[str, str]:
    """The attributes of the control of a field."""
    return next(each.attributes for tag in ("input", "textarea") for each in page.all(tag, name=name))


def begin(seller: Browser, demo: Demo, **values: str) -> dict[str, str]:
    """Open the form for a person with a salesperson; return what a reader who types `values` sends."""
    seller.open(f"/interactions/new/?contact_no={demo.contacts[3]}&back=/contacts/{demo.contacts[3]}")
    return {**seller.typed(), **values}


def test_the_form_fills_itself_in(seller: Browser, demo: Demo) -> None:
    """I2, I3: without a script, by a button; nothing that was typed is touched."""
    page = seller.send(status=200, **begin(seller, demo, template_code="LETTER", cost="1.50"), do="fill_in")
    assert control(page, "description")["placeholder"] == "A letter"
    assert control(page, "duration_min")["placeholder"] == "10"
    assert "placeholder" not in control(page, "cost")
    assert control(page, "cost")["value"] == "1.50"
    flow = page.one("select", name="information_flow").all("option")[0].text
    assert flow == "Applies: Outbound"
    assert not faults_beside(page)


def test_every_fault_stands_beside_its_field_and_what_was_typed_stays(
    seller: Browser, demo: Demo, sessions: Any
) -> None:
    """I1"""
    before = count(sessions, "interaction")
    values = begin(seller, demo, contact_no="NOBODY", cost="x", template_code="", subject="Kept", do="finish")
    page = seller.send(status=422, **{**values, "comments-0-comment": "Kept too"})
    assert set(faults_beside(page)) == {
        "contact_no", "cost", "template_code", "description", "salesperson_code",
    }  # fmt: skip
    assert control(page, "subject")["value"] == "Kept"
    assert page.one("textarea", name="comments-0-comment").text == "Kept too"
    assert count(sessions, "interaction") == before


def test_it_is_recorded_and_sent_twice_makes_one(seller: Browser, demo: Demo, sessions: Any) -> None:
    before = count(sessions, "interaction")
    values = begin(seller, demo, template_code="LETTER", description="Met at the fair", do="finish")
    address = seller.here
    seller.send(**{**values, "comments-0-comment": "Nice"})
    first = seller.here
    assert "Met at the fair" in seller.page.one("h1").text
    assert "Nice" in seller.page.one("section", id="comments").text
    seller.send(address, **{**values, "comments-0-comment": "Nice"})
    assert seller.here == first
    assert count(sessions, "interaction") == before + 1
    begin(seller, demo)
    seller.send(**begin(seller, demo, template_code="LETTER", description="Met at the fair", do="finish"))
    assert count(sessions, "interaction") == before + 2


def test_leaving_asks_and_finishing_later_keeps_everything(seller: Browser, demo: Demo) -> None:
    """P1 to P3, without a script."""
    values = begin(seller, demo, description="Half done", do="leave")
    page = seller.send(status=200, **{**values, "comments-0-comment": "Remember"})
    assert "Finish later?" in page.one("h1").text
    kept = {each.attributes["name"]: each.attributes["value"] for each in page.one("main").all("input")}
    assert (kept["description"], kept["comments-0-comment"]) == ("Half done", "Remember")
    back = seller.send("/interactions/new/", status=200, **{**kept, "do": "back"})
    assert control(back, "description")["value"] == "Half done"
    seller.send("/interactions/new/", **{**kept, "do": "postpone"})
    assert seller.here == f"/contacts/{demo.contacts[3]}"
    link = next(each for each in seller.page.all("a") if each.text == "Half done")
    page = seller.open(link.attributes["href"])
    assert page.one("textarea", name="comments-0-comment").text == "Remember"
    here = seller.here
    values = {**seller.typed(), "template_code": "LETTER", "comments-0-comment": "Remember", "do": "finish"}
    seller.send(**values)
    assert seller.here == f"/interactions/{here.rpartition('/')[2]}"
    assert "Remember" in seller.page.one("section", id="comments").text
    seller.open(here, status=303)
    seller.open("/interactions/")
    seller.send(here, **values)
    assert "finished already" in seller.page.text


def test_discarding_keeps_nothing(seller: Browser, demo: Demo, sessions: Any) -> None:
    before = count(sessions, "postponed_interaction")
    seller.send(**begin(seller, demo, description="Nothing", do="discard"))
    assert seller.here == f"/contacts/{demo.contacts[3]}"
    assert count(sessions, "postponed_interaction") == before


def test_a_stale_resume_is_not_lost(seller: Browser, marketing_browser: Browser, demo: Demo) -> None:
    address = f"/postponed-interactions/{demo.postponed}"
    seller.open(address)
    mine = {**seller.typed(), "subject": "Mine", "do": "postpone"}
    marketing_browser.open(address)
    marketing_browser.send(**{**marketing_browser.typed(), "subject": "Theirs", "do": "postpone"})
    page = seller.send(address, status=422, **mine)
    assert "Somebody else has changed" in page.text
    assert control(page, "subject")["value"] == "Mine"
    seller.send(address, **{**seller.typed(), "do": "postpone"})
    assert control(seller.open(address), "subject")["value"] == "Mine"


def test_a_phone_call_begins_with_the_contacts_number(
    seller: Browser, admin_browser: Browser, demo: Demo
) -> None:
    """I8"""
    admin_browser.open(f"/contacts/{demo.contacts[2]}")
    admin_browser.fill(phone="+49 30 99")
    page = seller.open(f"/interactions/new/?contact_no={demo.contacts[2]}&phone_call=yes")
    assert control(page, "contact_via")["value"] == "+49 30 99"
    assert "checked" in control(page, "phone_call")
    page = seller.send(status=422, **{**seller.typed(), "salesperson_code": "AH", "do": "finish"})
    assert "outgoing calls" in faults_beside(page)["template_code"]


def test_many_are_deleted_after_a_question(marketing_browser: Browser, demo: Demo, sessions: Any) -> None:
    """P4"""
    chosen = []
    for _ in range(2):
        values = begin(marketing_browser, demo, description="To go", do="postpone")
        marketing_browser.send(**values)
        page = marketing_browser.open("/postponed-interactions/?user=marketing")
        chosen.append(page.all("input", name="entry_no")[0].attributes["value"])
    token = page.all("input", name="csrf_token")[0].attributes["value"]
    answer = marketing_browser.flask.post(
        "/postponed-interactions/delete", data={"csrf_token": token, "entry_no": chosen}
    )
    assert "Delete 2 postponed interactions" in answer.text
    before = count(sessions, "postponed_interaction")
    marketing_browser.flask.post(
        "/postponed-interactions/delete",
        data={"csrf_token": token, "entry_no": chosen, "confirmed": "yes"},
    )
    assert count(sessions, "postponed_interaction") == before - 2
    page = marketing_browser.open("/postponed-interactions/")
    assert "2 postponed interactions have been deleted" in page.text


def test_an_entry_takes_comments_and_its_outcome(
    seller: Browser, marketing_browser: Browser, demo: Demo
) -> None:
    """I5, I7, U1"""
    address = f"/interactions/{demo.entry_no}"
    seller.open(address)
    page = seller.send(f"{address}/comment", status=422, comment=" ")
    assert "comment" in faults_beside(page)
    seller.open(address)
    seller.send(f"{address}/comment", comment="Read by\nOlga")
    assert "Read by Olga" in seller.page.one("section", id="comments").text
    tag = seller.page.all("input", name="etag")[0].attributes["value"]
    seller.send(f"{address}/outcome", status=422, evaluation="positive", etag=tag)
    assert "Your role does not allow this." in seller.page.text
    marketing_browser.open(address)
    for _press in range(2):
        marketing_browser.send(
            f"{address}/outcome", evaluation="positive", etag=tag, shown_as="a form sent twice"
        )
        assert "Positive" in marketing_browser.page.text
    marketing_browser.send(f"{address}/outcome", status=422, evaluation="negative", etag=tag)
    assert "Somebody else has changed this record" in marketing_browser.page.text


def test_the_timeline_goes_on_and_can_be_its_own(seller: Browser, demo: Demo) -> None:
    page = seller.open(f"/contacts/{demo.company}")
    seen = page.one("ol", class_="timeline").all("li")
    assert len(seen) == 20
    following = page.one("a", data_more="").attributes["href"]
    page = seller.open(following)
    later = page.one("ol", class_="timeline").all("li")
    assert not {each.text for each in later} & {each.text for each in seen}
    page = seller.open(f"/contacts/{demo.company}?own=yes")
    assert len(page.one("ol", class_="timeline").all("li", class_="is-segment")) == 1
    seller.open(f"/contacts/{demo.company}/timeline/?after=nonsense", status=422)


def test_changes_are_told_in_words_to_administrators_alone(
    admin_browser: Browser, marketing_browser: Browser, browser_of: Callable[..., Browser], demo: Demo
) -> None:
    """U2"""
    address = f"/contacts/{demo.contacts[5]}"
    marketing_browser.open(address)
    marketing_browser.fill(city="Kazan", correspondence_type="fax")
    assert "Changes" not in marketing_browser.page.text
    section = admin_browser.open(address).all("section", aria_labelledby="history-title")[0]
    assert "Changed" in section.text
    assert "City Берлин → Kazan" in section.text
    assert "Correspondence Type Fax" in section.text
    page = admin_browser.open(f"/audit/?object_type=contact&object_key={demo.contacts[5]}&action=change")
    assert [row.all("td")[1].text for row in page.one("tbody").all("tr")] == ["marketing"]
    russian = browser_of(Role.ADMIN, language="ru").open("/audit/?action=change")
    assert "Город" in russian.one("tbody").text
    assert "This filter cannot be read" in admin_browser.open("/audit/?date_from=tomorrow").text


def test_a_contact_is_erased_when_its_name_is_typed(
    admin_browser: Browser, demo: Demo, do_jobs: Callable[[], None]
) -> None:
    """C4"""
    no = demo.contacts[9]
    name = admin_browser.open(f"/contacts/{no}").one("h1").text
    page = admin_browser.open(f"/contacts/{no}/erase")
    token = page.all("input", name="csrf_token")[0].attributes["value"]
    page = admin_browser.send(status=422, typed="somebody")
    assert "typed" in faults_beside(page)
    exported = admin_browser.flask.post(f"/contacts/{no}/personal-data", data={"csrf_token": token})
    assert json.loads(exported.text)["contact"][0]["name"] == name
    admin_browser.send(f"/contacts/{no}/erase", typed=name.upper())
    do_jobs()
    page = admin_browser.open(admin_browser.here)
    assert "Archive files that were written before are not touched" in page.text
    page = admin_browser.open(f"/contacts/{no}")
    assert name not in page.one("main").text
    assert "This contact has been erased" in page.text
    assert "Create Interaction" not in page.text
    assert "Erased" in page.all("section", aria_labelledby="history-title")[0].text
