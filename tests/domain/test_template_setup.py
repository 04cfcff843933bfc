"""Template setup: one template per document type, safe to print (T4)."""

import pytest
from sqlalchemy.orm import Session

from domain import audit, template_setup, templates
from domain.actors import Actor
from domain.errors import Invalid
from tests.domain.makers import faults_of, make_template


def test_every_document_type_is_always_present(session: Session) -> None:  # T4
    shape = template_setup.describe(session)

    assert len(shape) == 30
    assert set(shape.values()) == {None}
    assert tuple(shape) == template_setup.STORED


def test_given_document_types_are_set_others_stay(session: Session, actor: Actor) -> None:  # T4
    make_template(session, "INV")
    make_template(session, "QUOTE")
    template_setup.change(session, values={"sales_invoice": "inv", "sales_quote": "quote"}, actor=actor)
    after = template_setup.change(session, values={"sales_quote": None, "sales_shipment": "INV"}, actor=actor)

    assert {key: code for key, code in after.items() if code} == {
        "sales_invoice": "INV",
        "sales_shipment": "INV",
    }
    found = template_setup.template_of(session, "sales_invoice")
    assert found is templates.get(session, "INV")
    assert template_setup.template_of(session, "sales_quote") is None
    assert audit.page(session, filters={"object_type": ["template_setup"]})[0].changes == {
        "sales_quote": ["QUOTE", None],
        "sales_shipment": [None, "INV"],
    }


def test_replacing_clears_what_is_not_given(session: Session, actor: Actor) -> None:  # T4
    make_template(session, "INV")
    template_setup.change(session, values={"sales_invoice": "INV"}, actor=actor)

    after = template_setup.replace(session, values={"email": "INV"}, actor=actor)
    assert {key: code for key, code in after.items() if code} == {"email": "INV"}


def test_all_faults_are_told_at_once(session: Session, actor: Actor) -> None:  # T3, T4
    make_template(session, "OLD", retired=True)
    make_template(session, "LANG", languages=[{"language_code": "ENU"}])
    values = {
        "sales_invoice": "NONE",
        "sales_quote": "OLD",
        "cover_sheet": "LANG",
        "outgoing_call": "LANG",
        "email": "LANG",
        "email_draft": "LANG",
        "meeting_invitation": "LANG",
        "sales_poem": "LANG",
        "service_quote": "",
    }

    with pytest.raises(Invalid) as refused:
        template_setup.change(session, values=values, actor=actor)
    assert faults_of(refused) == {
        ("sales_invoice", "unknown"),
        ("sales_quote", "template_retired"),
        ("cover_sheet", "in_template_setup"),
        ("outgoing_call", "in_template_setup"),
        ("sales_poem", "unknown_field"),
        ("service_quote", "invalid"),
    }
    assert set(template_setup.describe(session).values()) == {None}
