"""A small project, deployed by each engine that can be had, and taken away again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.support import ENGINES
from tests.engine_command import ROOT
from tests.engines.small_project import SmallProject


@contextmanager
def _made(folder: Path, engine: str) -> Iterator[SmallProject]:
    made = SmallProject(folder, engine)
    made.clean()
    made.does("stack", "init")
    try:
        yield made
    finally:
        made.clean()


@pytest.fixture(params=ENGINES)
def undeployed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallProject]:
    """Nothing of it is there."""
    with _made(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def project(undeployed: SmallProject) -> SmallProject:
    """Deployed."""
    undeployed.up()
    return undeployed


# Not for a module: the others have its names in Docker, and it is gone when they begin.
@pytest.fixture(scope="class", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallProject]:
    """Deployed, for several tests that leave it as it was; as it is then, there is nothing to do."""
    with _made(tmp_path_factory.mktemp("shared"), request.param) as made:
        made.up()
        assert made.unchanged()
        yield made


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """Where the whole project lies."""
    return ROOT
