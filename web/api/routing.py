"""The way of a request through the API: may the client be answered, who is it, what did it send, then the view.

Everything comes before the body is believed, and the body is read while no connection is held.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_openapi.blueprint import APIBlueprint

from domain.errors import Fault, Invalid
from web import database, idempotency, identity
from web.requests import JSON, JSON_LIMIT, PROBLEM, Request

PROBLEMS = {
    "description": "What is wrong, and with which fields",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]


class Api(APIBlueprint):
    """The routes of one noun. Every view says with `identity.allow` who may come.

    A view may say besides, as attributes that the decorators here set: what it answers with instead of JSON, how
    large its body may be, and that it reads its body itself.
    """

    def __init__(self, name: str, *, tag: str) -> None:
        super().__init__(
            name,
            __name__,
            abp_tags=[{"name": tag}],
            abp_security=SECURITY,
            # 422 as well, or the library says of itself what it would answer
            abp_responses={"422": dict(PROBLEMS), "4XX": dict(PROBLEMS), "5XX": dict(PROBLEMS)},
            operation_id_callback=_operation_id,
        )

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a view behind the checks of this module."""
        assert view_func is not None
        super().add_url_rule(rule, endpoint, guarded(view_func), provide_automatic_options, **options)


def answers_with(*media_types: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a view that answers with other media types than JSON."""

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        view.media_types = media_types  # type: ignore[attr-defined]
        return view

    return mark


def reads_body_itself(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that takes a body of another kind than JSON; it looks after its key and size itself."""
    view.reads_body = True  # type: ignore[attr-defined]
    return view


def takes_up_to(limit: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a view whose body may have more bytes than usual, and is read as a whole."""

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        view.body_limit = limit  # type: ignore[attr-defined]
        return view

    return mark


def guarded(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Put a view behind the checks that all requests pass."""
    takes_query = "query" in typing.get_type_hints(view)
    roles = view.roles  # type: ignore[attr-defined]
    media_types = getattr(view, "media_types", (JSON, PROBLEM))
    reads_body = getattr(view, "reads_body", False)
    limit = getattr(view, "body_limit", JSON_LIMIT)
    streams = reads_body and not hasattr(view, "body_limit")

    @wraps(view)
    def endpoint(**path: Any) -> ResponseReturnValue:
        asked = typing.cast(Request, request)
        asked.must_accept(*media_types)
        was_read = asked.method in WITH_BODY and not streams and asked.read_small_body()
        actor = identity.require(*roles)
        if not takes_query and asked.args:
            raise Invalid([Fault(f"query.{name}", "unknown_field") for name in asked.args])
        if reads_body:
            return view(**path)
        if asked.method not in WITH_BODY:
            return view(**path)
        if not was_read:
            database.rest()
        asked.read_body(limit)
        return idempotency.with_key(asked.get_data(), actor, lambda: view(**path))

    return endpoint


def _operation_id(*, bp_name: str = "", name: str = "", path: str = "", method: str = "") -> str:
    return f"{bp_name}_{name}"
