"""Errors on pages: a page that says what went wrong and where to go on."""

from __future__ import annotations

from flask import Flask, Response, make_response, render_template
from flask_wtf.csrf import CSRFError

from web import database, errors, identity
from web.errors import Problem


def init_app(app: Flask) -> None:
    """Show errors outside the API as pages."""
    errors.show_with(app, show)
    app.register_error_handler(CSRFError, _csrf)


def show(problem: Problem) -> Response:
    """Show a failed request; a database that may be away is not asked for anything."""
    if problem.status < 500:
        database.undo()
        identity.actor()
    return make_response(render_template("error.html", problem=problem), problem.status)


def _csrf(_error: CSRFError) -> Response:
    return errors.answer(identity.CsrfMissing())
