"""Errors on pages: a page that says what went wrong and where to go on."""

from __future__ import annotations

from flask import Flask, Response, make_response, render_template

from web import database, errors
from web.errors import Problem


def init_app(app: Flask) -> None:
    """Show errors outside the API as pages."""
    errors.show_with(app, show)


def show(problem: Problem) -> Response:
    """Show a failed request, without touching a database that may be away."""
    database.undo()
    return make_response(render_template("error.html", problem=problem), problem.status)
