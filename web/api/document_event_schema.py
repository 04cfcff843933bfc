"""The JSON Schema of a document event, as the service publishes it: whatever it accepts, the inbox accepts, as far as a
schema can say that. It cannot say that a time is at most a day ahead, that all further attributes together are of a
decent size, and which characters are printable in the newest Unicode.
"""

from __future__ import annotations

from typing import Any

from domain.document_inbox import ACCOUNT_TYPES, ATTRIBUTES_LIMIT, ID_LIMIT, SPEC_VERSION, TYPES
from domain.template_setup import DOCUMENT_TYPES
from domain.values import FOREIGN_NO_LIMIT, LARGEST_INTEGER, NAME_LIMIT

JsonSchema = dict[str, Any]

# Control and format characters, blanks but the plain one, private use; as every dialect of regular expressions reads
# them.
_UNPRINTABLE = (
    r"\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff"
)
PRINTABLE = rf"^ *[^ {_UNPRINTABLE}][^{_UNPRINTABLE}]*$"
STORABLE = r"^[^\u0000]*$"
TIME = r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"


def _key(limit: int, description: str) -> JsonSchema:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": limit,
        "pattern": PRINTABLE,
        "description": description,
    }


def _text(description: str) -> JsonSchema:
    return _or_null(
        {"type": "string", "maxLength": NAME_LIMIT, "pattern": STORABLE, "description": description}
    )


def _number(description: str) -> JsonSchema:
    return _or_null({"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER, "description": description})


def _or_null(schema: JsonSchema) -> JsonSchema:
    description = schema.pop("description")
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def _given(name: str) -> JsonSchema:
    return {"required": [name], "properties": {name: {"type": "string"}}}


DATA: JsonSchema = {
    "type": "object",
    "description": "What was printed or sent, and to whom: an account of the sender's system, or a contact",
    "properties": {
        "document_type": {"type": "string", "enum": list(DOCUMENT_TYPES)},
        "document_no": _key(FOREIGN_NO_LIMIT, "Number of the document"),
        "document_version": _number("Version of the document; a new one is a new entry"),
        "document_occurrence": _number("Which document of this number it is, where numbers come again"),
        "account_type": _or_null(
            {
                "type": "string",
                "enum": list(ACCOUNT_TYPES),
                "description": "Whose number account_no is; by default vendor for purchase documents, else customer",
            }
        ),
        "account_no": _or_null(_key(FOREIGN_NO_LIMIT, "Number of the customer or vendor")),
        "contact_no": _or_null(_key(FOREIGN_NO_LIMIT, "Number of the contact, where it is known")),
        "salesperson_code": _or_null(_key(FOREIGN_NO_LIMIT, "Code of the salesperson")),
        "campaign_no": _or_null(_key(FOREIGN_NO_LIMIT, "Number of the campaign")),
        "description": _text("Description of the entry; by default that of the template"),
        "opportunity_no": _or_null(_key(FOREIGN_NO_LIMIT, "Number of the opportunity")),
        "user": _text("Who printed or sent it; by default the sender of the event"),
    },
    "required": ["document_type", "document_no"],
    "anyOf": [_given("account_no"), _given("contact_no")],
    "additionalProperties": False,
}
EVENT: JsonSchema = {
    "type": "object",
    "title": "Document event",
    "description": "A CloudEvent 1.0 in structured mode: a document was printed or sent",
    "properties": {
        "specversion": {"type": "string", "const": SPEC_VERSION},
        "id": _key(ID_LIMIT, "Names the event; together with its source it is taken once"),
        "source": _key(ID_LIMIT, "Names the system that the event comes from"),
        "type": {"type": "string", "enum": list(TYPES)},
        "time": _or_null(
            {
                "type": "string",
                "format": "date-time",
                "pattern": TIME,
                "description": "When it was printed or sent, with the offset from UTC; by default when it is received",
            }
        ),
        "datacontenttype": _or_null(
            {"type": "string", "enum": ["application/json"], "description": "What kind the data is of"}
        ),
        "data": DATA,
    },
    "required": ["specversion", "id", "source", "type", "data"],
    "propertyNames": {"pattern": "^[a-z0-9_]{1,40}$"},
    "additionalProperties": {
        "description": "Attributes that mean nothing here are kept",
        "anyOf": [
            {"type": "string", "maxLength": ATTRIBUTES_LIMIT, "pattern": STORABLE},
            *({"type": kind} for kind in ("integer", "boolean", "null")),
        ],
    },
    "examples": [
        {
            "specversion": "1.0",
            "id": "INV-1001/1",
            "source": "billing",
            "type": "document.printed",
            "time": "2026-03-10T14:23:00Z",
            "data": {"document_type": "sales_invoice", "document_no": "INV-1001", "account_no": "14911"},
        }
    ],
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"
