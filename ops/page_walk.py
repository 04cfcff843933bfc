"""A walk through the site by its links: one address of each page that can be reached from the home page."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException

from domain.settings import Settings
from web import create_app, help

PREFIX = "pages."


def walk(read: Callable[[str], str], settings: Settings) -> dict[str, str]:
    """Follow links from the home page; return the first address found of each page, by its endpoint.

    Parameters
    ----------
    read
        Gives the HTML of an address.
    settings
        Of the site; only its routes are looked at.
    """
    routes = create_app(settings).url_map.bind("")
    found: dict[str, str] = {}
    waiting = deque(["/"])
    while waiting:
        address = waiting.popleft()
        try:
            endpoint, _values = routes.match(urlsplit(address).path, method="GET")
        except HTTPException:
            continue
        # What has help is a page; the rest are files, or asked for by scripts.
        name = str(endpoint).removeprefix(PREFIX)
        if name in found or name not in help.PAGES:
            continue
        found[name] = address
        waiting.extend(links_of(read(address)))
    return found


def links_of(page: str) -> list[str]:
    """Return where the links of a page lead, within the site."""
    reader = _Links()
    reader.feed(page)
    return reader.found


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target and target.startswith("/"):
            self.found.append(target.partition("#")[0])
