"""The policy pack on a preview of Pulumi.

That of the embedded engine: rule by rule in tests/preview/test_policy.py, by `make policy` in tests/deploy/pages.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.target.stack import Stack, StackCommandError, own_stack
from tests.deploy.support import ENGINES, NAME, place

RULE = "memory-limits"

if "pulumi" in ENGINES:

    @pytest.fixture
    def limitless(project_dir: Path) -> Iterator[Stack]:
        """A stack that breaks one rule; it is never deployed."""
        subprocess.run(["make", "policy/venv/installed"], cwd=project_dir, check=True)
        with own_stack(f"{NAME}-policy", place(3), {"REDIS_HA_ENGINE": "pulumi"}) as stack:
            yield stack

    def test_what_breaks_a_rule_fails_the_preview(limitless: Stack) -> None:
        with pytest.raises(StackCommandError) as failed:
            limitless.run("preview", "--policy-pack", "policy")
        assert failed.value.output.count(RULE) == 3, failed.value.output
        with limitless.changed({"resources": {"memory": "512m"}}):
            assert RULE not in limitless.run("preview", "--policy-pack", "policy")
