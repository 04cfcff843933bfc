"""The random run (RELIABILITY 3, case 12): all of it is used while all of it is killed, paused, flushed and restarted.

A seed decides what strikes, where and when; what it strikes in the middle of is up to the machine.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import redis
from sqlalchemy.exc import SQLAlchemyError

from ops.errors import OpsError
from ops.faults import strikes
from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.hands import Cleaner, Hand, Marketer, Visitor
from ops.faults.oracle import Oracle
from ops.faults.stack import FragileStack, wait_for
from ops.processes import send_signal

PROCESSES = ("web", "worker", "documents", "consumer", "beat")
SERVERS = ("postgres", "redis")
EVENTS_PER_SECOND = 40
# Between the end of one fault and the next, on average.
MEAN_PAUSE = 1.5
LONGEST_PAUSE = 5.0
# A short run goes on until so many have struck: some last twelve seconds.
FEWEST_BLOWS = 6
# What hands may take to finish what they have begun, once nothing strikes any more.
PATIENCE = 100
# What a blow meets that finds its victim away already.
AWAY = (AssertionError, OSError, SQLAlchemyError, redis.RedisError, OpsError)
_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass
class Blow:
    """A fault that struck: what, whom (a row of the timeline), and from when to when, in seconds of the run."""

    what: str
    whom: str
    begun: float
    ended: float = 0.0


@dataclass
class Presence:
    """A process that was there under one process id, from when to when, in seconds of the run."""

    whom: str
    pid: int
    begun: float
    ended: float


@dataclass
class Record:
    """What happened in a run.

    Attributes
    ----------
    seed, seconds
        Of the run; while it struck, not while it settled.
    began_at
        When, as the database writes it.
    blows, presences
        What struck, and who was there.
    done
        Things that each hand did to their end.
    problems
        What should not have happened, the oracle's words last.
    """

    seed: int
    seconds: float
    began_at: str = ""
    blows: list[Blow] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Chaos:
    """One random run.

    Parameters
    ----------
    company
        On its stack, which belongs to the run.
    seed
        Decides everything that is not up to the machine.
    tell
        Called with a line for each fault.
    """

    def __init__(
        self, company: Company, *, seed: int, tell: Callable[[str], None] = lambda line: None
    ) -> None:
        self._company = company
        self._stack: FragileStack = company.stack
        self._seed = seed
        self._rng = Random(f"{seed}/strikes")
        self._tell = tell
        self._begun = 0.0

    def run(self, seconds: float) -> Record:
        """Strike for so long and so often, let everything come to rest, ask the oracle; return the record."""
        record = Record(self._seed, seconds, str(self._stack.value("SELECT clock_timestamp()::text")))
        feeder = Feeder(self._company, self._random("feeder"))
        hands: list[Hand] = [
            Marketer(self._company, self._random("first marketer")),
            Marketer(self._company, self._random("second marketer")),
            Cleaner(self._company, self._random("cleaner")),
            Visitor(self._company, self._random("visitor")),
        ]
        self._begun = time.monotonic()
        try:
            with self._watched(record):
                feeder.start(per_second=EVENTS_PER_SECOND)
                for hand in hands:
                    hand.start()
                while self._now() < seconds or len(record.blows) < FEWEST_BLOWS:
                    self._strike(record)
                    time.sleep(min(self._rng.expovariate(1 / MEAN_PAUSE), LONGEST_PAUSE))
                self._settle(record, feeder, hands)
        finally:
            for hand in hands:
                hand.stop()
            feeder.ask_to_stop()
        return record

    def _settle(self, record: Record, feeder: Feeder, hands: list[Hand]) -> None:
        """End all activity, send again what Redis lost, and judge."""
        for hand in hands:
            hand.stop()
        self._stack.heal()
        for hand in hands:
            hand.end(PATIENCE)
            record.done[hand.name] = record.done.get(hand.name, 0) + hand.done
            record.problems += hand.problems
        try:
            feeder.close()
            wait_for(lambda: not feeder.send_missing(), "nothing is missing", seconds=PATIENCE)
            record.done["Feeder"] = len(self._company.sent_ids)
        except AssertionError as error:
            record.problems.append(str(error))
        record.problems += Oracle(self._company).problems()

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")

    def _now(self) -> float:
        return time.monotonic() - self._begun

    # Strikes

    def _strike(self, record: Record) -> None:
        """Deal one blow; whom it finds away already is spared."""
        what, whom, deal = self._choose()
        blow = Blow(what, whom, self._now())
        try:
            deal()
        except AWAY as error:
            self._tell(f"{blow.begun:7.1f} s  {whom}: {what}: {str(error) or 'is away'}")
            return
        blow.ended = self._now()
        record.blows.append(blow)
        self._tell(f"{blow.begun:7.1f} s  {whom}: {what}, {blow.ended - blow.begun:.1f} s")

    def _choose(self) -> tuple[str, str, Callable[[], None]]:
        whom = self._rng.choice([*PROCESSES, *PROCESSES, "worker", *SERVERS])
        blows = {"postgres": self._against_postgres, "redis": self._against_redis}.get(whom)
        what, deal = self._rng.choice(blows() if blows else self._against_process(whom))
        return what, whom, deal

    def _against_postgres(self) -> list[tuple[str, Callable[[], None]]]:
        away = self._rng.uniform(0.5, 4)
        return [
            ("restarted at once", lambda: strikes.restart_postgres(self._stack)),
            ("stopped, then started", lambda: self._without_postgres(away)),
        ]

    def _against_redis(self) -> list[tuple[str, Callable[[], None]]]:
        silent = self._rng.uniform(0.5, 6)
        return [
            ("FLUSHALL", lambda: strikes.flush_redis(self._stack)),
            ("kill -9, empty", lambda: strikes.kill_redis(self._stack)),
            ("silent", lambda: self._pause([self._stack.redis.pid], silent)),
        ]

    def _against_process(self, whom: str) -> list[tuple[str, Callable[[], None]]]:
        stack, paused = self._stack, self._rng.uniform(0.5, 12)
        blows: list[tuple[str, Callable[[], None]]] = [
            ("kill -9", lambda: strikes.kill_leader(stack, whom)),
            ("SIGTERM", lambda: self._terminate(whom)),
            ("paused", lambda: self._pause([stack.leader(whom), *stack.members(whom)], paused)),
        ]
        if whom in ("web", "worker"):
            blows += [
                ("kill -9 of one process", lambda: self._kill_one(whom)),
                ("one process paused", lambda: self._pause(self._one_of(whom), paused)),
            ]
        return blows

    def _one_of(self, whom: str) -> list[int]:
        members = self._stack.members(whom)
        return [self._rng.choice(members)] if members else []

    def _kill_one(self, whom: str) -> None:
        for pid in self._one_of(whom):
            send_signal(pid, signal.SIGKILL)

    def _terminate(self, whom: str) -> None:
        leader = self._stack.leader(whom)
        if leader is not None and send_signal(leader, signal.SIGTERM):
            wait_for(lambda: self._stack.leader(whom) != leader, f"{whom} is gone", seconds=20)

    def _pause(self, pids: Sequence[int | None], seconds: float) -> None:
        with strikes.paused(*pids):
            time.sleep(seconds)

    def _without_postgres(self, seconds: float) -> None:
        postgres = self._stack.postgres
        self._stack.kill(postgres.pid, number=signal.SIGQUIT)
        wait_for(lambda: not postgres.is_running(), "PostgreSQL is away")
        time.sleep(seconds)
        postgres.start()

    # What is seen of the processes

    @contextmanager
    def _watched(self, record: Record) -> Iterator[None]:
        """Note who is there, a few times a second, for the length of a block."""
        over = threading.Event()

        def watch() -> None:
            present: dict[str, Presence] = {}
            while not over.wait(_SECONDS_BETWEEN_LOOKS):
                now = self._now()
                for whom, pid in self._there():
                    one = present.get(whom)
                    if one is None or one.pid != pid:
                        one = present[whom] = Presence(whom, pid, now, now)
                        record.presences.append(one)
                    one.ended = now

        watching = threading.Thread(target=watch, daemon=True, name="watch")
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()

    def _there(self) -> Iterator[tuple[str, int]]:
        yield from self._stack.leaders().items()
        for server in (self._stack.postgres, self._stack.redis):
            if server.pid is not None:
                yield server.name, server.pid
