"""Jobs: looked up, watched live, canceled."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from flask import Flask, Response, current_app

from domain import job_endings, jobs
from domain.actors import Role
from domain.database import transaction
from domain.errors import Fault, Forbidden, Invalid, NotFound
from web import codec, database, identity
from web.api.fields import Instant, QueryText
from web.api.models import ListQuery, NoFields, Path, Shown
from web.api.replies import job_shown, listing, shown
from web.api.routing import Api, answers_with
from web.errors import TooManyStreams
from web.identity import allow
from web.jobs import described

api = Api("jobs", tag="Jobs")

EVENT_STREAM = "text/event-stream"
# Seconds between two looks at a watched job, and between two signs of life while nothing changes: a client that left is
# noticed at the second of those.
LOOK_EVERY = 0.5
HEARTBEAT_EVERY = 2.0

JobState = Literal["queued", "running", "canceling", "succeeded", "refused", "failed", "canceled"]


class Job(Shown):
    """A long operation."""

    id: uuid.UUID
    kind: str
    state: JobState
    total: int
    done: int
    progress: float
    rate_per_second: float | None
    created_by: str
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    problem: dict[str, Any] | None


class JobList(Shown):
    """A page of jobs, newest first."""

    items: list[Job]
    next: str | None


class JobPath(Path):
    """Which job."""

    thing: ClassVar[str] = "job"
    id: uuid.UUID


class JobQuery(ListQuery):
    """Which jobs."""

    after: uuid.UUID | None = None  # type: ignore[assignment]
    kind: list[QueryText] | None = None
    state: list[JobState] | None = None


class Streams:
    """The places for live views of one process: each takes a thread for as long as it is open."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    def take(self) -> None:
        """Take a place.

        Raises
        ------
        TooManyStreams
            If every place is taken; polling works always.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyStreams()

    def leave(self) -> None:
        """Give a place back."""
        self._free.release()


def init_app(app: Flask, *, streams: int) -> None:
    """Give `app` its places for live views."""
    app.extensions["event_streams"] = Streams(streams)


@api.get("/jobs", responses={200: JobList})
@allow(Role.VIEWER)
def index(query: JobQuery) -> Response:
    """List jobs, newest first."""
    session = database.session()

    def fetch(**options: Any) -> Sequence[jobs.Job]:
        try:
            return jobs.page(session, **options)
        except NotFound as error:
            raise Invalid([Fault("query.after", "unknown", error.key)]) from error

    return listing(
        query,
        fetch=fetch,
        describe=lambda rows: described(session, rows),
        key=lambda job: job.id,
    )


@api.get("/jobs/<uuid:id>", responses={200: Job})
@allow(Role.VIEWER)
def show(path: JobPath) -> Response:
    """Show a job."""
    session = database.session()
    return shown(job_shown(session, jobs.get(session, path.id)))


@api.post("/jobs/<uuid:id>/cancel", responses={202: Job})
@allow(Role.SALESPERSON)
def cancel(path: JobPath, body: NoFields) -> Response:
    """Ask a job to stop: one's own, or any for marketing and administrators."""
    session = database.session()
    job, actor = jobs.get(session, path.id), identity.required()
    if job.created_by != actor.id and not actor.role.includes(Role.MARKETING):
        raise Forbidden()
    body.refuse_faults()
    job_endings.request_cancel(session, job, actor=actor)
    response = shown(job_shown(session, job), status=202)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return response


@api.get(
    "/jobs/<uuid:id>/events",
    responses={200: {"description": "Events", "content": {EVENT_STREAM: {"schema": {"type": "string"}}}}},
)
@answers_with(EVENT_STREAM)
@allow(Role.VIEWER)
def events(path: JobPath) -> Response:
    """Watch a job live: server-sent events `progress`, then `end`, each with the job as data."""
    jobs.get(database.session(), path.id)
    streams: Streams = current_app.extensions["event_streams"]
    streams.take()
    response = Response(_events(database.of_app(), path.id), content_type=EVENT_STREAM)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(streams.leave)
    return response


def _events(source: database.Database, job_id: uuid.UUID) -> Iterator[bytes]:
    """Tell of a job until it has ended; the client's leaving ends the generator.

    It outlives the request's context, so it brings its own sessions.
    """
    last, spoken = b"", time.monotonic()
    while True:
        with transaction(source.sessions) as session:
            job = job_shown(session, jobs.get(session, job_id))
        data = codec.dumps(job).rstrip()
        if job["state"] in jobs.FINAL:
            yield b"event: end\ndata: " + data + b"\n\n"
            return
        if data != last:
            last, spoken = data, time.monotonic()
            yield b"event: progress\ndata: " + data + b"\n\n"
        elif time.monotonic() - spoken > HEARTBEAT_EVERY:
            spoken = time.monotonic()
            yield b": still there\n\n"
        time.sleep(LOOK_EVERY)
