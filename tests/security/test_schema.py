"""What schemathesis makes up from the OpenAPI document, asked for as each role: no 500, and documented answers only.

A few cases for each operation, the same in every run. Many more:

    ./interlog test --security-deep
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.actors import Role
from domain.settings import Settings
from tests.web import test_roles
from tests.web.pages.conftest import Demo
from web import create_app

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# For one operation; the roles below an administrator do less of the same.
EXAMPLES = int(os.environ.get("SECURITY_EXAMPLES", "2"))
SEED = 20260310
# Streams do not end while their job is open.
STREAMS = {"GET /jobs/<uuid:id>/events"}


@pytest.fixture(scope="module")
def unlimited(settings: Settings, demo: Demo) -> Iterator[Flask]:
    """An application on the database of the tests that counts no requests."""
    made = create_app(settings.model_copy(update={"requests_per_minute": 10**9}))
    yield made
    made.extensions["database"].close()


@pytest.fixture(scope="module")
def operations(unlimited: Flask) -> list[Any]:
    """The operations of the document, as schemathesis sees them."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", unlimited)
    return [found.ok() for found in schema.get_all_operations()]


def rule_of(operation: Any) -> str:
    """Return `GET /contacts/<no>` for an operation, with the converters left out."""
    path = operation.path.removeprefix("/api/v1").replace("{", "<").replace("}", ">")
    return f"{operation.method.upper()} {path}"


def allowed(role: Role) -> set[str]:
    """Return what a role may ask for."""
    without_converters = {
        f"{method} {path}".replace("<int:", "<").replace("<uuid:", "<")
        for (method, path), roles in test_roles.TABLE.items()
        if role in roles
    }
    return without_converters - {each.replace("<uuid:", "<") for each in STREAMS}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_sent_is_answered_as_documented(
    mode: GenerationMode, role: Role, operations: list[Any], tokens: dict[Role, str]
) -> None:
    """Valid and invalid requests, made up from the document."""
    headers = {"Authorization": f"Bearer {tokens[role]}"}
    examples = EXAMPLES if role is Role.ADMIN else max(1, EXAMPLES // 4)
    tried = 0
    problems = []
    for operation in operations:
        if rule_of(operation) not in allowed(role):
            continue
        tried += 1
        try:
            _try(operation, mode, headers, examples)
        except BaseExceptionGroup as group:
            problems.append((rule_of(operation), [str(error) for error in group.exceptions]))
        except Exception as error:
            problems.append((rule_of(operation), [str(error)]))
    assert tried == len(allowed(role))
    assert not problems, "\n\n".join(f"{rule}\n" + "\n".join(said) for rule, said in problems)


def _try(operation: Any, mode: GenerationMode, headers: dict[str, str], examples: int) -> None:
    @seed(SEED)
    @hypothesis_settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    attempt()
