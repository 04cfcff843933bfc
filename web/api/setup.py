"""The marketing setup, and which interaction template records which document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from pydantic import BaseModel, create_model

from domain import setup, template_setup
from domain.actors import Role
from web import database, identity
from web.api.fields import Code, Name, Whole
from web.api.models import Body, Shown, needs
from web.api.replies import match, shown, with_faults
from web.api.routing import Api
from web.identity import allow

api = Api("setup", tag="Setup")


class SetupFields(BaseModel):
    """What is stored of the setup."""

    segment_nos: Code | None
    contact_nos: Code | None
    campaign_nos: Code | None
    timezone: Name | None
    reprint_window_hours: Whole | None
    contact_pressure_days: Whole | None
    company_name: Name | None


class Setup(Shown, SetupFields):
    """The marketing setup."""


class SetupChange(Body, SetupFields):
    """Fields of the setup to be changed."""

    model_config = needs()


class TemplateSetupBase(Shown):
    """The template of each document type; null: do not record."""


class TemplateSetupChangeBase(Body):
    """Templates of some document types."""

    model_config = needs()


# One field for each document type.
_codes: Any = dict.fromkeys(template_setup.KEYS, (Code | None, ...))
if TYPE_CHECKING:
    TemplateSetup = TemplateSetupBase
    TemplateSetupChange = TemplateSetupChangeBase
else:
    TemplateSetup = create_model("TemplateSetup", __base__=TemplateSetupBase, **_codes)
    TemplateSetupChange = create_model("TemplateSetupChange", __base__=TemplateSetupChangeBase, **_codes)


@api.get("/setup", responses={200: Setup})
@allow(Role.VIEWER)
def show() -> Response:
    """Show the marketing setup."""
    session = database.session()
    return shown(setup.describe(session, setup.get(session)), stored=setup.STORED)


@api.patch("/setup", responses={200: Setup})
@allow(Role.ADMIN)
def change(body: SetupChange) -> Response:
    """Change the marketing setup."""
    session = database.session()
    found = setup.get(session, lock=True)
    match(lambda: setup.describe(session, found), setup.STORED)
    with_faults(body, lambda values: setup.change(session, found, values=values, actor=identity.required()))
    return shown(setup.describe(session, found), stored=setup.STORED)


@api.get("/template-setup", responses={200: TemplateSetup})
@allow(Role.VIEWER)
def show_templates() -> Response:
    """Show the template setup."""
    return shown(template_setup.describe(database.session()), stored=template_setup.STORED)


@api.patch("/template-setup", responses={200: TemplateSetup})
@allow(Role.ADMIN)
def change_templates(body: TemplateSetupChange) -> Response:
    """Change the templates of some document types."""
    return _set_templates(body, template_setup.change)


@api.put("/template-setup", responses={200: TemplateSetup})
@allow(Role.ADMIN)
def replace_templates(body: TemplateSetupChange) -> Response:
    """Set the whole template setup; document types that are not given record nothing."""
    return _set_templates(body, template_setup.replace)


def _set_templates(body: Body, write: Any) -> Response:
    session = database.session()
    # The setup's row stands for the template setup, which has none while nothing is recorded.
    setup.get(session, lock=True)
    match(lambda: template_setup.describe(session), template_setup.STORED)
    after = with_faults(body, lambda values: write(session, values=values, actor=identity.required()))
    return shown(after, stored=template_setup.STORED)
