"""The command line. Each command parses, imports what it needs, and calls one function."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ops import commands, data_folder
from ops.errors import OpsError

_Function = TypeVar("_Function", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

ROLES = ("viewer", "salesperson", "marketing", "admin", "service")
SECTIONS = {
    "The whole system on this machine": ("demo", "up"),
    "One process of it (DATABASE_URL and REDIS_URL set)": ("web", "worker", "beat", "consume", "healthy"),
    "Data and access": (
        "import",
        "events",
        "purge",
        "archive",
        "clock",
        "user",
        "token",
        "migrate",
        "verify",
        "backup",
        "restore",
    ),
    "Development": ("test", "chaos", "check", "bench", "bench-pages"),
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
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([row for name in names for row in self._rows(context, name)])

    def _rows(self, context: click.Context, name: str) -> list[tuple[str, str]]:
        command = self.commands[name]
        if isinstance(command, click.Group):
            return [(f"{name} {sub}", one.get_short_help_str(200)) for sub, one in command.commands.items()]
        return [(name, command.get_short_help_str(200))]


def _refusal_of_the_domain(error: Exception) -> str | None:
    errors = sys.modules.get("domain.errors")
    if errors is None or not isinstance(error, errors.Refusal):
        return None
    return "; ".join(map(str, error.faults)) or " ".join(map(str, error.args))


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


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "terminal_width": None,
    },
)
@click.version_option(package_name=None, version="0.1.0", prog_name="interlog")
def main() -> None:
    """Interlog records what passes between a company and its contacts."""


@main.command()
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


@main.command()
@stack_options(data_folder.DEFAULT)
def up(data: Path | None, host: str, port: int, workers: int) -> None:
    """Run everything for keeps: web, worker, beat and, unless given, servers."""
    from ops.stack import Options, up

    up(Options(data or data_folder.DEFAULT, host, port, workers))


@main.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on [127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, help="Port to listen on [8000].")
@click.option("--processes", type=click.IntRange(1), default=2, help="Server processes [2].")
@click.option("--threads", type=click.IntRange(1), default=16, help="Threads in each [16].")
def web(host: str, port: int, processes: int, threads: int) -> None:
    """Serve the pages and the API."""
    commands.web(host=host, port=port, processes=processes, threads=threads).execute()


@main.command()
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


@main.command()
def beat() -> None:
    """Start what is due and pick up what was left."""
    commands.beat().execute()


@main.command()
def consume() -> None:
    """Take document events from the Redis Stream."""
    commands.consumer().execute()


@main.command()
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


@main.group("import")
def import_() -> None:
    """Bring in data from files."""


@import_.command("contacts")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@COLUMNS
@CONSTANTS
@DATA_OF_STACK
def import_contacts(
    file: Path, columns: dict[str, str], constants: dict[str, str], data: Path | None
) -> None:
    """Import contacts from a CSV file (.csv or .csv.gz).

    Without --map the columns are named like the fields of a contact (no, type, name, company_no, email, city, …); with
    it only the named columns are read. A known no updates the contact, a row without one gets the next number.
    Rows that cannot be taken are listed with their reasons; the others go in.
    """
    from ops.connection import connected
    from ops.imports import contacts

    with connected(data) as database_url:
        contacts(database_url, file, columns=columns, constants=constants)


@main.command()
@click.option("--entry-no-from", type=click.IntRange(0), help="First entry number.")
@click.option("--entry-no-to", type=click.IntRange(0), help="Last entry number.")
@click.option("--contact", "contact_no", metavar="NO", help="Of this contact.")
@click.option("--from", "date_from", metavar="DATE", help="Dated on this day (2026-03-10) or later.")
@click.option("--to", "date_to", metavar="DATE", help="Dated on this day or earlier.")
@click.option("--campaign", "campaign_no", metavar="NO", help="Of this campaign.")
@click.option("--group", "group_code", metavar="CODE", help="Of this interaction group.")
@click.option("--template", "template_code", metavar="CODE", help="Of this interaction template.")
@click.option("--salesperson", "salesperson_code", metavar="CODE", help="Of this salesperson.")
@click.option("--canceled-for-days", type=click.IntRange(0), help="Canceled for so many days at least.")
@click.option("--archive", is_flag=True, help="Write them to a file first.")
@click.option("--preview", is_flag=True, help="Only count them.")
@click.option("--yes", is_flag=True, help="Do not ask, however many they are.")
@DATA_OF_STACK
def purge(*, archive: bool, preview: bool, yes: bool, data: Path | None, **filters: Any) -> None:
    """Delete canceled entries of the log for good.

    Without a filter every canceled entry is meant. Active entries are never touched.
    """
    from ops.connection import connected
    from ops.purges import purge

    with connected(data) as database_url:
        purge(database_url, filters=_without_nones(filters), archive=archive, preview=preview, yes=yes)


@main.group()
def archive() -> None:
    """Entries that were archived before they were deleted."""


@archive.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@DATA_OF_STACK
def restore_archive(file: Path, data: Path | None) -> None:
    """Bring the entries of an archive back, canceled."""
    from ops.connection import connected
    from ops.purges import restore

    with connected(data) as database_url:
        restore(database_url, file)


@main.group()
def clock() -> None:
    """PostgreSQL's clock, by which entries are deleted."""


@clock.command("confirm")
@DATA_OF_STACK
def confirm_clock(data: Path | None) -> None:
    """Say that the clock is right after it was found to be ahead."""
    from ops.connection import connected
    from ops.purges import confirm_clock

    with connected(data) as database_url:
        confirm_clock(database_url)


@main.group()
def events() -> None:
    """Document events."""


@events.command("send")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@COLUMNS
@CONSTANTS
@click.option("--id", "id_", metavar="PATTERN", help="Id of each event, such as INV-{invoice_no}.")
@click.option("--source", help="The system the events come from.")
@click.option("--timezone", default="UTC", help="Time zone of times that name none [UTC].")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Events a second [no limit].")
@click.option("--batch", type=click.IntRange(1, 1_000), default=500, help="Events sent at once [500].")
@click.option(
    "--site", help="Address of the service, whose token is in INTERLOG_TOKEN [the running stack's]."
)
@DATA_OF_STACK
def send_events(
    *,
    file: Path,
    columns: dict[str, str],
    constants: dict[str, str],
    id_: str | None,
    source: str | None,
    timezone: str,
    rate: float | None,
    batch: int,
    site: str | None,
    data: Path | None,
) -> None:
    """Send document events from a file to a running service (.csv, .jsonl, either as .gz).

    A line of a .jsonl file is an event as docs/events.md describes it. A row of a CSV file becomes one with --id and
    --source; its columns fill the fields they are named like, or those that --map names. What was sent before does no
    harm: run the command again after an interruption. The exit code is 1 if an event was rejected.
    """
    from ops.event_sender import Columns, Service, run

    constants = constants | _without_nones({"source": source})
    chosen = Columns.of(columns | _without_nones({"id": id_}), constants, timezone=timezone)
    with _service(site, data) as (address, plain_token):
        run(file, Service(address, plain_token), columns=chosen, batch=batch, rate=rate)


@contextmanager
def _service(site: str | None, data: Path | None) -> Iterator[tuple[str, str]]:
    """Give the address of a service and a token for it: those that are named, or the running stack's."""
    from ops.accounts import token_for_now
    from ops.connection import running_stack

    if site:
        if not (named := os.environ.get("INTERLOG_TOKEN")):
            raise OpsError("INTERLOG_TOKEN is not set: it holds the token for the service of --site")
        yield site.rstrip("/"), named
        return
    stack = running_stack(data)
    with token_for_now(stack.database_url, name="events-send", role="service") as made:
        yield stack.base_url, made


@main.group()
def user() -> None:
    """People who sign in."""


@user.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--salesperson", metavar="CODE", help="The salesperson this user is.")
@click.option("--language", type=click.Choice(("en", "ru")), help="Language of the pages.")
@click.option("--password-file", type=click.File(), help="File with the password (- for standard input).")
@click.option("--ask-password", is_flag=True, help="Type the password instead of having one made.")
@DATA_OF_STACK
def create_user(
    *,
    name: str,
    role: str,
    salesperson: str | None,
    language: str | None,
    password_file: Any,
    ask_password: bool,
    data: Path | None,
) -> None:
    """Make a user; print the password if it was made here."""
    from ops.accounts import create_user
    from ops.connection import connected

    password = _given_password(password_file, ask_password)
    chosen = password or secrets.token_urlsafe(12)
    values = {"name": name, "role": role, "salesperson_code": salesperson, "language_code": language}
    with connected(data) as database_url:
        create_user(database_url, _without_nones(values) | {"password": chosen})
    click.echo(f"user {name} made" if password else chosen)


@main.group()
def token() -> None:
    """Keys for the API."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--salesperson", metavar="CODE", help="The salesperson this token acts for.")
@DATA_OF_STACK
def create_token(name: str, role: str, salesperson: str | None, data: Path | None) -> None:
    """Make an API token; it is printed on the last line, this once."""
    from ops.accounts import create_token
    from ops.connection import connected

    values = _without_nones({"name": name, "role": role, "salesperson_code": salesperson})
    with connected(data) as database_url:
        plain_token = create_token(database_url, values)
    click.echo(plain_token)


@main.command()
@DATA_OF_STACK
def migrate(data: Path | None) -> None:
    """Bring the database to the newest schema."""
    from domain.migrations import upgrade
    from ops.connection import connected

    with connected(data) as database_url:
        upgrade(database_url)
    click.echo("the schema is up to date")


@main.command()
@DATA_OF_STACK
def verify(data: Path | None) -> None:
    """Prove the log's references and counts."""
    from ops.connection import connected
    from ops.verify import run

    with connected(data) as database_url:
        problems = run(database_url)
    for problem in problems:
        click.echo(problem)
    if problems:
        raise OpsError(f"{len(problems)} problems found")
    click.echo("clean")


@main.command()
@click.argument("target", type=click.Path(path_type=Path))
@DATA_OF_STACK
def backup(target: Path, data: Path | None) -> None:
    """Back up the database and the archives of purges, while everything runs.

    TARGET becomes a folder; a name that ends in .dump becomes a file with the database alone. Nothing is overwritten.
    """
    from ops.backups import backup
    from ops.connection import connected

    with connected(data, as_it_is=True) as database_url:
        backup(database_url, target)


@main.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Drop what is in the database.")
@DATA_OF_STACK
def restore(source: Path, replace: bool, data: Path | None) -> None:
    """Bring a backup back into an empty database, whole or not at all.

    The stack must be stopped. Afterwards the schema is brought up to date and the data are verified.
    """
    from ops.restores import restore, target

    with target(data) as database_url:
        restore(database_url, source, replace=replace)


@main.command(context_settings={"ignore_unknown_options": True})
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
    # The whole suite on all cores, up to four; a chosen part starts faster on one.
    chosen = arguments or ("--numprocesses=auto", "--maxprocesses=4")
    if faults:
        chosen = ("tests/faults", "--faults", *arguments)
    program, chosen = ("tests.faults.mutations", arguments) if mutations else ("pytest", chosen)
    sys.exit(subprocess.call([sys.executable, "-m", program, *chosen], cwd=commands.ROOT))


@main.command()
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=1.0, help="How long [1].")
@click.option("--seed", type=int, default=1, help="Decides what strikes, whom, when [1].")
@data_option("An empty folder for everything of this run [a new one in var/chaos].")
def chaos(minutes: float, seed: int, data: Path | None) -> None:
    """Use a system while everything of it is killed, paused, emptied and restarted; then ask the oracle.

    The stack is the run's own. A picture of the run is drawn as SVG. The exit code is 1 if the oracle says no.
    """
    from ops.faults.command import run

    run(minutes=minutes, seed=seed, data=data)


@main.command()
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


@main.command()
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


@main.command("bench-pages")
@click.option("--contacts", type=click.IntRange(1_000), default=50_000, help="Size of the company's book.")
@click.option("--rounds", type=click.IntRange(min=2), default=40, help="Requests for each page.")
def bench_pages(contacts: int, rounds: int) -> None:
    """Measure the pages on the demo's company."""
    from ops.bench_pages import run

    run(contacts=contacts, rounds=rounds)


def _pairs(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Read `name=value` texts."""
    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, equals, value in pairs if not (name.strip() and equals and value.strip())]
    if wrong:
        raise click.BadParameter(f"not of the form name=value: {', '.join(wrong)}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _given_password(password_file: Any, ask: bool) -> str | None:
    if password_file:
        return str(password_file.read()).rstrip("\r\n")
    if ask:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return None


def _without_nones(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
