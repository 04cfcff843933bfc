"""Commands that bring data in, take them out, and look after the database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ops.cli.options import COLUMNS, CONSTANTS, DATA_OF_STACK, without_nones
from ops.errors import OpsError


@click.group("import")
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


@click.command()
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
        purge(database_url, filters=without_nones(filters), archive=archive, preview=preview, yes=yes)


@click.group()
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


@click.group()
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


@click.group()
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

    constants = constants | without_nones({"source": source})
    chosen = Columns.of(columns | without_nones({"id": id_}), constants, timezone=timezone)
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


@click.command()
@DATA_OF_STACK
def migrate(data: Path | None) -> None:
    """Bring the database to the newest schema."""
    from domain.migrations import upgrade
    from ops.connection import connected

    with connected(data) as database_url:
        upgrade(database_url)
    click.echo("the schema is up to date")


@click.command()
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


@click.command()
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


@click.command()
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


COMMANDS = (import_, events, purge, archive, clock, migrate, verify, backup, restore)
