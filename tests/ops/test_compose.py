"""docker-compose.yml and the Dockerfile say what the command line understands, and keep no secrets."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
import yaml

from domain import hints
from domain.migrations import upgrade
from ops.cli import main
from ops.commands import ROOT
from ops.embedded import EmbeddedPostgres
from ops.server_programs import postgres_program

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Services whose command is another than their name, and what health checks call them.
COMMAND_OF = {"documents": "worker", "consumer": "consume"}
PROCESS_OF = {"documents": "worker"}
APPLICATION = [name for name, service in SERVICES.items() if service["image"] == "interlog"]


def parse(arguments: list[str]) -> click.Context:
    """Parse arguments as the command line does, without running the command."""
    group = main.make_context("interlog", list(arguments))
    name, command, rest = main.resolve_command(group, list(arguments))
    assert command is not None
    return command.make_context(name, rest, parent=group)


def test_every_process_of_the_application_is_there():
    assert set(APPLICATION) == {"migrate", "web", "worker", "documents", "consumer", "beat"}


@pytest.mark.parametrize("service", APPLICATION)
def test_commands_are_ones_the_command_line_understands(service):
    assert parse(SERVICES[service]["command"]).info_name == COMMAND_OF.get(service, service)


@pytest.mark.parametrize("service", [name for name in APPLICATION if "healthcheck" in SERVICES[name]])
def test_health_checks_ask_for_what_their_service_runs(service):
    test = SERVICES[service]["healthcheck"]["test"]
    assert test[:4] == ["CMD", "python", "-m", "ops"]
    asked, running = parse(test[4:]).params, parse(SERVICES[service]["command"]).params
    process = PROCESS_OF.get(service, service)
    assert asked["process"] == process
    for option in {"web": ["port"], "worker": ["name"]}.get(process, []):
        assert asked[option] == running[option]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_has_a_health_check_or_runs_once(service):
    described = SERVICES[service]
    assert ("healthcheck" in described) != (described["restart"] == "no")


def test_every_queue_has_a_worker():
    """Other systems' messages have workers of their own (RELIABILITY 1)."""
    running = [parse(SERVICES[name]["command"]) for name in APPLICATION]
    assert sorted(one.params["queue"] for one in running if one.info_name == "worker") == sorted(hints.QUEUES)


def test_there_are_no_default_passwords():
    secret = re.compile(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)([^}]*)\}")
    found = secret.findall(TEXT)
    assert {name for name, _ in found} == {
        "POSTGRES_PASSWORD",
        "INTERLOG_DATABASE_PASSWORD",
        "REDIS_PASSWORD",
        "INTERLOG_SECRET_KEY",
    }
    assert {rest for _, rest in found} == {":?set it"}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or name.endswith(("_URL", "SECRET_KEY")):
                assert ":?set it}" in value, name


def test_only_the_migrations_have_the_owners_password():
    owners = [
        name for name, service in SERVICES.items() if "{POSTGRES_PASSWORD" in str(service["environment"])
    ]
    assert sorted(owners) == ["migrate", "postgres"]


def test_what_must_last_is_on_volumes():
    kept = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= kept


def test_the_application_waits_for_the_schema():
    for name in set(APPLICATION) - {"migrate"}:
        waits = SERVICES[name]["depends_on"]["migrate"]
        assert waits == {"condition": "service_completed_successfully"}


def test_the_image_has_every_layer_and_the_command_line_as_its_entry():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE)) == {"domain", "web", "worker", "ops"}
    assert 'ENTRYPOINT ["python", "-m", "ops"]' in dockerfile
    assert "--require-hashes -r requirements-production.lock" in dockerfile
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for copied in re.findall(r"^COPY ([\w./-]+) ", dockerfile, re.MULTILINE):
        assert f"!{copied}" in allowed


def test_postgres_gets_settings_it_knows(tmp_path):
    settings = [part.removeprefix("--").split("=") for part in SERVICES["postgres"]["command"][1:]]
    known = {name: value for name, value in settings if name != "wal_compression"}  # built in with lz4 there
    with EmbeddedPostgres(tmp_path / "postgres", fast=True, settings=known) as server:
        assert server.answers()


def test_the_running_role_works_with_rows_but_not_with_the_schema(tmp_path: Path):
    with EmbeddedPostgres(tmp_path / "postgres", fast=True) as server:
        client = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": server.password}
        image = {"POSTGRES_USER": server.user, "POSTGRES_DB": server.database}
        subprocess.run(
            [ROOT / "ops" / "container" / "roles.sh"],
            env=os.environ
            | client
            | image
            | {"INTERLOG_DATABASE_PASSWORD": "for-the-test", "PATH": _path_with_psql()},
            check=True,
            capture_output=True,
        )
        upgrade(server.url)
        address = {"host": "127.0.0.1", "port": server.port, "dbname": server.database}
        with psycopg.connect(**address, user="interlog_app", password="for-the-test") as connection:
            tables = connection.execute(
                "SELECT relname FROM pg_class"
                " WHERE relkind IN ('r', 'p', 'v') AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            assert tables
            refused = [
                name
                for (name,) in tables
                if not connection.execute("SELECT has_table_privilege(%s, 'SELECT')", [name]).fetchone()[0]
            ]
            assert refused == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE extra (id int)")


def _path_with_psql() -> str:
    return f"{postgres_program('psql').parent}{os.pathsep}{os.environ['PATH']}"
