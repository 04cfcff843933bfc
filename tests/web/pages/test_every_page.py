"""Every page, for every role, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from domain.actors import Role
from domain.settings import Settings
from tests.web.pages.conftest import LANGUAGES, Browser, Demo
from tests.web.pages.html import Element
from web import create_app

READERS = (Role.VIEWER, Role.SALESPERSON, Role.MARKETING, Role.ADMIN)

# Endpoint -> (address with keys of Demo, least role).
PAGES: dict[str, tuple[str, Role]] = {
    "home.show": ("/", Role.VIEWER),
    "search.show": ("/search/?q=log", Role.VIEWER),
    "account.show": ("/my-settings", Role.VIEWER),
    "guide.index": ("/guide/", Role.VIEWER),
    "guide.chapter": ("/guide/segments", Role.VIEWER),
    "contacts.index": ("/contacts/", Role.VIEWER),
    "contacts.new": ("/contacts/new", Role.MARKETING),
    "contacts.card": ("/contacts/{company}", Role.VIEWER),
    "segments.index": ("/segments/", Role.VIEWER),
    "segments.new": ("/segments/new", Role.MARKETING),
    "segments.card": ("/segments/{segment}", Role.VIEWER),
    "segments.check": ("/segments/{segment}/check", Role.VIEWER),
    "segments.log": ("/segments/{segment}/log", Role.MARKETING),
    "segment_criteria.act": ("/segments/{segment}/add-contacts", Role.MARKETING),
    "segment_criteria.other_ways": ("/segments/{segment}/other-ways", Role.MARKETING),
    "segment_criteria.why": ("/segments/{segment}/why?contact_no={company}", Role.VIEWER),
    "many_lines.change": ("/segments/{segment}/lines/many/?q=a", Role.MARKETING),
    "saved_criteria.index": ("/saved-criteria/", Role.VIEWER),
    "saved_criteria.card": ("/saved-criteria/UK", Role.VIEWER),
    "segment_lines.card": ("/segments/{segment}/lines/{overridden_line}/", Role.VIEWER),
    "jobs.index": ("/jobs/", Role.VIEWER),
    "jobs.card": ("/jobs/{job}", Role.VIEWER),
    "logged_segments.index": ("/logged-segments/", Role.VIEWER),
    "logged_segments.card": ("/logged-segments/{logged_segment}", Role.VIEWER),
    "logged_segments.follow_up": ("/logged-segments/{logged_segment}/follow-up", Role.MARKETING),
    "interactions.index": ("/interactions/", Role.VIEWER),
    "interactions.card": ("/interactions/{entry_no}", Role.VIEWER),
    "interaction_form.new": ("/interactions/new/?contact_no={company}", Role.SALESPERSON),
    "postponed.index": ("/postponed-interactions/", Role.VIEWER),
    "postponed.card": ("/postponed-interactions/{postponed}", Role.VIEWER),
    "timeline.show": ("/contacts/{company}/timeline/", Role.VIEWER),
    "personal_data.erase": ("/contacts/{company}/erase", Role.ADMIN),
    "audit.index": ("/audit/", Role.ADMIN),
    "document_events.index": ("/document-events/", Role.VIEWER),
    "document_events.card": ("/document-events/{event}", Role.VIEWER),
    "campaigns.index": ("/campaigns/", Role.VIEWER),
    "campaigns.new": ("/campaigns/new", Role.MARKETING),
    "campaigns.card": ("/campaigns/CP0001", Role.VIEWER),
    "salespeople.index": ("/salespeople/", Role.VIEWER),
    "salespeople.new": ("/salespeople/new", Role.ADMIN),
    "salespeople.card": ("/salespeople/AH", Role.VIEWER),
    "interaction_templates.index": ("/interaction-templates/", Role.VIEWER),
    "interaction_templates.new": ("/interaction-templates/new", Role.ADMIN),
    "interaction_templates.card": ("/interaction-templates/LETTER", Role.VIEWER),
    "interaction_groups.index": ("/interaction-groups/", Role.VIEWER),
    "interaction_groups.new": ("/interaction-groups/new", Role.ADMIN),
    "interaction_groups.card": ("/interaction-groups/LETTERS", Role.VIEWER),
    "template_setup.show": ("/template-setup/", Role.VIEWER),
    "setup.show": ("/marketing-setup/", Role.VIEWER),
    "number_series.index": ("/number-series/", Role.VIEWER),
    "number_series.new": ("/number-series/new", Role.ADMIN),
    "number_series.card": ("/number-series/SEGMENT", Role.VIEWER),
    "purges.index": ("/purges/", Role.VIEWER),
    "purges.new": ("/purges/new", Role.ADMIN),
    "purge_schedules.index": ("/purge-schedules/", Role.VIEWER),
    "purge_schedules.new": ("/purge-schedules/new", Role.ADMIN),
    "purge_schedules.card": ("/purge-schedules/{schedule}", Role.VIEWER),
    "housekeeping.show": ("/housekeeping/", Role.VIEWER),
    "users.index": ("/users/", Role.ADMIN),
    "users.new": ("/users/new", Role.ADMIN),
    "users.card": ("/users/marketing", Role.ADMIN),
    "tokens.index": ("/tokens/", Role.ADMIN),
    "tokens.new": ("/tokens/new", Role.ADMIN),
}
# Not pages of their own: asked for by scripts, or tested by themselves.
APART = {
    "lookup.offer",
    "document_events.link",
    "sign_in.show",
    "sign_in.link",
    "list_actions.export",
    "statistics.chart",
    "charts.show",
    "jobs.watch",
    "guide.static",
}


def test_the_list_of_pages_is_complete(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    served = {rule.endpoint.removeprefix("pages.") for rule in rules if rule.endpoint.startswith("pages.")}
    assert served - APART == set(PAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", READERS)
def test_a_page_is_shown_to_the_roles_that_may_see_it_and_to_no_other(
    role: Role, language: str, browser_of: Callable[..., Browser], demo: Demo
) -> None:
    """U1: each role includes the ones before; users and tokens are for administrators."""
    browser = browser_of(role, language=language)
    for endpoint, (address, least) in PAGES.items():
        page = browser.open(address.format(**vars(demo)), status=200 if role.includes(least) else 403)
        assert page.one("html").attributes["lang"] == language, endpoint
        assert len(page.all("h1")) == 1, endpoint


def test_a_service_sees_no_page(browser_of: Callable[..., Browser], demo: Demo) -> None:
    """U1: service only sends document events."""
    browser = browser_of(None)
    browser.open("/sign-in")
    answer = browser.flask.post(
        "/sign-in",
        data={
            "csrf_token": browser.page.all("input", name="csrf_token")[0].attributes["value"],
            "name": "service",
            "password": "a good long password",
        },
    )
    assert answer.status_code == 303
    for address, _ in PAGES.values():
        browser.open(address.format(**vars(demo)), status=403)


def test_without_signing_in_every_page_leads_to_the_sign_in(
    browser_of: Callable[..., Browser], demo: Demo
) -> None:
    """U1: nobody gets in without signing in."""
    browser = browser_of(None)
    for endpoint, (address, _) in PAGES.items():
        browser.open(address.format(**vars(demo)), status=303)
        assert browser.last is not None
        assert browser.last.headers["Location"].startswith("/sign-in"), endpoint


def test_nothing_inline_and_nothing_from_elsewhere(admin_browser: Browser, demo: Demo) -> None:
    """The policy forbids inline script and style; everything comes from this server."""
    for address, _ in PAGES.values():
        page = admin_browser.open(address.format(**vars(demo)))
        assert admin_browser.last is not None
        policy = admin_browser.last.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
        assert not page.all("style")
        for element in _elements(page):
            assert "style" not in element.attributes, (address, element)
            assert not [name for name in element.attributes if name.startswith("on")], (address, element)
            for name in ("src", "href", "action"):
                target = element.attributes.get(name, "")
                assert not re.match(r"(https?:)?//", target), (address, target)
        for script in page.all("script"):
            assert script.attributes["src"].startswith("/"), address


def test_every_control_has_a_label(admin_browser: Browser, demo: Demo) -> None:
    for address, _ in PAGES.values():
        page = admin_browser.open(address.format(**vars(demo)))
        labels = {label.attributes.get("for") for label in page.all("label")}
        ids = [element.attributes["id"] for element in _elements(page) if "id" in element.attributes]
        assert len(ids) == len(set(ids)), (address, sorted(each for each in ids if ids.count(each) > 1))
        for tag in ("input", "select", "textarea"):
            for control in page.all(tag):
                if control.attributes.get("type") == "hidden":
                    continue
                named = control.attributes.get("id") in labels or "aria-label" in control.attributes
                assert named, (address, control)


def test_an_unknown_record_is_answered_with_a_page_that_names_it(admin_browser: Browser) -> None:
    page = admin_browser.open("/contacts/NOBODY", status=404)
    assert "There is no contact “NOBODY”." in page.one("main").text
    assert page.one("nav", class_="mainnav")


@pytest.mark.parametrize(
    "address",
    [
        "/interactions/99999999999999999999",
        "/segments/SM00001/lines/99999999999/",
        "/jobs/nothing",
        "/logged-segments/99999999999999",
        "/contacts/%00",
        "/document-events/99999999999999999999",
        "/nowhere",
    ],
)
def test_addresses_that_lead_nowhere_are_not_found(address: str, admin_browser: Browser) -> None:
    admin_browser.open(address, status=404)


@pytest.mark.parametrize(
    "address",
    [
        "/interactions/?date_from=yesterday",
        "/interactions/?after=x",
        "/logged-segments/?after=99999999999999999999",
        "/contacts/?q=%00&company_no=%00",
        "/segments/SM00001?after_line=-1&problem=nonsense",
        "/tokens/?after=x",
        "/jobs/?state=nonsense&kind=nonsense",
        "/document-events/?outcome=nonsense&from=yesterday&after=x",
        "/document-events/?source=%00&contact_no=%00&to=9999-12-31&conflicts=x",
    ],
)
def test_filters_that_make_no_sense_do_no_harm(address: str, admin_browser: Browser) -> None:
    admin_browser.open(address)


def _elements(page: Element) -> list[Element]:
    return page.all()


def test_without_a_database_a_page_says_so_in_the_browsers_language(settings: Settings, demo: Demo) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"})
    app = create_app(away)
    browser = Browser(app.test_client(), "ru")
    with browser.flask.session_transaction() as session:
        session["_user_id"] = "1.0"
    page = browser.open("/contacts/", status=503)
    assert browser.last is not None
    assert browser.last.headers["Retry-After"]
    assert "База данных недоступна" in page.text
