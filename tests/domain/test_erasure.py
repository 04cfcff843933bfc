"""Erasing a person, and giving out all that is kept about one (C4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from domain import (
    actors,
    audit,
    comments,
    contacts,
    erasure,
    interaction_creation,
    interactions,
    job_claims,
    job_engine,
    personal_data,
    postponed,
    records,
    segment_lines,
    segments,
    statistics,
)
from domain.errors import Invalid
from domain.jobs import Job
from domain.templates import InteractionTemplate
from tests.domain.engine_helpers import drain, sessions_on, state_of, work
from tests.domain.makers import faults_of, insert, make_contact, make_entry, wait_for_a_lock
from tests.domain.worlds import World

SECRET = "Secretissima"
TABLES = (
    "contact",
    "interaction",
    "interaction_comment",
    "postponed_interaction",
    "segment_line",
    "segment_line_removed",
    "audit",
    "job",
)
EVERYTHING = " || ".join(
    f"coalesce((SELECT jsonb_agg(to_jsonb(t)) FROM {table} t)::text, '')" for table in TABLES
)


@pytest.fixture
def world(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(erasure, "CHUNK", 2)
    with sessions_on(fresh_db) as sessions:
        yield World(sessions)


def person(world: World) -> str:
    """A person of whom something secret is written wherever anything can be written."""
    with world.transaction() as session:
        actor = actors.system(session)
        made = make_contact(
            session, SECRET, salesperson_code="JO", email=f"{SECRET}@example.com", phone=SECRET, mobile_phone=SECRET,
            address=SECRET, post_code=SECRET, city=SECRET, country_code="DE",
            accounts=[{"type": "customer", "no": "C1"}], mailing_groups=["VIP"],
        )  # fmt: skip
        values = {
            "contact_no": made.no, "template_code": "LETTER", "description": SECRET, "subject": SECRET,
            "contact_via": SECRET, "opportunity_no": SECRET, "comments": [SECRET, SECRET],
        }  # fmt: skip
        for _ in range(3):
            entry_no = interaction_creation.create(session, values=values, actor=actor)
        comments.add(session, entry_no, values={"comment": SECRET}, actor=actor)
        kept, gone, done = (postponed.create(session, values=values, actor=actor) for _ in range(3))
        postponed.change(session, kept, values={"subject": f"{SECRET}!"}, actor=actor)
        postponed.delete(session, [gone], actor=actor)
        postponed.finish(session, done, values={}, actor=actor)
        no = made.no
        data = f'{{"document_type": "sales_invoice", "contact_no": "{no}", "description": "{SECRET}"}}'
        position = insert(
            session, "document_event",
            {
                "source": "billing", "event_id": "1", "hash": b"1", "door": "http", "actor_id": actor.id,
                "type": "document.printed", "time": "2026-03-10", "data": data, "window_hours": 24,
                "document_type": "sales_invoice", "document_no": "7", "outcome": "ignored", "contact_id": made.id,
            },
            returning="position",
        )  # fmt: skip
        conflict = {
            "position": position,
            "hash": b"2",
            "door": "http",
            "type": "document.printed",
            "data": data,
        }
        insert(session, "document_event_conflict", conflict)
    for name in ("To all", "Open", "Taken out"):
        segment = world.segment([no, *world.companies(1)], description=name)
        world.override(segment, 1, description=SECRET, subject=SECRET)
        if name == "To all":
            world.log(segment)
            drain(world.sessions)
        elif name == "Taken out":
            with world.transaction() as session:
                found = segments.get(session, segment)
                line = segment_lines.get(session, found, 1)
                segment_lines.remove(session, found, line, actor=actors.system(session))
    return no


def ask(world: World, no: str) -> Job:
    """Ask for an erasure."""
    with world.transaction() as session:
        return erasure.request(session, contacts.get(session, no), actor=actors.system(session))


def everything(world: World) -> str:
    """All that the database keeps, as one text."""
    return str(next(world.rows(f"SELECT {EVERYTHING}"))[0])


def numbers(world: World) -> Any:
    """What the statistics say of the template."""
    with world.transaction() as session:
        return statistics.of(session, by="template", ids=[1])


def test_texts_go_and_statistics_stay(world: World) -> None:
    """C4: in the contact, entries, comments, lines, postponed interactions and the audit."""
    no = person(world)
    before = numbers(world)
    assert everything(world).count(SECRET) > 40
    job = ask(world, no)
    drain(world.sessions)
    assert SECRET not in everything(world)
    state = state_of(world.sessions, job)
    assert (state["state"], state["done"]) == ("succeeded", 5)
    assert state["result"] == {
        "contact_no": no, "interactions": 5, "comments": 9, "postponed": 1, "archives": "not_touched",
    }  # fmt: skip
    assert numbers(world) == before
    with world.transaction() as session:
        contact = contacts.get(session, no)
        shape = contacts.describe(session, [contact])[0]
        assert (shape["erased"], shape["name"], shape["country_code"]) == (True, "", "DE")
        assert (shape["accounts"], shape["mailing_groups"]) == ([{"type": "customer", "no": "C1"}], ["VIP"])
        for entry in interactions.page(session, filters={"contact_no": [no]}):
            assert (entry["description"], entry["subject"], entry["contact_via"]) == ("", "", None)
            assert (entry["template_code"], entry["cost"], entry["duration_min"]) == ("LETTER", 8, 10)
        others = interactions.page(session, filters={"segment_no": ["SM00001"]})
        assert sorted(entry["description"] for entry in others) == ["", "To all"]


def test_the_audit_shows_who_did_it(world: World) -> None:
    """C4, U2"""
    no = person(world)
    with world.transaction() as session:
        admin = actors.of(session, actors.claim_name(session, "ada"))
        erasure.request(session, contacts.get(session, no), actor=admin)
    drain(world.sessions)
    with world.transaction() as session:
        row = audit.describe(session, audit.of(session, object_type="contact", object_key=no))[0]
        assert (row["user"], row["action"], row["changes"]["interactions"]) == ("ada", "erase", [None, 5])


def test_an_erased_contact_stays_so(world: World) -> None:
    no = person(world)
    ask(world, no)
    drain(world.sessions)
    with world.transaction() as session:
        actor = actors.system(session)
        with pytest.raises(Invalid) as refused:
            contacts.change(session, contacts.get(session, no), values={"name": SECRET}, actor=actor)
        assert faults_of(refused) == {("no", "contact_erased")}
        entry_no = interactions.page(session, filters={"contact_no": [no]})[0]["entry_no"]
        with pytest.raises(Invalid) as refused:
            comments.add(session, entry_no, values={"comment": SECRET}, actor=actor)
        assert faults_of(refused) == {("contact_no", "contact_erased")}
    again = ask(world, no)
    drain(world.sessions)
    assert state_of(world.sessions, again)["result"]["interactions"] == 0


class Killed(Exception):
    """Stands for a worker that dies."""


def test_interrupted_anywhere_the_end_is_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step dies once after its work and is done again."""
    no = person(world)
    dead: set[tuple[str, int]] = set()

    def dying(step: Callable[..., Any]) -> Callable[..., Any]:
        def once(self: Any, session: Any, job: Any, *rest: Any) -> Any:
            done = step(self, session, job, *rest)
            key = (step.__name__, rest[0].no if rest else 0)
            if key not in dead:
                dead.add(key)
                raise Killed
            return done

        return once

    for name in ("plan", "work", "finish"):
        monkeypatch.setattr(erasure.Erase, name, dying(getattr(erasure.Erase, name)))
    job = ask(world, no)
    drain(world.sessions)
    assert {name for name, _ in dead} == {"plan", "work", "finish"}
    state = state_of(world.sessions, job)
    assert (state["state"], state["result"]["interactions"], state["result"]["comments"]) == (
        "succeeded",
        5,
        9,
    )
    assert SECRET not in everything(world)


def test_two_erasures_of_one_contact_queue(world: World) -> None:
    no = person(world)
    jobs = [ask(world, no), ask(world, no)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: drain(world.sessions), range(2)))
    drain(world.sessions)
    results = [state_of(world.sessions, job)["result"]["interactions"] for job in jobs]
    assert results == [5, 0]


def test_what_is_recorded_meanwhile_is_found_or_refused(world: World) -> None:
    """C4: who records holds the contact; the plan waits for them, and who comes later is refused."""
    no = person(world)
    ask(world, no)
    values = {"contact_no": no, "template_code": "LETTER", "description": SECRET}
    with ThreadPoolExecutor(1) as pool:
        with world.transaction() as session:
            actor = actors.system(session)
            interaction_creation.create(session, values=values, actor=actor)
            erasing = pool.submit(work, world.sessions)
            wait_for_a_lock(session, erasing)
        erasing.result(10)
    with pytest.raises(Invalid) as refused, world.transaction() as session:
        interaction_creation.create(session, values=values, actor=actor)
    assert faults_of(refused) == {("contact_no", "contact_erased")}
    drain(world.sessions)
    assert SECRET not in everything(world)


def test_who_finishes_a_postponed_one_meanwhile_is_waited_for(world: World) -> None:
    no = person(world)
    ask(world, no)
    with ThreadPoolExecutor(1) as pool:
        with world.transaction() as session:
            [thing] = postponed.page(session, filters={"contact_no": [no]})
            postponed.get(session, thing.entry_no, lock=True)
            erasing = pool.submit(work, world.sessions)
            wait_for_a_lock(session, erasing)
            postponed.finish(session, thing, values={}, actor=actors.system(session))
        erasing.result(10)
    drain(world.sessions)
    assert SECRET not in everything(world)
    assert world.count("interaction") == 7


def test_entries_of_a_segment_being_logged_are_reached(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """L8: also those that a chunk writes which began before; the finish waits for it."""
    no = person(world)
    segment = world.segment([no, *world.companies(3)], description="Half logged")
    world.override(segment, 1, description=SECRET)
    logging = world.log(segment, on_invalid="skip")
    work(world.sessions)
    with world.transaction() as session:
        claimed = job_claims.claim(session, grace=0, backoff=0)
    assert claimed is not None
    assert claimed.job_id == logging.id
    with ThreadPoolExecutor(1) as pool:
        with world.sessions() as session, session.begin():
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            job_engine._perform(session, claimed)
            ask(world, no)
            erasing = pool.submit(drain, world.sessions)
            wait_for_a_lock(session, erasing)
        erasing.result(20)
    drain(world.sessions)
    assert state_of(world.sessions, logging)["state"] == "succeeded"
    assert SECRET not in everything(world)


def test_entries_of_documents_being_recorded_are_reached(world: World) -> None:
    """C4: a recorder that found the contact before it was erased is waited for."""
    no = person(world)
    ask(world, no)
    with ThreadPoolExecutor(1) as pool:
        with world.transaction() as session:
            session.execute(text(f"SELECT pg_advisory_xact_lock({records.RECORDING})"))
            contact = contacts.get(session, no)
            erasing = pool.submit(drain, world.sessions)
            wait_for_a_lock(session, erasing)
            template = session.scalars(select(InteractionTemplate)).one()
            make_entry(session, contact, template, description=SECRET, document_type="sales_invoice")
        erasing.result(10)
    drain(world.sessions)
    assert SECRET not in everything(world)


def test_all_that_is_kept_is_given_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """C4: part by part, whatever the size of a page; entries of others are not among it."""
    monkeypatch.setattr(personal_data, "PAGE", 2)
    no = person(world)
    with world.transaction() as session:
        contact = contacts.get(session, no)
        given = {name: list(rows) for name, rows in personal_data.parts(session, contact)}
    assert {name: len(rows) for name, rows in given.items()} == {
        "contact": 1, "interactions": 5, "postponed_interactions": 1, "comments": 9, "segment_lines": 2,
        "skipped_lines": 0, "document_events": 1, "changes": 1,
    }  # fmt: skip
    assert given["contact"][0]["name"] == SECRET
    assert {entry["contact_no"] for entry in given["interactions"]} == {no}
    assert given["segment_lines"][0]["description"] == SECRET
