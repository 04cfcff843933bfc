"""Saboteurs: each takes one safeguard out of the running system, and a case of the suite has to notice (RELIABILITY 3).

They are no options of the product. `environment` puts the folder `sabotage` on the PYTHONPATH of the processes that a
test starts; its sitecustomize calls `engage`, which changes one function of one module as soon as that is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

VARIABLE = "INTERLOG_SABOTEUR"
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Saboteur:
    """A safeguard that is taken away.

    Parameters
    ----------
    name
        What it is called in the table.
    module
        Where the safeguard is.
    act
        Takes it away, given the module.
    says
        In a few words what is missing now.
    case
        The test that has to go red, `file.py::name`.
    lines
        Lines of a large segment in that test.
    """

    name: str
    module: str
    act: Callable[[Any], None]
    says: str
    case: str


def no_fence(job_engine: Any) -> None:
    """Have an owner go on whatever the attempt number says, as long as the chunk's row is there."""

    def fenced(session: Any, claimed: Any) -> Any:
        row = session.execute(
            job_engine.text(
                "SELECT no, range_from, range_to, size, phase FROM job_chunk WHERE job_id = :job_id AND no = :no"
            ),
            {"job_id": claimed.job_id, "no": claimed.no},
        ).one()
        return job_engine.Chunk(row.range_from, row.range_to, row.size, row.phase, row.no)

    job_engine._fenced = fenced


def acknowledge_first(consumer: Any) -> None:
    """XACK before the events are committed."""

    def store(self: Any) -> None:
        self._redis.xack(consumer.STREAM, consumer.GROUP, *(id for id, _ in self._in_hand))
        events = [consumer._incoming(fields) for _, fields in self._in_hand]
        consumer.receiving.receive(self._sessions, events, door=consumer.Door.STREAM)
        self._in_hand = []

    consumer.Consumer._store = store


def no_on_conflict(inbox: Any) -> None:
    """Insert events without asking whether they are there."""
    load = inbox.sql.load

    def plain(name: str) -> Any:
        statement = load(name)
        if name != "receive_events":
            return statement
        conflict = "ON CONFLICT (event_id, source) WHERE outcome <> 'rejected' DO NOTHING"
        assert conflict in statement.text
        return inbox.text(statement.text.replace(conflict, ""))

    inbox.sql = _with(inbox.sql, load=plain)


def no_sweep(scheduler: Any) -> None:
    """Have beat send no hints for open work."""
    scheduler.JobScheduler._open_work = lambda self: 0


def group_from_the_end(consumer: Any) -> None:
    """Make the group of consumers at the end of the stream instead of its beginning."""

    def make_group(self: Any) -> None:
        self._redis.xgroup_create(consumer.STREAM, consumer.GROUP, id="$", mkstream=True)

    consumer.Consumer._make_group = make_group


def hint_before_commit(database: Any) -> None:
    """Send the hint of a request while its transaction is open."""
    finish = database.finish

    def hinting(response: Any) -> Any:
        if "session" in database.g and database.hints.wanted(database.g.session):
            database.broker.hint()
        return finish(response)

    database.finish = hinting


def key_apart(idempotency: Any) -> None:
    """Commit the idempotency key before the work that it stands for."""
    once = idempotency.once

    def apart(key: str, mark: bytes, actor: Any, view: Any) -> Any:
        values = {"actor_id": actor.id, "key": key, "fingerprint": mark}
        session = idempotency.database.session()
        if session.execute(idempotency.CLAIM, values).scalar() is None:
            return once(key, mark, actor, view)
        session.commit()
        response = idempotency._try(session, view)
        idempotency._keep(session, {"actor_id": actor.id, "key": key}, response)
        return response

    idempotency.once = apart


def no_guard_of_the_clock(clock_guard: Any) -> None:
    """Believe PostgreSQL's clock, whatever it says."""
    clock_guard.observe = lambda session, *, passed=None: True
    clock_guard.cutoff = lambda session, *, days=0: session.execute(
        clock_guard.text("SELECT now() - make_interval(hours => 24 * CAST(:days AS integer))"), {"days": days}
    ).scalar_one()


def everything_is_poison(database: Any) -> None:
    """Count faults of the surroundings as failures of the work."""
    database.is_infrastructure = lambda error: False


def patient_web(broker: Any) -> None:
    """Have requests wait for a silent broker as long as it takes."""
    broker.TIMEOUTS = {"socket_timeout": 30, "socket_connect_timeout": 30}


def done_apart(job_engine: Any) -> None:
    """Mark a chunk as done before the transaction that does its work is committed."""
    perform = job_engine._perform

    def apart(session: Any, claimed: Any) -> None:
        perform(session, claimed)
        if claimed.step is job_engine.Step.WORK:
            session.commit()

    job_engine._perform = apart


def engage() -> None:
    """Put the saboteur of the environment, if there is one, on the import of its module."""
    if saboteur := BY_NAME.get(os.environ.get(VARIABLE, "")):
        sys.meta_path.insert(0, _Ambush(saboteur))


def environment(name: str) -> dict[str, str]:
    """Return what processes need in their environment for a saboteur to be among them."""
    paths = [str(Path(__file__).with_name("sabotage")), str(ROOT)]
    return {VARIABLE: BY_NAME[name].name, "PYTHONPATH": os.pathsep.join(paths)}


class _Ambush(importlib.abc.MetaPathFinder):
    """Waits for a module to be imported, lets it load, and changes it."""

    def __init__(self, saboteur: Saboteur) -> None:
        self._saboteur = saboteur

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._saboteur.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            self._saboteur.act(module)

        spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


def _with(module: ModuleType, **changed: Any) -> ModuleType:
    """Return a module like another but for what is changed; others who use it do not notice."""
    other = ModuleType(module.__name__)
    other.__dict__.update(module.__dict__ | changed)
    return other


SABOTEURS: list[Saboteur] = []
BY_NAME = {saboteur.name: saboteur for saboteur in SABOTEURS}
