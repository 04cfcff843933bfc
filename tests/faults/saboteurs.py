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
    test
        The test of tests/faults that has to go red, `file.py::name`.
    """

    name: str
    module: str
    act: Callable[[Any], None]
    says: str
    test: str


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

    job_engine.fenced = fenced


def acknowledge_first(redis: Any) -> None:
    """XACK before the events are committed: as soon as they are read."""
    read = redis.Redis.xreadgroup

    def reading(self: Any, group: str, *arguments: Any, **options: Any) -> Any:
        found = read(self, group, *arguments, **options)
        for stream, entries in found or []:
            self.xack(stream, group, *(id for id, _ in entries))
        return found

    redis.Redis.xreadgroup = reading


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


def group_from_the_end(redis: Any) -> None:
    """Make the group of consumers at the end of the stream instead of its beginning."""
    create = redis.Redis.xgroup_create

    def creating(self: Any, name: str, group: str, **options: Any) -> Any:
        return create(self, name, group, **{**options, "id": "$"})

    redis.Redis.xgroup_create = creating


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
    """Have requests wait long for a silent broker."""
    broker.TIMEOUTS = {"socket_timeout": 8, "socket_connect_timeout": 8}


def done_apart(job_engine: Any) -> None:
    """Mark a chunk as done, and commit that, before its work."""
    fenced = job_engine.fenced

    def apart(session: Any, claimed: Any) -> Any:
        chunk = fenced(session, claimed)
        if chunk is not None and claimed.step is job_engine.Step.WORK:
            session.execute(
                job_engine.text("UPDATE job_chunk SET state = 'done' WHERE job_id = :job_id AND no = :no"),
                {"job_id": claimed.job_id, "no": claimed.no},
            )
            session.connection().connection.driver_connection.commit()
        return chunk

    job_engine.fenced = apart


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


SABOTEURS = [
    Saboteur(
        "no_fence",
        "domain.job_engine",
        no_fence,
        "no fence",
        "test_owners.py::test_an_owner_that_was_overtaken_is_fenced",
    ),
    Saboteur(
        "acknowledge_first",
        "redis",  # the consumer itself is the main module, which is not imported
        acknowledge_first,
        "XACK before commit",
        "test_documents.py::test_the_consumer_is_killed_before_it_acknowledges",
    ),
    Saboteur(
        "no_on_conflict",
        "domain.document_inbox",
        no_on_conflict,
        "no ON CONFLICT",
        "test_documents.py::test_one_event_comes_through_all_doors_at_once",
    ),
    Saboteur(
        "no_sweep",
        "worker.scheduler",
        no_sweep,
        "sweep off, with FLUSHALL",
        "test_promises.py::test_a_hint_is_lost_before_anybody_looks",
    ),
    Saboteur(
        "group_from_the_end",
        "redis",
        group_from_the_end,
        "$ for 0 in XGROUP",
        "test_promises.py::test_what_comes_before_the_group_is_read",
    ),
    Saboteur(
        "hint_before_commit",
        "web.database",
        hint_before_commit,
        "publish before commit",
        "test_promises.py::test_a_hint_comes_after_the_commit",
    ),
    Saboteur(
        "key_apart",
        "web.idempotency",
        key_apart,
        "idempotency key in a transaction of its own",
        "test_promises.py::test_a_key_without_its_work_is_no_key",
    ),
    Saboteur(
        "done_apart",
        "domain.job_engine",
        done_apart,
        "chunk marked done in a transaction of its own",
        "test_processes.py::test_a_pool_process_is_killed",
    ),
    Saboteur(
        "everything_is_poison",
        "domain.database",
        everything_is_poison,
        "a deadlock counts as a failure of the work",
        "test_conflicts.py::test_statements_that_write_entries_are_ended[deadlock_detected]",
    ),
    Saboteur(
        "no_guard_of_the_clock",
        "domain.clock_guard",
        no_guard_of_the_clock,
        "any clock is believed",
        "test_clocks.py::test_no_purge_trusts_a_clock_ten_years_ahead",
    ),
    Saboteur(
        "patient_web",
        "web.broker",
        patient_web,
        "requests wait long for a silent Redis",
        "test_network.py::test_work_is_taken_without_redis[silence_redis]",
    ),
]
BY_NAME = {saboteur.name: saboteur for saboteur in SABOTEURS}
