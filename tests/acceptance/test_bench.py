"""`interlog bench --quick`: no ratio is far below its floor, whatever else this machine does meanwhile."""

import os
import subprocess
import sys

from ops.commands import ROOT

# Under a minute and a half on a machine that does nothing else.
PATIENCE = 600


def test_no_ratio_is_far_below_its_floor():
    settings = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    bench = subprocess.run(
        [sys.executable, "-m", "ops", "bench", "--quick"],
        cwd=ROOT,
        env=settings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert bench.returncode == 0, bench.stdout + bench.stderr
