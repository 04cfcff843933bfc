"""Our static files: an address that changes when the file does, so that a browser keeps what it has."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

A_YEAR = 31_536_000


def init_app(app: Flask) -> None:
    """Let browsers keep for a year what they have asked `app` for by its version."""
    app.after_request(keep)


def asset(name: str, blueprint: str | None = None) -> str:
    """Return the address of a static file, of ours or of a blueprint; it changes when the file does."""
    endpoint = f"{blueprint}.static" if blueprint else "static"
    return url_for(endpoint, filename=name, v=_version_of(endpoint, name))


def keep(response: Response) -> Response:
    """Promise that an address with the version of its file never shows another."""
    version = request.args.get("v")
    if version and response.status_code in (200, 304) and is_static():
        filename = str((request.view_args or {})["filename"])
        if version == _version_of(str(request.endpoint), filename):
            response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response


def is_static() -> bool:
    """Tell whether the request is for a static file."""
    return (request.endpoint or "").rpartition(".")[2] == "static"


def _version_of(endpoint: str, name: str) -> str:
    owner = current_app.blueprints[endpoint.rpartition(".")[0]] if "." in endpoint else current_app
    path = Path(str(owner.static_folder)) / name
    return _version(path, os.stat(path).st_mtime_ns)


@cache
def _version(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
