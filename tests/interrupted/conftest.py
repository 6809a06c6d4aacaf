"""The engine's commands on the stack of `stack.py`, in a project of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.interrupted.runs import ROOT, Runs, serving
from tests.interrupted.stack import NAME, PROGRAM, Stack
from tests.preview.conftest import STACK


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Nothing is deployed before; nothing is left afterwards."""
    directory = tmp_path_factory.mktemp("interrupted")
    (directory / "app").mkdir()
    (directory / "app" / "Dockerfile").write_text('FROM scratch\nCOPY release /release\nCMD ["/release"]\n')
    (directory / "Pulumi.yaml").write_text(f"name: {NAME}\nruntime: python\n")
    (directory / "Pulumi.test.yaml").write_text(STACK.replace("embedded-preview", NAME))
    (directory / "__main__.py").write_text(PROGRAM)
    given = {"PYTHONPATH": str(ROOT), "PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_STACK": "test"}
    with serving(directory, {**os.environ, **given}) as runs:
        yield runs
        runs.well("destroy", "--yes", "--skip-preview")


@pytest.fixture
def stack(runs: Runs) -> Stack:
    """What Docker holds of it."""
    return Stack(runs.directory)
