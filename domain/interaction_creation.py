"""Recording an interaction with one contact (I1 to I9), and changing what may change of a recorded one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from domain import audit, campaign_entries, comments, interaction_values, interactions
from domain import values as v
from domain.actors import Actor
from domain.errors import Faults, Forbidden
from domain.interactions import THING

# What the audit keeps of a recorded interaction.
AUDITED = (
    "contact_no", "template_code", "salesperson_code", "date", "time", "description", "subject", "cost",
    "duration_min", "information_flow", "initiated_by", "evaluation", "attempt_failed", "campaign_no",
    "campaign_target", "campaign_response", "correspondence_type", "language_code", "contact_via", "opportunity_no",
)  # fmt: skip
EVALUATIONS = ("very_positive", "positive", "neutral", "negative", "very_negative")


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> int:
    """Record an interaction; return its entry number.

    Parameters
    ----------
    values
        Fields of API.md; None is "as the defaults say", "" blank on purpose where that is possible.

    Raises
    ------
    Invalid
        Naming every fault, what is missing after the defaults included (I1).
    """
    faults = Faults()
    columns = interaction_values.take(session, values, faults)
    applies = check(session, columns, faults, actor=actor)
    entry_no = next_entry_no(session)
    comments.write(session, entry_no, columns.get("comments", []), actor=actor)
    record(session, entry_no, applies, actor=actor, action="create")
    return entry_no


def next_entry_no(session: Session) -> int:
    """Take the next number of the log."""
    return int(session.execute(text("SELECT next_entry_nos(1)")).scalar_one())


def check(session: Session, columns: Mapping[str, Any], faults: Faults, *, actor: Actor) -> Row[Any]:
    """Compute what applies and raise `Invalid` if that cannot be recorded, naming the given faults as well."""
    applies = interaction_values.effective(session, columns, actor=actor)
    interaction_values.check(applies, columns, faults)
    faults.raise_if_any()
    return applies


# What is not referred to by a locked row is the template of the template setup.
_LOCK_TEMPLATE = text("SELECT FROM interaction_template WHERE id = :template_id FOR KEY SHARE")
_INSERT = text("""
    INSERT INTO interaction (
        entry_no, contact_id, company_id, campaign_entry_no, template_version_id, actor_id, salesperson_id, date,
        time_of_day, duration_min, campaign_target, campaign_response, attempt_failed, cost, information_flow,
        initiated_by, correspondence_type, language_code, evaluation, description, subject, contact_via,
        opportunity_no)
    VALUES (
        :entry_no, :contact_id, :company_id, :campaign_entry_no, :template_version_id, :actor_id, :salesperson_id,
        :date, :time_of_day, :duration_min, :campaign_target, :campaign_response, :attempt_failed, :cost,
        :information_flow, :initiated_by, :correspondence_type, :language_code, :evaluation, :description,
        nullif(:subject, :description), :contact_via, :opportunity_no)
""")


def record(session: Session, entry_no: int, applies: Row[Any], *, actor: Actor, action: str) -> None:
    """Write the entry of a checked interaction, linked to the campaign entry of its campaign (I9)."""
    session.execute(_LOCK_TEMPLATE, {"template_id": applies.template_id})
    campaign_entry_no = None
    if applies.campaign_id is not None:
        campaign_entry_no = campaign_entries.open_entry(
            session,
            campaign_id=applies.campaign_id,
            description=applies.description,
            date=applies.date,
            salesperson_id=applies.salesperson_id,
        )
    session.execute(
        _INSERT,
        {
            **applies._mapping,
            "entry_no": entry_no,
            "campaign_entry_no": campaign_entry_no,
            "actor_id": actor.id,
        },
    )
    entry = interactions.get(session, entry_no)
    audit.record_difference(
        session, actor=actor, action=action, object_type=THING, object_key=str(entry_no),
        before={}, after={name: entry[name] for name in AUDITED},
    )  # fmt: skip


CHANGEABLE: dict[str, v.Check] = {"evaluation": v.choice(*EVALUATIONS), "attempt_failed": v.flag()}


def change(session: Session, entry_no: int, *, values: Mapping[str, Any], actor: Actor) -> None:
    """Change the evaluation of a recorded interaction, or whether the attempt failed (I5).

    The caller has locked it with `lock`.

    Raises
    ------
    Forbidden
        If the entry is not the actor's to change (U1).
    Invalid
        Naming every fault.
    """
    owner = session.execute(
        text("SELECT actor_id, salesperson_id FROM interaction WHERE entry_no = :entry_no"),
        {"entry_no": entry_no},
    ).one()
    if not actor.may_change(actor_id=owner.actor_id, salesperson_id=owner.salesperson_id):
        raise Forbidden()
    faults = Faults()
    taken = v.take(values, CHANGEABLE, faults, read_only={*interactions.FIELDS} - {*CHANGEABLE})
    faults.raise_if_any()
    if not taken:
        return
    before = interactions.get(session, entry_no)
    assignments = ", ".join(f"{name} = :{name}" for name in taken)
    session.execute(
        text(f"UPDATE interaction SET {assignments} WHERE entry_no = :entry_no"),
        {**taken, "entry_no": entry_no},
    )
    audit.record_difference(
        session, actor=actor, action="change", object_type=THING, object_key=str(entry_no),
        before={name: before[name] for name in taken}, after=taken,
    )  # fmt: skip


def lock(session: Session, entry_no: int) -> dict[str, Any]:
    """Return an entry in API shape, which nobody else changes until the transaction ends; raise `NotFound` else."""
    session.execute(
        text("SELECT FROM interaction WHERE entry_no = :entry_no FOR NO KEY UPDATE"), {"entry_no": entry_no}
    )
    return interactions.get(session, entry_no)
