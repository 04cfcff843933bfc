"""`interlog check`: the tools that read the code."""

import subprocess
import sys

import click

from ops.commands import ROOT

_IMPORT_LINTER = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"

CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy", "domain", "web", "worker", "ops"],
    "import-linter": ["-c", _IMPORT_LINTER],
}


def run() -> bool:
    """Run every check, show each result, and what the failing ones say; return whether all passed."""
    results = [_passes(name, arguments) for name, arguments in CHECKS.items()]
    return all(results)


def _passes(name: str, arguments: list[str]) -> bool:
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = finished.returncode == 0
    click.echo(f"{'ok    ' if passed else 'FAILED'} {name}")
    if not passed:
        click.echo(finished.stdout)
    return passed
