"""What hurts the system, and tells of it: a network that can be cut, the report, the picture of a random run."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ops.faults.chaos import Blow, Presence, Record
from ops.faults.proxy import Proxy
from ops.faults.report import FAILED, NOT_RUN, PASSED, Case, Report
from ops.faults.timeline import JobBar, Picture


@pytest.fixture
def echo() -> Iterator[Proxy]:
    """A way to a server that answers with what it was sent."""

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while piece := connection.recv(100):
                connection.sendall(piece)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        with Proxy(listener.getsockname()[1]) as proxy:
            yield proxy
        listener.shutdown(socket.SHUT_RDWR)


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=0.5)


def answers(connection: socket.socket) -> bool:
    connection.sendall(b"hello")
    with contextlib.suppress(TimeoutError):
        return connection.recv(100) == b"hello"
    return False


def test_a_network_passes_forgets_silences_and_refuses(echo: Proxy) -> None:
    with connect(echo) as early:
        assert answers(early)
        echo.forget()
        assert not answers(early)
        with connect(echo) as later:
            assert answers(later)
            echo.silence()
            assert not answers(later)
            with connect(echo) as unheard:
                assert not answers(unheard)
    echo.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(echo)
    echo.mend()
    with connect(echo) as again:
        assert answers(again)


def test_an_address_leads_through_the_network(echo: Proxy) -> None:
    assert (
        echo.instead("redis://:secret@127.0.0.1:6379/0", 6379) == f"redis://:secret@127.0.0.1:{echo.port}/0"
    )


def test_a_recovery_in_time_is_noted_and_a_late_one_fails() -> None:
    case = Case(1, "a fault", seed=1)
    case.inject("kill")
    assert case.recovers(lambda: "back", "it is back", within=1) == "back"
    with pytest.raises(AssertionError, match="it never is"):
        case.recovers(lambda: False, "it never is", within=0)
    assert [one.what for one in case.injections[0].recovered] == ["it is back"]
    assert Case(1, "a fault", seed=1).rng.random() == Case(1, "a fault", seed=1).rng.random()


def test_a_report_names_what_passed_failed_and_was_not_run(tmp_path: Path) -> None:
    cases = [
        Case(27, "disk full", seed=3, result=NOT_RUN, reason="needs root"),
        Case(1, "kill", seed=3, result=PASSED, seconds=2.5),
        Case(2, "pause", seed=3, result=FAILED, reason="lost a row"),
    ]
    report = Report(3, cases)
    said = "\n".join(report.lines())
    assert [said.index(word) for word in ("kill", "lost a row", "disk full", "needs root")] == sorted(
        said.index(word) for word in ("kill", "lost a row", "disk full", "needs root")
    )
    assert "seed 3: 1 passed, 1 FAILED, 1 NOT RUN" in said
    report.write(tmp_path / "new" / "report.json")
    kept = json.loads((tmp_path / "new" / "report.json").read_text())
    assert [case["result"] for case in kept["cases"]] == [PASSED, FAILED, NOT_RUN]


def test_a_picture_shows_processes_faults_jobs_and_events() -> None:
    record = Record(
        seed=1,
        seconds=30,
        blows=[Blow("kill -9", "web", 3, 4), Blow("paused", "worker", 5, 9)],
        presences=[Presence("web", 11, 0, 3), Presence("web", 12, 4, 40), Presence("redis", 13, 0, 40)],
    )
    jobs = [JobBar("log_segment", "succeeded", 1, 2, 8, 1), JobBar("purge", "canceled", 2, 3, 4, 0)]
    picture = ElementTree.fromstring(Picture(record, jobs, {0: 5, 7: 50}).svg())
    titles = [title.text or "" for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert "the oracle says yes" in titles[0]
    for said in ("web, process 12", "web: kill -9", "worker: paused", "log_segment, succeeded", "50 events"):
        assert any(said in title for title in titles), said
