"""`interlog up`: what it says when it cannot start, what it starts again, and that nothing is left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.commands import ROOT
from ops.data_folder import DataFolder
from ops.processes import free_port, processes_with_environment, running_processes, wait_until

StartStack = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[StartStack]:
    """Starts stacks of stand-ins (fake_stack.py) and ends those the test left running."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int, *mode: str, **environment: str) -> "subprocess.Popen[str]":
        settings = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        stack = subprocess.Popen(
            [sys.executable, "-m", "tests.ops.fake_stack", str(tmp_path / "data"), str(port), *mode],
            cwd=ROOT,
            env=settings | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(stack)
        return stack

    yield start
    for stack in started:
        if stack.poll() is None:
            stack.terminate()
        stack.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def wait_until_ready(stack: "subprocess.Popen[str]") -> None:
    assert stack.stdout is not None
    lines = []
    for line in stack.stdout:
        lines.append(line)
        if line.startswith("ready"):
            return
    assert stack.stderr is not None
    pytest.fail("".join(lines) + stack.stderr.read())


def the_one_line_of(stack: "subprocess.Popen[str]") -> str:
    """Return what a failing stack says, which must be one line on standard error."""
    _, said = stack.communicate(timeout=30)
    assert stack.returncode == 1
    assert said.count("\n") == 1, said
    return said


def processes_of(run: str) -> list[int]:
    return processes_with_environment("INTERLOG_RUN", run)


def servers_of(folder: DataFolder) -> list[int]:
    """Return the processes that run from the data folder: the embedded servers."""
    return [pid for pid in running_processes() if _works_on(pid, folder)]


def _works_on(pid: int, folder: DataFolder) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        return str(folder.path / "postgres").encode() in arguments or (
            str(folder.path / "redis").encode() in arguments
        )
    except OSError:
        return False


def answers(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_15_seconds_and_leaves_no_process(start_stack, folder, number):
    stack = start_stack(free_port())
    wait_until_ready(stack)
    run = folder.announced().run
    assert len(processes_of(run)) == 4  # web, beat, worker and the worker's child
    assert servers_of(folder)

    asked = time.monotonic()
    stack.send_signal(number)
    assert stack.wait(20) == 0
    assert time.monotonic() - asked < 15
    assert processes_of(run) == []
    assert servers_of(folder) == []


def test_processes_that_ignore_sigterm_are_ended_in_time_too(start_stack, folder):
    stack = start_stack(free_port(), "stubborn")
    wait_until_ready(stack)
    run = folder.announced().run
    asked = time.monotonic()
    stack.terminate()
    assert stack.wait(20) == 0
    assert time.monotonic() - asked < 15
    assert processes_of(run) == []
    assert servers_of(folder) == []


def test_children_and_servers_that_die_are_started_again(start_stack, folder):
    port = free_port()
    stack = start_stack(port)
    wait_until_ready(stack)
    run = folder.announced().run
    before = set(processes_of(run)), set(servers_of(folder))
    assert len(before[1]) == 2
    for pid in (*before[0], *before[1]):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            assert pid not in processes_of(run)  # went with its parent

    assert wait_until(lambda: len(processes_of(run)) == 4 and answers(port), 10)
    assert wait_until(lambda: len(servers_of(folder)) == 2, 10)
    assert not before[0] & set(processes_of(run))
    assert not before[1] & set(servers_of(folder))


def test_a_killed_supervisor_does_not_block_the_next_start(start_stack, folder):
    port = free_port()
    first = start_stack(port, "stubborn")  # its children ignore the SIGTERM they get when it dies
    wait_until_ready(first)
    earlier = folder.announced().run
    first.kill()
    first.wait()
    assert processes_of(earlier)

    wait_until_ready(start_stack(port))
    assert processes_of(earlier) == []


def test_secrets_and_addresses_are_readable_by_their_owner_only(start_stack, folder):
    wait_until_ready(start_stack(free_port()))
    kept = [*(folder.path / "secrets").iterdir(), folder.path / "run" / "stack.json"]
    assert len(kept) == 2
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_secrets_appear_on_no_command_line(start_stack, folder):
    wait_until_ready(start_stack(free_port()))
    addresses = json.loads((folder.path / "run" / "stack.json").read_text())
    passwords = {re.search(r":([^:@/]+)@", addresses[name])[1] for name in ("database_url", "redis_url")}
    passwords.add(folder.secret("session_key"))
    shown = [
        Path(f"/proc/{pid}/cmdline").read_text()
        for pid in (*processes_of(addresses["run"]), *servers_of(folder))
    ]
    assert not [line for line in shown if any(password in line for password in passwords)]


def test_a_port_in_use_is_said_in_one_line(start_stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = the_one_line_of(start_stack(port))
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port" in said


def test_a_second_stack_on_the_folder_is_refused_in_one_line(start_stack, folder):
    wait_until_ready(start_stack(free_port()))
    assert f"{folder.path} is in use by another interlog" in the_one_line_of(start_stack(free_port()))


def test_a_data_folder_that_cannot_be_written_is_said_in_one_line(start_stack, folder):
    folder.path.write_text("a file stands where the folder should")
    assert f"cannot write to the data folder {folder.path}" in the_one_line_of(start_stack(free_port()))


def test_a_server_that_does_not_start_is_said_in_one_line(start_stack, folder):
    cluster = folder.path / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9.6\n")
    assert "postgres does not start: " in the_one_line_of(start_stack(free_port()))


def test_a_database_out_of_reach_is_said_in_one_line_without_its_password(start_stack):
    url = f"postgresql+psycopg://me:hushhush@127.0.0.1:{free_port()}/none"
    said = the_one_line_of(start_stack(free_port(), DATABASE_URL=url))
    assert "DATABASE_URL cannot be reached" in said
    assert "hushhush" not in said


def test_a_site_that_does_not_come_up_is_said_with_its_last_words(start_stack, folder):
    stack = start_stack(free_port(), "broken")
    _, said = stack.communicate(timeout=30)
    assert stack.returncode == 1
    assert "the site does not become ready: RuntimeError: nothing works" in said.splitlines()[-1]
    assert servers_of(folder) == []


def test_a_stop_during_the_start_leaves_nothing(start_stack, folder):
    stack = start_stack(free_port())
    assert wait_until(lambda: bool(servers_of(folder)), 20)
    stack.terminate()
    stack.communicate(timeout=20)
    assert stack.returncode == 0
    assert servers_of(folder) == []


def test_the_stack_ends_with_its_job(start_stack, folder):
    stack = start_stack(port := free_port(), "job")
    said, _ = stack.communicate(timeout=60)
    assert stack.returncode == 0
    assert f"the job runs on http://127.0.0.1:{port}\n" in said
    assert servers_of(folder) == []


def test_a_job_that_fails_ends_the_stack_with_its_reason(start_stack, folder):
    assert the_one_line_of(start_stack(free_port(), "bad-job")) == "Error: the job cannot be done\n"
    assert servers_of(folder) == []
