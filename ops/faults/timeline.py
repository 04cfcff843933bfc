"""A picture of a random run: who was there, what struck, and what became of the work, on one axis of time (SVG)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ops.faults.chaos import PROCESSES, SERVERS, Record
from ops.faults.stack import FragileStack

WIDTH, LEFT, RIGHT, TOP = 1400, 130, 24, 64
ROW, BAR, LANE = 22, 12, 9
MOST_LANES = 24
EVENTS_HEIGHT = 60
INK, MUTED, GRID, PAPER = "#22303c", "#6b7a87", "#e6ebef", "#ffffff"
PRESENT, PAUSED, STRUCK = "#b9d6c3", "#f2c14e", "#c8352b"
STATES = {"succeeded": "#4d9de0", "canceled": "#b08bc9", "refused": "#8b98a5", "failed": "#c8352b"}
FONT = "font-family='system-ui, sans-serif'"

JOBS = """
    SELECT kind, state, extract(epoch FROM created_at - CAST(:began AS timestamptz)) AS asked,
           extract(epoch FROM coalesce(started_at, finished_at) - CAST(:began AS timestamptz)) AS started,
           extract(epoch FROM finished_at - CAST(:began AS timestamptz)) AS finished,
           (SELECT coalesce(sum(greatest(attempt - 1, 0)), 0) FROM job_chunk c WHERE c.job_id = j.id) AS retries
    FROM job j WHERE finished_at IS NOT NULL AND created_at >= CAST(:began AS timestamptz) ORDER BY created_at
"""
EVENTS = """
    SELECT floor(extract(epoch FROM received_at - CAST(:began AS timestamptz))) AS second, count(*) AS events
    FROM document_event GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class JobBar:
    """A job: when it was asked for, begun and over, how it ended, and how often a chunk was claimed again."""

    kind: str
    state: str
    asked: float
    started: float
    finished: float
    retries: int


def draw(record: Record, stack: FragileStack) -> str:
    """Draw a run as SVG, with the jobs and events that the database has of it."""
    jobs = [
        JobBar(
            row.kind, row.state, float(row.asked), float(row.started), float(row.finished), int(row.retries)
        )
        for row in stack.rows(JOBS, began=record.began_at)
    ]
    events = {int(row.second): int(row.events) for row in stack.rows(EVENTS, began=record.began_at)}
    return Picture(record, jobs, events).svg()


class Picture:
    """The picture of one run.

    Parameters
    ----------
    record
        What struck, and who was there.
    jobs
        In the order in which they were asked for.
    events
        Document events that came in, by the second of the run.
    """

    def __init__(self, record: Record, jobs: Sequence[JobBar], events: dict[int, int]) -> None:
        self._record = record
        self._jobs = jobs
        self._events = events
        ends = [one.ended for one in record.presences] + [job.finished for job in jobs]
        self._end = max([record.seconds, *ends])
        self._parts: list[str] = []
        self._y = TOP

    def svg(self) -> str:
        """Draw it."""
        rows = [*PROCESSES, *SERVERS]
        lanes = _lanes(self._jobs)
        for whom in rows:
            self._process(whom)
        self._y += 18
        self._job_lanes(lanes)
        self._y += 18
        self._flow()
        bottom = self._y
        self._legend(bottom + 44)
        height = bottom + 66
        head = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' "
            f"height='{height}' role='img' {FONT}>",
            f"<title>{escape(self._title())}</title>",
            f"<rect width='{WIDTH}' height='{height}' fill='{PAPER}'/>",
            _text(LEFT, 26, self._title(), size=17, weight=600),
            _text(LEFT, 46, self._summary(), size=12, fill=MUTED),
        ]
        return "\n".join([*head, *self._axis(bottom), *self._parts, "</svg>"]) + "\n"

    def _title(self) -> str:
        verdict = "the oracle says yes" if not self._record.problems else "the oracle says no"
        return f"Interlog, a random run of {self._record.seconds:.0f} s, seed {self._record.seed}: {verdict}"

    def _summary(self) -> str:
        retries = sum(job.retries for job in self._jobs)
        return (
            f"{len(self._record.blows)} faults; {len(self._jobs)} jobs, {retries} chunks claimed again; "
            f"{sum(self._events.values()):,} document events"
        )

    def _x(self, second: float) -> float:
        return round(LEFT + max(second, 0.0) / self._end * (WIDTH - LEFT - RIGHT), 1)

    def _axis(self, bottom: int) -> Iterable[str]:
        step = next(step for step in (5, 10, 30, 60, 300, 600, 3600) if self._end / step <= 24)
        for second in range(0, int(self._end) + 1, step):
            x = self._x(second)
            yield f"<line x1='{x}' x2='{x}' y1='{TOP - 6}' y2='{bottom}' stroke='{GRID}'/>"
            shown = f"{second} s" if step < 60 else f"{second // 60} min"
            yield _text(x, bottom + 16, shown, size=11, fill=MUTED, anchor="middle")
        x = self._x(self._record.seconds)
        yield f"<line x1='{x}' x2='{x}' y1='{TOP - 6}' y2='{bottom}' stroke='{MUTED}' stroke-dasharray='4 3'/>"
        yield _text(x - 4, TOP - 8, "faults end", size=11, fill=MUTED, anchor="end")

    def _process(self, whom: str) -> None:
        """A row: bars while the process is there, what struck it upon them."""
        middle = self._y + ROW // 2
        names = {"postgres": "PostgreSQL", "redis": "Redis"}
        self._label(names.get(whom, whom), middle)
        for one in self._record.presences:
            if one.whom == whom:
                said = f"{whom}, process {one.pid}: {one.begun:.1f} to {one.ended:.1f} s"
                self._bar(one.begun, one.ended, middle - BAR // 2, BAR, fill=PRESENT, said=said)
        for blow in self._record.blows:
            if blow.whom != whom:
                continue
            said = f"{blow.begun:.1f} s: {whom}: {blow.what} ({blow.ended - blow.begun:.1f} s)"
            if "paused" in blow.what or blow.what == "silent":
                self._bar(blow.begun, blow.ended, middle - BAR // 2, BAR, fill=PAUSED, said=said)
            else:
                x = self._x(blow.begun)
                points = f"{x - 5},{middle - 9} {x + 5},{middle - 9} {x},{middle + 3}"
                self._add(f"<polygon points='{points}' fill='{STRUCK}'>", said, "polygon")
        self._y += ROW

    def _job_lanes(self, lanes: list[list[JobBar]]) -> None:
        self._label("jobs", self._y + LANE)
        for lane in lanes:
            for job in lane:
                said = (
                    f"{job.kind}, {job.state}: asked for at {job.asked:.1f} s, over at {job.finished:.1f} s"
                )
                said += f", {job.retries} chunks claimed again" if job.retries else ""
                self._bar(job.asked, job.started, self._y + 2, 3, fill=MUTED, said=said)
                self._bar(
                    job.started, job.finished, self._y, LANE - 2, fill=STATES.get(job.state, INK), said=said
                )
                if job.retries:
                    x = self._x(job.finished)
                    self._add(f"<circle cx='{x}' cy='{self._y + 3}' r='3.5' fill='{INK}'>", said, "circle")
            self._y += LANE

    def _flow(self) -> None:
        """Events committed to the inbox in each second."""
        most = max(self._events.values(), default=1)
        base = self._y + EVENTS_HEIGHT
        self._label("events/s", base - EVENTS_HEIGHT // 2)
        self._parts.append(_text(LEFT - 6, self._y + 8, str(most), size=10, fill=MUTED, anchor="end"))
        for second, count in self._events.items():
            height = count / most * EVENTS_HEIGHT
            x, width = self._x(second), max(self._x(second + 1) - self._x(second) - 0.5, 0.5)
            said = f"{count} events in second {second}"
            self._add(
                f"<rect x='{x}' y='{base - height:.1f}' width='{width:.1f}' height='{height:.1f}' fill='#7fb7a3'>",
                said,
                "rect",
            )
        self._y = base

    def _legend(self, y: int) -> None:
        x = float(LEFT)
        entries = [(PRESENT, "there"), (PAUSED, "paused or silent"), (MUTED, "job waits")]
        entries += [(colour, f"job {state}") for state, colour in STATES.items()]
        self._parts.append(
            f"<polygon points='{x},{y - 9} {x + 10},{y - 9} {x + 5},{y + 1}' fill='{STRUCK}'/>"
        )
        self._parts.append(_text(x + 16, y, "killed, stopped, emptied", size=12))
        x += 180
        for colour, said in entries:
            self._parts.append(f"<rect x='{x}' y='{y - 9}' width='12' height='10' fill='{colour}'/>")
            self._parts.append(_text(x + 18, y, said, size=12))
            x += 40 + 7 * len(said)
        self._parts.append(f"<circle cx='{x + 4}' cy='{y - 4}' r='3.5' fill='{INK}'/>")
        self._parts.append(_text(x + 14, y, "a chunk was claimed again", size=12))

    def _label(self, said: str, y: float) -> None:
        self._parts.append(_text(LEFT - 12, y + 4, said, size=13, anchor="end"))

    def _bar(self, begun: float, ended: float, y: float, height: int, *, fill: str, said: str) -> None:
        x = self._x(begun)
        width = max(round(self._x(ended) - x, 1), 1.0)
        self._add(
            f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='2' fill='{fill}'>", said, "rect"
        )

    def _add(self, opened: str, said: str, tag: str) -> None:
        self._parts.append(f"{opened}<title>{escape(said)}</title></{tag}>")


def _lanes(jobs: Sequence[JobBar]) -> list[list[JobBar]]:
    """Put jobs into as few lanes as hold them side by side; what does not fit is laid over the last."""
    lanes: list[list[JobBar]] = []
    for job in jobs:
        free = next((lane for lane in lanes if lane[-1].finished < job.asked - 0.1), None)
        if free is not None:
            free.append(job)
        elif len(lanes) < MOST_LANES:
            lanes.append([job])
        else:
            lanes[-1].append(job)
    return lanes


def _text(
    x: float, y: float, said: str, *, size: int, fill: str = INK, anchor: str = "start", weight: int = 400
) -> str:
    return (
        f"<text x='{x}' y='{y}' font-size='{size}' fill='{fill}' text-anchor='{anchor}' font-weight='{weight}'>"
        f"{escape(said)}</text>"
    )
