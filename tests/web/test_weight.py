"""What travels: text is compressed, static files are kept by the browser until they change."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask

from web import i18n

ZIPPED = {"Accept-Encoding": "br, gzip;q=0.8"}


@pytest.fixture(autouse=True)
def _catalogues() -> None:
    i18n.compile_catalogues()


def files_of(page: str) -> list[str]:
    """The static files that a page names."""
    return re.findall(r'(?:href|src)="([^"]*/static/[^"#]+)"', page)


def test_pages_are_compressed_for_those_who_take_it(app: Flask) -> None:
    client = app.test_client()
    plain = client.get("/sign-in")
    assert "Content-Encoding" not in plain.headers
    assert client.get("/sign-in", headers={"Accept-Encoding": "gzip;q=0"}).text.startswith("<!doctype")
    zipped = client.get("/sign-in", headers=ZIPPED)
    assert (zipped.headers["Content-Encoding"], zipped.headers["Vary"]) == ("gzip", "Accept-Encoding, Cookie")
    assert zipped.content_length == len(zipped.data) < len(plain.data) / 2
    assert "<h1>Sign in</h1>" in gzip.decompress(zipped.data).decode()


def test_the_length_of_a_page_tells_nothing_of_its_tokens(app: Flask) -> None:
    client = app.test_client()
    lengths = {client.get("/sign-in", headers=ZIPPED).content_length for _ in range(12)}
    assert len(lengths) > 2


def test_static_files_are_compressed_and_kept_for_a_year_by_their_version(app: Flask) -> None:
    client = app.test_client()
    files = files_of(client.get("/sign-in").text)
    assert len(files) >= 5
    for file in files:
        answer = client.get(file, headers=ZIPPED, buffered=True)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", file
        if len(client.get(file, buffered=True).data) > 1000:
            assert answer.headers["Content-Encoding"] == "gzip", file
            assert gzip.decompress(answer.data) == client.get(file, buffered=True).data
        again = client.get(file, headers={**ZIPPED, "If-None-Match": answer.headers["ETag"]}, buffered=True)
        assert again.status_code == 304, file


def test_what_is_asked_for_without_its_version_is_asked_for_again(app: Flask) -> None:
    client = app.test_client()
    for address in ("/static/interlog.css", "/static/interlog.css?v=another"):
        assert client.get(address, buffered=True).headers["Cache-Control"] == "no-cache"
    assert client.get("/static/nothing.css?v=1").status_code == 404


def test_answers_of_the_api_and_streams_go_as_they_are(app: Flask) -> None:
    client = app.test_client()
    for address in ("/api/v1/openapi.json", "/metrics", "/api/v1/contacts"):
        assert "Content-Encoding" not in client.get(address, headers=ZIPPED, buffered=True).headers, address
