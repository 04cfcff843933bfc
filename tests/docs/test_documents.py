"""The documents name only what there is: commands, options, variables, files, links, pictures."""

import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from sqlalchemy import Engine

from domain.settings import Folders, Settings
from ops.cli import main
from ops.commands import ROOT

from .markdown import DOCUMENTS, Block, blocks, commands, prose, shell_blocks, text_of

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OPERATIONS = ROOT / "docs" / "operations.md"
ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=\S*$")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
LARGEST_PICTURE = 200_000
WIDTH = 1280


def named(things: list[Any]) -> dict[str, Any]:
    """Arguments for `parametrize` that show what each case is about."""
    return {"argvalues": things, "ids": [str(thing).removeprefix(f"{ROOT}/") for thing in things]}


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that examples mention, in the current folder."""
    archives = tmp_path / "var" / "data" / "archives"
    archives.mkdir(parents=True)
    (tmp_path / "backups" / "monday").mkdir(parents=True)
    for path in (
        tmp_path / "contacts.csv",
        tmp_path / "people.csv.gz",
        archives / "purge-000001-20260310.csv.gz",
    ):
        path.touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("block", **named(shell_blocks(run=False)))
def test_commands_that_are_not_run_are_ones_that_could_be(block: Block, in_a_folder: None):
    for command in commands(block):
        words = shlex.split(command)
        while ASSIGNMENT.match(words[0]):
            assert words.pop(0).partition("=")[0] in variables(), command
        CHECKS[words[0]](words[1:])


def understood(arguments: list[str]) -> None:
    """Parse arguments as the command line does, down to the last subcommand, without running it."""
    with suppress(click.exceptions.Exit):  # asked for help
        context = main.make_context("interlog", list(arguments))
        command: click.Command | None = main
        while isinstance(command, click.Group):
            name, command, arguments = command.resolve_command(context, list(arguments))
            assert command is not None
            context = command.make_context(name, list(arguments), parent=context)


def composed(arguments: list[str]) -> None:
    """Check a call of Docker Compose against the services and our command line."""
    assert arguments[0] == "compose"
    action, *rest = arguments[1:]
    assert action in {"up", "run", "exec"}
    words = [word for word in rest if not word.startswith("-")]
    for scaled in (word for word in words if "=" in word):
        assert scaled.partition("=")[0] in COMPOSE["services"]
    if action == "exec":
        assert words[0] in COMPOSE["services"]
    if action == "run":
        assert words[0] in COMPOSE["services"]
        understood(rest[rest.index(words[0]) + 1 :])


def module_runs(arguments: list[str]) -> None:
    """Check that Python finds a module."""
    assert arguments[0] == "-m"
    assert find_spec(arguments[1]) is not None


def catalogues_compile(arguments: list[str]) -> None:
    """Check that a call of pybabel is the one that builds the image."""
    assert shlex.join(arguments) in (ROOT / "Dockerfile").read_text()


def locks_are_made(arguments: list[str]) -> None:
    """Check that a call of uv is the one that pyproject.toml gives."""
    given = re.sub(r"\s*\\?\n#\s+", " ", (ROOT / "pyproject.toml").read_text())
    assert " ".join(["uv", *arguments]) in given


def is_executable(arguments: list[str]) -> None:
    """Check that CI's script can be run."""
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


CHECKS = {
    "./interlog": understood,
    "docker": composed,
    ".venv/bin/python": module_runs,
    ".venv/bin/pybabel": catalogues_compile,
    "uv": locks_are_made,
    ".ci/run": is_executable,
    "git": lambda arguments: None,
}


def test_options_that_do_not_exist_are_found():
    with pytest.raises(click.UsageError):
        understood(["up", "--contacts", "5"])
    with pytest.raises(click.UsageError):
        understood(["user", "make", "anna"])


@pytest.mark.parametrize("document", **named(DOCUMENTS))
def test_commands_in_sentences_exist(document: Path):
    for said in re.findall(r"`(?:\./)?interlog ([a-z][^`]*)`", prose(document)):
        names = [word for word in said.split() if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        command: click.Command = main
        for name in names:
            if not isinstance(command, click.Group):
                break
            assert name in command.commands, said
            command = command.commands[name]
        for option in re.findall(r"--[a-z-]+", said):
            assert option in {name for parameter in command.params for name in parameter.opts}, said


def test_every_command_is_documented():
    said = " ".join(text_of(document) for document in DOCUMENTS)
    for name, command in main.commands.items():
        subcommands = command.commands if isinstance(command, click.Group) else {"": None}
        for sub in subcommands:
            assert f"{name} {sub}".strip() in said


def of_settings() -> set[str]:
    """Return the variables that the settings read."""
    return {
        str(field.validation_alias or str(model.model_config["env_prefix"]) + name.upper())
        for model in (Settings, Folders)
        for name, field in model.model_fields.items()
    }


def of_compose() -> set[str]:
    """Return the variables that docker-compose.yml reads."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))


def of_code() -> set[str]:
    """Return the variables that the code names besides."""
    named_in_code = re.compile(r'"(INTERLOG_\w+|[A-Z]\w+_DIR)"')
    sources = [path for layer in ("domain", "web", "worker", "ops") for path in (ROOT / layer).rglob("*.py")]
    return {name for path in sources for name in named_in_code.findall(path.read_text())}


def variables() -> set[str]:
    """Return all environment variables that mean something."""
    return of_settings() | of_compose() | of_code()


def test_every_variable_is_documented():
    said = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", text_of(OPERATIONS)))
    assert variables() - said == set()


@pytest.mark.parametrize("document", **named(DOCUMENTS))
def test_variables_that_are_named_exist(document: Path):
    said = set(
        re.findall(r"\b(INTERLOG_[A-Z_]+|[A-Z]+_URL|[A-Z]+_PASSWORD|[A-Z_]+_DIR)\b", text_of(document))
    )
    assert said - variables() == set()


def test_defaults_of_settings_are_those_documented():
    rows = re.findall(r"^\| `(INTERLOG_\w+)` \|.*\| `?([^|`]+?)`? \|$", text_of(OPERATIONS), re.MULTILINE)
    shown = dict(rows)
    for name, field in Settings.model_fields.items():
        variable = f"INTERLOG_{name.upper()}"
        if isinstance(field.default, (bool, int)):
            assert shown[variable] == str(field.default).lower()


@pytest.mark.parametrize("document", **named(DOCUMENTS))
def test_links_lead_somewhere(document: Path):
    for link in LINK.findall(prose(document)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, (
                link
            )


@pytest.mark.parametrize("document", **named(DOCUMENTS))
def test_files_that_are_named_exist(document: Path):
    layers = r"(?:domain|web|worker|ops|tests|docs|\.ci)"
    for name in re.findall(rf"`({layers}/[\w./-]*)`", prose(document)):
        assert (ROOT / name).exists(), name


def test_the_map_of_folders_is_whole():
    shown = next(block.text for block in blocks(ROOT / "README.md") if block.text.startswith("interlog "))
    folders = set(re.findall(r"^(\w+)/", shown, re.MULTILINE))
    assert folders == {module.parent.name for module in ROOT.glob("*/__init__.py")} | {"docs"}


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "decisions"
    linked = set(LINK.findall(text_of(folder / "README.md")))
    assert {path.name for path in folder.glob("0*.md")} == linked
    for path in folder.glob("0*.md"):
        title = re.match(r"# (\d+)\. (.+)\n", path.read_text())
        assert title, path
        assert f"[{title[1]}]({path.name}) | {title[2]} |" in text_of(folder / "README.md")


@pytest.mark.parametrize("document", **named(DOCUMENTS))
def test_nothing_is_said_of_one_machine(document: Path):
    said = text_of(document)
    assert not re.search(r"(?<![\w.])/(home|root|work|Users|tmp)/", said)
    assert not re.search(r"pypi|pythonhosted|artifactory|nexus|index-url", said, re.IGNORECASE)


def pictures() -> Iterator[Path]:
    yield from sorted((ROOT / "docs" / "images").glob("*.png"))


@pytest.mark.parametrize("picture", **named(list(pictures())))
def test_pictures_are_small(picture: Path):
    width, _ = struct.unpack(">II", picture.read_bytes()[16:24])
    assert width == WIDTH
    assert picture.stat().st_size < LARGEST_PICTURE


def test_there_is_a_picture_of_every_page_in_both_languages():
    of_language = {
        language: {
            path.stem.removesuffix(f"-{language}") for path in pictures() if path.stem.endswith(language)
        }
        for language in ("en", "ru")
    }
    assert of_language["en"] == of_language["ru"]
    assert {"segment", "log-dialog", "progress", "logged-segments", "log"} <= of_language["en"]


SQL = [block for document in DOCUMENTS for block in blocks(document) if block.language == "sql"]


@pytest.mark.parametrize("block", **named(SQL))
def test_statements_for_postgres_work(block: Block, engine: Engine):
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql(block.text)
        transaction.rollback()


def test_settings_for_postgres_are_those_of_the_compose_file():
    shown = next(block.text for block in blocks(OPERATIONS) if "shared_buffers" in block.text)
    settings = dict(re.findall(r"^(\w+) = (\S+)", shown, re.MULTILINE))
    given = dict(
        word.removeprefix("--").split("=") for word in COMPOSE["services"]["postgres"]["command"][1:]
    )
    assert given.items() <= settings.items()
    assert settings.keys() - given.keys() == {"synchronous_commit"}


def test_translations_are_updated_by_the_command_shown(tmp_path: Path):
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=shutil.ignore_patterns("*.mo", "__pycache__"))
    page = tmp_path / "web" / "templates" / "error.html"
    page.write_text(page.read_text() + '{{ _("A text that nobody has translated") }}')

    finished = subprocess.run(
        [sys.executable, "-m", "web.i18n", "update"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    catalogue = tmp_path / "web" / "translations" / "ru" / "LC_MESSAGES" / "messages.po"
    assert 'msgid "A text that nobody has translated"\nmsgstr ""\n' in catalogue.read_text()
    assert catalogue.with_suffix(".mo").exists()
