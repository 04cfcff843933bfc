"""The published description of the API and the page that browses it. The page's script is a file, as our policy
on scripts demands; Swagger UI itself comes from the package `flask_openapi_swagger`."""

from __future__ import annotations

from pathlib import Path

import flask_openapi_swagger
from flask import Blueprint, Response, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_openapi.openapi import OpenAPI

from web import codec
from web.requests import JSON

SWAGGER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"

documentation = Blueprint("documentation", __name__, template_folder="templates", static_folder="static")
swagger = Blueprint("swagger", __name__, static_folder=str(SWAGGER), static_url_path="/swagger")


@documentation.get("/openapi.json")
def openapi() -> Response:
    """Give the OpenAPI description."""
    app = current_app
    assert isinstance(app, OpenAPI)
    return Response(codec.dumps(app.api_doc), content_type=JSON)


@documentation.get("/docs")
def docs() -> ResponseReturnValue:
    """Show the description in a browser."""
    return render_template("api_docs.html")
