"""A Celery application like `worker.app` whose parent process fails as soon as its pool has something to do."""

import time
from typing import Any

from celery import bootsteps
from celery.worker import state

from worker.app import app


class Failure(bootsteps.StartStopStep):
    """Raises, in the event loop, what kombu raised when Redis was killed."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        consumer.hub.on_tick.add(fail)


def fail() -> None:
    """Fail once a task runs."""
    if any(request.acknowledged is False and request.time_start for request in state.active_requests):
        raise AttributeError("'NoneType' object has no attribute 'hostname'")


@app.task(name="test.busy")
def busy() -> None:
    """Keep a pool process busy for longer than anybody waits."""
    time.sleep(300)


app.steps["consumer"].add(Failure)
