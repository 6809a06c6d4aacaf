"""A test that is skipped proves nothing: with CI set it has failed, unless it is listed here with its reason."""

from collections.abc import Mapping

import pytest

# Node ids as pytest prints them, without parameters: why the test cannot run where CI does.
ALLOWED: Mapping[str, str] = {}


def judge(report: pytest.TestReport, ci: bool) -> None:
    """Turns the report of a skipped test into that of a failed one, with what the skip said."""
    expected = hasattr(report, "wasxfail")
    if not ci or not report.skipped or expected or report.nodeid.partition("[")[0] in ALLOWED:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{reason}\n(in CI a skipped test has failed; tests/skips.py lists those that may be skipped)"
