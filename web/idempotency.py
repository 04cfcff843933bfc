"""One answer per `Idempotency-Key` (API.md): a request sent again is answered as it was, and done once.

The key is the first row of the request's transaction, so a request that comes meanwhile waits for it on the unique
index. Key, work and answer are committed together: killed before that commit, nothing has happened; after it, the
answer is there for whoever asks again. A refusal takes back what the view did and keeps the key with its answer;
answers from 500 on keep nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from domain.actors import Actor
from domain.errors import Fault, Invalid, Refusal
from web import database

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Preference-Applied", "Allow")

CLAIM = text("""
    INSERT INTO idempotency_key (actor_id, key, fingerprint) VALUES (:actor_id, :key, :fingerprint)
    ON CONFLICT DO NOTHING RETURNING true
""")
FIND = text("""
    SELECT fingerprint, status, headers, body FROM idempotency_key WHERE actor_id = :actor_id AND key = :key
""")
KEEP = text("""
    UPDATE idempotency_key SET status = :status, headers = :headers, body = :body
    WHERE actor_id = :actor_id AND key = :key
""").bindparams(bindparam("headers", type_=JSONB))


class KeyReused(Refusal):
    """The key was used for another request."""

    code = "idempotency_key_reused"


def key_of_request() -> str | None:
    """Return the key of the current request, or None.

    Raises
    ------
    Invalid
        If it is not 1 to 255 visible characters.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return None
    if not KEY.fullmatch(key):
        raise Invalid([Fault(HEADER, "invalid", key)])
    return key


def fingerprint(body: bytes) -> bytes:
    """Return what tells requests apart: method, path with query, body (here its bytes or their digest).

    It is keyed, so that a password in a body cannot be guessed from what is kept.
    """
    digest = hmac.new(str(current_app.secret_key).encode(), digestmod=hashlib.sha256)
    for part in (request.method.encode(), request.full_path.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def with_key(body: bytes, actor: Actor, view: Callable[[], ResponseReturnValue]) -> Response:
    """Do the view, once if the request carries a key; `body` is the request's body or its digest."""
    key = key_of_request()
    if key is None:
        return current_app.make_response(view())
    return once(key, fingerprint(body), actor, view)


def once(key: str, mark: bytes, actor: Actor, view: Callable[[], ResponseReturnValue]) -> Response:
    """Answer with what was answered before under `key`, or do the view and keep its answer.

    Parameters
    ----------
    mark
        The fingerprint of the request.

    Raises
    ------
    KeyReused
        If the key came with another request.
    """
    session = database.session()
    claim = {"actor_id": actor.id, "key": key}
    if session.execute(CLAIM, {**claim, "fingerprint": mark}).scalar():
        response = _try(session, view)
        if response.status_code < 500:
            _keep(session, claim, response)
            database.keep()
            database.after_commit(_keeping_later(claim, response))
        return response
    kept = session.execute(FIND, claim).one_or_none()
    if kept is None or kept.status is None or bytes(kept.fingerprint) != mark:
        raise KeyReused()
    response = Response(bytes(kept.body), kept.status, kept.headers)
    response.headers[REPLAYED] = "true"
    return response


def made_once(actor: Actor, make: Callable[[], object]) -> str:
    """Do what a form on a page asks for, once, however often the same form is sent; return the key of what it made.

    The form carries a value of its own from when it was shown, so that two forms with the same content are two. A
    refusal takes the key back with everything else, as whoever refuses rolls back.
    """
    session = database.session()
    typed = sorted(item for item in request.form.items(multi=True) if item[0] != "csrf_token")
    content = repr(typed).encode()
    claim = {"actor_id": actor.id, "key": f"form {fingerprint(content).hex()}"}
    if session.execute(CLAIM, {**claim, "fingerprint": b""}).scalar():
        made = make()
        session.execute(KEEP, {**claim, "status": 200, "headers": {}, "body": str(made).encode()})
        return str(made)
    return bytes(session.execute(FIND, claim).one().body).decode()


def _try(session: Session, view: Callable[[], ResponseReturnValue]) -> Response:
    """Do the view in a savepoint and turn what it raises into its answer."""
    savepoint = session.begin_nested()
    try:
        response = current_app.make_response(view())
    except (Refusal, HTTPException) as error:
        savepoint.rollback()
        database.forget_steps()
        return current_app.make_response(current_app.handle_user_exception(error))
    if response.status_code >= 400 and not database.kept():
        savepoint.rollback()
        database.forget_steps()
    else:
        session.flush()
        savepoint.commit()
    return response


def _keeping_later(claim: dict[str, Any], answered: Response) -> Callable[[Response], Response]:
    """Keep the answer that was given in the end, where waiting for a job made another one of it."""

    def keep(response: Response) -> Response:
        if response is not answered:
            with database.transaction() as session:
                _keep(session, claim, response)
        return response

    return keep


def _keep(session: Session, claim: dict[str, Any], response: Response) -> None:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = getattr(response, "kept", response.get_data())
    session.execute(KEEP, {**claim, "status": response.status_code, "headers": headers, "body": body})
