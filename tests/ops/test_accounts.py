"""Users and tokens made from the command line can get in."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import users
from domain.database import make_engine
from ops import first_run
from ops.commands import ROOT


def interlog(
    *arguments: str, text_in: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "ops", *arguments],
        env=kept | {"PYTHONPATH": str(ROOT)} | settings,
        input=text_in,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def opened(fresh_db: str) -> Iterator[Session]:
    engine = make_engine(fresh_db, process="test")
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_a_token_is_printed_alone_on_the_last_line_and_lets_in(fresh_db, opened):
    made = interlog("token", "create", "billing", "--role", "service", DATABASE_URL=fresh_db)
    assert made.returncode == 0, made.stderr
    actor = users.by_token(opened, token=made.stdout.splitlines()[-1])
    assert actor is not None
    assert actor.role == "service"


def test_a_user_gets_a_made_password_that_works(fresh_db, opened):
    made = interlog(
        "user", "create", "olga", "--role", "marketing", "--language", "ru", DATABASE_URL=fresh_db
    )
    assert made.returncode == 0, made.stderr
    kept = opened.scalar(text("SELECT password_hash FROM app_user"))
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    user = users.by_password(opened, name="olga", password=made.stdout.splitlines()[-1])
    assert user is not None
    assert (user.role, user.language_code) == ("marketing", "ru")


def test_a_given_password_is_not_printed(fresh_db, opened):
    password = "correct horse battery"
    arguments = ("user", "create", "ivan", "--role", "viewer", "--password-file", "-")
    made = interlog(*arguments, text_in=password + "\n", DATABASE_URL=fresh_db)
    assert made.returncode == 0, made.stderr
    assert password not in made.stdout
    assert users.by_password(opened, name="ivan", password=password) is not None


def test_what_the_domain_refuses_is_one_line(fresh_db):
    arguments = ("token", "create", "crm", "--role", "salesperson", "--salesperson", "NOBODY")
    refused = interlog(*arguments, DATABASE_URL=fresh_db)
    assert refused.returncode == 1
    assert refused.stderr == "Error: salesperson_code: unknown ('NOBODY')\n"


def test_the_first_run_makes_one_administrator_with_a_link_for_one_use(fresh_db, opened):
    link = first_run.ensure_admin(fresh_db, "http://site", password=lambda: "a long password")
    assert link is not None
    assert link.startswith("http://site/sign-in/link/")
    assert first_run.ensure_admin(fresh_db, "http://site", password=lambda: "another password") is None

    token = link.rpartition("/")[2]
    admin = users.use_sign_in_link(opened, token=token)
    assert admin is not None
    assert (admin.name, admin.role) == ("admin", "admin")
    assert users.use_sign_in_link(opened, token=token) is None
    assert users.by_password(opened, name="admin", password="a long password") is not None


def test_without_a_running_stack_a_command_starts_the_folders_own_database(tmp_path: Path):
    folder = tmp_path / "data"
    for name in ("first", "second"):
        made = interlog("token", "create", name, "--role", "viewer", "--data", str(folder))
        assert made.returncode == 0, made.stderr
    assert not (folder / "postgres" / "cluster" / "postmaster.pid").exists()
    assert stat.S_IMODE((folder / "postgres" / "password").stat().st_mode) == 0o600


def test_migrating_twice_is_harmless(fresh_db, opened):
    assert interlog("migrate", DATABASE_URL=fresh_db).returncode == 0
    assert opened.scalar(text("SELECT count(*) FROM alembic_version")) == 1
