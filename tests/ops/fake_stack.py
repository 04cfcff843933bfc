"""Runs a stack whose web, worker and beat are small stand-ins: `fake_stack.py DATA PORT [MODE]`.

With mode `stubborn` the stand-ins ignore SIGTERM; with `broken` web ends at once; with `job` and `bad-job`
there is a job, after which the stack ends.
"""

import sys
from pathlib import Path

from ops import stack
from ops.commands import Command
from ops.errors import OpsError

WEB = """
import http.server, signal, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
# like Celery's: a parent with a child of its own
WORKER = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1]]).wait()
"""
BEAT = "import signal; signal.pause()"
BROKEN = "import sys; sys.exit('RuntimeError: nothing works')"


def job(running: stack.Stack) -> None:
    """Say where the stack is."""
    sys.stdout.write(f"the job runs on {running.base_url}\n")


def bad_job(running: stack.Stack) -> None:
    """Find that the job cannot be done."""
    raise OpsError("the job cannot be done")


def main(data: str, port: str, mode: str = "") -> None:
    """Run the stack until it is told to stop."""
    prefix = STUBBORN if mode == "stubborn" else ""
    web = BROKEN if mode == "broken" else prefix + WEB
    processes = {
        "web": Command([sys.executable, "-c", web, port]),
        "worker": Command([sys.executable, "-c", prefix + WORKER, prefix + BEAT]),
        "beat": Command([sys.executable, "-c", prefix + BEAT]),
    }
    try:
        stack.up(
            stack.Options(Path(data), port=int(port)),
            job={"job": job, "bad-job": bad_job}.get(mode),
            stay=False,
            processes=processes,
        )
    except OpsError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
