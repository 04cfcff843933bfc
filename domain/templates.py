"""Interaction templates: the models that interactions are made from (T2, T3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, ForeignKey, Identity, Numeric, exists, func, select, text
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain import audit, records, statistics
from domain import values as v
from domain.actors import Actor
from domain.campaigns import Campaign
from domain.database import Base, constraints_as_faults
from domain.errors import Conflict, Fault, Faults
from domain.interaction_groups import InteractionGroup

THING = "interaction_template"
STORED: tuple[str, ...] = (
    "code",
    "group_code",
    "description",
    "unit_cost",
    "unit_duration_min",
    "information_flow",
    "initiated_by",
    "correspondence_type",
    "ignore_contact_correspondence_type",
    "campaign_no",
    "campaign_target",
    "campaign_response",
    "language_code",
    "languages",
    "retired",
)
CHECKS: dict[str, v.Check] = {
    "code": v.code(required=True),
    "group_code": v.code(required=True),
    "description": v.text(),
    "unit_cost": v.amount,
    "unit_duration_min": v.whole(v.MOST_MINUTES),
    "information_flow": v.choice(*v.INFORMATION_FLOWS),
    "initiated_by": v.choice(*v.INITIATORS),
    "correspondence_type": v.choice(*v.CORRESPONDENCE_TYPES),
    "ignore_contact_correspondence_type": v.flag(),
    "campaign_no": v.code(),
    "campaign_target": v.flag(),
    "campaign_response": v.flag(),
    "language_code": v.code(),
    "languages": v.rows(),
    "retired": v.flag(),
}
LANGUAGE_CHECKS: dict[str, v.Check] = {
    "language_code": v.code(required=True),
    "subject": v.text(v.SUBJECT_LIMIT),
}
# What entries keep as it was when they were logged: a version.
WORDING = ("description", "group_code", "languages")
# Document types that are not printed: a template with languages can stand there (T4).
MAY_HAVE_LANGUAGES = ("email", "email_draft", "meeting_invitation")
REFERENCES = {
    "template_setup": "SELECT FROM template_setup WHERE template_id = :id",
    "segment": "SELECT FROM segment WHERE template_id = :id AND status <> 'hidden'",
    "segment_line": f"SELECT FROM segment_line WHERE template_id = :id AND {records.OVERRIDDEN}",
    "interaction": "SELECT FROM interaction i JOIN interaction_template_version v"
    " ON v.id = i.template_version_id WHERE v.template_id = :id",
    "postponed_interaction": "SELECT FROM postponed_interaction WHERE template_id = :id",
}

KEEP_SUBJECTS = text("""
    INSERT INTO interaction_template_version_language (version_id, language_code, subject)
    SELECT :version_id, lower(language_code), subject FROM interaction_template_language
    WHERE template_id = :template_id AND subject <> ''
""")


class InTemplateSetup(Conflict):
    """The template is in the template setup, which forbids this (T3, T4)."""

    code: ClassVar[str] = "in_template_setup"


class InteractionTemplate(Base):
    """A model of interactions. `version_id` is the wording that entries logged now refer to."""

    __tablename__ = "interaction_template"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    group_id: Mapped[int] = mapped_column(ForeignKey("interaction_group.id"))
    version_id: Mapped[int]
    unit_cost: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=Decimal("0.00"), server_default="0")
    unit_duration_min: Mapped[int] = mapped_column(default=0, server_default="0")
    information_flow: Mapped[str | None]
    initiated_by: Mapped[str | None]
    # Without the schema's default, which would come in the place of a blank that was given.
    correspondence_type: Mapped[str | None]
    ignore_contact_correspondence_type: Mapped[bool] = mapped_column(default=False, server_default="false")
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    campaign_target: Mapped[bool] = mapped_column(default=False, server_default="false")
    campaign_response: Mapped[bool] = mapped_column(default=False, server_default="false")
    language_code: Mapped[str | None]
    retired: Mapped[bool] = mapped_column(default=False, server_default="false")


class InteractionTemplateVersion(Base):
    """Description and group as they were when entries were logged; never updated (T3).

    Its subjects are in `interaction_template_version_language`.
    """

    __tablename__ = "interaction_template_version"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("interaction_template.id"))
    description: Mapped[str]
    group_id: Mapped[int] = mapped_column(ForeignKey("interaction_group.id"))


class InteractionTemplateLanguage(Base):
    """One language of a template, with its subject (T2)."""

    __tablename__ = "interaction_template_language"

    template_id: Mapped[int] = mapped_column(
        ForeignKey("interaction_template.id", ondelete="CASCADE"), primary_key=True
    )
    language_code: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(default="", server_default="")


def get(session: Session, key: str, *, lock: bool = False) -> InteractionTemplate:
    """Find a template by code, ignoring case; raise `NotFound` if there is none."""
    return records.find(session, InteractionTemplate, InteractionTemplate.code, key, thing=THING, lock=lock)


def page(
    session: Session, *, filters: Mapping[str, Sequence[str]], after: str | None = None, limit: int = 50,
    sort: str = "key",
) -> list[InteractionTemplate]:  # fmt: skip
    """Read a page by code, or as `sort` says; filters `q` (code, description), `group_code`, `campaign_no`, `retired`.

    Without the filter `retired`, retired templates are left out (T3); `retired=true` shows them too.
    """
    conditions: list[ColumnElement[bool]] = []
    if "q" in filters:
        conditions.append(
            records.contains([InteractionTemplate.code, InteractionTemplate.description], filters["q"])
        )
    if "group_code" in filters:
        conditions.append(
            records.filter_by_code(
                session,
                InteractionTemplate.group_id,
                InteractionGroup.id,
                InteractionGroup.code,
                filters["group_code"],
            )
        )
    if "campaign_no" in filters:
        conditions.append(
            records.filter_by_code(
                session, InteractionTemplate.campaign_id, Campaign.id, Campaign.no, filters["campaign_no"]
            )
        )
    if "true" not in filters.get("retired", ()):
        conditions.append(InteractionTemplate.retired.is_(False))
    return records.page(
        session,
        InteractionTemplate,
        InteractionTemplate.code,
        conditions=conditions,
        after=after,
        limit=limit,
        sort=sort,
    )


def create(session: Session, *, values: Mapping[str, Any], actor: Actor) -> InteractionTemplate:
    """Make a template; its correspondence type is e-mail unless one, or blank, is given (T2).

    Raises
    ------
    Invalid
        Naming every fault.
    """
    faults = Faults()
    taken = v.take({"code": None, "group_code": None, **values}, CHECKS, faults, read_only=statistics.FIELDS)
    if "code" in taken and records.exists_key(session, InteractionTemplate.code, taken["code"]):
        faults.add("code", "already_exists", taken["code"])
    languages = _taken_languages(taken.pop("languages", []), faults)
    columns = {"correspondence_type": "email", **_columns(session, taken, faults)}
    _check_default_language(columns.get("language_code"), languages, faults)
    faults.raise_if_any()
    # The version refers to the template and the template to the version; that key is checked at the commit.
    template = InteractionTemplate(**columns, version_id=0)
    with constraints_as_faults(session, dict(values)):
        session.add(template)
    _write_languages(session, template, languages)
    _make_version(session, template)
    _record(session, template, actor=actor, action="create", before={})
    return template


def change(
    session: Session, template: InteractionTemplate, *, values: Mapping[str, Any], actor: Actor
) -> InteractionTemplate:
    """Change the given fields; the code stays. Entries keep description, group and subject as they were (T3).

    Raises
    ------
    Invalid
        Naming every fault.
    InTemplateSetup
        If it is in the template setup and would be retired, or get languages it cannot have there (T3, T4).
    """
    # Against the template setup, which refers to the row before it looks at languages and retirement.
    against_setup = bool({"languages", "retired"} & values.keys())
    records.lock(session, template, thing=THING, key=template.code, against_references=against_setup)
    faults = Faults()
    rest = records.key_stays(values, "code", template.code, faults)
    taken = v.take(rest, CHECKS, faults, read_only=statistics.FIELDS)
    languages = _languages(session, template)
    given_languages = "languages" in taken
    if given_languages:
        languages = _taken_languages(taken.pop("languages"), faults)
    columns = _columns(session, taken, faults)
    if given_languages or "language_code" in columns:
        _check_default_language(columns.get("language_code", template.language_code), languages, faults)
    faults.raise_if_any()
    if columns.get("retired"):
        _refuse_in_setup(session, template, field="retired")
    if given_languages and languages:
        _refuse_in_setup(session, template, field="languages", except_for=MAY_HAVE_LANGUAGES)
    before = _stored(session, template)
    records.assign(template, columns)
    if given_languages:
        _write_languages(session, template, languages)
    session.flush()
    after = _stored(session, template)
    if any(before[name] != after[name] for name in WORDING):
        _make_version(session, template)
    _record(session, template, actor=actor, action="change", before=before)
    return template


def delete(session: Session, template: InteractionTemplate, *, actor: Actor) -> None:
    """Delete a template that nothing uses and no entry was made from; raise `InUse` else (T3)."""
    before = _stored(session, template)
    records.remove(
        session,
        template,
        thing=THING,
        key_field="code",
        key=template.code,
        references=REFERENCES,
        parameters={"id": template.id},
        belongings=[
            delete_rows(InteractionTemplateVersion).where(
                InteractionTemplateVersion.template_id == template.id
            )
        ],
    )
    audit.record_difference(
        session,
        actor=actor,
        action="delete",
        object_type=THING,
        object_key=before["code"],
        before=before,
        after={},
    )


def describe(session: Session, things: Sequence[InteractionTemplate]) -> list[dict[str, Any]]:
    """Give templates their API shape, without statistics; languages are in the order of their codes."""
    groups = records.keys_of(
        session, InteractionGroup.id, InteractionGroup.code, {thing.group_id for thing in things}
    )
    campaigns = records.keys_of(session, Campaign.id, Campaign.no, {thing.campaign_id for thing in things})
    languages: dict[int, list[dict[str, Any]]] = {}
    rows = session.execute(
        select(
            InteractionTemplateLanguage.template_id,
            InteractionTemplateLanguage.language_code,
            InteractionTemplateLanguage.subject,
        )
        .where(InteractionTemplateLanguage.template_id.in_([thing.id for thing in things]))
        .order_by(func.lower(InteractionTemplateLanguage.language_code))
    )
    for template_id, language_code, subject in rows:
        languages.setdefault(template_id, []).append({"language_code": language_code, "subject": subject})
    return [
        {
            "code": thing.code,
            "group_code": groups[thing.group_id],
            "description": thing.description,
            "unit_cost": thing.unit_cost,
            "unit_duration_min": thing.unit_duration_min,
            "information_flow": thing.information_flow,
            "initiated_by": thing.initiated_by,
            "correspondence_type": thing.correspondence_type,
            "ignore_contact_correspondence_type": thing.ignore_contact_correspondence_type,
            "campaign_no": campaigns.get(thing.campaign_id),
            "campaign_target": thing.campaign_target,
            "campaign_response": thing.campaign_response,
            "language_code": thing.language_code,
            "languages": languages.get(thing.id, []),
            "retired": thing.retired,
        }
        for thing in things
    ]


def statistics_fields(
    session: Session,
    things: Sequence[InteractionTemplate],
    *,
    date_from: date | None = None,
    date_to: date | None = None,
) -> list[dict[str, Any]]:
    """Give the statistics of templates (T5) in the order given, ready to be merged into `describe`."""
    return statistics.fields(
        session, by="template", ids=[thing.id for thing in things], date_from=date_from, date_to=date_to
    )


def has_languages(session: Session, template: InteractionTemplate) -> bool:
    """Tell whether a template has any language of its own."""
    return bool(
        session.scalar(select(exists().where(InteractionTemplateLanguage.template_id == template.id)))
    )


def _columns(session: Session, taken: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    columns = dict(taken)
    if "group_code" in columns:
        group = records.refer(
            session,
            InteractionGroup,
            InteractionGroup.code,
            columns.pop("group_code"),
            field="group_code",
            faults=faults,
        )
        columns["group_id"] = group.id if group else None
    if "campaign_no" in columns:
        campaign = records.refer(
            session, Campaign, Campaign.no, columns.pop("campaign_no"), field="campaign_no", faults=faults
        )
        columns["campaign_id"] = campaign.id if campaign else None
    return columns


def _taken_languages(rows: Sequence[Mapping[str, Any]], faults: Faults) -> dict[str, str]:
    """Check given languages; return the subject of each language code."""
    languages: dict[str, str] = {}
    seen: set[str] = set()
    for position, row in enumerate(rows):
        prefix = f"languages.{position}."
        taken = v.take({"language_code": None, **row}, LANGUAGE_CHECKS, faults, prefix=prefix)
        code = taken.get("language_code")
        if code is None:
            continue
        if code.lower() in seen:
            faults.add(f"{prefix}language_code", "already_exists", code)
        seen.add(code.lower())
        languages[code] = taken.get("subject", "")
    return languages


def _check_default_language(code: str | None, languages: Mapping[str, str], faults: Faults) -> None:
    """Note a fault unless the default language is one of the template's languages (T2)."""
    if code is not None and code.lower() not in {language.lower() for language in languages}:
        faults.add("language_code", "not_a_choice", code, choices=tuple(languages))


def _languages(session: Session, template: InteractionTemplate) -> dict[str, str]:
    rows = session.execute(
        select(InteractionTemplateLanguage.language_code, InteractionTemplateLanguage.subject).where(
            InteractionTemplateLanguage.template_id == template.id
        )
    )
    return dict(rows.all())


def _write_languages(session: Session, template: InteractionTemplate, languages: Mapping[str, str]) -> None:
    session.execute(
        delete_rows(InteractionTemplateLanguage).where(InteractionTemplateLanguage.template_id == template.id)
    )
    session.add_all(
        InteractionTemplateLanguage(template_id=template.id, language_code=code, subject=subject)
        for code, subject in languages.items()
    )
    session.flush()


def _make_version(session: Session, template: InteractionTemplate) -> None:
    version = InteractionTemplateVersion(
        template_id=template.id, description=template.description, group_id=template.group_id
    )
    session.add(version)
    session.flush()
    session.execute(KEEP_SUBJECTS, {"version_id": version.id, "template_id": template.id})
    template.version_id = version.id
    session.flush()


def _refuse_in_setup(
    session: Session, template: InteractionTemplate, *, field: str, except_for: Sequence[str] = ()
) -> None:
    document_types = session.scalars(
        text(
            "SELECT document_type FROM template_setup"
            " WHERE template_id = :id AND NOT document_type = ANY(:except_for) ORDER BY document_type"
        ),
        {"id": template.id, "except_for": list(except_for)},
    ).all()
    if document_types:
        raise InTemplateSetup(
            [Fault(field, "in_template_setup", None, {"document_types": tuple(document_types)})]
        )


def _stored(session: Session, template: InteractionTemplate) -> dict[str, Any]:
    return describe(session, [template])[0]


def _record(
    session: Session,
    template: InteractionTemplate,
    *,
    actor: Actor,
    action: str,
    before: Mapping[str, Any],
) -> None:
    audit.record_difference(
        session,
        actor=actor,
        action=action,
        object_type=THING,
        object_key=template.code,
        before=before,
        after=_stored(session, template),
    )
