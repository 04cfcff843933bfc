"""`interlog demo`: the main job on a made-up company, before your eyes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import (
    actors,
    contacts,
    criteria,
    logged_segments,
    segment_check,
    segment_lines,
    segment_logging,
    segments,
    setup,
    users,
)
from domain.actors import Actor
from domain.errors import NotFound
from ops import demo_data
from ops.errors import OpsError
from ops.job_client import JobClient, Progress
from ops.stack import Stack

ADMIN = "admin"
SUCCESSOR = "JR"
# Each demonstration on the same company is about something else: template and description.
OCCASIONS = (
    ("CATALOGUE", "Our new catalogue"),
    ("FAIR", "Invitation to the autumn fair"),
    ("PRICES", "Prices from next quarter"),
)
# A few lines that say something of their own: who, which fields, what a person at the form would call it.
PERSONAL: tuple[dict[str, str | Decimal], ...] = (
    {"template_code": "VISIT", "description": "Brings the catalogue in person"},
    {"subject": "As promised on the phone", "correspondence_type": "hard_copy"},
    {"cost": Decimal("12.50"), "campaign_no": ""},
)
BAR_WIDTH = 40


def run(stack: Stack, *, contacts: int, seed: int) -> None:
    """Make the company unless it is there, then build, check and log a segment of it.

    Parameters
    ----------
    stack
        The running stack.
    contacts, seed
        Of the company, when it is made.

    Raises
    ------
    OpsError
        If the database holds contacts of somebody else, or the segment cannot be logged.
    """
    client = JobClient(stack.database_url, stack.redis_url, process="demo")
    try:
        _company(client, contacts=contacts, seed=seed)
        no = _build(client)
        _personalise(client, no)
        _check_and_mend(client, no)
        _log(client, no, workers=stack.options.workers)
        _say_where(client, stack)
    finally:
        client.close()


def _company(client: JobClient, *, contacts: int, seed: int) -> None:
    _headline("The company")
    started = time.monotonic()
    with client.transaction() as session:
        there = session.scalar(text("SELECT count(*) FROM contact"))
        name = setup.describe(session, setup.get(session))["company_name"]
        if there and name != demo_data.COMPANY:
            raise OpsError(
                "the database holds contacts that are not the demo's: it is left alone; choose another with --data"
            )
        if there:
            click.echo(f"{name}, made earlier, has {there:,} contacts.")
            return
        click.echo(f"Making {contacts:,} contacts of many countries …")
        demo_data.make(session, contacts=contacts, seed=seed)
        companies, people, countries = session.execute(
            text("""
                SELECT count(*) FILTER (WHERE type = 'company'), count(*) FILTER (WHERE type = 'person'),
                       count(DISTINCT country_code) FROM contact
            """)
        ).one()
    seconds = time.monotonic() - started
    click.echo(
        f"{demo_data.COMPANY}: {companies:,} companies and {people:,} people in {countries} countries, "
        f"made in {seconds:.1f} s."
    )


def _build(client: JobClient) -> str:
    _headline("The segment")
    with client.transaction() as session:
        actor = _actor(session)
        logged = session.scalar(text("SELECT count(*) FROM logged_segment")) or 0
        template, description = OCCASIONS[logged % len(OCCASIONS)]
        segment = segments.create(
            session, values={"description": description, "template_code": template}, actor=actor
        )
        job = criteria.request(session, segment, values={"filters": {"all": True}}, actor=actor)
        no = segment.no
    click.echo(f"Segment {no}, “{description}”, template {template}. Adding every contact …")
    with _bar("added") as progress:
        done = client.finish(job, progress=progress)
    result = done["result"]
    if not result["added"]:
        raise OpsError(
            "nobody can be added to the segment; make a larger company with --contacts in another --data"
        )
    click.echo(
        f"{result['added']:,} lines added; left out: {result['blocked']:,} privacy blocked, "
        f"{result['excluded']:,} excluded from segments."
    )
    return no


def _personalise(client: JobClient, no: str) -> None:
    """Give a few lines values of their own, and block two contacts that are on lines already (C3)."""
    with client.transaction() as session:
        actor = _actor(session)
        segment = segments.get(session, no)
        lines = segment_lines.page(session, segment, filters={}, limit=len(PERSONAL) + 2)
        for line, values in zip(lines, PERSONAL, strict=False):
            stored = segment_lines.get(session, segment, line["line_no"])
            segment_lines.change(session, segment, stored, values=values, actor=actor)
            said = ", ".join(f"{name} {'blank' if value == '' else value}" for name, value in values.items())
            click.echo(
                f"Line {line['line_no']} ({line['contact_name']}, {line['contact_no']}) is personal: {said}."
            )
        for line in lines[len(PERSONAL) :]:
            contact = contacts.get(session, line["contact_no"], lock=True)
            contacts.change(session, contact, values={"privacy_blocked": True}, actor=actor)
            click.echo(f"Meanwhile {contact.name} ({contact.no}) asked not to be contacted any more.")


def _check_and_mend(client: JobClient, no: str) -> None:
    _headline("The check")
    with client.transaction() as session:
        checked = _check(session, no)
    if not checked["problems"]:
        return
    with client.transaction() as session:
        actor = _actor(session)
        segment = segments.get(session, no)
        problems = {problem["code"]: problem for problem in checked["problems"]}
        for line in _listed(problems, "privacy_blocked"):
            segment_lines.remove(
                session, segment, segment_lines.get(session, segment, line["line_no"]), actor=actor
            )
            click.echo(f"Mending: line {line['line_no']} is taken out.")
        for line in _listed(problems, "salesperson_blocked"):
            stored = segment_lines.get(session, segment, line["line_no"])
            segment_lines.change(
                session, segment, stored, values={"salesperson_code": SUCCESSOR}, actor=actor
            )
        if handed_over := len(_listed(problems, "salesperson_blocked")):
            click.echo(f"Mending: the first {handed_over} lines of a salesperson who left go to {SUCCESSOR}.")
        again = segment_check.check(session, segment)
    left = again["lines"] - again["ready"]
    click.echo(
        f"{again['ready']:,} of {again['lines']:,} lines are ready; {left:,} will be skipped with the reason."
    )


def _check(session: Session, no: str) -> dict[str, Any]:
    started = time.monotonic()
    checked = segment_check.check(session, segments.get(session, no))
    click.echo(
        f"{checked['ready']:,} of {checked['lines']:,} lines are ready (checked in {time.monotonic() - started:.1f} s)."
    )
    for kind in ("problems", "warnings"):
        for entry in checked[kind]:
            examples = ", ".join(str(line["contact_no"]) for line in entry["lines"][:3])
            click.echo(f"  {kind[:-1]} {entry['code']}: {entry['count']:,} ({examples}, …)")
    return checked


def _listed(problems: dict[str, Any], code: str) -> list[dict[str, Any]]:
    """Return the lines the check lists for a problem: the first 20."""
    return problems[code]["lines"] if code in problems else []


def _log(client: JobClient, no: str, *, workers: int) -> None:
    _headline("The logging")
    with client.transaction() as session:
        segment = segments.get(session, no)
        job = segment_logging.request(
            session, segment, values={"follow_up": True, "on_invalid": "skip"}, actor=_actor(session)
        )
    click.echo(f"{workers} worker processes write the log, a chunk and its proof in one transaction …")
    with _bar("logged") as progress:
        done = client.finish(job, progress=progress)
    with client.transaction() as session:
        _say_what_happened(session, done)


def _say_what_happened(session: Session, done: dict[str, Any]) -> None:
    result = done["result"]
    seconds = (done["finished_at"] - done["created_at"]).total_seconds()
    reasons = session.execute(
        text("""
            SELECT problem, count(*) FROM logged_segment_skip, unnest(problems) problem
            WHERE logged_segment_no = :no GROUP BY problem ORDER BY problem
        """),
        {"no": result["logged_segment_no"]},
    ).all()
    logged = logged_segments.describe(session, [logged_segments.get(session, result["logged_segment_no"])])[0]
    entries = session.scalar(
        text("SELECT count(*) FROM interaction_visible WHERE logged_segment_no = :no"),
        {"no": result["logged_segment_no"]},
    )
    rate = result["interactions"] / seconds
    rows = {
        "logged segment": f"{logged['no']} (segment {logged['segment_no']}, by {logged['user']})",
        "contacts": f"{result['interactions'] + result['skipped']:,}",
        "entries in the log": f"{entries:,}",
        "skipped": f"{result['skipped']:,}" + "".join(f", {count:,} {problem}" for problem, count in reasons),
        "campaign entries": f"{logged['campaign_entries_count']:,}",
        "time": f"{seconds:.2f} s from request to finished job",
        "rate": f"{rate:,.0f} entries per second",
        "follow-up segment": f"{result['follow_up_segment_no']}",
    }
    for warning in result["warnings"]:
        rows["warning"] = f"{warning['count']:,} {warning['code']}"
    for name, value in rows.items():
        click.echo(f"  {name:<20}{value}")


def _say_where(client: JobClient, stack: Stack) -> None:
    _headline("The site")
    click.echo(f"  {stack.base_url}")
    link = stack.sign_in_link
    if link is None:
        with client.transaction() as session:
            try:
                admin = users.get(session, ADMIN, lock=True)
            except NotFound:
                return
            link = f"{stack.base_url}/sign-in/link/{users.create_sign_in_link(session, admin)}"
    click.echo(f"  sign in once, within 24 hours: {link}")


def _actor(session: Session) -> Actor:
    """Return the administrator of this stack, or the system where there is none of that name."""
    try:
        return users.actor_of(session, users.get(session, ADMIN))
    except NotFound:
        return actors.system(session)


def _headline(words: str) -> None:
    click.secho(f"\n{words}", bold=True)


@contextmanager
def _bar(word: str) -> Iterator[Progress]:
    """Show committed rows: a bar that moves on a terminal, a line for each look elsewhere."""
    moving = sys.stdout.isatty()
    shown = False

    def show(done: int, total: int) -> None:
        nonlocal shown
        shown = True
        filled = BAR_WIDTH * done // total
        line = f"  [{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {done:,} of {total:,} {word}"
        click.echo(f"\r{line}" if moving else line, nl=not moving)

    yield show
    if moving and shown:
        click.echo()
