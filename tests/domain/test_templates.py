"""Interaction templates and groups (T1 to T3)."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain import interaction_groups, template_setup, templates
from domain.actors import Actor
from domain.errors import InUse, Invalid, NotFound
from domain.templates import InTemplateSetup, InteractionTemplate
from tests.domain.makers import (
    faults_of,
    insert,
    make_campaign,
    make_contact,
    make_entry,
    make_group,
    make_line,
    make_segment,
    make_template,
)

ENU = {"language_code": "ENU", "subject": "Season's greetings"}
RUS = {"language_code": "RUS", "subject": "С праздником"}


def shape(session: Session, template: InteractionTemplate) -> dict[str, Any]:
    return templates.describe(session, [template])[0]


def versions(session: Session, template: InteractionTemplate) -> list[tuple[str, int]]:
    rows = session.execute(
        text(
            "SELECT description, group_id FROM interaction_template_version"
            " WHERE template_id = :id ORDER BY id"
        ),
        {"id": template.id},
    )
    return [(row.description, row.group_id) for row in rows]


def commit_checks(session: Session) -> None:
    """Let the database check what it otherwise checks at the commit."""
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def test_a_template_keeps_what_was_given(session: Session) -> None:  # T2
    make_group(session, "LETTER")
    campaign = make_campaign(session)
    values: dict[str, Any] = {
        "code": "BUS",
        "description": "Business letter",
        "unit_cost": Decimal("8.50"),
        "unit_duration_min": 30,
        "information_flow": "outbound",
        "initiated_by": "us",
        "correspondence_type": "hard_copy",
        "ignore_contact_correspondence_type": True,
        "campaign_target": True,
        "campaign_response": True,
        "language_code": "RUS",
        "languages": [RUS, ENU],
        "retired": False,
    }
    template = make_template(session, **values, group_code="letter", campaign_no=campaign.no.lower())
    commit_checks(session)

    assert shape(session, template) == {
        **values,
        "group_code": "LETTER",
        "campaign_no": campaign.no,
        "languages": [ENU, RUS],
    }


def test_a_new_template_starts_with_email_unless_told_otherwise(session: Session) -> None:  # T2
    assert shape(session, make_template(session, "A"))["correspondence_type"] == "email"
    assert (
        shape(session, make_template(session, "B", correspondence_type=None))["correspondence_type"] is None
    )
    assert (
        shape(session, make_template(session, "C", correspondence_type="fax"))["correspondence_type"] == "fax"
    )


def test_all_faults_are_told_at_once(session: Session, actor: Actor) -> None:  # T2
    make_template(session, "BUS")
    values = {
        "code": "bus",
        "group_code": "NONE",
        "campaign_no": "NOTHING",
        "description": "x" * 101,
        "unit_cost": Decimal("-1"),
        "unit_duration_min": 1_000_001,
        "information_flow": "sideways",
        "initiated_by": "",
        "language_code": "DEU",
        "languages": [ENU, {"language_code": "enu"}, {"subject": "x" * 251}, {"language_code": "A", "x": 1}],
        "cost_total": 1,
    }

    with pytest.raises(Invalid) as refused:
        templates.create(session, values=values, actor=actor)
    assert faults_of(refused) == {
        ("code", "already_exists"),
        ("group_code", "unknown"),
        ("campaign_no", "unknown"),
        ("description", "too_long"),
        ("unit_cost", "negative"),
        ("unit_duration_min", "too_large"),
        ("information_flow", "not_a_choice"),
        ("initiated_by", "not_a_choice"),
        ("language_code", "not_a_choice"),
        ("languages.1.language_code", "already_exists"),
        ("languages.2.language_code", "required"),
        ("languages.2.subject", "too_long"),
        ("languages.3.x", "unknown_field"),
        ("cost_total", "read_only"),
    }


def test_code_and_group_are_required(session: Session, actor: Actor) -> None:  # T1, T2
    with pytest.raises(Invalid) as refused:
        templates.create(session, values={}, actor=actor)
    assert faults_of(refused) == {("code", "required"), ("group_code", "required")}
    with pytest.raises(Invalid) as refused:
        interaction_groups.create(session, values={"code": ""}, actor=actor)
    assert faults_of(refused) == {("code", "required")}


@pytest.mark.parametrize(
    ("cost", "code"),
    [
        (Decimal("1.005"), "invalid"),
        (Decimal("NaN"), "invalid"),
        (Decimal("-0.01"), "negative"),
        (Decimal("10000000000"), "too_large"),
        (Decimal("1E+99"), "too_large"),
        (True, "invalid"),
        ("8", "invalid"),
    ],
)
def test_an_amount_has_its_limits(session: Session, cost: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_template(session, unit_cost=cost)
    assert faults_of(refused) == {("unit_cost", code)}


def test_the_default_language_is_always_one_of_the_languages(session: Session, actor: Actor) -> None:  # T2
    template = make_template(session, languages=[ENU, RUS], language_code="enu")

    with pytest.raises(Invalid) as refused:
        templates.change(session, template, values={"languages": [RUS]}, actor=actor)
    assert faults_of(refused) == {("language_code", "not_a_choice")}
    with pytest.raises(Invalid):
        templates.change(session, template, values={"language_code": "DEU"}, actor=actor)
    templates.change(session, template, values={"languages": [RUS], "language_code": "RUS"}, actor=actor)
    assert shape(session, template)["languages"] == [RUS]
    templates.change(session, template, values={"languages": [], "language_code": None}, actor=actor)
    assert shape(session, template)["languages"] == []


def test_another_wording_or_group_makes_a_version_and_nothing_else_does(
    session: Session, actor: Actor
) -> None:  # T3
    old, new = make_group(session, "OLD"), make_group(session, "NEW")
    template = make_template(session, group_code="OLD", description="One")

    templates.change(session, template, values={"unit_cost": Decimal("3"), "description": "One"}, actor=actor)
    assert versions(session, template) == [("One", old.id)]
    templates.change(session, template, values={"description": "Two"}, actor=actor)
    templates.change(session, template, values={"group_code": "new"}, actor=actor)
    assert versions(session, template) == [("One", old.id), ("Two", old.id), ("Two", new.id)]
    templates.change(session, template, values={"languages": [ENU]}, actor=actor)
    templates.change(session, template, values={"languages": [ENU], "unit_cost": Decimal("4")}, actor=actor)
    assert versions(session, template)[2:] == [("Two", new.id)] * 2
    commit_checks(session)


def test_the_log_keeps_the_wording_entries_were_made_with(session: Session, actor: Actor) -> None:  # T3
    template = make_template(session, description="One")
    entry_no = make_entry(session, make_contact(session), template)
    templates.change(session, template, values={"description": "Two"}, actor=actor)

    described = session.scalar(
        text("SELECT template_description FROM interaction_visible WHERE entry_no = :no"), {"no": entry_no}
    )
    assert described == "One"


def test_a_template_nothing_uses_is_deleted(session: Session, actor: Actor) -> None:  # T3
    template = make_template(session, languages=[ENU])
    templates.change(session, template, values={"description": "Two"}, actor=actor)

    templates.delete(session, template, actor=actor)
    commit_checks(session)
    with pytest.raises(NotFound):
        templates.get(session, "BUS")


def test_a_template_in_use_or_with_entries_stays_and_can_be_retired(
    session: Session, actor: Actor
) -> None:  # T3
    contact = make_contact(session)
    in_setup, on_segment, on_line, in_log = (make_template(session, code) for code in "ABCD")
    template_setup.change(session, values={"sales_invoice": "A"}, actor=actor)
    make_segment(session, "SM1", template_id=on_segment.id)
    make_line(session, make_segment(session, "SM2"), 1, contact.id, template_id=on_line.id)
    make_entry(session, contact, in_log, canceled_at="2026-03-11")
    templates.change(session, in_log, values={"description": "Another wording"}, actor=actor)

    for template, used_by in (
        (in_setup, "template_setup"),
        (on_segment, "segment"),
        (on_line, "segment_line"),
        (in_log, "interaction"),
    ):
        with pytest.raises(InUse) as refused:
            templates.delete(session, template, actor=actor)
        assert refused.value.faults[0].params["used_by"] == used_by
        if template is not in_setup:
            templates.change(session, template, values={"retired": True}, actor=actor)
    assert [template.code for template in templates.page(session, filters={})] == ["A"]
    assert len(templates.page(session, filters={"retired": ["true"]})) == 4


def test_a_template_in_the_setup_cannot_be_retired(session: Session, actor: Actor) -> None:  # T3
    template = make_template(session)
    template_setup.change(session, values={"email": "BUS"}, actor=actor)

    with pytest.raises(InTemplateSetup) as refused:
        templates.change(session, template, values={"retired": True}, actor=actor)
    assert faults_of(refused) == {("retired", "in_template_setup")}
    assert refused.value.faults[0].params["document_types"] == ("email",)


def test_a_template_of_printed_documents_cannot_get_languages(session: Session, actor: Actor) -> None:  # T4
    template = make_template(session)
    template_setup.change(session, values={"email": "BUS"}, actor=actor)
    templates.change(session, template, values={"languages": [ENU]}, actor=actor)
    templates.change(session, template, values={"languages": []}, actor=actor)
    template_setup.change(session, values={"sales_quote": "BUS"}, actor=actor)

    with pytest.raises(InTemplateSetup) as refused:
        templates.change(session, template, values={"languages": [ENU]}, actor=actor)
    assert faults_of(refused) == {("languages", "in_template_setup")}
    templates.change(session, template, values={"languages": [], "retired": False}, actor=actor)


def test_lists_are_filtered_by_group_campaign_and_text(session: Session) -> None:
    campaign = make_campaign(session)
    make_template(session, "A", description="Golf event", campaign_no=campaign.no)
    make_template(session, "B")

    def listed(**filters: list[str]) -> list[str]:
        return [template.code for template in templates.page(session, filters=filters)]

    assert listed(group_code=["g-b"]) == ["B"]
    assert listed(campaign_no=[campaign.no]) == ["A"]
    assert listed(campaign_no=["none"]) == ["B"]
    assert listed(q=["GOLF"]) == ["A"]


def test_a_group_in_use_stays(session: Session, actor: Actor) -> None:  # T1
    group = make_group(session, "LETTER")
    make_template(session, group_code="LETTER")

    with pytest.raises(InUse) as refused:
        interaction_groups.delete(session, group, actor=actor)
    assert refused.value.faults[0].params["used_by"] == "interaction_template"


def test_a_group_of_entries_stays_when_their_template_has_left_it(
    session: Session, actor: Actor
) -> None:  # T1, T3
    group = make_group(session, "LETTER")
    make_group(session, "PHONE")
    template = make_template(session, group_code="LETTER")
    make_entry(session, make_contact(session), template)
    templates.change(session, template, values={"group_code": "PHONE"}, actor=actor)

    with pytest.raises(InUse) as refused:
        interaction_groups.delete(session, group, actor=actor)
    assert refused.value.faults[0].params["used_by"] == "interaction"


def test_a_group_its_templates_have_left_without_entries_is_deleted(
    session: Session, actor: Actor
) -> None:  # T1
    group = make_group(session, "LETTR")
    make_group(session, "LETTER")
    template = make_template(session, group_code="LETTR", description="One")
    templates.change(session, template, values={"group_code": "LETTER"}, actor=actor)
    segment_id = make_segment(session, status="logging", template_id=template.id)

    with pytest.raises(InUse):
        interaction_groups.delete(session, group, actor=actor)
    session.execute(text("DELETE FROM segment WHERE id = :id"), {"id": segment_id})
    interaction_groups.delete(session, group, actor=actor)
    assert len(versions(session, template)) == 1
    commit_checks(session)


def test_a_group_is_changed_and_found_ignoring_case(session: Session, actor: Actor) -> None:  # T1
    group = make_group(session, "LETTER")
    interaction_groups.change(
        session, group, values={"code": "letter", "description": "Letters"}, actor=actor
    )

    found = interaction_groups.get(session, "Letter")
    assert interaction_groups.describe(session, [found]) == [{"code": "LETTER", "description": "Letters"}]
    with pytest.raises(Invalid) as refused:
        make_group(session, "letter")
    assert faults_of(refused) == {("code", "already_exists")}


def test_setting_up_a_row_by_plain_sql_still_needs_a_version(session: Session) -> None:
    group = make_group(session)
    insert(session, "interaction_template", {"code": "X", "group_id": group.id, "version_id": 0})

    with pytest.raises(Exception, match="interaction_template_version_id_fkey"):
        commit_checks(session)
