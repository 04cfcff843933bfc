"""Fixtures of the whole system, for tests/acceptance and tests/faults: one running stack per xdist worker serves both.

It is whole and tidy at the start of every test, and each test has a time limit.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ops.faults.company import Company
from ops.faults.oracle import Oracle
from ops.faults.stack import FragileStack, StackOptions
from tests.faults import saboteurs

SECONDS_PER_TEST = 240


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[FragileStack]:
    """The system, running."""
    options = options_of(request.config)
    with FragileStack(tmp_path_factory.mktemp("stack"), options).running() as running:
        yield running


def options_of(config: pytest.Config, options: StackOptions | None = None) -> StackOptions:
    """Return what a stack is started with in this run: as given, and with the saboteur of `--saboteur` among it."""
    options = options or StackOptions()
    name = config.getoption("saboteur")
    if name is None:
        return options
    return replace(options, environment={**options.environment, **saboteurs.environment(name)})


@pytest.fixture(scope="session")
def the_company(stack: FragileStack) -> Company:
    """A company that uses the system all through the run."""
    return Company(stack)


@pytest.fixture
def company(the_company: Company, request: pytest.FixtureRequest) -> Iterator[Company]:
    """The company before anything has happened; what the test hurt is healed afterwards."""
    with TimeLimit(request.node.name):
        the_company.stack.forget_violations()
        yield the_company
        the_company.stack.heal()
        the_company.tidy()


@pytest.fixture
def oracle(company: Company) -> Oracle:
    """What must hold whatever was killed (RELIABILITY 3)."""
    return Oracle(company)


class TimeLimit:
    """Fails a test that hangs, wherever it hangs."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._fail)
        signal.alarm(SECONDS_PER_TEST)

    def __exit__(self, *_: object) -> None:
        signal.alarm(0)

    def _fail(self, *_: object) -> None:
        raise AssertionError(f"{self._name} takes longer than {SECONDS_PER_TEST} s")
