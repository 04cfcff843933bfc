"""Template setup: which interaction template records which document (T4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, records
from domain import values as v
from domain.actors import Actor
from domain.database import Base
from domain.errors import Faults
from domain.templates import MAY_HAVE_LANGUAGES, InteractionTemplate, has_languages

THING = "template_setup"
DOCUMENT_TYPES: tuple[str, ...] = (
    "sales_quote",
    "sales_blanket_order",
    "sales_order_confirmation",
    "sales_invoice",
    "sales_shipment",
    "sales_credit_memo",
    "sales_statement",
    "sales_reminder",
    "service_order_created",
    "service_order_posted",
    "purchase_quote",
    "purchase_blanket_order",
    "purchase_order",
    "purchase_invoice",
    "purchase_receipt",
    "purchase_credit_memo",
    "cover_sheet",
    "sales_return_order",
    "finance_charge_memo",
    "sales_return_receipt",
    "purchase_return_shipment",
    "purchase_return_order",
    "service_contract",
    "service_contract_quote",
    "service_quote",
    "sales_draft_invoice",
)
WITHOUT_DOCUMENT: tuple[str, ...] = ("email", "email_draft", "outgoing_call", "meeting_invitation")
KEYS: tuple[str, ...] = (*DOCUMENT_TYPES, *WITHOUT_DOCUMENT)
STORED = KEYS


class TemplateSetup(Base):
    """The template of one document type; no row means "do not record"."""

    __tablename__ = "template_setup"

    document_type: Mapped[str] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("interaction_template.id"))


def describe(session: Session) -> dict[str, Any]:
    """Give the template setup its API shape: every document type, with a template code or `None`."""
    rows = session.execute(
        select(TemplateSetup.document_type, InteractionTemplate.code).join(
            InteractionTemplate, InteractionTemplate.id == TemplateSetup.template_id
        )
    )
    codes = dict(rows.all())
    return {key: codes.get(key) for key in KEYS}


def template_of(session: Session, document_type: str) -> InteractionTemplate | None:
    """Find the template for a document type (D2, I8), `None` if it is not to be recorded."""
    return session.scalars(
        select(InteractionTemplate)
        .join(TemplateSetup, TemplateSetup.template_id == InteractionTemplate.id)
        .where(TemplateSetup.document_type == document_type)
    ).one_or_none()


def change(session: Session, *, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Set the templates of the given document types; `None` clears (T4). Return the whole setup.

    Raises
    ------
    Invalid
        `unknown` code; `template_retired`; `in_template_setup` where a template with languages cannot stand.
    """
    faults = Faults()
    taken = v.take(values, dict.fromkeys(KEYS, v.code()), faults)
    templates: dict[str, InteractionTemplate | None] = {}
    # In the order of codes, so that two changes at once lock alike.
    for key, code in sorted(taken.items(), key=lambda item: str(item[1]).lower()):
        template = records.refer(
            session, InteractionTemplate, InteractionTemplate.code, code, field=key, faults=faults
        )
        templates[key] = template
        if template is None:
            continue
        session.refresh(template)
        if template.retired:
            faults.add(key, "template_retired", code)
        if key not in MAY_HAVE_LANGUAGES and has_languages(session, template):
            faults.add(key, "in_template_setup", code)
    faults.raise_if_any()
    before = describe(session)
    for key, template in sorted(templates.items()):
        if template is None:
            session.execute(delete(TemplateSetup).where(TemplateSetup.document_type == key))
        else:
            session.execute(
                insert(TemplateSetup)
                .values(document_type=key, template_id=template.id)
                .on_conflict_do_update(
                    index_elements=[TemplateSetup.document_type], set_={"template_id": template.id}
                )
            )
    after = describe(session)
    audit.record_difference(
        session,
        actor=actor,
        action="change",
        object_type=THING,
        object_key=THING,
        before=before,
        after=after,
    )
    return after


def replace(session: Session, *, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Set the whole template setup: document types not given record nothing; else as `change`."""
    return change(session, values={**dict.fromkeys(KEYS), **values}, actor=actor)
