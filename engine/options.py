"""The flags of the deploying commands: what they ask for, and what they consent to."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import EXIT_CANCELLED, EXIT_CONFIGURATION, EXIT_NO_CHANGES, EngineError
from engine.run.context import Excludes
from engine.run.steps import Step


@dataclass
class Options:
    """The flags."""

    yes: bool = False
    skip_preview: bool = False
    diff: bool = False
    expect_no_changes: bool = False
    interactive: bool = True
    excludes: Excludes = field(default_factory=Excludes)
    policy_packs: list[Path] = field(default_factory=list)

    def require_consent(self) -> None:
        """EngineError where nobody has said yes and nobody can be asked."""
        if not self.yes and not (self.interactive and sys.stdin.isatty()):
            raise EngineError(
                "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode",
                EXIT_CONFIGURATION,
            )

    def confirm(self, what: str) -> None:
        """Asks; EngineError when the answer is not yes."""
        if not self.yes and input(f"Do you want to perform this {what}? [yes/no] ").strip().lower() not in ("yes", "y"):
            raise EngineError(f"confirmation declined, not proceeding with the {what}", EXIT_CANCELLED)

    def expect(self, steps: list[Step], operation: str) -> None:
        """EngineError where no changes were to be, and there are some."""
        if self.expect_no_changes and any(step.op != "same" for step in steps):
            raise EngineError(f"no changes were expected for {operation} but changes were proposed", EXIT_NO_CHANGES)
