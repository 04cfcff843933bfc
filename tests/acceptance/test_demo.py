"""`interlog demo` from the first line to the last, with real servers, workers and site."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from ops.commands import ROOT
from ops.data_folder import DataFolder
from ops.processes import free_port, processes_with_environment

PATIENCE = 120

Demo = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Demo]:
    """Starts demonstrations on one data folder and ends those the test left running."""
    started: list[subprocess.Popen[str]] = []
    settings = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}

    def start(*arguments: str) -> "subprocess.Popen[str]":
        options = ["--data", str(tmp_path / "data"), "--port", str(free_port()), "--contacts", "2000"]
        demo = subprocess.Popen(
            [sys.executable, "-m", "ops", "demo", *options, *arguments],
            cwd=ROOT,
            env=settings | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(demo)
        return demo

    yield start
    for demo in started:
        if demo.poll() is None:
            demo.terminate()
        demo.communicate()


def said_until(demo: "subprocess.Popen[str]", phrase: str) -> str:
    """Read what a demonstration says up to the line with a phrase."""
    assert demo.stdout is not None
    lines: list[str] = []
    for line in demo.stdout:
        lines.append(line)
        if phrase in line:
            return "".join(lines)
    pytest.fail(f"it ended with {demo.wait()} before it said {phrase!r}:\n{''.join(lines)}")


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_demonstration_logs_a_segment_stays_up_and_can_be_given_again(start_demo, tmp_path):
    demo = start_demo()
    said = said_until(demo, "sign in once")
    stack = DataFolder(tmp_path / "data").announced()
    assert stack is not None
    entries, skipped = (
        int(re.search(rf"{word} +([\d,]+)", said)[1].replace(",", "")) for word in ("log", "skipped")
    )
    assert rows(stack.database_url, "SELECT interactions_count, skipped_count FROM logged_segment") == [
        (entries, skipped)
    ]
    # exactly one entry per line, whatever it was (L8)
    assert rows(
        stack.database_url, "SELECT count(DISTINCT entry_no), count(DISTINCT contact_id) FROM interaction"
    ) == [(entries, entries)]
    assert "privacy_blocked: 2" in said
    assert rows(
        stack.database_url,
        "SELECT count(*) FROM interaction_visible WHERE description = 'Brings the catalogue in person'",
    ) == [(1,)]
    # the follow-up has the same contacts (L7)
    assert rows(stack.database_url, "SELECT no, lines_count FROM segment WHERE status = 'open'") == [
        (re.search(r"follow-up segment +(\S+)", said)[1], entries)
    ]
    assert f"{stack.base_url}/sign-in/link/" in said

    demo.send_signal(signal.SIGINT)
    assert demo.wait(PATIENCE) == 0
    assert processes_with_environment("INTERLOG_RUN", stack.run) == []

    again = start_demo("--leave")
    said, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, said
    assert "made earlier, has 2,000 contacts" in said
    assert "logged segment      2" in said
