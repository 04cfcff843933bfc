"""The command line as people meet it."""

import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ops import commands
from ops.cli import main
from ops.processes import free_port


def all_commands(group: click.Group, prefix: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += all_commands(command, f"{prefix}{name} ")
        else:
            found.append(prefix + name)
    return found


def test_help_lists_every_command_once():
    shown = CliRunner().invoke(main, ["--help"], prog_name="interlog")
    assert shown.exit_code == 0
    listed = [line for line in shown.output.splitlines() if line.startswith("  ") and line[2] != " "]
    for command in all_commands(main):
        assert len([line for line in listed if line.startswith(f"  {command}  ")]) == 1, command


@pytest.mark.parametrize("command", all_commands(main))
def test_every_command_explains_itself(command):
    shown = CliRunner().invoke(main, [*command.split(), "--help"], prog_name="interlog")
    assert shown.exit_code == 0
    assert f"Usage: interlog {command} " in shown.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--port", "0"],
        ["up", "--workers", "none"],
        ["token", "create", "billing", "--role", "emperor"],
        ["import", "contacts", "no-such-file.csv"],
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(arguments):
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 2
    assert "Error: Invalid value for" in refused.output


def test_a_mapping_must_be_of_pairs(tmp_path):
    (tmp_path / "c.csv").write_text("name\n")
    refused = CliRunner().invoke(main, ["import", "contacts", str(tmp_path / "c.csv"), "--map", "name"])
    assert refused.exit_code == 2
    assert "not of the form name=value: name" in refused.output


@pytest.mark.parametrize("process", ["web", "beat"])
def test_a_process_that_does_not_run_is_not_healthy(monkeypatch, process):
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg://x:y@127.0.0.1:{free_port()}/z")
    asked = CliRunner().invoke(main, ["healthy", process, "--port", str(free_port())])
    assert asked.exit_code == 1
    assert asked.output == f"Error: {process} gives no sign of life\n"


def test_the_worker_hands_running_tasks_back_on_sigterm():
    worker = commands.worker(concurrency=3)
    assert worker.environment == {"REMAP_SIGTERM": "SIGQUIT"}
    assert {"--without-gossip", "--without-mingle", "--concurrency=3", "--queues=jobs"} <= {*worker.arguments}


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("gunicorn", commands.web(host="127.0.0.1", port=1, processes=1, threads=1)),
        ("celery", commands.worker(concurrency=1)),
        ("celery", commands.beat()),
    ],
)
def test_the_programs_know_the_options_they_are_given(program, command):
    subcommand = [word for word in command.arguments if word in ("worker", "beat")]
    shown = subprocess.run(
        [sys.executable, "-m", program, *subcommand, "--help"], capture_output=True, text=True, check=True
    )
    options = {word.split("=")[0] for word in command.arguments if word.startswith("--")}
    options -= {"--app", "--quiet"}  # Celery's own, before its subcommand
    assert [option for option in sorted(options) if option not in shown.stdout] == []


def test_a_command_becomes_its_program_so_signals_reach_it():
    script = (
        "import sys; from ops.commands import Command; Command([sys.executable, *sys.argv[1:]]).execute()"
    )
    program = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    started = subprocess.Popen(
        [sys.executable, "-c", script, "-c", program], cwd=commands.ROOT, stdout=subprocess.PIPE, text=True
    )
    with started:
        assert started.stdout is not None
        assert int(started.stdout.readline()) == started.pid
        started.terminate()
        assert started.wait(10) == -signal.SIGTERM
