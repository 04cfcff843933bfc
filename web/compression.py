"""Pages and our static files travel compressed, to whoever takes gzip.

A page holds the token of its forms next to what somebody else may have put into its address. That its compressed
length says nothing of the token, each is made longer by a random part of the gzip header (the file name, which
nobody reads). Answers of the API have strong ETags that clients send back, and streams have no end: both go as
they are.
"""

from __future__ import annotations

import gzip
import io
import secrets
from functools import lru_cache

from flask import Flask, Response, request

from web import assets

TEXTS = {"text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml"}
# Below this, in bytes, an answer fits into a packet either way.
SMALLEST = 860
# Levels above gain 1 % on a page and double the time (60 kB: 1.1 ms here).
PAGE_LEVEL = 6
# More than there are static files that pages name.
KEPT_FILES = 64
LONGEST_PADDING = 100


def init_app(app: Flask) -> None:
    """Compress the answers of `app` that are text, as the last thing done to them."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """Compress an answer if it is text of some length and the client takes gzip."""
    is_file = assets.is_static()
    if (
        response.status_code != 200
        or response.mimetype not in TEXTS
        or "Content-Encoding" in response.headers
        or (response.is_streamed and not is_file)
    ):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") <= 0:
        return response
    response.direct_passthrough = False
    plain = response.get_data()
    if len(plain) < SMALLEST:
        return response
    response.set_data(_file(plain) if is_file else _page(plain))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)
    return response


@lru_cache(maxsize=KEPT_FILES)
def _file(plain: bytes) -> bytes:
    return gzip.compress(plain, 9, mtime=0)


def _page(plain: bytes) -> bytes:
    padding = secrets.token_hex(secrets.randbelow(LONGEST_PADDING // 2) + 1)
    packed = io.BytesIO()
    with gzip.GzipFile(padding, "wb", PAGE_LEVEL, packed, mtime=0) as file:
        file.write(plain)
    return packed.getvalue()
