"""The mutation checks themselves: a saboteur is there when it is named, and a case is red for the right reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.mutations import BROKEN, GREEN, RED, read
from tests.faults.saboteurs import ROOT, SABOTEURS, environment

TIMEOUT = "from web import broker; print(broker.TIMEOUTS['socket_timeout'])"


def test_every_saboteur_names_a_case_that_is_there() -> None:
    for saboteur in SABOTEURS:
        file, _, test = saboteur.test.partition("::")
        source = Path(__file__).with_name(file).read_text()
        assert f"def {test.partition('[')[0]}(" in source, saboteur.name


@pytest.mark.parametrize(("sabotage", "seconds"), [({}, "1"), (environment("patient_web"), "8")])
def test_a_saboteur_is_at_work_where_it_is_named(sabotage: dict[str, str], seconds: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-c", TIMEOUT],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | sabotage,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == seconds


@pytest.mark.parametrize(
    ("case", "colour"),
    [
        ("<testcase/>", GREEN),
        ('<testcase><failure message="an entry twice"/></testcase>', RED),
        (
            '<testcase><failure message="an entry twice"/></testcase><testcase><error message="no"/></testcase>',
            RED,
        ),
        ('<testcase><error message="the stack is not up"/></testcase>', BROKEN),
        ('<testcase><skipped message="no libfaketime"/></testcase>', BROKEN),
        ("", BROKEN),
    ],
)
def test_only_a_case_that_fails_as_such_is_red(tmp_path: Path, case: str, colour: str) -> None:
    """Not one that never ran, or whose system did not start."""
    result = tmp_path / "result.xml"
    result.write_text(f"<testsuites><testsuite>{case}</testsuite></testsuites>")
    assert read(result)[0] == colour
