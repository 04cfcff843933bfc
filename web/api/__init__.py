"""The HTTP API, version 1 (API.md): one module per noun, registered here under `/api/v1`."""

from __future__ import annotations

from typing import Any

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI

from domain.settings import Settings
from web.api import (
    campaigns,
    contact_import,
    contacts,
    document_events,
    interaction_comments,
    interaction_creation,
    interaction_groups,
    interaction_templates,
    interactions,
    jobs,
    logged_segments,
    number_series,
    personal_data,
    postponed_interactions,
    purges,
    salespeople,
    saved_criteria,
    segment_lines,
    segments,
    setup,
    users,
)
from web.api.documentation import documentation, swagger

PREFIX = "/api/v1"
INFO = {
    "title": "Interlog",
    "version": "1",
    "description": "Records what passes between a company and its contacts.",
}
SECURITY_SCHEMES: dict[str, SecurityScheme | dict[str, Any]] = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
}
NOUNS = (
    users,
    contacts,
    contact_import,
    personal_data,
    salespeople,
    campaigns,
    interaction_groups,
    interaction_templates,
    setup,
    number_series,
    segments,
    segment_lines,
    saved_criteria,
    logged_segments,
    interactions,
    interaction_creation,
    interaction_comments,
    postponed_interactions,
    document_events,
    purges,
    jobs,
)


def register(app: OpenAPI, settings: Settings) -> None:
    """Give `app` the API."""
    api = APIBlueprint("api", __name__, url_prefix=PREFIX)
    for routes in dict.fromkeys(noun.api for noun in NOUNS):
        api.register_api(routes)
    api.register_blueprint(documentation)
    api.register_blueprint(swagger)
    app.register_api(api)
    jobs.init_app(app, streams=settings.event_streams)
