"""Answers of the API: JSON, ETags and their preconditions, pages of lists, jobs and waiting for them."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from domain import job_engine, jobs
from domain.errors import Invalid, Refusal
from web import codec, database
from web.api.models import Body, ListQuery
from web.jobs import described
from web.requests import JSON

T = TypeVar("T")
WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.ASCII)
LONGEST_WAIT = 30.0
# Seconds between looks at a job that is waited for: short jobs are noticed soon, long ones cost little.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5


class Stale(Refusal):
    """The thing is no longer as the client last saw it."""

    code = "stale"


def shown(data: Any, *, status: int = 200, stored: Sequence[str] | None = None) -> Response:
    """Answer with `data`; with the names of its `stored` fields, with their ETag."""
    response = Response(codec.dumps(data), status, content_type=JSON)
    if stored is not None:
        response.headers["ETag"] = etag(data, stored)
    return response


def created(data: Any, location: str, *, stored: Sequence[str] | None = None) -> Response:
    """Answer 201 with the thing that was made and where it is."""
    response = shown(data, status=201, stored=stored)
    response.headers["Location"] = location
    return response


def gone() -> Response:
    """Answer 204: it is deleted."""
    response = Response(status=204)
    response.headers.pop("Content-Type", None)
    return response


def etag(data: Mapping[str, Any], stored: Sequence[str]) -> str:
    """Make the ETag of a thing from its stored fields."""
    content = codec.dumps([data[name] for name in stored], sort_keys=True)
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def match(describe: Callable[[], Mapping[str, Any]], stored: Sequence[str]) -> None:
    """Hold the thing, whose row is locked, against the request's `If-Match`.

    Raises
    ------
    Stale
        If it is another by now.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return
    if etag(describe(), stored).strip('"') not in request.if_match.as_set():
        raise Stale()


def listing(
    query: ListQuery,
    *,
    fetch: Callable[..., Sequence[T]],
    describe: Callable[[Sequence[T]], Iterable[Mapping[str, Any]]],
    key: Callable[[T], object],
) -> Response:
    """Answer with a page of a list, and where the next page is.

    Parameters
    ----------
    fetch
        Called with `filters`, `after` and `limit`.
    key
        The key of a row, which the next page begins after.
    """
    rows = fetch(filters=query.filters(), after=query.after, limit=query.limit + 1)
    here = rows[: query.limit]
    following = None
    if len(rows) > query.limit:
        parameters = [(name, value) for name, value in request.args.items(multi=True) if name != "after"]
        following = f"{request.path}?{urlencode([*parameters, ('after', str(key(here[-1])))])}"
    return shown({"items": list(describe(here)), "next": following})


def with_faults(body: Body, call: Callable[[dict[str, Any]], T]) -> T:
    """Call the domain with the fields that could be taken. If some could not, find out what the domain has against
    the others, take that back, and refuse with all faults at once.

    Raises
    ------
    Invalid
        With the faults of the body first; a field is named once.
    """
    if not body.faults:
        return call(body.given())
    faults = list(body.faults)
    named = {fault.field.split(".")[0] for fault in faults}
    savepoint = database.session().begin_nested()
    try:
        call(body.given())
    except Invalid as invalid:
        faults += [fault for fault in invalid.faults if fault.field.split(".")[0] not in named]
    finally:
        savepoint.rollback()
    raise Invalid(faults)


def job_shown(session: Session, job: jobs.Job) -> dict[str, Any]:
    """Give one job its API shape."""
    return described(session, [job])[0]


def accepted(job: jobs.Job) -> Response:
    """Answer 202 with a job, done already if it is small; or, if the client prefers to wait, 200 once it has ended."""
    location = url_for("api.jobs.show", id=job.id)
    session = database.session()
    job_engine.do_if_small(session, job)
    response = shown(job_shown(session, job), status=202)
    response.headers["Location"] = location
    seconds = preferred_wait()
    if seconds is not None:
        database.after_commit(lambda answer: _wait(answer, job.id, seconds))
    return response


def preferred_wait() -> float | None:
    """Return the seconds that `Prefer: wait=N` asks for, at most 30."""
    found = WAIT.search(",".join(request.headers.getlist("Prefer")))
    return min(float(found[1]), LONGEST_WAIT) if found else None


def _wait(answer: Response, job_id: uuid.UUID, seconds: float) -> Response:
    """Look at the job in short transactions until it has ended or the time is up."""
    until, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        with database.transaction() as session:
            job = job_shown(session, jobs.get(session, job_id))
        left = until - time.monotonic()
        if job["state"] in jobs.FINAL or left <= 0:
            break
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)
    response = shown(job, status=200 if job["state"] in jobs.FINAL else 202)
    response.headers["Location"] = answer.headers["Location"]
    response.headers["Preference-Applied"] = f"wait={seconds:.0f}"
    return response
