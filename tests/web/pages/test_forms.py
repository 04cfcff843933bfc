"""Forms: sent twice they do their work once; faults are listed with links to their fields; look-ups offer."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from tests.web.pages.conftest import Browser, Demo
from web.pages.lookup import KINDS


def count(sessions: Any, query: str, **parameters: Any) -> int:
    with sessions() as session:
        return int(session.execute(text(query), parameters).scalar_one())


SEGMENTS = "SELECT count(*) FROM segment WHERE description = :description"


def test_a_form_sent_twice_makes_one(marketing_browser: Browser, demo: Demo, sessions: Any) -> None:
    browser = marketing_browser
    browser.open("/segments/new")
    typed = {**browser.typed(), "description": "Sent twice"}
    browser.send("/segments/new", **typed)
    first = browser.here
    browser.send("/segments/new", **typed)
    assert browser.here == first
    assert count(sessions, SEGMENTS, description="Sent twice") == 1
    browser.open("/segments/new")
    browser.fill(description="Sent twice")
    assert browser.here != first
    assert count(sessions, SEGMENTS, description="Sent twice") == 2


def test_two_sendings_of_a_form_at_once_make_one(
    marketing_browser: Browser, demo: Demo, sessions: Any
) -> None:
    browser = marketing_browser
    browser.open("/segments/new")
    typed = {**browser.typed(), "description": "At once"}
    cookies = browser.flask._cookies
    led: list[str] = []

    def send() -> None:
        client = browser.flask.application.test_client()
        client._cookies = cookies
        led.append(client.post("/segments/new", data=typed).headers["Location"])

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert led[0] == led[1]
    assert count(sessions, SEGMENTS, description="At once") == 1


def test_a_refused_form_can_be_sent_again_with_the_same_content(
    admin_browser: Browser, sessions: Any
) -> None:
    browser = admin_browser
    browser.open("/salespeople/new")
    typed = {**browser.typed(), "code": "TW", "name": "Twice"}
    browser.send("/salespeople/new", **{**typed, "code": ""}, status=422)
    browser.send("/salespeople/new", **typed)
    assert browser.here == "/salespeople/TW"


def test_a_change_sent_twice_is_taken_and_somebody_elses_is_not_overwritten(
    marketing_browser: Browser, demo: Demo, sessions: Any
) -> None:
    browser, path = marketing_browser, f"/contacts/{demo.contacts[4]}"
    browser.open(path)
    typed = {**browser.typed(), "city": "Tver"}
    for _ in range(2):
        assert "Saved." in browser.send(path, **typed).one("main").text
    changes = "SELECT count(*) FROM audit WHERE object_key = :key AND action = 'change' AND changes ? 'city'"
    assert count(sessions, changes, key=demo.contacts[4]) == 1
    browser.send(path, **{**typed, "city": "Ufa"}, status=422)
    assert "Somebody else has changed this record" in browser.page.one("main").text


@pytest.mark.parametrize(
    ("path", "field", "before", "after"),
    [
        ("/marketing-setup/", "company_name", "", "Twice & Co."),
        ("/template-setup/", "email", "", "LETTER"),
        ("/housekeeping/", "keep_jobs_days", "180", "200"),
    ],
)
def test_a_setup_sent_twice_is_taken_and_somebody_elses_is_not_overwritten(
    admin_browser: Browser, path: str, field: str, before: str, after: str
) -> None:
    browser = admin_browser
    browser.open(path)
    typed = browser.typed()
    for _ in range(2):
        assert "Saved." in browser.send(path, **{**typed, field: after}).one("main").text
    browser.send(path, **{**typed, field: before}, status=422)
    assert "Somebody else has changed this record" in browser.page.one("main").text
    browser.open(path)
    browser.send(path, **{**browser.typed(), field: typed.get(field, before)})


def test_log_pressed_twice_leads_to_the_same_job(marketing_browser: Browser, demo: Demo) -> None:
    """L1"""
    browser = marketing_browser
    browser.open("/segments/new")
    browser.fill(description="Logged twice", template_code="LETTER", salesperson_code="AH")
    segment = browser.here
    browser.open(segment)
    adding = browser.page.one("form", action=f"{segment}/add-line")
    values = {each.attributes["name"]: each.attributes.get("value", "") for each in adding.all("input")}
    values = {**values, "contact_no": demo.contacts[3]}
    values.pop("allow_existing")
    for _ in range(2):
        browser.send(f"{segment}/add-line", **values)
    assert "1 contact line" in browser.page.one("section", id="lines").text
    dialog = browser.page.one("dialog", id="log-dialog").one("form")
    keys = {each.attributes["name"]: each.attributes["value"] for each in dialog.all("input", type="hidden")}
    browser.send(f"{segment}/log", **keys, on_invalid="skip")
    job = browser.here
    browser.send(f"{segment}/log", **keys, on_invalid="skip")
    assert browser.here == job


def test_faults_are_listed_with_links_to_their_fields(admin_browser: Browser) -> None:
    admin_browser.open("/interaction-templates/new")
    page = admin_browser.fill(status=422, unit_cost="much", group_code="NOPE")
    listed = page.one("ul", class_="faults-list").all("a")
    assert [each.attributes["href"] for each in listed] == ["#code", "#group_code", "#unit_cost"]
    for each in listed:
        field = page.one("input", id=each.attributes["href"][1:])
        assert field.attributes["aria-invalid"] == "true"
        assert page.one(id=field.attributes["aria-describedby"].split()[0]).text.endswith(each.text)


def test_own_values_are_told_from_inherited_ones(marketing_browser: Browser, demo: Demo) -> None:
    """S2, S3"""
    page = marketing_browser.open(f"/segments/{demo.segment}/lines/{demo.overridden_line}/")
    own = [field.all("label")[0].text for field in page.all("div", class_="has-own")]
    assert own == ["Campaign", "Cost"]
    assert "Inherited: 10" in page.one("main").text


@pytest.mark.parametrize(
    ("kind", "typed", "offered"),
    [
        ("contact", "person 7", "Person 7"),
        ("company", "", "Cronus"),
        ("salesperson", "hill", "Annette Hill"),
        ("template", "LET", "A letter"),
        ("group", "", "Letters"),
        ("campaign", "spr", "Spring"),
        ("segment", "spring", "Spring letter"),
        ("number_series", "", "Contacts"),
        ("saved_criteria", "uk", "Ours"),
        ("logged_segment", "winter", "Winter letter"),
    ],
)
def test_look_up_fields_offer_what_contains_what_was_typed(
    kind: str, typed: str, offered: str, admin_browser: Browser
) -> None:
    answer = admin_browser.flask.get(f"/lookup/{kind}", query_string={"q": typed})
    assert offered in [each["label"] for each in answer.json or []]


def test_every_kind_of_look_up_is_tested_and_others_are_not_found(admin_browser: Browser) -> None:
    assert len(KINDS) == 10
    assert admin_browser.flask.get("/lookup/passwords").status_code == 404
