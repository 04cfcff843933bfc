"""Measures what people do otherwise, written as they write it: nothing is checked, canceled, undone or done again.

All write to the same table with the same indexes as the system, which has its turn in the same rounds. Slow ways are
measured on fewer rows than the system.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ops import commands
from ops.bench import orm
from ops.bench.company import Company, timed
from ops.bench.figures import Figure
from ops.bench.ground import Ground, Work
from ops.errors import OpsError
from ops.processes import wait_until

# Rows of the slow ways and of inserting in bulk, as shares of the bench's own.
ROW_BY_ROW, TASKS, BULK = 200, 500, 10
# Rows a statement, as SQLAlchemy's documents do it.
BULK_BATCH = 10_000
GOALS = {"orm": 50, "tasks": 100}
PATIENCE = 300


def measure(ground: Ground) -> Iterator[Figure]:
    """Log a segment beside an ORM with a commit for each row, a Celery task for each contact, and bulk inserts."""
    company = Company(ground, contacts=ground.rows)
    base = company.segment_of_all()
    company.log(company.ready_to_log(base))
    version, actor = ground.row("SELECT template_version_id, actor_id FROM interaction LIMIT 1")
    others = Otherwise(ground, template_version_id=version, actor_id=actor)

    def emptied() -> None:
        company.empty_log()
        ground.settle()

    with others.worker():
        product, row_by_row, at_the_end, bulk, tasks = ground.in_turns(
            Work(
                "log a segment",
                ground.rows,
                lambda no: company.log(no).seconds,
                lambda: company.ready_to_log(base),
            ),
            others.work("ORM, a commit for each row", ROW_BY_ROW, others.row_by_row, emptied),
            others.work("ORM, one commit at the end", ROW_BY_ROW, others.commit_at_the_end, emptied),
            others.work("SQLAlchemy bulk insert", BULK, others.in_bulk, emptied),
            others.work("a Celery task for each contact", TASKS, others.task_per_contact, emptied),
        )
    others.close()
    emptied()
    company.delete_segment(base)
    for key, side in (("orm", row_by_row), ("orm.one_commit", at_the_end), ("bulk", bulk), ("tasks", tasks)):
        yield Figure(key, product, side, GOALS.get(key), f"the other on {side.rows:,} rows")


class Otherwise:
    """The ways to write an entry for each of some contacts.

    Parameters
    ----------
    ground
        Whose database they are written to.
    template_version_id, actor_id
        What all entries say.
    """

    def __init__(self, ground: Ground, *, template_version_id: int, actor_id: int) -> None:
        self._ground = ground
        self._given = {"template_version_id": template_version_id, "actor_id": actor_id}
        self._engine = orm.engine(ground.stack.database_url)

    def work(
        self, name: str, share: int, write: Callable[[Sequence[int]], object], emptied: Callable[[], None]
    ) -> Work:
        """Make a way something to be done in turns with others, on a share of the bench's rows."""
        rows = self._ground.rows // share

        def prepared() -> list[int]:
            emptied()
            with self._ground.connect() as connection:
                ids = connection.execute("SELECT id FROM contact ORDER BY name LIMIT %s", [rows]).fetchall()
            return [id for (id,) in ids]

        return Work(name, rows, lambda ids: timed(lambda: write(ids)), prepared)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def row_by_row(self, contact_ids: Sequence[int]) -> None:
        """Read each contact, add its entry, commit."""
        with Session(self._engine) as session:
            for entry_no, contact_id in enumerate(contact_ids, start=1):
                session.add(self._entry(session, contact_id, entry_no))
                session.commit()

    def commit_at_the_end(self, contact_ids: Sequence[int]) -> None:
        """Read each contact, add its entry; the unit of work writes them all at the end."""
        with Session(self._engine) as session:
            for entry_no, contact_id in enumerate(contact_ids, start=1):
                session.add(self._entry(session, contact_id, entry_no))
            session.commit()

    def in_bulk(self, contact_ids: Sequence[int]) -> None:
        """Read contacts many at a time and insert their entries many at a time, with one commit each time."""
        with Session(self._engine) as session:
            for first in range(0, len(contact_ids), BULK_BATCH):
                some = contact_ids[first : first + BULK_BATCH]
                contacts = session.scalars(select(orm.Contact).where(orm.Contact.id.in_(some)))  # type: ignore[attr-defined]
                rows = [
                    orm.values(contact, entry_no=entry_no, **self._given)
                    for entry_no, contact in enumerate(contacts, start=first + 1)
                ]
                session.execute(insert(orm.Entry), rows)
                session.commit()
                session.expunge_all()

    def task_per_contact(self, contact_ids: Sequence[int]) -> None:
        """Send a task for each contact, and wait until the worker has written all entries."""
        with orm.app.connection_for_write(self._ground.stack.redis_url) as connection:
            for entry_no, contact_id in enumerate(contact_ids, start=1):
                orm.log_contact.apply_async(
                    kwargs={"contact_id": contact_id, "entry_no": entry_no, **self._given},
                    queue=orm.QUEUE,
                    connection=connection,
                )
        self._wait_for(len(contact_ids))

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run a Celery worker of its own, with as many processes as the stack's."""
        options = [f"--concurrency={self._ground.workers}", f"--queues={orm.QUEUE}", "--hostname=bench@%h"]
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "celery", "--app=ops.bench.orm", "worker", *options],
            env=os.environ | {"PYTHONPATH": str(commands.ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            worker.terminate()
            worker.wait()

    def _entry(self, session: Session, contact_id: int, entry_no: int) -> orm.Entry:
        contact = session.get_one(orm.Contact, contact_id)
        return orm.Entry(**orm.values(contact, entry_no=entry_no, **self._given))

    def _wait_for(self, entries: int) -> None:
        def written() -> bool:
            return bool(self._ground.row("SELECT count(*) = %s FROM interaction", [entries])[0])

        if not wait_until(written, PATIENCE):
            raise OpsError(f"the tasks of {entries:,} contacts are not done after {PATIENCE} s")
