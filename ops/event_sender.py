"""Sends a file of document events to a running service, as the system they come from would: `interlog events send`.

What has been sent before is found as a duplicate, so an interrupted run is simply started again.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import http.client
import io
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from domain import strict_json
from domain.document_inbox import DATA_CHECKS, SPEC_VERSION, TYPES
from ops.errors import OpsError

ENVELOPE = ("id", "source", "type", "time")
NUMBERS = ("document_version", "document_occurrence")
# Rejected events that are printed.
SHOWN = 20
# What a service that does not answer is waited for, and the pauses between.
PATIENCE_SECONDS = 600.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
ANSWER_SECONDS = 30
# Come again: too many requests, or something is away for a moment.
LATER = (429, 502, 503, 504)


@dataclass(frozen=True)
class Line:
    """An event as it is sent, with the number of its line (from 1) and, if it cannot be sent, the reason."""

    no: int
    body: str
    id: str
    fault: str = ""


@dataclass
class Summary:
    """What became of the events of a file."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Events that were answered."""
        return self.accepted + self.duplicates + self.rejected

    def reject(self, line: Line, reason: str) -> None:
        """Count a rejected event; the first reasons are kept."""
        self.rejected += 1
        if len(self.reasons) < SHOWN:
            self.reasons.append(
                f"line {line.no:,} ({line.id}): {reason}" if line.id else f"line {line.no:,}: {reason}"
            )

    def lines(self) -> list[str]:
        """Say it in words."""
        more = self.rejected - len(self.reasons)
        return [
            f"{self.accepted:,} accepted, {self.duplicates:,} duplicates, {self.rejected:,} rejected",
            *(f"  {reason}" for reason in self.reasons),
            *([f"  and {more:,} more"] if more else []),
        ]


@dataclass(frozen=True)
class Columns:
    """How the rows of a CSV file become events.

    Attributes
    ----------
    patterns
        For each field its column, or a pattern such as `INV-{no}`.
    constants
        Values that are the same for every event.
    zone
        Time zone of times that name none.
    """

    patterns: Mapping[str, str]
    constants: Mapping[str, str]
    zone: ZoneInfo

    @classmethod
    def of(cls, patterns: Mapping[str, str], constants: Mapping[str, str], *, timezone: str) -> Columns:
        """Check what was given on the command line.

        Raises
        ------
        OpsError
            Naming what is unknown or given twice.
        """
        for name in (*patterns, *constants):
            if name not in DATA_CHECKS and name not in ENVELOPE:
                raise OpsError(f"an event has no field {name}; it has {', '.join((*ENVELOPE, *DATA_CHECKS))}")
            if name in patterns and name in constants:
                raise OpsError(f"{name} is both a column and set to one value")
        try:
            return cls(patterns, constants, ZoneInfo(timezone))
        except (ZoneInfoNotFoundError, ValueError):
            raise OpsError(f"there is no time zone {timezone}") from None

    def check(self, header: list[str]) -> Mapping[str, str]:
        """Return the patterns that hold for a file with these columns: as given, else columns named like fields.

        Raises
        ------
        OpsError
            Naming the field or column that is not there.
        """
        patterns = dict(self.patterns)
        if not patterns.keys() - {"id"}:
            known = (*ENVELOPE, *DATA_CHECKS)
            patterns = {
                name: name for name in header if name in known and name not in self.constants
            } | patterns
        for pattern in patterns.values():
            for column in _columns_of(pattern):
                if column not in header:
                    raise OpsError(f"the file has no column {column}; it has {', '.join(header)}")
        for needed in ("id", "source"):
            if needed not in patterns and needed not in self.constants:
                raise OpsError(f"give the {needed} of the events with --{needed}")
        return patterns

    def event_of(self, row: Mapping[str, str], patterns: Mapping[str, str]) -> dict[str, Any]:
        """Make an event of a row; blank cells are left out."""
        values = dict(self.constants)
        values |= {name: _composed(pattern, row).strip() for name, pattern in patterns.items()}
        event: dict[str, Any] = {"specversion": SPEC_VERSION, "type": TYPES[0]}
        event |= {name: values.pop(name) for name in ENVELOPE if values.get(name)}
        if "time" in event:
            event["time"] = self._instant(event["time"])
        data = {name: value for name, value in values.items() if value}
        event["data"] = data | {name: int(data[name]) for name in NUMBERS if data.get(name, "").isdecimal()}
        return event

    def _instant(self, text: str) -> str:
        """Add the zone to a time that names none; what is no time is for the service to refuse."""
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            return text
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).isoformat()


def _columns_of(pattern: str) -> list[str]:
    return re.findall(r"\{([^{}]*)\}", pattern) or [pattern]


def _composed(pattern: str, row: Mapping[str, str]) -> str:
    if "{" not in pattern:
        return row[pattern] or ""
    return re.sub(r"\{([^{}]*)\}", lambda found: row[found[1]] or "", pattern)


def lines_of_csv(file: IO[str], columns: Columns) -> Iterator[Line]:
    """Read a CSV file with a header, comma or semicolon, as events."""
    first = file.readline().lstrip("\N{ZERO WIDTH NO-BREAK SPACE}")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    patterns = columns.check(header)
    reader = csv.DictReader(file, fieldnames=header, delimiter=delimiter, restval="")
    for row in reader:
        event = columns.event_of(row, patterns)
        yield Line(reader.line_num + 1, json.dumps(event, ensure_ascii=False), str(event.get("id", "")))


def lines_of_json(file: IO[str]) -> Iterator[Line]:
    """Read a file with one structured event a line."""
    for no, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            event = strict_json.loads(text)
        except strict_json.NotJson as error:
            yield Line(no, "", "", f"no JSON: {error}")
            continue
        yield Line(no, text.strip(), str(event.get("id", "")) if isinstance(event, dict) else "")


class Service:
    """The service that takes the events.

    Parameters
    ----------
    site
        Its address, without a slash at the end.
    token
        That of a service or an administrator.
    """

    def __init__(self, site: str, token: str) -> None:
        self._request = urllib.request.Request(
            f"{site}/api/v1/document-events",
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/cloudevents-batch+json",
                "Accept": "application/json",
            },
            method="POST",
        )

    def send(self, lines: list[Line], summary: Summary) -> None:
        """Send a batch until it is answered: the ids stay the same, so what arrived before is a duplicate.

        Raises
        ------
        OpsError
            When it is refused as a whole, or nobody answers for `PATIENCE_SECONDS`.
        """
        self._request.data = f"[{','.join(line.body for line in lines)}]".encode()
        deadline, pause = monotonic() + PATIENCE_SECONDS, FIRST_PAUSE
        while True:
            try:
                with urllib.request.urlopen(self._request, timeout=ANSWER_SECONDS) as answer:
                    return _note(json.load(answer), lines, summary)
            except urllib.error.HTTPError as error:
                reason = _problem(error)
                if error.code not in LATER:
                    raise OpsError(f"the service refuses the events: {reason}") from None
                wait = float(error.headers.get("Retry-After") or pause)
            except (OSError, http.client.HTTPException) as error:
                reason, wait = str(error), pause
            if monotonic() > deadline:
                raise OpsError(
                    f"the service has not answered for {PATIENCE_SECONDS:,.0f} s ({reason}); {summary.sent:,} events "
                    "were sent before; start again when it is back"
                )
            sleep(min(wait, LONGEST_PAUSE))
            pause = min(2 * pause, LONGEST_PAUSE)


def _note(receipt: Mapping[str, Any], lines: list[Line], summary: Summary) -> None:
    summary.accepted += receipt["accepted"]
    summary.duplicates += receipt["duplicates"]
    for each in receipt["rejected"]:
        summary.reject(lines[each["index"]], each["message"])


def _problem(error: urllib.error.HTTPError) -> str:
    """Say what a problem document says, or the status."""
    with error:
        try:
            problem = json.load(error)
            return str(problem.get("detail") or problem["title"])
        except (ValueError, KeyError, AttributeError, OSError):
            return f"{error.code} {error.reason}"


def send(
    file: Path,
    service: Service,
    *,
    columns: Columns,
    batch: int,
    rate: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Send the events of a file (.csv or .jsonl, perhaps packed as .gz) and say what became of them.

    Parameters
    ----------
    columns
        How rows of a CSV file become events.
    batch
        Events sent at once.
    rate
        Events a second at most; as fast as it goes when omitted.
    progress
        Called with the bytes of the file that have been read.

    Raises
    ------
    OpsError
        If the file cannot be read or the service refuses.
    """
    batch = min(batch, max(1, int(rate))) if rate else batch
    summary, begun = Summary(), monotonic()
    try:
        with _opened(file) as (opened, position):
            lines = lines_of_json(opened) if ".jsonl" in file.suffixes else lines_of_csv(opened, columns)
            for piece in _pieces(lines, batch):
                for line in piece:
                    if line.fault:
                        summary.reject(line, line.fault)
                if rate:
                    sleep(max(0.0, begun + summary.sent / rate - monotonic()))
                if good := [line for line in piece if not line.fault]:
                    service.send(good, summary)
                progress(position())
    except (OSError, EOFError, UnicodeError, csv.Error) as error:
        raise OpsError(f"{file} cannot be read: {error}") from None
    return summary


def _pieces(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    piece: list[Line] = []
    for line in lines:
        piece.append(line)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


@contextmanager
def _opened(file: Path) -> Iterator[tuple[IO[str], Callable[[], int]]]:
    """Open a text file, unpacking it if its name says so; tell how much of it has been read, too."""
    with file.open("rb") as plain, ExitStack() as unpacking:
        read: Any = unpacking.enter_context(gzip.open(plain)) if file.suffix == ".gz" else plain
        with io.TextIOWrapper(read, encoding="utf-8", newline="") as text:
            yield text, plain.tell


def run(file: Path, service: Service, *, columns: Columns, batch: int, rate: float | None) -> None:
    """Send a file with a progress bar and print the summary.

    Raises
    ------
    OpsError
        As `send` does, and when an event was rejected.
    """
    with click.progressbar(length=file.stat().st_size, label="Sending events") as bar:
        summary = send(
            file,
            service,
            columns=columns,
            batch=batch,
            rate=rate,
            progress=lambda read: bar.update(read - bar.pos),
        )
    for line in summary.lines():
        click.echo(line)
    if summary.rejected:
        raise OpsError(f"{summary.rejected:,} events were rejected")
