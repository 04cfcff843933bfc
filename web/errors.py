"""Turns whatever was raised into an answer: the one table from a refusal's code to its HTTP status.

Paths of the API answer with RFC 9457 problems. Pages register how they show an error through `show_with`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, current_app, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException

from domain.database import is_infrastructure
from domain.errors import Fault, Invalid, Refusal
from web import codec, messages

log = structlog.get_logger(__name__)

API = "/api/"

# Seconds after which a client may try again when the database was away.
RETRY_AFTER = 2

STATUS: dict[str, int] = {
    "malformed": 400,
    "not_signed_in": 401,
    "forbidden": 403,
    "csrf": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "conflict": 409,
    "in_use": 409,
    "already_exists": 409,
    "account_taken": 409,
    "contact_in_segment": 409,
    "in_template_setup": 409,
    "segment_busy": 409,
    "logging_in_progress": 409,
    "already_logged": 409,
    "number_series_missing": 409,
    "number_series_exhausted": 409,
    "above_canceled": 409,
    "outgoing_call_template_missing": 409,
    "nothing_to_undo": 409,
    "no_actions": 409,
    "job_finished": 409,
    "event_conflict": 409,
    "archive_foreign": 409,
    "clock_suspect": 409,
    "purge_too_large": 409,
    "last_admin": 409,
    "stale": 412,
    "body_too_large": 413,
    "too_many_events": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "description_missing": 422,
    "segment_empty": 422,
    "segment_has_problems": 422,
    "filter_missing": 422,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "internal": 500,
    "chunk_failed": 500,
    "too_many_streams": 503,
    "unavailable": 503,
}

CODES = {
    400: "malformed",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}


class Unavailable(Refusal):
    """What is needed for an answer cannot be reached at the moment."""

    code = "unavailable"


class TooManyStreams(Refusal):
    """Every place for a live view is taken."""

    code = "too_many_streams"


class Problem:
    """What an answer to a failed request says, in the API and on pages alike."""

    def __init__(
        self, code: str, detail: str, faults: Sequence[Fault] = (), *, status: int | None = None
    ) -> None:
        self.code = code
        self.status = status or STATUS.get(code, 409)
        self.title = HTTPStatus(self.status).phrase
        self.detail = detail
        self.faults = list(faults)
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """Return RFC 9457 problem details."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": messages.faults_told(self.faults),
        }

    def response(self) -> Response:
        """Answer with the problem details."""
        return Response(
            codec.dumps(self.body()), self.status, self.headers, content_type="application/problem+json"
        )


def problem_of(error: Exception) -> Problem:
    """Tell what to say of an error of any kind."""
    if isinstance(error, Refusal):
        return _of_refusal(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, ParseException):  # by gunicorn, in the middle of a body that comes in chunks
        return _of_http(BadRequest("its chunks cannot be read"))
    if database_away(error):
        log.warning("database away", error=repr(error))
        return _of_refusal(Unavailable())
    log.error("request failed", exc_info=error)
    return Problem("internal", messages.words_for("internal"))


def database_away(error: BaseException) -> bool:
    """Tell whether the error speaks of the database's surroundings, so that trying again may help."""
    return isinstance(error, (OperationalError, InterfaceError, PoolTimeout)) or (
        isinstance(error, DBAPIError) and is_infrastructure(error)
    )


def show_with(app: Flask, show: Callable[[Problem], Response]) -> None:
    """Have errors outside the API shown by `show`, a page of the reader's language."""
    app.extensions["error_page"] = show


def init_app(app: Flask) -> None:
    """Answer every error of `app`."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """Answer an error: a problem in the API, a page elsewhere."""
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return current_app.make_response(error.get_response(request.environ))  # a redirect
    problem = problem_of(error)
    if request.path.startswith(API):
        return problem.response()
    try:
        return _page(problem)
    except Exception as while_showing:  # a page asks the database who reads it
        if not database_away(while_showing):
            raise
        return _page(problem_of(while_showing))


def _page(problem: Problem) -> Response:
    show = current_app.extensions.get("error_page")
    response: Response = (
        show(problem) if show else Response(problem.detail + "\n", problem.status, mimetype="text/plain")
    )
    response.headers.update(problem.headers)
    return response


def _of_refusal(refusal: Refusal) -> Problem:
    code, faults = refusal.code, refusal.faults
    codes = {fault.code for fault in faults}
    if isinstance(refusal, Invalid) and len(codes) == 1:
        code = faults[0].code
    status = STATUS.get(code, 422 if isinstance(refusal, Invalid) else 409)
    if isinstance(refusal, Invalid) and codes and all(STATUS.get(each) == 409 for each in codes):
        status = 409
    problem = Problem(code, messages.refusal_message(refusal), faults, status=status)
    if status == 401:
        problem.headers["WWW-Authenticate"] = 'Bearer realm="interlog"'
    if status == 503:
        problem.headers["Retry-After"] = str(RETRY_AFTER)
    return problem


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    code = CODES.get(status, "internal" if status >= 500 else "malformed")
    if status >= 500:
        log.error("request failed", exc_info=error)
    problem = Problem(code, messages.words_for(code, reason=error.description or ""), status=status)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            problem.headers[name] = value
    if status == 429:
        problem.headers.setdefault("Retry-After", str(getattr(error, "retry_after", None) or 1))
    return problem
