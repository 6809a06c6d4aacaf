"""A small project, deployed by each engine that can be had, and taken away again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.support import ENGINES
from tests.engine_command import ROOT
from tests.engines.small_project import SmallProject


@pytest.fixture(params=ENGINES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallProject]:
    """Deployed."""
    made = SmallProject(tmp_path, request.param)
    made.clean()
    made.does("stack", "init")
    try:
        made.up()
        assert made.unchanged()
        yield made
    finally:
        made.clean()


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """Where the whole project lies."""
    return ROOT
