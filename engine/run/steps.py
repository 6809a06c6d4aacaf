"""Steps: what a run does (or would do) to each resource, and who is told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.values.compare import Change
from engine.values.urns import Named

Op = Literal["same", "create", "update", "replace", "delete"]
OPS: tuple[Op, ...] = ("create", "update", "replace", "delete", "same")


@dataclass
class Step(Named):
    """One resource's part in a run. Inputs are in stored form (secrets as stand-ins), so they may be printed."""

    op: Op
    urn: str
    parent: str = ""
    id: str = ""
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    old_inputs: dict[str, Any] | None = None
    new_inputs: dict[str, Any] | None = None
    custom: bool = True
    seconds: float = 0.0
    state: Literal["planned", "running", "done", "failed"] = "planned"

    @property
    def summary(self) -> str:
        """`[diff: ~image,+envs]` and notes, as in Pulumi's Info column."""
        kinds: dict[str, str] = {}
        for change in self.changes:
            mark = {"add": "+", "delete": "-", "update": "~"}[change.kind] if len(change.path) == 1 else "~"
            kinds[change.key] = mark if kinds.get(change.key, mark) == mark else "~"
        groups = (mark + ",".join(sorted(key for key in kinds if kinds[key] == mark)) for mark in "+-~")
        parts = [f"[diff: {''.join(group for group in groups if len(group) > 1)}]"] if kinds else []
        return " ".join(parts + self.notes)


@dataclass(frozen=True)
class Diagnostic:
    """A message of the program or the engine; without a URN it is about the stack as a whole."""

    severity: Literal["debug", "info", "warning", "error"]
    message: str
    urn: str = ""


def counts(steps: list[Step]) -> dict[str, int]:
    """How many resources each operation touches."""
    result = {op: sum(step.op == op for step in steps) for op in OPS}
    return {op: count for op, count in result.items() if count}
