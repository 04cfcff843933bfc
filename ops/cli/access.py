"""Commands that let people and systems in."""

import secrets
from pathlib import Path
from typing import Any

import click

from ops.cli.options import DATA_OF_STACK, without_nones

ROLES = ("viewer", "salesperson", "marketing", "admin", "service")


@click.group()
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
        create_user(database_url, without_nones(values) | {"password": chosen})
    click.echo(f"user {name} made" if password else chosen)


@click.group()
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

    values = without_nones({"name": name, "role": role, "salesperson_code": salesperson})
    with connected(data) as database_url:
        plain_token = create_token(database_url, values)
    click.echo(plain_token)


def _given_password(password_file: Any, ask: bool) -> str | None:
    if password_file:
        return str(password_file.read()).rstrip("\r\n")
    if ask:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return None


COMMANDS = (user, token)
