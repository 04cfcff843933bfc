"""Options that several commands have."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ops import commands

_Function = TypeVar("_Function", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


def _pairs(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Read `name=value` texts."""
    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, equals, value in pairs if not (name.strip() and equals and value.strip())]
    if wrong:
        raise click.BadParameter(f"not of the form name=value: {', '.join(wrong)}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def data_option(help_text: str) -> Callable[[_Function], _Function]:
    """Add the option that names the data folder."""
    return click.option("--data", type=FOLDER, help=help_text)


def stack_options(default_data: Path) -> Callable[[_Function], _Function]:
    """Add the options of the commands that run the whole system."""
    shown = default_data.relative_to(commands.ROOT)

    def add(function: _Function) -> _Function:
        for option in (
            click.option("--workers", type=click.IntRange(1, 64), default=2, help="Worker processes [2]."),
            click.option(
                "--port", type=click.IntRange(1, 65535), default=8000, help="Port of the site [8000]."
            ),
            click.option("--host", default="127.0.0.1", help="Address the site listens on [127.0.0.1]."),
            data_option(f"Folder that keeps everything [{shown}]."),
        ):
            function = option(function)
        return function

    return add


DATA_OF_STACK = data_option("Data folder of the stack [the running one's].")
COLUMNS = click.option(
    "--map",
    "columns",
    metavar="FIELD=COLUMN,…",
    multiple=True,
    # a comma separates only before the next field, so a pattern may hold one
    callback=lambda context, option, values: _pairs(
        [one for value in values for one in re.split(r",(?=\s*\w+=)", value)]
    ),
    help="Which column fills which field; or a pattern: no=BANK{id}, name={first_name} {last_name}.",
)
CONSTANTS = click.option(
    "--set",
    "constants",
    metavar="FIELD=VALUE",
    multiple=True,
    callback=lambda context, option, value: _pairs(value),
    help="One value for every row.",
)


def without_nones(values: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of options that may be left out."""
    return {name: value for name, value in values.items() if value is not None}
