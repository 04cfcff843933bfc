"""Commands that run the system, whole or one process of it."""

from pathlib import Path

import click

from ops import commands, data_folder
from ops.cli.options import stack_options
from ops.errors import OpsError


@click.command()
@stack_options(data_folder.DEFAULT_OF_DEMO)
@click.option(
    "--contacts",
    type=click.IntRange(100, 9_999_999),
    default=50_000,
    help="Size of the company's book [50000].",
)
@click.option("--seed", type=int, default=1, help="Another seed, another company [1].")
@click.option("--leave", is_flag=True, help="Stop after the demonstration instead of staying up.")
def demo(
    *, data: Path | None, host: str, port: int, workers: int, contacts: int, seed: int, leave: bool
) -> None:
    """Show the main job on a made-up company, then stay up."""
    from ops.demo import run
    from ops.stack import Options, up

    options = Options(data or data_folder.DEFAULT_OF_DEMO, host, port, workers)
    up(options, job=lambda stack: run(stack, contacts=contacts, seed=seed), stay=not leave)


@click.command()
@stack_options(data_folder.DEFAULT)
def up(data: Path | None, host: str, port: int, workers: int) -> None:
    """Run everything for keeps: web, worker, beat and, unless given, servers."""
    from ops.stack import Options, up

    up(Options(data or data_folder.DEFAULT, host, port, workers))


@click.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on [127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, help="Port to listen on [8000].")
@click.option("--processes", type=click.IntRange(1), default=2, help="Server processes [2].")
@click.option("--threads", type=click.IntRange(1), default=16, help="Threads in each [16].")
def web(host: str, port: int, processes: int, threads: int) -> None:
    """Serve the pages and the API."""
    commands.web(host=host, port=port, processes=processes, threads=threads).execute()


@click.command()
@click.option("-c", "--concurrency", type=click.IntRange(1), default=2, help="Jobs worked on at once [2].")
@click.option("--name", help="Name of this worker, unique on its host [made up].")
@click.option(
    "--queue",
    type=click.Choice(("jobs", "documents")),
    default="jobs",
    help="What it takes: jobs, or the document events that other systems send through Celery [jobs].",
)
def worker(concurrency: int, name: str | None, queue: str) -> None:
    """Work on jobs."""
    commands.worker(concurrency=concurrency, name=name, queue=queue).execute()


@click.command()
def beat() -> None:
    """Start what is due and pick up what was left."""
    commands.beat().execute()


@click.command()
def consume() -> None:
    """Take document events from the Redis Stream."""
    commands.consumer().execute()


@click.command()
@click.argument("process", type=click.Choice(("web", "worker", "beat", "consumer")))
@click.option("--port", type=click.IntRange(1, 65535), default=8000, help="Port of web [8000].")
@click.option("--name", default="worker", help="Name of the worker [worker].")
def healthy(process: str, port: int, name: str) -> None:
    """Tell by the exit code whether a process on this host does its work."""
    from ops import health

    checks = {
        "web": lambda: health.web(port),
        "worker": lambda: health.worker(name),
        "beat": health.beat,
        "consumer": health.consumer,
    }
    if not checks[process]():
        raise OpsError(f"{process} gives no sign of life")


WHOLE = (demo, up)
PROCESSES = (web, worker, beat, consume, healthy)
