"""The fault matrix (RELIABILITY 3): fixtures of its cases, the oracle after each of them, the report. See README.md."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ops.commands import ROOT
from ops.faults.clock import LIBRARY, NOT_BUILT, Clock
from ops.faults.company import Company
from ops.faults.feeder import Feeder
from ops.faults.oracle import Oracle
from ops.faults.report import FAILED, NOT_RUN, PASSED, Case, Report
from ops.faults.stack import FragileStack, StackOptions
from tests.system import TimeLimit, options_of

# What runs without --faults, in CI: less than four minutes of one core.
SHORT = {1, 2, 3, 4, 5, 6, 7, 9, 14, 20, 21, 29, 30, 33}

# What recovery may take is multiplied by this where other tests run at the same time.
BESIDE_OTHERS = 3

REPORT = pytest.StashKey[Report]()
CASE = pytest.StashKey[Case]()

# Tell apart what stands in one folder.
NUMBERS = count(1)

FreshCompany = Callable[..., AbstractContextManager[Company]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(number, title): a case of the fault matrix")
    config.stash[REPORT] = Report(config.getoption("seed"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that were not asked for."""
    wanted = set(config.getoption("case"))
    everything = config.getoption("faults")

    def is_wanted(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("case")
        if marker is None:
            return True
        number = marker.args[0]
        return number in wanted if wanted else everything or number in SHORT

    left_out = [item for item in items if not is_wanted(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if is_wanted(item)]


# The case that runs


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The case itself: its random numbers, and notes of what is injected and what recovers."""
    return case_of(request.node)


def case_of(item: pytest.Item) -> Case:
    """Return the case that a test is, entered into the report."""
    if CASE not in item.stash:
        number, title = item.get_closest_marker("case").args  # type: ignore[union-attr]
        title += "".join(f" [{item.callspec.id}]" for _ in [0] if hasattr(item, "callspec"))
        config = item.config
        patience = config.getoption("patience") or (1 if config.getoption("faults") else BESIDE_OTHERS)
        item.stash[CASE] = Case(number, title, config.getoption("seed"), patience)
        item.config.stash[REPORT].cases.append(item.stash[CASE])
    return item.stash[CASE]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Ask the oracle at the end of every case, of the shared stack or of those that the case had for itself."""
    result = yield
    if "company" in pyfuncitem.fixturenames:
        pyfuncitem._request.getfixturevalue("oracle").check()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Enter the result of a case into the report."""
    report = yield
    if item.get_closest_marker("case") is None:
        return report
    case = case_of(item)
    case.seconds = round(case.seconds + call.duration, 1)
    if report.failed:
        case.result, case.reason = FAILED, str(call.excinfo.value if call.excinfo else "")[:2_000]
    elif report.skipped:
        case.result, case.reason = NOT_RUN, str(call.excinfo.value if call.excinfo else "")
    elif call.when == "call":
        case.result = PASSED
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the report of the matrix and keep it as JSON."""
    report = config.stash[REPORT]
    if not report.cases or not config.getoption("faults"):
        return
    path = config.getoption("report") or ROOT / "var" / "faults" / f"{report.seed}.json"
    report.write(path)
    terminalreporter.section("fault matrix")
    for line in report.lines():
        terminalreporter.line(line)
    terminalreporter.line(f"report: {path}")


# What cases need


@pytest.fixture
def feeder(company: Company, case: Case) -> Iterator[Feeder]:
    """A billing system that sends document events to the shared stack through any door."""
    made = Feeder(company, case.rng)
    yield made
    made.close()


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A temporary folder into which PostgreSQL can look, which root's tests run as somebody else.

    Not one of pytest's: these are closed whenever another pytest starts.
    """
    with TemporaryDirectory(prefix="interlog-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def fresh_company(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[FreshCompany]:
    """Makes a company on a stack of its own, for what the shared one cannot be put through.

    `with fresh_company(StackOptions(...)) as company:`; at the end of the block the oracle is asked, and all stops.
    """

    @contextmanager
    def make(options: StackOptions | None = None) -> Iterator[Company]:
        started_with = options_of(request.config, options)
        with FragileStack(open_folder / f"stack-{next(NUMBERS)}", started_with).running() as stack:
            company = Company(stack)
            stack.forget_violations()
            yield company
            Oracle(company).check()

    with TimeLimit(request.node.name):
        yield make


@pytest.fixture
def make_clock(open_folder: Path) -> Callable[[str], Clock]:
    """Makes a clock by name, whose `environment` goes to a process; skips the case where libfaketime was not built."""
    if not LIBRARY.exists():
        pytest.skip(NOT_BUILT)
    return lambda name: Clock(open_folder / f"{name}-{next(NUMBERS)}.clock")
