"""Import of contacts from CSV. The upload goes to a temporary file first, so that a slow client holds no transaction
open; from there it is kept in pieces, and no more than one is ever in memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, cast

from flask import Response, request
from pydantic import Field

from domain import contact_import
from domain.actors import Role
from domain.errors import Fault, Invalid
from web import database, idempotency, identity
from web.api.fields import QueryText
from web.api.jobs import Job
from web.api.models import Query
from web.api.replies import accepted
from web.api.routing import Api, reads_body_itself
from web.identity import allow
from web.requests import Request

api = Api("contact_import", tag="Contacts")

CSV = "text/csv"
PIECE = 1024 * 1024


class ImportQuery(Query):
    """Which columns fill which fields, where the columns are not named like the fields."""

    map: list[QueryText] | None = Field(
        default=None, description="`FIELD=COLUMN` or a pattern such as `name={first_name} {last_name}`"
    )
    default: list[QueryText] | None = Field(
        default=None, description="`FIELD=VALUE` for all rows, such as `type=company`"
    )


@api.post(
    "/contacts/import",
    request_body={"required": True, "content": {CSV: {"schema": {"type": "string"}}}},
    responses={200: Job, 202: Job},
)
@reads_body_itself
@allow(Role.MARKETING)
def import_contacts(query: ImportQuery) -> Response:
    """Import contacts from a CSV file; rows with faults are reported, the others go in."""
    asked = cast(Request, request)
    asked.expect(CSV)
    mapping, defaults = _pairs("map", query.map), _pairs("default", query.default)
    database.rest()
    with tempfile.TemporaryFile() as file:
        digest = _receive(asked, file)

        def view() -> Response:
            file.seek(0)
            job = contact_import.request(
                database.session(),
                pieces=_pieces(file),
                actor=identity.required(),
                mapping=mapping,
                defaults=defaults,
            )
            return accepted(job)

        return idempotency.with_key(digest, identity.required(), view)


def _receive(asked: Request, file: IO[bytes]) -> bytes:
    """Write the upload to `file`; return its digest."""
    digest = hashlib.sha256()
    while piece := asked.stream.read(PIECE):
        digest.update(piece)
        file.write(piece)
    return digest.digest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    read: Callable[[], bytes] = lambda: file.read(PIECE)  # noqa: E731
    return iter(read, b"")


def _pairs(name: str, given: list[str] | None) -> dict[str, str] | None:
    """Read `FIELD=VALUE` parameters."""
    pairs: dict[str, str] = {}
    for parameter in given or ():
        field, equals, value = parameter.partition("=")
        if not equals or not field or field in pairs:
            raise Invalid([Fault(f"query.{name}", "invalid", parameter)])
        pairs[field] = value
    return pairs or None
