"""The web process: pages for people, an API for programs, and nothing that takes long (DESIGN 3)."""

from __future__ import annotations

import importlib.util
import secrets
from typing import Any

import structlog
from flask import Flask, Response, request
from flask_openapi.openapi import OpenAPI
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import domain.settings
from domain.settings import Settings
from web import (
    api,
    assets,
    broker,
    compression,
    database,
    errors,
    headers,
    health,
    i18n,
    identity,
    limits,
    logs,
    requests,
)
from web.api.models import Problem

log = structlog.get_logger(__name__)


class Application(OpenAPI):
    """Flask with one transaction around every view."""

    request_class = requests.Request

    def dispatch_request(self) -> Response:
        """Do the view, end its transaction, and only then answer."""
        try:
            return database.finish(self.make_response(super().dispatch_request()))
        except BaseException:
            database.undo()
            raise


def create_app(settings: Settings | None = None) -> Flask:
    """Make the web application.

    Parameters
    ----------
    settings
        By default those of the environment.
    """
    settings = settings or domain.settings.load()
    app = Application(
        __name__,
        info=api.INFO,
        security_schemes=api.SECURITY_SCHEMES,
        validation_error_model=Problem,
        doc_ui=False,
    )
    app.openapi_version = "3.1.1"
    _believe_proxies(app, settings.proxies)
    logs.init_app(app)
    compression.init_app(app)
    assets.init_app(app)
    app.config.update(_configuration(settings))
    database.init_app(app, settings.database_url)
    broker.init_app(app, settings.redis_url)
    i18n.init_app(app)
    limits.init_app(app, settings)
    identity.init_app(app)
    _protect_forms(app)
    headers.init_app(app, https=settings.secure_cookies)
    health.init_app(app)
    errors.init_app(app)
    api.register(app, settings)
    if importlib.util.find_spec("web.pages"):
        from web import pages

        pages.register(app)
    return app


def _believe_proxies(app: Flask, count: int) -> None:
    """Take the caller's address and scheme from what the nearest `count` proxies say; nobody else is believed."""
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]


def _protect_forms(app: Flask) -> None:
    """Check the CSRF token of every form. The API does so itself: requests with a token need none."""
    protection = CSRFProtect(app)

    @app.before_request
    def check() -> None:
        if not request.path.startswith(errors.API):
            protection.protect()


def _configuration(settings: Settings) -> dict[str, Any]:
    if not settings.secret_key.get_secret_value():
        log.warning("no INTERLOG_SECRET_KEY: sessions and idempotency keys hold for this process only")
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value() or secrets.token_hex(32),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "MAX_CONTENT_LENGTH": settings.max_body_bytes,
        "MAX_FORM_MEMORY_SIZE": requests.JSON_LIMIT,
        "SIGN_INS_PER_MINUTE": settings.sign_ins_per_minute,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_CHECK_DEFAULT": False,
    }
