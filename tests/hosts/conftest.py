"""Three Docker hosts on this machine, for all tests of the run, and switched on and whole before every test."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.hosts.rig import Rig, lock
from tests.hosts.system import RigError, refused

_figures: list[tuple[str, str]] = []


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """The hosts; the tests are skipped where there can be none."""
    if reason := refused():
        pytest.skip(f"several hosts cannot be had here: {reason}")
    hosts = Rig()
    try:
        held = lock(hosts)
    except RigError as error:
        pytest.exit(str(error), 2)
    try:
        hosts.up()
        hosts.load_base_image()
        yield hosts
    finally:
        hosts.down()
        os.close(held)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a measured figure for the summary at the end."""
    return lambda text: _figures.append((request.node.name, text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if _figures:
        terminalreporter.section("measured over hosts")
        for name, text in _figures:
            terminalreporter.write_line(f"{name}: {text}")
