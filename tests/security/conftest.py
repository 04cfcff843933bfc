"""The application, its clients and its browsers, as the tests of the web process have them."""

from tests.web.conftest import (
    admin,
    app,
    client_of,
    company,
    do_jobs,
    marketing,
    sessions,
    settings,
    tokens,
    unique,
    viewer,
)
from tests.web.pages.conftest import _catalogues, admin_browser, browser_of, demo

__all__ = [
    "_catalogues",
    "admin",
    "admin_browser",
    "app",
    "browser_of",
    "client_of",
    "company",
    "demo",
    "do_jobs",
    "marketing",
    "sessions",
    "settings",
    "tokens",
    "unique",
    "viewer",
]
