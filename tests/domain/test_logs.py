"""What the processes log."""

import json
import subprocess
import sys

from ops.commands import ROOT

SCRIPT = """
import logging, structlog
from domain import logs
logs.configure(process="example")
try:
    secret = "hushhush"
    raise ValueError("two\\nlines")
except ValueError:
    structlog.get_logger().exception("own", job="Ж")
    logging.getLogger("celery").exception("of a %s", "library")
"""


def test_every_line_is_a_json_object_with_its_process_and_no_local_variable() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    own, library = [json.loads(line) for line in said.stderr.splitlines()]
    assert (own["event"], own["job"], library["event"]) == ("own", "Ж", "of a library")
    for line in (own, library):
        assert (line["process"], line["level"]) == ("example", "error")
        assert "ValueError: two" in line["exception"]
    assert "hushhush" not in json.dumps(own)
    assert said.stdout == ""
