"""A contact's rights: to have all that is kept about them, and to be erased (C4)."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain import contacts, erasure, personal_data
from domain.actors import Role
from web import database, identity
from web.api.contacts import ContactPath
from web.api.jobs import Job
from web.api.models import NoFields, Shown
from web.api.replies import accepted
from web.api.routing import Api
from web.identity import allow
from web.personal_data import download

api = Api("personal_data", tag="Contacts")

Rows = list[dict[str, Any]]


class PersonalData(Shown):
    """Everything, part by part; rows as they are shown elsewhere."""

    contact: Rows
    interactions: Rows
    postponed_interactions: Rows
    comments: Rows
    segment_lines: Rows
    skipped_lines: Rows
    document_events: Rows
    changes: Rows


@api.post("/contacts/<no>/erase", responses={202: Job})
@allow(Role.ADMIN)
def erase(path: ContactPath, body: NoFields) -> Response:
    """Erase a contact: name, address and free text go, in the contact and in all its entries; statistics stay."""
    session = database.session()
    contact = contacts.get(session, path.no)
    body.refuse_faults()
    return accepted(erasure.request(session, contact, actor=identity.required()))


@api.get("/contacts/<no>/personal-data", responses={200: PersonalData})
@allow(Role.ADMIN)
def show(path: ContactPath) -> Response:
    """Give all that is kept about a contact as one file, streamed."""
    session = database.session()
    contact = contacts.get(session, path.no)
    personal_data.record_export(session, contact, actor=identity.required())
    return download(contact)
