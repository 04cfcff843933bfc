"""Commands that test, check and measure the system."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from ops import commands
from ops.cli.options import FILE, FOLDER, data_option


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--faults", is_flag=True, help="The fault matrix instead, every case of it.")
@click.option(
    "--mutations", is_flag=True, help="Takes safeguards away, one by one; the fault matrix must notice."
)
@click.option(
    "--security-deep", is_flag=True, help="Many more made-up requests, for a quarter of an hour or more."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(faults: bool, mutations: bool, security_deep: bool, arguments: tuple[str, ...]) -> None:
    """Run the tests; further arguments go to pytest.

    With --faults: --case N (may be repeated) runs one case, --seed N decides targets and moments, --patience N
    multiplies what recovery may take, on a busy machine; --report FILE keeps the report. With --mutations, names of
    saboteurs choose some of them.
    """
    if security_deep:
        os.environ["SECURITY_EXAMPLES"] = "100"
        arguments = arguments or ("tests/security/test_schema.py",)
    # The whole suite on all cores, up to four; a chosen part starts faster on one. What the tests of a file share is
    # made once, and files come in the order of their names: the last are short.
    chosen = arguments or (
        "--numprocesses=auto",
        "--maxprocesses=4",
        "--dist=loadfile",
        "--no-loadscope-reorder",
    )
    if faults:
        chosen = ("tests/faults", "--faults", *arguments)
    program, chosen = ("tests.faults.mutations", arguments) if mutations else ("pytest", chosen)
    sys.exit(subprocess.call([sys.executable, "-m", program, *chosen], cwd=commands.ROOT))


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=1.0, help="How long [1].")
@click.option("--seed", type=int, default=1, help="Decides what strikes, whom, when [1].")
@data_option("An empty folder for everything of this run [a new one in var/chaos].")
def chaos(minutes: float, seed: int, data: Path | None) -> None:
    """Use a system while everything of it is killed, paused, emptied and restarted; then ask the oracle.

    The stack is the run's own. A picture of the run is drawn as SVG. The exit code is 1 if the oracle says no.
    """
    from ops.faults.command import run

    run(minutes=minutes, seed=seed, data=data)


@click.command()
def check() -> None:
    """Run the tools that read the code."""
    from ops.checks import run

    sys.exit(0 if run() else 1)


def _only(_: click.Context, __: click.Parameter, given: str | None) -> tuple[str, ...]:
    """Take names of measurements with commas between."""
    from ops.bench.run import NAMES

    chosen = tuple(name.strip() for name in (given or "").split(",") if name.strip())
    if unknown := [name for name in chosen if name not in NAMES]:
        raise click.BadParameter(f"{', '.join(unknown)}: choose of {', '.join(NAMES)}")
    return chosen


@click.command()
@click.option("--only", callback=_only, metavar="NAMES", help="Only these, such as log,events [all].")
@click.option("--rows", type=click.IntRange(1_000, 1_000_000), help="Lines of a large segment [1000000].")
@click.option("--rounds", type=click.IntRange(1), help="Turns of product and limit [3].")
@click.option("--workers", type=click.IntRange(1, 64), default=2, help="Worker processes [2].")
@click.option(
    "--quick", is_flag=True, help="What has a floor, on 50,000 rows in 2 rounds; fails far below it."
)
@click.option("--keep", type=FOLDER, help="Folder for the large log of lists and load, used again.")
@click.option("--json", "json_file", type=FILE, help="File for the result.")
@click.option("--svg", "svg_file", type=FILE, help="File for a picture of the ratios.")
def bench(**options: Any) -> None:
    """Measure this machine and the system on it, beside its limits and what people do otherwise.

    With DATABASE_URL and REDIS_URL on those servers, in databases of its own. Everything takes about an hour.
    """
    from ops.bench.run import run

    run(**options)


@click.command("bench-pages")
@click.option("--contacts", type=click.IntRange(1_000), default=50_000, help="Size of the company's book.")
@click.option("--rounds", type=click.IntRange(min=2), default=40, help="Requests for each page.")
def bench_pages(contacts: int, rounds: int) -> None:
    """Measure the pages on the demo's company."""
    from ops.bench_pages import run

    run(contacts=contacts, rounds=rounds)


COMMANDS = (test, chaos, check, bench, bench_pages)
