"""Who listens to a run that shows nothing."""

from __future__ import annotations

from engine.run.steps import Diagnostic, Step


class Recorder:
    """Collects diagnostics and shows nothing while the run goes on: previews, and runs that only ask."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def started(self, step: Step) -> None:
        return

    def progressed(self, step: Step, text: str) -> None:
        return

    def finished(self, step: Step) -> None:
        return

    def said(self, diagnostic: Diagnostic) -> None:
        if not (self.diagnostics and self.diagnostics[-1] == diagnostic):
            self.diagnostics.append(diagnostic)
