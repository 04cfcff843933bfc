"""Every code that the domain can raise has a status and words (STYLE 8)."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import domain
from domain import list_settings
from domain.errors import Fault, Invalid, NotFound, Refusal
from web import errors, messages, vocabulary

MODULES = [module.name for module in pkgutil.iter_modules(domain.__path__)]


def subclasses(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for module in MODULES:
        importlib.import_module(f"domain.{module}")
    for subclass in kind.__subclasses__():
        if subclass.__module__.startswith("domain."):
            yield subclass
        yield from subclasses(subclass)


def codes_of_faults() -> set[str]:
    """Codes in `faults.add(field, "code")`, `Fault(field, "code")` and `Bad("code")` anywhere in the domain."""
    found: set[str] = set()
    for path in Path(domain.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = {"add": 1, "Fault": 1, "Bad": 0}.get(name)
            if place is not None and len(node.args) > place:
                found |= constants(node.args[place])
    return found


def constants(argument: ast.expr) -> set[str]:
    """The texts an argument can be: itself, or the branches of a choice."""
    if isinstance(argument, ast.IfExp):
        return constants(argument.body) | constants(argument.orelse)
    return (
        {argument.value} if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else set()
    )


def test_every_refusal_has_a_status_and_words() -> None:
    for refusal in subclasses(Refusal):
        assert refusal.code in errors.STATUS, refusal
        assert refusal.code in messages.REFUSALS or issubclass(refusal, (Invalid, NotFound)), refusal


def test_every_fault_has_words() -> None:
    assert codes_of_faults() - set(messages.FAULTS) == set()


@pytest.mark.parametrize("code", sorted(messages.FAULTS))
def test_words_say_the_field_and_never_break(code: str) -> None:
    fault = Fault("salesperson_code", code, "100 % “odd”\x00\ud800", {"limit": 20})
    said = messages.message(fault)
    assert "%(" not in said
    said.encode()


def test_every_reason_has_words() -> None:
    """What an invalid value is invalid for, wherever the domain says so."""
    sources = "".join(
        path.read_text() for path in Path(domain.__path__[0]).rglob("*.*") if path.suffix in (".py", ".sql")
    )
    found = set(re.findall(r"""(?:["']reason["'](?::|,) |reason=)["'](\w+)["']""", sources))
    assert found == set(messages.REASONS)
    not_utf8 = Fault("file", "invalid", None, {"reason": "not_utf8", "line": 2, "byte": 19})
    assert messages.message(not_utf8).startswith("The file is not UTF-8: line 2, byte 19")


def test_outside_a_request_words_are_english() -> None:
    assert messages.message(Fault("salesperson_code", "unknown", "XX")) == "Salesperson: there is no “XX”."
    assert messages.refusal_message(NotFound("contact", "C1")) == "There is no contact “C1”."
    two = Invalid([Fault("code", "required"), Fault("name", "too_long", "x", {"limit": 100})])
    assert messages.refusal_message(two) == "2 values cannot be taken."


def test_every_deed_and_thing_of_the_audit_has_words() -> None:
    """U2: the domain names them in what it hands to the audit, and in the constant THING of its modules."""
    written = "".join(path.read_text() for path in Path(domain.__path__[0]).glob("*.py"))
    # What is done to a segment by criteria goes by the same keyword.
    deeds = set(re.findall(r'\baction="(\w+)"', written)) - set(vocabulary.CRITERIA_ACTIONS)
    things = set(re.findall(r'(?:\bobject_type=|^THING = )"(\w+)"', written, re.MULTILINE))
    things |= {list_settings.COLUMNS, list_settings.SAVED_FILTER}
    assert len(deeds) > 10
    assert deeds - set(vocabulary.AUDIT_ACTIONS) == set()
    assert things - set(vocabulary.AUDIT_THINGS) == set()
