"""The base of all forms that write, and the way faults find their field."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, Form, FormField, HiddenField

from domain.errors import Fault, Refusal
from web import messages
from web.forms.fields import RowsField

# Fields in groups: (title or None, names).
Groups = tuple[tuple[Any, tuple[str, ...]], ...]


class RecordForm(FlaskForm):
    """A form over the stored fields of one record.

    `etag` is the state that was shown, so that an edit made meanwhile by somebody else is noticed; `shown_as` a value
    of the form's own from when it was shown, so that it can be sent twice and does its work once.
    """

    etag = HiddenField()
    # Tells two forms with the same content apart, and one that is sent twice from both.
    shown_as = HiddenField(default=lambda: uuid.uuid4().hex)

    # Fields in the order and groups they are shown in. Empty: all in one group.
    groups: Groups = ()
    # Fields marked as required.
    needed: tuple[str, ...] = ()
    # Fields that cannot change once the record exists.
    fixed: tuple[str, ...] = ()

    def value_fields(self) -> Iterable[Field]:
        """Give the fields that carry values, without the hidden ones of the machinery."""
        return (field for field in self if not isinstance(field, HiddenField))

    def shown_groups(self) -> list[tuple[Any, list[Field]]]:
        """Give the fields as they are laid out: groups with a title."""
        if not self.groups:
            return [(None, list(self.value_fields()))]
        return [(title, [self[name] for name in names]) for title, names in self.groups]

    def values(self) -> dict[str, Any]:
        """Give what was typed as values for the domain; unreadable fields are left out."""
        values: dict[str, Any] = {}
        for field in self.value_fields():
            if isinstance(field, RowsField):
                values[field.short_name] = field.values()
            elif getattr(field, "fault", None) is None:
                values[field.short_name] = field.data
        return values

    def changes(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Give the values that differ from the stored ones, so that nothing else is judged or written."""
        return {
            name: value
            for name, value in self.values().items()
            if _plain(value, self[name]) != _plain(stored.get(name), self[name])
        }

    def unreadable(self) -> list[Fault]:
        """Give the faults of fields whose text could not be read."""
        faults = []
        for field in self.value_fields():
            if isinstance(field, RowsField):
                for at, entry in enumerate(field.entries):
                    for part in entry.form:
                        if getattr(part, "fault", None):
                            faults.append(_renamed(part.fault, f"{field.short_name}.{at}.{part.short_name}"))
            elif fault := getattr(field, "fault", None):
                faults.append(fault)
        return faults

    def renew(self) -> None:
        """Make the form another one, after its content has been refused."""
        self.shown_as.data = uuid.uuid4().hex

    def faulty_fields(self) -> list[Field]:
        """Give the fields that have faults beside them, in the order in which they are shown."""
        shown = [field for _title, fields in self.shown_groups() for field in fields]
        parts = [
            part
            for field in shown
            for part in (
                [p for e in field.entries for p in e.form] if isinstance(field, RowsField) else [field]
            )
        ]
        return [field for field in parts if field.errors]

    def add_spare_rows(self) -> None:
        """Have blank rows ready in every field of rows."""
        for field in self.value_fields():
            if isinstance(field, RowsField):
                field.add_spare_rows()


def _plain(value: Any, field: Field) -> Any:
    """Make blank and missing the same, except where blank on purpose is a value of its own."""
    if isinstance(field, RowsField):
        return [{name: row.get(name) or "" for name in field.names} for row in value or []]
    return value if value != "" or getattr(field, "can_blank", False) else None


def _renamed(fault: Fault, field: str) -> Fault:
    return Fault(field, fault.code, fault.value, fault.params)


def etag_of(stored: Mapping[str, Any], fields: Iterable[str]) -> str:
    """Make the tag of a record's stored fields; another value means another state."""
    content = {name: stored.get(name) for name in fields}
    text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def show_faults(form: RecordForm, refusal: Refusal | None = None) -> None:
    """Put every fault beside its field, those without a field above the form.

    Parameters
    ----------
    refusal
        What the domain said; the faults of unreadable fields are shown with it.
    """
    shown: set[tuple[str, str]] = set()
    unreadable = form.unreadable()
    for fault in unreadable:
        _show(form, fault, shown)
    unread = {fault.field for fault in unreadable}
    for fault in refusal.faults if refusal else ():
        if not (fault.field in unread and fault.code == "required"):
            _show(form, fault, shown, kept=True)
    if refusal and not refusal.faults:
        form.form_errors.append(messages.refusal_message(refusal))


def _show(form: RecordForm, fault: Fault, shown: set[tuple[str, str]], *, kept: bool = False) -> None:
    field = _find(form, fault.field.split("."), kept=kept)
    text = messages.message(fault)
    if field is None:
        form.form_errors.append(text)
    elif (field.id, text) not in shown:
        shown.add((field.id, text))
        field.errors = [*field.errors, text]


def _find(form: Form, path: list[str], *, kept: bool) -> Field | None:
    name, *rest = path
    field = form._fields.get(name)
    if isinstance(field, RowsField) and rest and rest[0].isdigit():
        at = int(rest[0])
        if kept and at < len(field.kept):
            at = field.kept[at]
        if at < len(field.entries):
            entry = field.entries[at]
            inner = entry.form if isinstance(entry, FormField) else None
            found = inner._fields.get(rest[1]) if inner is not None and len(rest) > 1 else None
            return found or field
    return field
