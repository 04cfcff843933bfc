"""All that is kept about a contact as one JSON file, written while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from flask import Response

from domain import personal_data
from domain.contacts import Contact
from domain.database import transaction
from web import codec, database
from web.requests import JSON


def download(contact: Contact) -> Response:
    """Answer with the file. It outlives the session of the request, so it brings its own, in one snapshot."""
    response = Response(_written(database.of_app(), contact), content_type=JSON)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(contact.no)}.json"
    response.headers["Cache-Control"] = "no-store"
    return response


def _written(source: database.Database, contact: Contact) -> Iterator[bytes]:
    with transaction(source.sessions, isolation="REPEATABLE READ") as session:
        yield b"{"
        for number, (name, rows) in enumerate(personal_data.parts(session, contact)):
            yield (b",\n" if number else b"\n") + codec.dumps(name).rstrip() + b": ["
            for position, row in enumerate(rows):
                yield (b",\n " if position else b"\n ") + codec.dumps(row).rstrip()
            yield b"]"
        yield b"\n}\n"
