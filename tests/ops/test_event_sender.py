"""Files of events are sent to a running service, as often as one likes (D1)."""

import gzip
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from ops import commands, event_sender
from ops.accounts import create_token
from ops.cli import main
from ops.embedded import EmbeddedRedis
from ops.health import web
from ops.processes import free_port, wait_until
from tests.domain.engine_helpers import sessions_on
from tests.domain.events import make_event
from tests.ops.test_imports import DATA, needs_data

HEADER = "invoice_no,invoice_date,customer_no,type_of_paper\n"
OPTIONS = [
    "--map=document_no=invoice_no,account_no=C{customer_no},time=invoice_date,document_type=type_of_paper",
    "--set=account_type=customer",
    "--id=INV-{invoice_no}",
    "--source=shop",
]


class Site:
    """A web process on a database of its own, which can be away for a while."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self._command = commands.web(host="127.0.0.1", port=self.port, processes=1, threads=4)
        self._environment = os.environ | environment | self._command.environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command.arguments, env=self._environment, cwd=commands.ROOT, stderr=log, stdout=log
            )

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()


@pytest.fixture(scope="module")
def running_site(
    database_url: str, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    made = Site(
        {"DATABASE_URL": database_url, "REDIS_URL": redis_server.url, "INTERLOG_SECRET_KEY": "s"},
        tmp_path_factory.mktemp("site") / "log",
    )
    made.start()
    assert wait_until(lambda: web(made.port), 20)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    with sessions_on(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def token(database_url: str) -> str:
    return create_token(database_url, {"name": "shop", "role": "service"})


@pytest.fixture
def site(
    running_site: Site, sessions: sessionmaker[Session], token: str, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """The site, without an event yet, to be reached with a token of the environment."""
    monkeypatch.setenv("INTERLOG_TOKEN", token)
    with sessions() as session, session.begin():
        session.execute(text("TRUNCATE document_event CASCADE"))
    return running_site


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "invoices.csv"


def send(site: Site, file: Path, *options: str) -> Result:
    arguments = ["events", "send", str(file), f"--site=http://127.0.0.1:{site.port}/", *options]
    return CliRunner().invoke(main, arguments)


def stored(sessions: sessionmaker[Session], columns: str) -> list[Any]:
    with sessions() as session:
        rows = session.execute(text(f"SELECT {columns} FROM document_event ORDER BY event_id"))
        return [tuple(row) for row in rows]


def test_rows_become_events_and_those_that_are_refused_are_told(
    site: Site, file: Path, sessions: sessionmaker[Session]
) -> None:  # D1, D8
    file.write_text(
        f"{HEADER}1,2026-03-10T12:00:00,100,sales_invoice\n2,2026-07-10T12:00:00,100,sales_invoice\n"
        "3,2026-03-10T12:00:00+05:00,,sales_invoice\n4,yesterday,100,sales_invoice\n5,,100,poem\n"
    )
    told = send(site, file, *OPTIONS, "--timezone=Europe/London", "--batch=2")

    assert told.exit_code == 1
    assert told.output.splitlines()[-4:] == [
        "3 accepted, 0 duplicates, 2 rejected",
        "  line 5 (INV-4): Time: “yesterday” cannot be taken.",
        "  line 6 (INV-5): Document Type: “poem” is none of the choices.",
        "Error: 2 events were rejected",
    ]
    assert stored(sessions, "source, event_id, to_char(time, 'HH24:MI'), data->>'account_no'") == [
        ("shop", "INV-1", "12:00", "C100"),
        ("shop", "INV-2", "11:00", "C100"),
        ("shop", "INV-3", "07:00", "C"),
    ]
    again = send(site, file, *OPTIONS, "--timezone=Europe/London")
    assert "0 accepted, 3 duplicates, 2 rejected" in again.output


def test_lines_of_json_are_sent_as_they_are(site: Site, file: Path, sessions: sessionmaker[Session]) -> None:
    packed = file.with_name("events.jsonl.gz")
    lines = [
        json.dumps(make_event(id="1", description="Ünïcode")),
        "",
        "{",
        "7",
        json.dumps(make_event(id="2")),
    ]
    packed.write_bytes(gzip.compress("\n".join(lines).encode()))
    told = send(site, packed)

    assert told.exit_code == 1
    assert "2 accepted, 0 duplicates, 2 rejected" in told.output
    assert "  line 3: no JSON: Expecting" in told.output
    assert "  line 4: " in told.output
    assert stored(sessions, "event_id, data->>'description'") == [("1", "Ünïcode"), ("2", None)]


def test_columns_named_like_fields_need_no_map(
    site: Site, file: Path, sessions: sessionmaker[Session]
) -> None:
    file.write_text("id;document_no;document_version;account_no;paper\nA;1;2;C1;thick\n")
    told = send(site, file, "--source=shop", "--set=document_type=sales_quote")
    assert (told.exit_code, told.output.splitlines()[-1]) == (0, "1 accepted, 0 duplicates, 0 rejected")
    assert stored(sessions, "event_id, document_version, data ? 'paper'") == [("A", 2, False)]


def test_a_service_that_is_away_is_waited_for(
    site: Site, file: Path, sessions: sessionmaker[Session]
) -> None:
    """The batch is sent again with the same ids when it is back."""
    file.write_text("id,document_no,account_no\n" + "".join(f"{no},{no},C1\n" for no in range(20)))
    site.stop()
    told: list[Result] = []
    options = ["--source=shop", "--set=document_type=sales_invoice", "--batch=10"]
    sending = threading.Thread(target=lambda: told.append(send(site, file, *options)))
    sending.start()
    site.start()
    sending.join(30)
    assert told[0].output.splitlines()[-1] == "20 accepted, 0 duplicates, 0 rejected"
    assert len(stored(sessions, "event_id")) == 20


def test_a_rate_is_kept(site: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("id,document_no,account_no\n" + "".join(f"{no},{no},C1\n" for no in range(10)))
    now = [0.0]
    monkeypatch.setattr(event_sender, "monotonic", lambda: now[0])
    monkeypatch.setattr(event_sender, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    send(site, file, "--source=shop", "--set=document_type=sales_invoice", "--rate=4")
    assert now[0] == 2.0  # the last two of ten begin when eight have had their time


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--source=s"], "give the id of the events with --id"),
        (["--id={document_no}"], "give the source of the events with --source"),
        (["--id={number}", "--source=s"], "the file has no column number; it has document_no"),
        (
            ["--map=colour=document_no"],
            "an event has no field colour; it has id, source, type, time, document_type",
        ),
        (["--map=user=document_no", "--set=user=x"], "user is both a column and set to one value"),
        (["--timezone=Mars/Base"], "there is no time zone Mars/Base"),
    ],
)
def test_options_that_do_not_fit_are_told_in_one_line(
    file: Path, options: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOG_TOKEN", "x")
    file.write_text("document_no\n1\n")
    told = CliRunner().invoke(main, ["events", "send", str(file), "--site=http://127.0.0.1:1", *options])
    assert told.exit_code == 1
    assert reason in told.output


def test_a_token_that_is_none_is_told(site: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOG_TOKEN", "wrong")
    file.write_text(f"{HEADER}1,2026-03-10T12:00:00,100,sales_invoice\n")
    told = send(site, file, *OPTIONS)
    assert told.exit_code == 1
    assert "Error: the service refuses the events: " in told.output


@needs_data
def test_real_invoices_go_in_and_are_duplicates_the_second_time(
    site: Site, sessions: sessionmaker[Session]
) -> None:  # issue 3, must show
    columns = "document_no=invoice_no,time=invoice_date,account_no=C{customer_no},document_type=document_type"
    options = [f"--map={columns}", "--id={invoice_no}", "--source=shop", "--timezone=Europe/London"]
    told = send(site, DATA / "online_retail_invoices.csv.gz", *options)
    assert told.output.splitlines()[-1] == "25,900 accepted, 0 duplicates, 0 rejected"
    again = send(site, DATA / "online_retail_invoices.csv.gz", *options)
    assert again.output.splitlines()[-1] == "0 accepted, 25,900 duplicates, 0 rejected"
