"""A printed document that was not recorded: found, mended and replayed, as an administrator does it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from ops.processes import wait_until
from tests.browser.conftest import Visit
from tests.domain.events import make_event


def send(url: str, token: str, event: dict[str, Any]) -> None:
    """Send an event, as a billing system does."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    data = json.dumps(event).encode()
    request = urllib.request.Request(f"{url}/api/v1/document-events", data, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 202


def test_what_was_not_recorded_is_mended_and_replayed_in_russian(visit: Callable[..., Visit]) -> None:
    """D2, D7, U1"""
    user = visit(language="ru")
    page = user.page
    user.sign_in("admin")
    user.open("/tokens/new")
    page.fill("#name", "billing")
    page.select_option("#role", "service")
    page.get_by_role("button", name="Создать").click()
    token = page.locator("#secret").inner_text()
    contact = {"account_no": ..., "contact_no": "CT000001"}
    for number in (1, 2):
        send(user.url, token, make_event(document_type="sales_quote", document_no=f"Q-{number}", **contact))

    user.open("/document-events/?document_type=sales_quote")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)

    def are_judged() -> bool:
        page.reload()
        return page.locator("[name=position]").count() == 2

    assert wait_until(are_judged, 15)
    expect(rows.first).to_contain_text("нет шаблона для типа документа «Коммерческое предложение»")
    user.picture("document-events-ru")
    rows.first.get_by_role("link", name="Настроить шаблон").click()
    expect(page.locator("#sales_quote")).to_be_in_viewport()
    page.fill("#sales_quote", "LETTER")
    page.get_by_role("button", name="Сохранить").click()
    expect(page.get_by_text("Сохранено")).to_be_visible()

    user.open("/document-events/?document_type=sales_quote")
    page.locator("td.select input").first.check()
    page.get_by_role("button", name="Повторить …").click()
    page.get_by_role("button", name="Повторить", exact=True).click()
    expect(page.get_by_text("Выполнено")).to_be_visible()
    page.get_by_role("link", name="События печати документов").last.click()
    page.locator(".filters").get_by_label("Тип документа").select_option("sales_quote")
    page.get_by_role("button", name="Применить фильтры").click()
    expect(page.locator("tbody .state.is-good")).to_have_count(1)

    page.get_by_label("Все, что подходят под фильтры").check()
    page.get_by_role("button", name="Повторить …").click()
    expect(page.get_by_text("Попробовать 1 событие снова?")).to_be_visible()
    page.get_by_role("button", name="Повторить").click()
    expect(page.get_by_text("Выполнено")).to_be_visible()
    user.open("/document-events/?document_type=sales_quote")
    expect(page.locator("tbody .state.is-good")).to_have_count(2)
    page.locator("tbody .when a").first.click()
    page.get_by_role("link", name="Операция").first.click()
    expect(page.get_by_text("Количество печатей")).to_be_visible()
