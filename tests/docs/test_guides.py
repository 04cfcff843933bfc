"""The commands of the documents, run in order against a real stack; what they answer is what the documents show."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ops.accounts import create_token
from ops.commands import ROOT
from ops.embedded import EmbeddedRedis
from ops.processes import free_port, wait_until

from .markdown import Block, blocks, shell_blocks

PATIENCE = 120
MARK = "--- block "
ANYTHING = "…"
EXAMPLE_SITE = "127.0.0.1:8000"
GUIDES = sorted({block.document for block in shell_blocks(run=True)})

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="the guides use curl, which is not installed"
)


@pytest.fixture(scope="module")
def stack(
    database_url: str,
    stack_redis: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """A running stack on a database of its own: the environment its command line needs, and SITE."""
    port = free_port()
    servers = {"DATABASE_URL": database_url, "REDIS_URL": stack_redis.url}
    environment = os.environ | servers | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    data = tmp_path_factory.mktemp("stack") / "data"
    arguments = ["up", "--data", str(data), "--port", str(port), "--workers", "1"]
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "ops", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    said = []
    for line in running.stdout:
        said.append(line)
        if line.startswith("ready"):
            break
    else:
        pytest.fail("".join(said))
    yield environment | {"SITE": f"127.0.0.1:{port}"}
    running.terminate()
    running.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("document", GUIDES, ids=lambda document: document.name)
def test_the_commands_of_a_guide_answer_what_it_shows(document: Path, stack: dict[str, str], tmp_path: Path):
    guide = [block for block in shell_blocks(run=True) if block.document == document]
    for block, answer in zip(guide, answers(guide, stack, tmp_path), strict=True):
        if block.answer is None:
            assert '"errors":[{' not in answer, f"{block} is refused: {answer}"
        elif block.answer.language == "json":
            shown = json.loads(block.answer.text)
            assert differences(shown, json.loads(answer)) == [], f"{block.answer} is not the answer: {answer}"
        else:
            assert answer.split() == block.answer.text.split(), f"{block.answer} is not the answer"


def answers(guide: list[Block], stack: dict[str, str], folder: Path) -> list[str]:
    """Run the blocks in one shell, in a folder with an `./interlog`; return what each writes."""
    command = folder / "interlog"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m ops "$@"\n')
    command.chmod(0o755)
    script = "\n".join(f"echo\necho '{MARK}{block.line}'\n{block.text}" for block in guide)
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(EXAMPLE_SITE, stack["SITE"])],
        cwd=folder,
        env=stack,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return [part.partition("\n")[2] for part in finished.stdout.split(f"\n{MARK}")[1:]]


def differences(shown: Any, real: Any, path: str = "") -> list[str]:
    """Name the places where a real answer is not what is shown."""
    if shown == ANYTHING and real is not None:
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        unlike = shown.keys() - {ANYTHING} - real.keys()
        if ANYTHING not in shown:
            unlike |= real.keys() - shown.keys()
        both = shown.keys() & real.keys()
        return [f"{path}.{name}" for name in sorted(unlike)] + [
            one for name in both for one in differences(shown[name], real[name], f"{path}.{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        pairs = enumerate(zip(shown, real, strict=True))
        return [one for no, (each, other) in pairs for one in differences(each, other, f"{path}.{no}")]
    return [] if shown == real else [f"{path}: {real!r}"]


EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


def test_the_examples_are_shown_as_they_are():
    shown = {block.text for block in blocks(ROOT / "docs" / "events.md") if block.language == "python"}
    assert shown == {example.read_text() for example in EXAMPLES}


def test_the_examples_bring_their_events_in(stack: dict[str, str], tmp_path: Path):
    token = create_token(stack["DATABASE_URL"], {"name": "examples", "role": "service"})
    environment = stack | {"SITE": f"http://{stack['SITE']}", "INTERLOG_TOKEN": token}
    arguments = {"outbox.py": [str(tmp_path / "billing.db"), "A1", "A2"]}
    said = ""
    for example in EXAMPLES:
        command = [sys.executable, str(example), *arguments.get(example.name, [])]
        finished = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert finished.returncode == 0, finished.stderr
        said += finished.stdout
    assert "missing: []" in said
    with psycopg.connect(stack["DATABASE_URL"].replace("+psycopg", "")) as database:
        arrived = "SELECT DISTINCT document_no FROM document_event WHERE document_no = ANY(%s) ORDER BY 1"
        wanted = ["A1", "A2", "O9", "Q7"]
        assert wait_until(
            lambda: [no for (no,) in database.execute(arrived, [wanted]).fetchall()] == wanted, PATIENCE
        )


def test_the_metrics_that_are_documented_are_those_there_are(stack: dict[str, str]):
    with urllib.request.urlopen(f"http://{stack['SITE']}/metrics", timeout=10) as answer:
        real = set(re.findall(r"^# TYPE (interlog_\w+)", answer.read().decode(), re.MULTILINE))
    shown = set(re.findall(r"`(interlog_\w+)", (ROOT / "docs" / "operations.md").read_text()))
    assert shown == {name for name in real if not name.endswith("_created")}
