"""What the embedded engine has made of a stack, as it would tell the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.docker.resource import Made
from engine.errors import EngineError
from engine.run.carry_out import Run
from engine.run.context import Context
from engine.run.declared import Declared
from engine.run.delete import after_run
from engine.run.program import run_program
from engine.run.providers import recall
from engine.run.steps import Recorder
from engine.workspace import Workspace
from ops.stack import OpsError


@dataclass(frozen=True)
class Found:
    """What is there, by URN, and the stack's outputs."""

    context: Context
    answers: Mapping[str, Made]
    outputs: Mapping[str, Any]


class _Noting(Run):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.answers: dict[str, Made] = {}

    def register(self, declared: Declared) -> Made:
        made = self.answers[declared.urn] = super().register(declared)
        return made


def found(workspace: Workspace) -> Found:
    """Runs the program, changing nothing. Raises OpsError where an `up` would change something, or something fails."""
    recorder = Recorder()
    context = workspace.context(recorder, True)
    run = _Noting(context)
    try:
        recall(context)
        run_program(workspace.project, workspace.config, run)
        steps = run.steps + after_run(run).steps
    except EngineError as error:
        said = [one.message for one in recorder.diagnostics if one.severity == "error"]
        raise OpsError(said[0] if said else str(error)) from None
    changed = [f"{step.op} {step.type} {step.name}" for step in steps if step.op != "same"]
    if changed:
        raise OpsError("`up` has something left to do, which comes first:\n  " + "\n  ".join(changed))
    return Found(context, run.answers, run.outputs)
