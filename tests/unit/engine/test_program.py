"""What a run of the program finds of the run before it."""

import importlib
import sys
from pathlib import Path

import pytest

from engine.run.program import _forget_modules


def test_the_programs_own_modules_start_afresh_and_packages_beside_it_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "a_package.py").touch()
    (tmp_path / "of_the_program.py").touch()
    monkeypatch.syspath_prepend(str(packages))
    with monkeypatch.context() as while_it_runs:
        while_it_runs.syspath_prepend(str(tmp_path))
        for name in ("a_package", "of_the_program"):
            importlib.import_module(name)
    try:
        _forget_modules(tmp_path)
        assert "of_the_program" not in sys.modules
        assert "a_package" in sys.modules
    finally:
        sys.modules.pop("a_package", None)
