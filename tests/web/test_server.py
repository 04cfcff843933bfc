"""What gunicorn's worker does when it loads the application."""

import subprocess
import sys

from ops.commands import ROOT

# Loads the application as a worker of gunicorn does, and says what garbage collection looks through then.
LOADS = """
import gc
from types import SimpleNamespace
from web.server import Worker

def load():
    import web
    return web.create_app

worker = Worker.__new__(Worker)
worker.app = SimpleNamespace(wsgi=load)
worker.load_wsgi()
print(gc.get_freeze_count(), sum(gc.get_count()) + len(gc.get_objects(generation=2)))
"""


def test_garbage_collection_leaves_the_application_alone() -> None:
    """A page does not wait while all that was loaded is looked through."""
    ran = subprocess.run([sys.executable, "-c", LOADS], cwd=ROOT, capture_output=True, text=True, check=True)
    apart, looked_through = map(int, ran.stdout.split())
    assert apart > 50_000
    assert looked_through < apart / 50
