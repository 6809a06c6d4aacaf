"""For all tests: container logs with every failure, a summary of what was measured, no skip in CI, and two workers."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import measured, skips

# A shell that starts make in the background has it ignored, and what the tests interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

MEASURED = "measured"  # the kind of a report's property that is a figure for the summary
# Folders whose stacks have one name for all workers. Of tests/deploy each worker has its own.
ONE_STACK = ("preview", "engines", "hosts", "clients", "interrupted")
_measured: list[str] = []


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a measured figure for the summary at the end."""
    return lambda text: measured.note(request.node.name, text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Attach what the containers logged during a failed test; a skip is one where CI is set."""
    report = yield
    skips.judge(report, ci=bool(os.environ.get("CI")))  # type: ignore[arg-type]
    if report.failed and measured.current:  # type: ignore[attr-defined]
        try:
            containers = sorted(measured.current[0].containers(), key=lambda c: str(c.name))
        except Exception as error:  # noqa: BLE001 - an error here would end the worker, and hide the failure
            containers = []
            report.sections.append(("containers", str(error)))  # type: ignore[attr-defined]
        for container in containers:
            try:
                log = container.logs(since=int(call.start), tail=150).decode(errors="replace")
            except Exception as error:  # noqa: BLE001 - a missing log must not hide the failure
                log = str(error)
            title = f"{container.labels.get('redis-ha.node')} ({container.status})"
            report.sections.append((title, log))  # type: ignore[attr-defined]
    report.user_properties.extend((MEASURED, f"{name}: {text}") for name, text in measured.figures)  # type: ignore[attr-defined]
    measured.figures.clear()
    return report


@pytest.fixture(autouse=True, scope="module")
def _of_this_module() -> Iterator[None]:
    """The cluster of one file's tests is not that of the next one's."""
    yield
    measured.current.clear()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what was measured, where the summary is printed: with several workers that is another process."""
    _measured.extend(str(text) for kind, text in report.user_properties if kind == MEASURED)


class ByStack(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """The tests of a file stay together, and those of a folder with one stack."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = Path(file).parent
        return str(folder) if folder.name in ONE_STACK else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByStack | None:
    """For `--dist loadgroup`; the marks that xdist 3.8 has for it do nothing on pytest 9.2."""
    return ByStack(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if _measured:
        terminalreporter.section("measured")
        for text in _measured:
            terminalreporter.write_line(text)
