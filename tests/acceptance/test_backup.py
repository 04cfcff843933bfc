"""A backup of a running stack in the middle of a job, brought back into a new stack, where the job goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops import verify
from ops.commands import ROOT
from ops.data_folder import DataFolder
from ops.faults.client import Client
from ops.faults.company import LINES, Company
from ops.faults.stack import wait_for
from ops.processes import free_port, send_signal


def interlog(*arguments: str, **environment: str) -> str:
    settings = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "ops", *arguments],
        cwd=ROOT, env=settings | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running_on(data: Path, token: str) -> Iterator[Client]:
    """Run `interlog up` on a data folder; give a client of it."""
    client = Client(free_port(), token)
    settings = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    with (data / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "ops", "up", f"--data={data}", f"--port={client.port}"],
            cwd=ROOT, env=settings | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: b"ready after" in (data / "up.log").read_bytes(), "the new stack is up", seconds=60)
        yield client
    finally:
        up.terminate()
        assert up.wait(20) == 0


def test_a_backup_in_the_middle_of_a_job_is_restored_and_the_job_ends_exactly(
    company: Company, tmp_path: Path
) -> None:
    """L8: every line logged exactly once, in the old stack and in the new one."""
    stack = company.stack
    segment = company.segment(LINES)
    job = company.log(segment)
    stack.wait_until_writing()
    # held in the middle of their chunks, so that the backup cannot come too late
    workers = stack.members("worker")
    stack.kill(*workers, number=signal.SIGSTOP)
    try:
        said = interlog("backup", str(tmp_path / "backup"), DATABASE_URL=stack.postgres.url)
    finally:
        for worker in workers:
            send_signal(worker, signal.SIGCONT)
    assert said.splitlines()[-1] == str(tmp_path / "backup")
    company.assert_logged_exactly_once(job)

    data = tmp_path / "data"
    said = interlog("restore", str(tmp_path / "backup"), "--data", str(data))
    assert "verified: clean" in said
    token = company.client.token
    assert token
    with running_on(data, token) as client:
        # the restored job is the same one, and was not done
        ended = wait_for(
            lambda: (found := client.get(f"/jobs/{job}").json)["state"] == "succeeded" and found,
            "the restored job ends",
            seconds=60,
        )
        assert ended["result"]["interactions"] == LINES
        announced = DataFolder(data).announced()
        assert announced
        assert verify.run(announced.database_url) == []
        shown = client.get(f"/logged-segments/{ended['result']['logged_segment_no']}").json
        assert (shown["status"], shown["interactions_count"], shown["skipped_count"]) == ("logged", LINES, 0)
        assert shown["active_interactions_count"] == LINES
    log = (data / "postgres" / "postgres.log").read_text()
    assert "violates unique constraint" not in log
    worker_log = (data / "logs" / "worker.log").read_text()
    assert "chunk_failed" not in worker_log
