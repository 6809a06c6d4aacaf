"""In CI a skipped test is a failed one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.fixture
def machine():
    pytest.skip("no such machine")

def test_skipped_by_what_it_needs(machine):
    pass

def test_skips_itself():
    pytest.skip("not today")

@pytest.mark.skip(reason="marked")
def test_marked():
    pass

@pytest.mark.xfail(reason="known")
def test_known_to_fail():
    assert False

def test_passes():
    pass
"""


def test_with_ci_set_no_test_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    quick = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *quick, "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "1 failed, 1 passed, 1 xfailed, 2 errors" in said
    for reason in ("no such machine", "not today", "marked"):
        assert f"{reason}\n(in CI a skipped test has failed" in said


@pytest.mark.parametrize(
    ("name", "ci", "outcome"),
    [
        ("test_b", True, "skipped"),
        ("test_b[1]", True, "skipped"),
        ("test_bc", True, "failed"),
        ("test_bc", False, "skipped"),
    ],
)
def test_one_that_is_listed_may_be_skipped(monkeypatch: pytest.MonkeyPatch, name: str, ci: bool, outcome: str) -> None:
    monkeypatch.setattr(skips, "ALLOWED", {"tests/a.py::test_b": "no nested Docker there"})
    report = pytest.TestReport(f"tests/a.py::{name}", ("a.py", 1, name), {}, "skipped", ("a.py", 1, "why"), "call")
    skips.judge(report, ci)
    assert report.outcome == outcome
