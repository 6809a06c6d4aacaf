"""For all tests: container logs with every failure, a summary of what was measured, no skip in CI, and two workers."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests import measured, skips

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
        for container in sorted(measured.current[0].containers(), key=lambda c: str(c.name)):
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


def pytest_itemcollected(item: pytest.Item) -> None:
    """With several workers (--dist loadgroup): a file's tests stay together, and those of a folder with one stack."""
    if item.config.pluginmanager.hasplugin("xdist"):
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder in ONE_STACK else item.path.stem))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if _measured:
        terminalreporter.section("measured")
        for text in _measured:
            terminalreporter.write_line(text)
