"""For all tests: container logs with every failure, a summary of what was measured, and no skip in CI."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests import measured, skips


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
        for container in sorted(measured.current[0].containers(), key=lambda c: str(c.name)):
            try:
                log = container.logs(since=int(call.start), tail=150).decode(errors="replace")
            except Exception as error:  # noqa: BLE001 - a missing log must not hide the failure
                log = str(error)
            title = f"{container.labels.get('redis-ha.node')} ({container.status})"
            report.sections.append((title, log))  # type: ignore[attr-defined]
    return report


@pytest.fixture(autouse=True, scope="module")
def _of_this_module() -> Iterator[None]:
    """The cluster of one file's tests is not that of the next one's."""
    yield
    measured.current.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if measured.figures:
        terminalreporter.section("measured")
        for name, text in measured.figures:
            terminalreporter.write_line(f"{name}: {text}")
