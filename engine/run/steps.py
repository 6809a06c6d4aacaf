"""Steps: what a run does (or would do) to each resource, why, and who is told about it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.docker.resource import Existing
from engine.errors import EngineError
from engine.values.compare import Change
from engine.values.urns import Named

Op = Literal["same", "create", "update", "replace", "delete"]
Owed = Literal["", "after_create", "after_update"]


@dataclass
class Step(Named):
    """One resource's part in a run."""

    op: Op
    urn: str
    parent: str = ""
    existing: Existing | None = None
    custom: bool = True
    inputs: dict[str, Any] = field(default_factory=dict)
    """What it would apply, with marks."""
    stored: dict[str, Any] = field(default_factory=dict)
    """The same as a label has it (secrets as stand-ins), so that it may be printed."""
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    delete_first: bool = False
    """Of a replacement: whether the old one makes room before."""
    owed: Owed = ""
    """The hooks that a run which was cut off may not have finished."""
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


class Recorder:
    """Collects diagnostics and shows nothing while the run goes on: previews, and runs that only ask."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def shows(self, step: Step, text: str = "") -> None:
        """That a step is under way, or has ended; `text`: how far a long one is."""

    @contextmanager
    def under_way(self, step: Step) -> Iterator[None]:
        """A step is carried out."""
        began = time.monotonic()
        step.state = "running"
        self.shows(step)
        try:
            yield
            step.state = "done"
        except EngineError:
            step.state = "failed"
            raise
        finally:
            step.seconds = time.monotonic() - began
            self.shows(step)

    def said(self, diagnostic: Diagnostic) -> None:
        if not (self.diagnostics and self.diagnostics[-1] == diagnostic):
            self.diagnostics.append(diagnostic)
