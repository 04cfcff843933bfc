"""A worker whose parent fails ends, whatever its pool does."""

import subprocess
import sys

import redis

from domain import hints
from ops.commands import ROOT
from tests.worker import failing_parent

FAILING = [sys.executable, "-P", "-m", "celery", "--quiet", "--app=tests.worker.failing_parent", "worker"]
# Celery alone would wait until the time limit of the task
LIMIT = 20


def test_a_worker_whose_parent_fails_ends(client: redis.Redis) -> None:
    """RELIABILITY 3, case 8: it does not wait for a pool that is busy, so that it is started again."""
    options = ["--pool=prefork", "--concurrency=1", f"--queues={hints.JOBS_QUEUE}", "--loglevel=INFO"]
    with subprocess.Popen(
        [*FAILING, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as worker:
        try:
            failing_parent.busy.apply_async(ignore_result=True)
            log, _ = worker.communicate(timeout=LIMIT)
        finally:
            worker.kill()
    assert b"Unrecoverable error" in log
    assert b'"event": "worker_did_not_end"' in log
    assert worker.returncode == 1
