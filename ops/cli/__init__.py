"""The command line. Each command parses, imports what it needs, and calls one function.

A module here has the commands of a section of `./interlog --help`, or of two.
"""

import sys
from typing import Any

import click

from ops.cli import access, data, development, running
from ops.errors import OpsError

SECTIONS = {
    "The whole system on this machine": running.WHOLE,
    "One process of it (DATABASE_URL and REDIS_URL set)": running.PROCESSES,
    "Data": data.COMMANDS,
    "Access": access.COMMANDS,
    "Development": development.COMMANDS,
}


class Commands(click.Group):
    """The commands in sections, and every known failure as one line."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; what it refuses becomes a line on standard error and exit code 1."""
        try:
            return super().invoke(context)
        except OpsError as error:
            raise click.ClickException(str(error)) from None
        except Exception as error:
            if refusal := _refusal_of_the_domain(error):
                raise click.ClickException(refusal) from None
            raise

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section."""
        for title, listed in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([row for command in listed for row in _rows(command)])


def _rows(command: click.Command) -> list[tuple[str, str]]:
    if isinstance(command, click.Group):
        return [
            (f"{command.name} {name}", one.get_short_help_str(200)) for name, one in command.commands.items()
        ]
    return [(str(command.name), command.get_short_help_str(200))]


def _refusal_of_the_domain(error: Exception) -> str | None:
    errors = sys.modules.get("domain.errors")
    if errors is None or not isinstance(error, errors.Refusal):
        return None
    return "; ".join(map(str, error.faults)) or " ".join(map(str, error.args))


@click.group(
    cls=Commands,
    commands=[command for listed in SECTIONS.values() for command in listed],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "terminal_width": None,
    },
)
@click.version_option(package_name=None, version="0.1.0", prog_name="interlog")
def main() -> None:
    """Interlog records what passes between a company and its contacts."""
