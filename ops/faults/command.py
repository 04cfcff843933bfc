"""`interlog chaos`: the random run as a command, with its record and its picture."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path

import click

from ops.commands import ROOT
from ops.errors import OpsError
from ops.faults.chaos import Chaos
from ops.faults.company import Company
from ops.faults.stack import FragileStack
from ops.faults.timeline import draw

DEFAULT = ROOT / "var" / "chaos"


def run(*, minutes: float, seed: int, data: Path | None) -> None:
    """Run a stack of its own, hurt it for so long, and say what came of it.

    Parameters
    ----------
    data
        An empty folder for everything, `chaos.json` and `chaos.svg` included; a new one when None.

    Raises
    ------
    OpsError
        When the oracle says no, naming everything that is wrong.
    """
    folder = data or DEFAULT / f"{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}-seed-{seed}"
    if folder.exists() and any(folder.iterdir()):
        raise OpsError(f"{folder} is not empty: name another folder with --data")
    click.echo(f"starting a stack (data and logs: {folder})")
    with FragileStack(folder.absolute()).running() as stack:
        record = Chaos(Company(stack), seed=seed, tell=click.echo).run(minutes * 60)
        (folder / "chaos.json").write_text(json.dumps(asdict(record), indent=1) + "\n")
        (folder / "chaos.svg").write_text(draw(record, stack))
    done = ", ".join(f"{name} {count:,}" for name, count in record.done.items())
    click.echo(f"{len(record.blows)} faults; done: {done}")
    click.echo(f"picture: {folder / 'chaos.svg'}")
    if record.problems:
        raise OpsError("the oracle says no:\n" + "\n".join(record.problems))
    click.echo("the oracle says yes")
