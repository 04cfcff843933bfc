"""Cards of master data: saving, faults beside their fields, stale edits, deleting."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.actors import Role
from tests.web.pages.conftest import Browser, Demo
from tests.web.pages.html import faults_beside


def test_a_record_is_created_changed_and_deleted(admin_browser: Browser) -> None:
    browser = admin_browser
    browser.open("/salespeople/new")
    browser.fill(code="NEW", name="Somebody New", email="new@example.com")
    assert browser.here == "/salespeople/NEW"
    assert browser.page.one("h1").text == "Somebody New"
    browser.fill(name="Somebody Else", blocked="y")
    assert browser.page.one("input", id="name").attributes["value"] == "Somebody Else"
    assert "checked" in browser.page.one("input", id="blocked").attributes
    asked = browser.send("/salespeople/NEW/delete", status=200)
    assert "This cannot be undone." in asked.text
    browser.send("/salespeople/NEW/delete", confirmed="yes")
    assert browser.here == "/salespeople/"
    browser.open("/salespeople/NEW", status=404)


def test_all_faults_are_shown_at_once_beside_their_fields_and_the_input_stays(
    admin_browser: Browser,
) -> None:
    """Unreadable values and what the domain refuses are told together."""
    browser = admin_browser
    browser.open("/interaction-templates/new")
    typed = {
        "code": "a b",
        "group_code": "NOPE",
        "unit_cost": "-5",
        "unit_duration_min": "soon",
        "campaign_no": "NOPE",
        "description": "x" * 101,
        "language_code": "fr",
        "languages-0-language_code": "",
        "languages-0-subject": "A subject without a language",
        "languages-1-language_code": "en",
        "languages-1-subject": "A",
    }
    page = browser.fill(**typed, status=422)
    faults = faults_beside(page)
    assert set(faults) == {
        "code",
        "group_code",
        "unit_cost",
        "unit_duration_min",
        "campaign_no",
        "description",
        "language_code",
        "languages-0-language_code",
    }
    assert faults["group_code"] == "Interaction Group: there is no “NOPE”."
    assert faults["unit_cost"] == "Unit Cost: “-5” is negative."
    assert page.one(class_="is-bad").text.startswith("Nothing was saved: 8 fields")
    for name, value in typed.items():
        assert page.one("input", name=name).attributes["value"] == value
    assert browser.open("/interaction-templates/").text.count("a b") == 0


def test_required_fields_are_told_together(admin_browser: Browser) -> None:
    """T1, T2."""
    admin_browser.open("/interaction-templates/new")
    page = admin_browser.fill(status=422)
    assert set(faults_beside(page)) == {"code", "group_code"}


def test_a_field_that_cannot_be_read_is_not_called_missing_as_well(admin_browser: Browser) -> None:
    admin_browser.open("/number-series/new")
    page = admin_browser.fill(code="x" * 30, starting_no="", status=422)
    assert faults_beside(page)["code"].count("Code") == 1
    assert "must be given" in faults_beside(page)["starting_no"]


def test_an_edit_made_meanwhile_by_somebody_else_is_not_overwritten_unnoticed(
    browser_of: Callable[..., Browser],
) -> None:
    mine, theirs = browser_of(Role.ADMIN), browser_of(Role.ADMIN)
    mine.open("/salespeople/AH")
    theirs.open("/salespeople/AH")
    theirs.fill(name="Annette Theirs")
    page = mine.fill(name="Annette Mine", status=422)
    assert "Somebody else has changed this record" in page.one(class_="is-bad").text
    assert page.one("input", id="name").attributes["value"] == "Annette Mine"
    assert theirs.open("/salespeople/AH").one("h1").text == "Annette Theirs"
    mine.fill()
    assert mine.page.one("h1").text == "Annette Mine"


def test_only_what_was_changed_is_written(admin_browser: Browser) -> None:
    """An untouched field is not judged again, so an old value that is no longer allowed stays."""
    browser = admin_browser
    browser.open("/number-series/SEGMENT")
    browser.fill(description="Numbers of segments")
    assert browser.page.one("input", id="description").attributes["value"] == "Numbers of segments"


def test_what_is_in_use_stays_and_the_page_says_so(admin_browser: Browser) -> None:
    """T1: a group in use cannot be deleted."""
    admin_browser.open("/interaction-groups/LETTERS")
    page = admin_browser.send("/interaction-groups/LETTERS/delete", confirmed="yes")
    assert admin_browser.here == "/interaction-groups/LETTERS"
    assert "in use" in page.one(class_="is-bad").text


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/salespeople/AH", Role.MARKETING),
        ("/contacts/CT000001", Role.SALESPERSON),
        ("/segments/SM00001", Role.SALESPERSON),
        ("/marketing-setup/", Role.MARKETING),
        ("/template-setup/", Role.MARKETING),
        ("/salespeople/AH/delete", Role.MARKETING),
        ("/segments/SM00001/log", Role.SALESPERSON),
        ("/segments/SM00001/add-line", Role.SALESPERSON),
        ("/segments/SM00001/lines/1/", Role.SALESPERSON),
        ("/segments/SM00001/lines/1/remove", Role.SALESPERSON),
        ("/logged-segments/1/follow-up", Role.SALESPERSON),
        ("/users/viewer", Role.MARKETING),
        ("/users/viewer/sign-in-link", Role.MARKETING),
        ("/tokens/1/revoke", Role.MARKETING),
    ],
)
def test_changes_need_the_role(path: str, role: Role, browser_of: Callable[..., Browser]) -> None:
    """U1."""
    browser = browser_of(role)
    browser.open("/")
    browser.send(path, status=403, confirmed="yes", name="Changed")


def test_a_reader_sees_the_card_but_cannot_type(browser_of: Callable[..., Browser]) -> None:
    page = browser_of(Role.VIEWER).open("/contacts/CT000001").one("main")
    assert page.all("input", name="name")[0].attributes.get("disabled") is not None
    assert not [button for button in page.all("button") if button.text in ("Save", "Delete")]


def test_a_contact_card_shows_its_interactions(marketing_browser: Browser, demo: Demo) -> None:
    """T5: a company's include its people's."""
    page = marketing_browser.open(f"/contacts/{demo.company}")
    assert "Winter letter" in page.text
    assert page.one("section", aria_labelledby="statistics-title").one("a").text == "59"


def test_contacts_are_found_by_search_and_filters(marketing_browser: Browser) -> None:
    found = marketing_browser.open("/contacts/?q=person+7").one("table", class_="grid")
    assert [row.all("td")[2].text for row in found.all("tr")[1:]] == ["Person 7"]
    page = marketing_browser.open("/contacts/?type=company")
    assert page.one("select", id="filter-type").all("option", value="company")[0].attributes["selected"] == ""
    assert "Rows: 1" in page.text
    assert "No row matches these filters." in marketing_browser.open("/contacts/?q=zzz").text


def test_pages_of_a_list_follow_each_other_without_gap_or_repeat(
    marketing_browser: Browser, demo: Demo
) -> None:
    first = marketing_browser.open("/contacts/?type=person")
    seen = [link.text for link in first.one("table", class_="grid").all("a") if link.text.startswith("CT")]
    follow = first.one("a", rel="next").attributes["href"]
    assert "type=person" in follow
    second = marketing_browser.open(follow)
    people = [
        row.all("td")[1].text
        for page in (first, second)
        for row in page.one("table", class_="grid").all("tr")[1:]
    ]
    assert people == sorted(people)
    assert len(people) == len(set(people)) == 59
    assert seen
    assert second.all("a", rel="next") == []


def test_a_contact_with_accounts_and_groups_is_saved(marketing_browser: Browser) -> None:
    """C1; an account that is taken is told beside it."""
    browser = marketing_browser
    browser.open("/contacts/new")
    browser.fill(
        type="company",
        name="Elkhorn",
        mailing_groups="NEWS, FAIR",
        **{"accounts-0-type": "customer", "accounts-0-no": "C100"},
    )
    assert browser.page.one("input", id="mailing_groups").attributes["value"] in ("NEWS, FAIR", "FAIR, NEWS")
    assert browser.page.one("input", name="accounts-0-no").attributes["value"] == "C100"
    browser.open("/contacts/new")
    page = browser.fill(
        type="company", name="Second", status=422, **{"accounts-0-type": "customer", "accounts-0-no": "C100"}
    )
    assert "belongs to another contact" in page.one("main").text


def test_lookups_offer_contacts_while_typing(marketing_browser: Browser) -> None:
    offered = marketing_browser.flask.get("/lookup/contact?q=cronus").json
    assert offered == [{"value": "CT000001", "label": "Cronus"}]
    assert marketing_browser.flask.get("/lookup/company?q=person").json == []


def test_the_setup_is_changed_by_an_administrator(admin_browser: Browser) -> None:
    admin_browser.open("/marketing-setup/")
    page = admin_browser.fill(timezone="Mars/Olympus", segment_nos="NOPE", status=422)
    assert set(faults_beside(page)) == {"timezone", "segment_nos"}
    admin_browser.open("/marketing-setup/")
    admin_browser.fill(company_name="Nordwind", timezone="Europe/Berlin")
    assert "Saved." in admin_browser.page.text


def test_the_template_setup_refuses_templates_with_languages_beside_the_document_type(
    admin_browser: Browser,
) -> None:
    """T4."""
    admin_browser.open("/template-setup/")
    page = admin_browser.fill(sales_invoice="LETTER", sales_quote="NOPE", email="LETTER", status=422)
    assert set(faults_beside(page)) == {"sales_invoice", "sales_quote"}


def test_a_token_is_shown_once_and_can_be_revoked(admin_browser: Browser) -> None:
    browser = admin_browser
    browser.open("/tokens/new")
    page = browser.fill(name="shop", role="service", status=200)
    secret = page.one("code", id="secret").text
    assert secret.startswith("ilg_")
    listed = browser.open("/tokens/")
    assert secret not in listed.text
    path = next(
        form.attributes["action"]
        for form in listed.all("form")
        if "shop" in form.attributes.get("data-confirm", "")
    )
    assert "refused from now on" in browser.send(path, status=200).text
    browser.send(path, confirmed="yes")
    assert "shop" not in browser.page.one("table", class_="grid").text


def test_an_administrator_makes_a_one_time_link(
    admin_browser: Browser, browser_of: Callable[..., Browser]
) -> None:
    admin_browser.open("/users/viewer")
    page = admin_browser.send("/users/viewer/sign-in-link", status=200)
    link = "/" + page.one("code", id="secret").text.split("/", 3)[3]
    newcomer = browser_of(None)
    newcomer.open(link)
    newcomer.send(link)
    assert newcomer.page.one("h1").text == "Home"
